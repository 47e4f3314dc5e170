"""Sockets of probes: where they come from, what marks them, and whose fault an error is.

An error of this machine (no file descriptor, no such source address or interface, no right to set a mark) says nothing
about a server: it is a `LocalError`, and the check has no verdict. That a server cannot be reached is one.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
from typing import TypeAlias

from alived.base import AlivedError
from alived.health.dialogue import Inquiry

IP_RECVERR, IPV6_RECVERR = 11, 25
IP_BIND_ADDRESS_NO_PORT = 24
LINGER_NONE = bytes((1, 0, 0, 0, 0, 0, 0, 0))
"""struct linger {on, 0 s}: close(2) resets the connection"""
KNOWN_TARGETS = 4096
SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]

_OURS = frozenset(
    (
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EAGAIN,
        errno.EINVAL,
        errno.EMFILE,
        errno.EMSGSIZE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENODEV,
        errno.ENOMEM,
        errno.EPERM,
    )
)
_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by the server",
    errno.EPIPE: "connection reset by the server",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "the connection timed out",
    errno.EACCES: "prohibited by a route or a firewall",
}


class LocalError(AlivedError):
    """This machine cannot ask; the text is a sentence for the operator."""


class SocketRefused(LocalError):
    """No right to open this kind of socket."""


def is_ours(number: int) -> bool:
    """Whether an error of connect(2) or send(2) is the fault of this machine."""
    return number in _OURS


def words(number: int) -> str:
    """An errno as part of a sentence."""
    return _WORDS.get(number) or os.strerror(number).lower()


@functools.lru_cache(KNOWN_TARGETS)
def family_of(address: str) -> socket.AddressFamily | None:
    """Of a numeric address, with a zone or without; None: a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address.partition("%")[0] if family == socket.AF_INET6 else address)
        except (OSError, ValueError):
            continue
        return family
    return None


def target(address: str, port: int, bind_if: str) -> SocketAddress:
    """What connect(2) wants. A link-local address is on bind_if if it names no interface itself. Raises LocalError."""
    if ":" not in address:
        return address, port
    plain, _, zone = address.partition("%")
    if not zone and plain.lower().startswith("fe80:"):
        zone = bind_if
    if not zone:
        return plain, port, 0, 0
    try:
        return plain, port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except OSError:
        raise LocalError(f"there is no interface {zone}") from None


def open_socket(
    family: socket.AddressFamily, kind: socket.SocketKind, inquiry: Inquiry, protocol: int = 0
) -> socket.socket:
    """A socket that does not block, bound and marked as the inquiry says. Raises LocalError."""
    try:
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        kind_of_error = SocketRefused if isinstance(error, PermissionError) else LocalError
        raise kind_of_error(f"no socket: {error.strerror}") from error
    if inquiry.fwmark or inquiry.bind_if or inquiry.bindto or inquiry.bind_port:
        try:
            _prepare(sock, family, kind, inquiry)
        except BaseException:
            sock.close()
            raise
    return sock


def _prepare(sock: socket.socket, family: socket.AddressFamily, kind: socket.SocketKind, inquiry: Inquiry) -> None:
    what = ""
    try:
        if inquiry.fwmark:
            what = f"fwmark {inquiry.fwmark}"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, inquiry.fwmark)
        if inquiry.bind_if:
            what = f"bind_if {inquiry.bind_if}"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, inquiry.bind_if.encode())
        if inquiry.bindto or inquiry.bind_port:
            what = " ".join(("bindto", inquiry.bindto) if inquiry.bindto else ())
            what += f" port {inquiry.bind_port}" if inquiry.bind_port else ""
            _bind(sock, family, kind, inquiry)
    except OSError as error:
        raise LocalError(f"{what.strip()}: {error.strerror}") from error


def _bind(sock: socket.socket, family: socket.AddressFamily, kind: socket.SocketKind, inquiry: Inquiry) -> None:
    anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    if kind == socket.SOCK_STREAM:
        if inquiry.bind_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # The port is chosen when the destination is known: else all servers together share 28000 ports.
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind(target(inquiry.bindto or anywhere, inquiry.bind_port, inquiry.bind_if))


def report_icmp_errors(sock: socket.socket, family: socket.AddressFamily) -> None:
    """ICMP errors of all kinds, soft ones too, fail the next receive."""
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
