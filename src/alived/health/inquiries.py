"""From a check and its stage to the inquiry that a probe runs: whom to ask, how, and what to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from alived.health.config import (
    DnsCheck,
    GrpcCheck,
    HttpCheck,
    MysqlCheck,
    NetworkCheck,
    PingCheck,
    PostgresqlCheck,
    RedisCheck,
    SecuredCheck,
    SmtpCheck,
    SslContext,
    TcpCheck,
    UdpCheck,
)
from alived.health.dialogue import Dialogue, Inquiry, Tls, Transport
from alived.health.dialogues import http, tcp
from alived.health.dialogues.dns import DnsDialogue
from alived.health.dialogues.grpc import GrpcDialogue
from alived.health.dialogues.mysql import MysqlDialogue
from alived.health.dialogues.ping import PingDialogue
from alived.health.dialogues.postgresql import PostgresqlDialogue
from alived.health.dialogues.redis import RedisDialogue
from alived.health.dialogues.smtp import SmtpDialogue
from alived.health.dialogues.udp import UdpDialogue

_TRANSPORTS: dict[type[NetworkCheck], Transport] = {
    DnsCheck: Transport.DATAGRAM,
    UdpCheck: Transport.DATAGRAM,
    PingCheck: Transport.ECHO,
}
"""Of those that are not streams"""
UNGUESSABLE = (DnsCheck, PingCheck, PostgresqlCheck)
"""Checks that need `number` or `nonce`. To ask the kernel for them costs a tenth of what a TCP check does."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a check does not say itself."""

    stage: int = 0
    number: int = 0
    """0..65535, random; it makes the question of DNS or PING unlike all others"""
    nonce: str = ""
    """For SCRAM: random, printable ASCII without a comma"""
    password: str = ""
    """What its `password_file` says"""
    ssl: SslContext = SslContext()


_DIALOGUES: dict[type[NetworkCheck], Callable[[Any, About], Dialogue]] = {
    TcpCheck: lambda check, _: tcp.dialogue(check),
    HttpCheck: lambda check, about: http.dialogue(check, check.urls[about.stage]),
    SmtpCheck: lambda check, _: SmtpDialogue(check),
    UdpCheck: lambda check, _: UdpDialogue(check),
    DnsCheck: lambda check, about: DnsDialogue(check, about.number),
    PingCheck: lambda _, about: PingDialogue(about.number),
    RedisCheck: lambda check, about: RedisDialogue(check, about.password),
    GrpcCheck: lambda check, _: GrpcDialogue(check),
    MysqlCheck: lambda check, about: MysqlDialogue(check, about.password),
    PostgresqlCheck: lambda check, about: PostgresqlDialogue(check, about.password, about.nonce),
}


def inquiry(check: NetworkCheck, about: About) -> Inquiry:
    kind = type(check)
    return Inquiry(
        transport=_TRANSPORTS.get(kind, Transport.STREAM),
        address=check.connect_ip,
        port=check.connect_port,
        dialogue=_DIALOGUES[kind](check, about),
        timeout_ns=check.connect_timeout_ns,
        tls=tls_of(check, about),
        bindto=check.bindto,
        bind_port=check.bind_port,
        bind_if=check.bind_if,
        fwmark=check.fwmark,
    )


def tls_of(check: NetworkCheck, about: About) -> Tls | None:
    match check:
        case HttpCheck(tls=True):
            return http.tls(check, check.urls[about.stage], about.ssl)
        case SmtpCheck(starttls=True) | MysqlCheck(tls=True) | PostgresqlCheck(tls=True):
            return _secured(check, at_once=False)
        case GrpcCheck(tls=True):
            return _secured(check, at_once=True, alpn=("h2",))
        case SecuredCheck(tls=True):
            return _secured(check, at_once=True)
        case _:
            return None


def _secured(check: SecuredCheck, at_once: bool, alpn: tuple[str, ...] = ()) -> Tls:
    return Tls(
        server_name=check.tls_name,
        verify=check.tls_verify,
        ca=check.tls_ca,
        certificate=check.tls_certificate,
        key=check.tls_key,
        alpn=alpn,
        at_once=at_once,
    )
