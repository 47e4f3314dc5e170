"""DNS_CHECK asks a real dnsmasq."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import DnsCheck, DnsType, UdpCheck
from tests.nasty_servers import refused_port
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.dnsmasq import dnsmasq
from tests.servers.process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    known = (
        "--address=/example.org/192.0.2.1",
        "--address=/example.org/2001:db8::1",
        "--mx-host=example.org,mx.example.org",
    )
    with dnsmasq(*known, "--txt-record=a.b.example.org,text", "--local=/missing.example/") as server:
        yield server


@pytest.fixture
def check(server: ServerProcess) -> DnsCheck:
    return DnsCheck(**at(server), name="example.org", type=DnsType.A)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [DnsType.A, DnsType.AAAA, DnsType.MX])
def test_up(check: DnsCheck, kind: DnsType) -> None:
    asked = outcome(msgspec.structs.replace(check, type=kind))
    assert asked == (True, f"example.org {kind} is answered, number of records: 1")


@pytest.mark.parametrize("kind", DnsType)
def test_every_type_is_understood(check: DnsCheck, kind: DnsType) -> None:
    """Also one of which there is no record, or of which this server knows nothing, is answered."""
    _, reason = outcome(msgspec.structs.replace(check, type=kind))
    assert reason.startswith(f"example.org {kind} is answered")


def test_a_name_that_does_not_exist(check: DnsCheck) -> None:
    missing = outcome(msgspec.structs.replace(check, name="missing.example"))
    assert missing == (False, "missing.example A is answered by NXDOMAIN")


def test_a_name_that_it_may_not_ask_others_for(check: DnsCheck) -> None:
    assert outcome(msgspec.structs.replace(check, name=".", type=DnsType.SOA)) == (
        False,
        ". SOA is answered by REFUSED",
    )


def test_escapes(check: DnsCheck) -> None:
    found = outcome(msgspec.structs.replace(check, name=r"a.\098.example.org", type=DnsType.TXT))
    assert found == (True, r"a.\098.example.org TXT is answered, number of records: 1")


def test_down_and_frozen(server: ServerProcess, check: DnsCheck) -> None:
    refused = outcome(msgspec.structs.replace(check, connect_port=refused_port()))
    assert refused == (False, "connection refused before the answer to example.org A")
    with server.frozen():
        silent = outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS))
    assert silent == (False, "no answer to example.org A in time")
    assert outcome(check)[0]


def test_udp_check_of_the_same_server(server: ServerProcess) -> None:
    """A question in hexadecimal digits; the answer begins with its number and says that it is one."""
    question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01"
    expected = {"require_reply": True, "reply": b"\x12\x34\x85", "reply_mask": b"\xff\xff\x80"}
    check = UdpCheck(**at(server), payload=question, **expected)  # type: ignore[arg-type]
    ok, reason = outcome(check)
    assert ok
    assert reason.startswith("the right reply")
    assert not outcome(msgspec.structs.replace(check, reply=b"\x12\x35"))[0]
    assert not outcome(msgspec.structs.replace(check, max_reply_length=20))[0]
    closed = outcome(msgspec.structs.replace(check, connect_port=refused_port(), require_reply=False))
    assert closed == (False, "connection refused before the reply")
