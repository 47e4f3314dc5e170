"""What a check says to a server and hears from it: one connection, without a socket.

A dialogue is told what happened and answers with a `Step`. It reads no clock and keeps a bounded amount of what it
hears. After a `Step` with a verdict nobody asks it again. Whoever holds the socket (`adapters.probes`) knows how long
to wait: `connect_timeout` for the connection, and again whenever a step says `patience`.
"""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec


class Transport(enum.StrEnum):
    STREAM = "stream"
    """TCP"""
    DATAGRAM = "datagram"
    """UDP: each `Step.send` is one datagram, each `received` too"""
    ECHO = "echo"
    """A ping socket: what is sent and received are ICMP messages; the probe turns them into ICMPv6 and back"""


class Verdict(msgspec.Struct, frozen=True):
    """What one run says. reason: a sentence without the name of the check, e.g. "HTTP status 503, not 200-299"."""

    ok: bool
    reason: str
    weight: int | None = None
    """Of the real server (misc_dynamic and the like); None: nothing is said about it"""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """TLS of a stream. Files: "" is none."""

    server_name: str = ""
    """SNI; "": none is sent"""
    verify: bool = False
    """The certificate must lead to `ca` (or to the system's authorities) and be for `server_name` or the address"""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    password: str = ""
    alpn: tuple[str, ...] = ()
    """Protocols that are offered (RFC 7301), e.g. "h2"; a server that picks none of them is left to the dialogue"""
    modern: bool = False
    """TLS 1.2 at least: for those who send secrets; a check takes what the server speaks"""
    at_once: bool = True
    """Before the dialogue begins; else when a step says `start_tls`"""
    close_notify: bool = False
    """An end of the stream without close_notify is a failure, and ours is sent"""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What comes next, in this order. All empty: wait."""

    send: bytes = b""
    start_tls: bool = False
    """Begin the handshake; `secured` follows"""
    patience: bool = False
    """The time to wait begins anew"""
    verdict: Verdict | None = None


WAIT = Step()


class Dialogue(Protocol):
    """One connection to a server."""

    def begun(self) -> Step:
        """Connected, TLS at once included; of datagrams: the socket is there."""

    def received(self, data: bytes) -> Step:
        """Of a stream any piece of it, never b""."""

    def secured(self) -> Step:
        """The handshake that was asked for is done."""

    def ended(self) -> Verdict:
        """The server sends no more."""

    def broken(self, why: str) -> Verdict:
        """Reset; of datagrams: refused. why: a sentence."""

    def timed_out(self) -> Verdict:
        """Nothing came in the time that there was."""


def verdict(ok: bool, reason: str, send: bytes = b"") -> Step:
    """The last step."""
    return Step(send=send, verdict=Verdict(ok, reason))


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """All that a probe needs: whom to ask, how, and what to say."""

    transport: Transport
    address: str
    """Numeric, or a name that the prober resolves outside the loop"""
    port: int
    dialogue: Dialogue
    timeout_ns: int
    """For the connection, and again after each step with `patience`"""
    tls: Tls | None = None
    bindto: str = ""
    bind_port: int = 0
    bind_if: str = ""
    fwmark: int = 0
