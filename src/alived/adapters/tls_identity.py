"""Who this node is to its peers, and they to it, by certificates: TLS 1.3 with one on both sides.

A node is the one whose id is a DNS name in its certificate (subjectAltName), or the common name if there is none.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from alived.adapters.key_files import KeyFileError, private_content
from alived.adapters.peers import PeersError
from alived.raft.config import Tls

MAX_FILE_BYTES = 1 << 20
SECONDS_PER_DAY = 86_400
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""What OpenSSL says of octets that are no record of TLS: words that send people to look at versions."""
_FLIGHTS = 8
"""Far more turns than two ends in memory need for a handshake"""


class Identity(NamedTuple):
    """What is needed to speak to peers and to hear them."""

    client: ssl.SSLContext
    server: ssl.SSLContext
    expires_s: int
    """When our certificate does; seconds since 1970"""
    digest: bytes
    """Of the files: the same one, the same identity"""


def load_identity(tls: Tls, node_id: str, members: Collection[str]) -> Identity:
    """Reads the files and shakes hands with itself, so that whatever the peers would find is found here.

    members: the ids of all. Raises PeersError: unreadable, open to others, not fitting together, expired, for another
    node or for several.
    """
    contents = _contents(tls)
    contexts = [_context(ssl.PROTOCOL_TLS_CLIENT, tls), _context(ssl.PROTOCOL_TLS_SERVER, tls)]
    client, server = contexts
    client.check_hostname = False  # names of machines say nothing; whom we meet is looked up by `names`
    client.verify_mode = server.verify_mode = ssl.CERT_REQUIRED
    server.num_tickets = 0
    try:
        certificate = _shake_hands(client, server)
    except ssl.SSLError as error:
        raise PeersError(
            f"the certificate {tls.cert_file} would be refused by who trusts {tls.ca_file}: {why(error)}"
        ) from error
    found = names(certificate)
    if node_id not in found:
        raise PeersError(
            f"the certificate {tls.cert_file} is for {said(found)}, not for this node: its subjectAltName must have "
            f'the DNS name "{node_id}"'
        )
    shared = [name for name in found if name in members]
    if len(shared) > 1:
        raise PeersError(f"the certificate {tls.cert_file} is for {said(shared)}: each member needs one of its own")
    return Identity(client, server, expiry_s(certificate), hashlib.blake2b(b"".join(contents)).digest())


def names(certificate: Mapping[str, Any]) -> list[str]:
    """Whom a certificate (`SSLSocket.getpeercert`) is for."""
    alternative = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    subject = (pair for relative in certificate.get("subject", ()) for pair in relative)
    return alternative or [value for kind, value in subject if kind == "commonName"]


def said(found: list[str]) -> str:
    return " and ".join(found) or "nobody"


def expiry_s(certificate: Mapping[str, Any]) -> int:
    return ssl.cert_time_to_seconds(certificate["notAfter"])


def expiry_text(expires_s: int) -> str:
    """The day, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(expires_s))


def why(error: OSError) -> str:
    """What is wrong, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        said = (error.reason or "the TLS connection broke").replace("_", " ").lower()
        return f"the other side speaks no TLS here ({said})" if error.reason in _NO_TLS else said
    return error.strerror or str(error)


def _contents(tls: Tls) -> list[bytes]:
    contents = []
    for path in (tls.ca_file, tls.cert_file):
        try:
            with open(path, "rb") as file:
                contents.append(file.read(MAX_FILE_BYTES))
        except OSError as error:
            raise PeersError(f"cannot read {path}: {error.strerror}") from error
    try:
        contents.append(private_content(tls.key_file, "TLS key file", MAX_FILE_BYTES))
    except KeyFileError as error:
        raise PeersError(str(error)) from error
    return contents


def _context(protocol: int, tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(tls.ca_file)
    except ssl.SSLError as error:
        raise PeersError(f"{tls.ca_file} has no certificate of an authority: {why(error)}") from error
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        text = why(error) if isinstance(error, ssl.SSLError) else str(error)
        raise PeersError(f"{tls.cert_file} and {tls.key_file} cannot be used together: {text}") from error
    return context


def _no_password() -> str:
    """Nobody is there who could type it."""
    raise ValueError("the key is protected by a password")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> Mapping[str, Any]:
    """Our own certificate, as a peer sees it. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(_FLIGHTS):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    certificate = ends[0].getpeercert()
    assert certificate and ends[1].getpeercert(), "both ends have shown theirs"
    return certificate
