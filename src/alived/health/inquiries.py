"""From a check and its stage to the inquiry that a probe runs: whom to ask, how, and what to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alived.health.config import (
    DnsCheck,
    HttpCheck,
    NetworkCheck,
    PingCheck,
    SecuredCheck,
    SmtpCheck,
    SslContext,
    TcpCheck,
    UdpCheck,
)
from alived.health.dialogue import Dialogue, Inquiry, Tls, Transport
from alived.health.dialogues import tcp
from alived.health.dialogues.dns import DnsDialogue
from alived.health.dialogues.ping import PingDialogue
from alived.health.dialogues.smtp import SmtpDialogue
from alived.health.dialogues.udp import UdpDialogue

_TRANSPORTS: dict[type[NetworkCheck], Transport] = {
    DnsCheck: Transport.DATAGRAM,
    UdpCheck: Transport.DATAGRAM,
    PingCheck: Transport.ECHO,
}
"""Of those that are not streams"""
_DIALOGUES: dict[type[NetworkCheck], Callable[[Any, int], Dialogue]] = {
    TcpCheck: lambda check, _number: tcp.dialogue(check),
    SmtpCheck: lambda check, _number: SmtpDialogue(check),
    UdpCheck: lambda check, _number: UdpDialogue(check),
    DnsCheck: DnsDialogue,
    PingCheck: PingDialogue,
}


def inquiry(check: NetworkCheck, stage: int, ssl: SslContext, number: int) -> Inquiry:
    """number: 0..65535, random; it makes the question of DNS or PING unlike all others."""
    kind = type(check)
    return Inquiry(
        transport=_TRANSPORTS.get(kind, Transport.STREAM),
        address=check.connect_ip,
        port=check.connect_port,
        dialogue=_DIALOGUES[kind](check, number),
        timeout_ns=check.connect_timeout_ns,
        tls=tls_of(check, stage, ssl),
        bindto=check.bindto,
        bind_port=check.bind_port,
        bind_if=check.bind_if,
        fwmark=check.fwmark,
    )


def tls_of(check: NetworkCheck, stage: int, ssl: SslContext) -> Tls | None:
    match check:
        case HttpCheck(tls=True):
            return _of_ssl_get(check, stage, ssl)
        case SmtpCheck(starttls=True):
            return _secured(check, at_once=False)
        case SecuredCheck(tls=True):
            return _secured(check, at_once=True)
        case _:
            return None


def _of_ssl_get(check: HttpCheck, stage: int, ssl: SslContext) -> Tls:
    """keepalived's: the certificate of the server is not verified, ours is that of the block `SSL`."""
    url = check.urls[stage]
    return Tls(
        server_name=(check.sni_name or url.virtualhost) if check.enable_sni else "",
        ca=ssl.ca,
        certificate=ssl.certificate,
        key=ssl.key,
        password=ssl.password,
        close_notify=url.tls_compliant,
    )


def _secured(check: SecuredCheck, at_once: bool) -> Tls:
    return Tls(
        server_name=check.tls_name,
        verify=check.tls_verify,
        ca=check.tls_ca,
        certificate=check.tls_certificate,
        key=check.tls_key,
        at_once=at_once,
    )


def is_askable(check: object) -> bool:
    """Whether there is a dialogue for it."""
    return type(check) in _DIALOGUES
