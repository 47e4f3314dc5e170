"""Each kind of check asks in its own way."""

from __future__ import annotations

import contextlib
import types
import typing
from typing import cast

import msgspec
import pytest

from alived.base import NS_PER_S
from alived.health.config import (
    AnyCheck,
    BfdCheck,
    DnsCheck,
    FileCheck,
    GrpcCheck,
    HttpCheck,
    MiscCheck,
    MysqlCheck,
    NetworkCheck,
    PingCheck,
    PostgresqlCheck,
    RedisCheck,
    SmtpCheck,
    SslContext,
    TcpCheck,
    UdpCheck,
    Url,
)
from alived.health.dialogue import Tls, Transport
from alived.health.inquiries import UNGUESSABLE, About, inquiry, tls_of

AT = {"connect_ip": "192.0.2.1", "connect_port": 80}


def test_whom_and_from_where() -> None:
    check = TcpCheck(
        **AT,  # type: ignore[arg-type]
        connect_timeout_ns=3 * NS_PER_S,
        bindto="192.0.2.9",
        bind_port=99,
        bind_if="eth0",
        fwmark=7,
    )
    asked = inquiry(check, About())
    assert (asked.address, asked.port, asked.timeout_ns) == ("192.0.2.1", 80, 3 * NS_PER_S)
    assert (asked.bindto, asked.bind_port, asked.bind_if, asked.fwmark) == ("192.0.2.9", 99, "eth0", 7)
    assert asked.tls is None


@pytest.mark.parametrize(
    ("check", "transport", "first"),
    [
        (TcpCheck(**AT), Transport.STREAM, b""),  # type: ignore[arg-type]
        (SmtpCheck(**AT), Transport.STREAM, b""),  # type: ignore[arg-type]
        (UdpCheck(**AT, payload=b"\xff"), Transport.DATAGRAM, b"\xff"),  # type: ignore[arg-type]
        (DnsCheck(**AT), Transport.DATAGRAM, b"\x12\x34"),  # type: ignore[arg-type]
        (RedisCheck(**AT), Transport.STREAM, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"),  # type: ignore[arg-type]
        (GrpcCheck(**AT), Transport.STREAM, b"PRI * HTTP/2.0\r\n"),  # type: ignore[arg-type]
        (MysqlCheck(**AT), Transport.STREAM, b""),  # type: ignore[arg-type]
        (PostgresqlCheck(**AT, tls=True), Transport.STREAM, b"\0\0\0\x08\x04\xd2\x16\x2f"),  # type: ignore[arg-type]
        (PingCheck(**AT), Transport.ECHO, b"\x08\x00\x00\x00\x00\x00\x12\x34"),  # type: ignore[arg-type]
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, NetworkCheck) else "",
)
def test_how_and_what(check: NetworkCheck, transport: Transport, first: bytes) -> None:
    asked = inquiry(check, About(number=0x1234, password="secret"))
    assert asked.transport is transport
    sent = asked.dialogue.begun().send
    assert sent.startswith(first)
    assert bool(sent) is bool(first)


NETWORK_CHECKS = [kind for kind in typing.get_args(AnyCheck) if issubclass(kind, NetworkCheck)]


@pytest.mark.parametrize("kind", NETWORK_CHECKS)
def test_only_some_need_what_nobody_can_guess(kind: type[NetworkCheck]) -> None:
    check = kind(**AT, **({"urls": (Url(path="/"),)} if kind is HttpCheck else {}))  # type: ignore[arg-type]
    about = cast(About, types.SimpleNamespace(stage=0, password="", ssl=SslContext()))
    refused = pytest.raises(AttributeError, match=r"number|nonce") if kind in UNGUESSABLE else contextlib.nullcontext()
    with refused:
        assert inquiry(check, about).address == "192.0.2.1"


def test_ssl_get_shows_the_certificate_of_the_block_ssl_and_verifies_nothing() -> None:
    """The certificate is not verified (a global `SSL {}` block only loads key, certificate, CA)."""
    ssl = SslContext(password="p", ca="ca.pem", certificate="c.pem", key="k.pem")
    check = HttpCheck(**AT, urls=(Url(path="/"), Url(path="/b", tls_compliant=True)), tls=True)  # type: ignore[arg-type]
    assert tls_of(check, About(stage=0, ssl=ssl)) == Tls(ca="ca.pem", certificate="c.pem", key="k.pem", password="p")
    assert tls_of(check, About(stage=1, ssl=ssl)) == Tls(
        ca="ca.pem", certificate="c.pem", key="k.pem", password="p", close_notify=True
    )
    assert tls_of(msgspec.structs.replace(check, tls=False), About(stage=0, ssl=ssl)) is None


def test_sni_is_sni_name_or_the_virtualhost_of_the_url() -> None:
    """`enable_sni`: SNI = sni_name, else url virtualhost, ...; no name, no SNI."""
    urls = (Url(path="/", virtualhost="www.example.org"), Url(path="/"))
    check = HttpCheck(**AT, urls=urls, tls=True, enable_sni=True)  # type: ignore[arg-type]
    assert [tls.server_name for stage in (0, 1) if (tls := tls_of(check, About(stage=stage)))] == [
        "www.example.org",
        "",
    ]
    named = tls_of(msgspec.structs.replace(check, sni_name="sni.example.org"), About(stage=0))
    assert named is not None and named.server_name == "sni.example.org"


def test_our_own_checks_verify_if_they_are_told_to() -> None:
    check = RedisCheck(**AT, tls=True, tls_verify=True, tls_name="r", tls_ca="a", tls_certificate="c", tls_key="k")  # type: ignore[arg-type]
    assert tls_of(check, About(stage=0)) == Tls(server_name="r", verify=True, ca="a", certificate="c", key="k")
    later = tls_of(SmtpCheck(**AT, starttls=True, tls_name="m"), About(stage=0))  # type: ignore[arg-type]
    assert later == Tls(server_name="m", at_once=False)
    assert tls_of(GrpcCheck(**AT, tls=True), About()) == Tls(alpn=("h2",))  # type: ignore[arg-type]
    for kind in (MysqlCheck, PostgresqlCheck):
        assert tls_of(kind(**AT, tls=True), About()) == Tls(at_once=False), "these begin in the clear"  # type: ignore[arg-type]


def test_every_check_of_a_server_has_something_to_say() -> None:
    told = {MiscCheck, FileCheck, BfdCheck}
    for kind in set(typing.get_args(AnyCheck)) - told:
        more = {"urls": (Url(path="/"),)} if kind is HttpCheck else {}
        assert inquiry(kind(**AT, **more), About(nonce="abc")).port == 80
