"""Each kind of check asks servers that are not there, do not answer, or are something else."""

from __future__ import annotations

import re

import pytest

from alived.health.config import (
    GrpcCheck,
    MysqlCheck,
    NetworkCheck,
    PingCheck,
    PostgresqlCheck,
    RedisCheck,
    SmtpCheck,
)
from tests.nasty_servers import (
    Behaviour,
    Server,
    end_at_once,
    endlessly,
    full_backlog,
    greet,
    refused_port,
    reset,
    silent,
)
from tests.servers.asking import LONG_NS, SHORT_NS, outcome

KINDS: tuple[type[NetworkCheck], ...] = (SmtpCheck, RedisCheck, MysqlCheck, PostgresqlCheck, GrpcCheck)
EACH = pytest.mark.parametrize("kind", KINDS)


@EACH
def test_nobody_listens(kind: type[NetworkCheck]) -> None:
    check = kind(connect_ip="127.0.0.1", connect_port=refused_port(), connect_timeout_ns=LONG_NS)
    assert outcome(check) == (False, "connection refused")


@EACH
def test_packets_vanish(kind: type[NetworkCheck]) -> None:
    with full_backlog() as (address, port):
        check = kind(connect_ip=address, connect_port=port, connect_timeout_ns=SHORT_NS)
        assert outcome(check) == (False, "no connection within 0.2 s")


@EACH
@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (silent, "in time"),
        (end_at_once, "ended the connection|reset by the server"),  # reset where we spoke first
        (reset, "reset by the server"),
        (greet(b"SSH-2.0-OpenSSH_9.2p1\r\n"), ""),
        (greet(bytes(100)), ""),
        (endlessly(b"", b"babble " * 10000), ""),
    ],
    ids=["silent", "ends", "resets", "ssh", "zeros", "babbles"],
)
def test_another_server(kind: type[NetworkCheck], behaviour: Behaviour, words: str) -> None:
    with Server(behaviour) as server:
        check = kind(connect_ip=server.address, connect_port=server.port, connect_timeout_ns=SHORT_NS)
        ok, reason = outcome(check)
    assert not ok
    assert re.search(words, reason)
    assert reason.isprintable()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_ping(address: str) -> None:
    assert outcome(PingCheck(connect_ip=address, connect_timeout_ns=LONG_NS)) == (True, "the echo is answered")
