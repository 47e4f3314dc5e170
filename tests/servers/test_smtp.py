"""SMTP_CHECK asks a real mail server."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import SmtpCheck
from alived.raft.config import Tls
from tests.adapters.certificates import Authority
from tests.nasty_servers import Connection, Server
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.process import ServerProcess
from tests.servers.smtp import smtp

WELL = (True, "the server greets and says good-bye")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Authority(tmp_path_factory.mktemp("tls")).issue("mail", dns=("mail.example",))


@pytest.fixture(scope="module")
def server(files: Tls) -> Iterator[ServerProcess]:
    with smtp("--tlscert", files.cert_file, "--tlskey", files.key_file, "--no-requiretls") as server:
        yield server


@pytest.fixture
def check(server: ServerProcess) -> SmtpCheck:
    return SmtpCheck(**at(server))  # type: ignore[arg-type]


def test_up(check: SmtpCheck) -> None:
    assert outcome(check) == WELL
    assert outcome(msgspec.structs.replace(check, multiline=True)) == WELL


def test_starttls(check: SmtpCheck, files: Tls) -> None:
    starttls = msgspec.structs.replace(check, starttls=True)
    assert outcome(starttls) == WELL
    named = msgspec.structs.replace(starttls, tls_verify=True, tls_ca=files.ca_file, tls_name="mail.example")
    assert outcome(named) == WELL
    ok, reason = outcome(msgspec.structs.replace(named, tls_name="other.example"))
    assert not ok
    assert "Hostname mismatch" in reason


def test_no_starttls() -> None:
    with smtp() as server:
        ok, reason = outcome(SmtpCheck(**at(server), starttls=True))  # type: ignore[arg-type]
    assert (ok, reason[:31]) == (False, 'the answer to STARTTLS is "454 ')


def test_tls_from_the_start(files: Tls) -> None:
    with smtp("--smtpscert", files.cert_file, "--smtpskey", files.key_file) as server:
        check = SmtpCheck(**at(server), tls=True, tls_verify=True, tls_ca=files.ca_file, tls_name="mail.example")  # type: ignore[arg-type]
        assert outcome(check) == WELL


def test_a_frozen_server(server: ServerProcess, check: SmtpCheck) -> None:
    with server.frozen():
        assert outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS)) == (False, "no greeting in time")
    assert outcome(check) == WELL


def test_a_line_that_comes_by_drops_has_one_time() -> None:
    """keepalived waits anew for each piece of a line, so that such a server holds a check for hours."""

    def drip(conn: Connection) -> None:
        while not conn.over:
            conn.send(b"2")
            conn.wait(0.02)

    with Server(drip) as server:
        check = SmtpCheck(connect_ip=server.address, connect_port=server.port, connect_timeout_ns=SHORT_NS)
        assert outcome(check) == (False, "no greeting in time")
