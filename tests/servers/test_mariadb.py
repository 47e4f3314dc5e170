"""The check of MySQL asks a real MariaDB."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import MysqlCheck, Role
from alived.raft.config import Tls
from tests.adapters.certificates import Authority
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.mariadb import MariaDb, mariadb
from tests.servers.process import directory, readable_by_servers

MAX_CONNECT_ERRORS = 5
SOURCE = "127.0.0.77"
"""Of 127.0.0.1 itself MariaDB counts no errors."""


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    with directory() as place:
        files = Authority(place).issue("db", dns=("db.example",))
        readable_by_servers(place)
        with _serving(files) as server:
            yield server


@contextlib.contextmanager
def _serving(files: Tls) -> Iterator[MariaDb]:
    options = (
        "--performance-schema=ON",
        f"--max-connect-errors={MAX_CONNECT_ERRORS}",
        f"--ssl-ca={files.ca_file}",
        f"--ssl-cert={files.cert_file}",
        f"--ssl-key={files.key_file}",
        "--plugin-load-add=auth_ed25519",
    )
    with mariadb(*options) as server:
        server.execute("CREATE USER lb@'127.%' IDENTIFIED BY 'sécret'; CREATE USER open@'127.%'")
        yield server


@pytest.fixture
def check(server: MariaDb) -> MysqlCheck:
    return MysqlCheck(**at(server), bindto=SOURCE)  # type: ignore[arg-type]


def connect_errors(server: MariaDb) -> int:
    """That the server counts for us."""
    found = server.execute(f"SELECT SUM_CONNECT_ERRORS FROM performance_schema.host_cache WHERE IP = '{SOURCE}'")
    return int(found or 0)


def aborted_clients(server: MariaDb) -> int:
    return int(server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'").split()[1])


def test_up_without_a_user(check: MysqlCheck) -> None:
    ok, reason = outcome(check)
    assert ok
    assert re.fullmatch(r"server [1-9][0-9]\.[0-9.]+-MariaDB.* takes logins", reason)


def test_no_check_is_counted_as_an_interrupted_connection(server: MariaDb, check: MysqlCheck) -> None:
    """Else the server blocks this host after max_connect_errors, and with it a proxy that runs here."""
    before = connect_errors(server)
    for _ in range(MAX_CONNECT_ERRORS + 3):
        assert outcome(check)[0]
        assert outcome(msgspec.structs.replace(check, user="lb"), "wrong")[0] is False
    assert connect_errors(server) == before


def test_a_host_that_is_blocked(server: MariaDb, check: MysqlCheck) -> None:
    """As clients are that only look whether the port is open."""
    try:
        for _ in range(MAX_CONNECT_ERRORS):
            with socket.create_connection((server.address, server.port), source_address=(SOURCE, 0)) as client:
                client.recv(1000)
        while connect_errors(server) < MAX_CONNECT_ERRORS:
            pass
        ok, reason = outcome(check)
        assert not ok
        assert f"error 1129: \"Host '{SOURCE}' is blocked because of many connection errors" in reason
    finally:
        server.execute("FLUSH HOSTS")


def test_a_user(server: MariaDb, check: MysqlCheck) -> None:
    lb = msgspec.structs.replace(check, user="lb")
    ok, reason = outcome(lb, "sécret")
    assert ok
    assert reason.endswith(" lets lb in")
    ok, reason = outcome(lb, "wrong")
    assert not ok
    assert "error 1045: \"Access denied for user 'lb'@" in reason
    assert outcome(msgspec.structs.replace(check, user="open"))[0], "an empty password"
    assert aborted_clients(server) == 0


def test_read_only(server: MariaDb, check: MysqlCheck) -> None:
    master = msgspec.structs.replace(check, user="open", role=Role.MASTER)
    replica = msgspec.structs.replace(master, role=Role.REPLICA)
    assert outcome(master) == (True, 'a master: read_only is "0"')
    assert outcome(replica) == (False, 'read_only is "0": it is a master, not a replica')
    server.execute("SET GLOBAL read_only = 1")
    try:
        assert outcome(master) == (False, 'read_only is "1": it is a replica, not a master')
        assert outcome(replica) == (True, 'a replica: read_only is "1"')
        assert aborted_clients(server) == 0, "also who is not satisfied says good-bye"
    finally:
        server.execute("SET GLOBAL read_only = 0")


def test_tls(server: MariaDb, check: MysqlCheck) -> None:
    tls = msgspec.structs.replace(check, tls=True, user="lb")
    assert outcome(tls, "sécret")[0]
    server.execute("CREATE USER safe@'127.%' REQUIRE SSL")
    assert outcome(msgspec.structs.replace(tls, user="safe"))[0]
    assert not outcome(msgspec.structs.replace(check, user="safe"))[0]
    verified = msgspec.structs.replace(tls, tls_verify=True, tls_name="db.example")
    ok, reason = outcome(verified)
    assert not ok
    assert "TLS: " in reason, "an authority that this machine does not know"


def test_a_plugin_that_we_do_not_know(server: MariaDb, check: MysqlCheck) -> None:
    server.execute("CREATE USER curve@'127.%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
    expected = 'the server wants a login by "client_ed25519", which a check does not know'
    assert outcome(msgspec.structs.replace(check, user="curve"), "secret") == (False, expected)


def test_too_many_connections(server: MariaDb, check: MysqlCheck) -> None:
    server.execute("SET GLOBAL max_connections = 10")
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(12):
                client = stack.enter_context(socket.create_connection((server.address, server.port)))
                client.recv(1000)
            assert outcome(check) == (False, 'the greeting is error 1040: "Too many connections"')
    finally:
        server.execute("SET GLOBAL max_connections = 100")


def test_a_frozen_server(server: MariaDb, check: MysqlCheck) -> None:
    with server.frozen():
        assert outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS)) == (False, "no greeting in time")
    assert outcome(check)[0]
