"""The client's side of SCRAM-SHA-256 (RFC 5802, 7677), without channel binding."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import re
import unicodedata

from alived.base import DecodeError

MECHANISM = "SCRAM-SHA-256"
MAX_ITERATIONS = 1 << 16
"""A server that wants more would keep a client busy: these take some 20 ms. PostgreSQL's default is 4096."""
KNOWN_KEYS = 256
"""Of passwords with the salts and iterations of their servers: one that is asked every second is not salted anew each
time (RFC 5802 section 3 has it so)."""
_NO_BINDING = "n,,"
_SERVER_FIRST = re.compile(r"r=([!-+\--~]{1,256}),s=([A-Za-z0-9+/=]{1,256}),i=([0-9]{1,9})(?:,.*)?\Z")
_SERVER_FINAL = re.compile(r"v=([A-Za-z0-9+/=]{1,256})(?:,.*)?\Z")


class Scram:
    """One authentication. nonce: printable ASCII without a comma, another one each time, not to be guessed."""

    def __init__(self, user: str, password: str, nonce: str) -> None:
        """user: "" where the protocol around it has named the user."""
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={nonce}"
        # SASLprep does more than this, but only to passwords that hardly anybody has.
        self._password = unicodedata.normalize("NFKC", password).encode(errors="surrogateescape")
        self._nonce = nonce
        self._expected = b""
        """The signature that proves that the server knows the password, too."""

    def first(self) -> bytes:
        return (_NO_BINDING + self._bare).encode()

    def final(self, server_first: bytes) -> bytes:
        """The proof. Raises DecodeError: the server's message is none, or wants too much."""
        text = server_first.decode("latin-1")
        match = _SERVER_FIRST.match(text)
        if match is None or not match[1].startswith(self._nonce) or match[1] == self._nonce:
            raise DecodeError("no-scram", "its first message of SCRAM is wrong")
        iterations = int(match[3])
        if not 0 < iterations <= MAX_ITERATIONS:
            raise DecodeError("too-many-iterations", f"it wants {iterations} iterations of SCRAM")
        salted = _salted(self._password, _decode(match[2]), iterations)
        without_proof = f"c={base64.b64encode(_NO_BINDING.encode()).decode()},r={match[1]}"
        message = f"{self._bare},{text},{without_proof}".encode("latin-1")
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = _hmac(_hmac(salted, b"Server Key"), message)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        """Raises DecodeError: the server does not know the password, or says nothing about it."""
        match = _SERVER_FINAL.match(server_final.decode("latin-1"))
        if match is None or not self._expected or not hmac.compare_digest(_decode(match[1]), self._expected):
            raise DecodeError("wrong-signature", "it does not prove that it knows the password")


@functools.lru_cache(maxsize=KNOWN_KEYS)
def _salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    """2 ms with PostgreSQL's defaults, in a loop where many wait for their turn."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DecodeError("no-base64", "its message of SCRAM is no base64") from None


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
