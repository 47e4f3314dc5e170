"""TLS of probes: contexts, which are kept, and one connection in memory, which a probe feeds.

No session is resumed: a check must see the certificate that the server shows today.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from typing import Any

from alived.adapters.probe_sockets import LocalError
from alived.adapters.tls_identity import why
from alived.base import DecodeError
from alived.health.dialogue import Tls
from alived.wire.x509 import not_after_s

RECORD_BYTES = 1 << 14
KNOWN_CONTEXTS = 256

_Key = tuple[Any, ...]
_contexts: dict[_Key, ssl.SSLContext] = {}


def context(tls: Tls) -> ssl.SSLContext:
    """Made once for all probes that want the same, and again when one of its files changes. Raises LocalError."""
    files = (tls.ca, tls.certificate, tls.key)
    key = (tls.verify, files, tls.password, tls.alpn, tls.modern, *(_state(file) for file in files if file))
    found = _contexts.get(key)
    if found is None:
        if len(_contexts) >= KNOWN_CONTEXTS:
            _contexts.clear()
        found = _contexts[key] = _make(tls)
    return found


def _state(file: str) -> tuple[int, int, int]:
    try:
        about = os.stat(file)
    except OSError as error:
        raise LocalError(f"cannot read {file}: {error.strerror}") from error
    return about.st_mtime_ns, about.st_size, about.st_ino


def _make(tls: Tls) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = tls.verify
    made.verify_mode = ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE
    # Whether old versions are still spoken is the business of the server and its clients, not of a check.
    made.minimum_version = ssl.TLSVersion.TLSv1_2 if tls.modern else ssl.TLSVersion.MINIMUM_SUPPORTED
    if tls.alpn:
        made.set_alpn_protocols(tls.alpn)
    what = tls.ca
    try:
        if tls.ca:
            made.load_verify_locations(tls.ca)
        elif tls.verify:
            made.load_default_certs()
        if tls.certificate:
            what = " and ".join(filter(None, (tls.certificate, tls.key)))
            # Without a password OpenSSL would ask for one at the terminal.
            made.load_cert_chain(tls.certificate, tls.key or None, password=lambda: tls.password)
    except (OSError, ValueError) as error:
        text = why(error) if isinstance(error, OSError) else str(error)
        raise LocalError(f"{what} cannot be used for TLS: {text}") from error
    return made


class TlsConnection:
    """The client's end, without a socket. Methods that speak TLS raise ssl.SSLError."""

    __slots__ = ("_incoming", "_object", "_outgoing", "done")

    def __init__(self, tls: Tls, address: str) -> None:
        """address: whom the certificate must be for if `server_name` is none. Raises LocalError."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = tls.server_name or (address if tls.verify else None)
        try:
            self._object = context(tls).wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except (ValueError, UnicodeError) as error:
            raise LocalError(f"{name!r} is no name of a server: {error}") from error
        self.done = False
        """Whether the handshake is."""

    def heard(self, data: bytes) -> None:
        self._incoming.write(data)

    def shake_hands(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._object.do_handshake()
            self.done = True

    def read(self) -> bytes | None:
        """What the server says; None: nothing yet; b"": it says no more (close_notify)."""
        try:
            return self._object.read(RECORD_BYTES)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes) -> None:
        self._object.write(data)

    def say_goodbye(self) -> None:
        """close_notify; the answer to it is not awaited."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()

    def to_send(self) -> bytes:
        return self._outgoing.read()

    @property
    def expires_s(self) -> int | None:
        """When the certificate of the server does; None: there is none, or it cannot be read."""
        der = self._object.getpeercert(binary_form=True)
        try:
            return not_after_s(der) if der else None
        except DecodeError:
            return None
