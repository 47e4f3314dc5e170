"""The check of PostgreSQL asks a real one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import PostgresqlCheck, Role
from alived.wire.postgresql import startup
from tests.adapters.certificates import Authority
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.postgresql import PostgreSql, cluster, postgresql
from tests.servers.process import directory, readable_by_servers

PASSWORD = "sécret"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    with directory() as place, cluster() as data:
        files = Authority(place).issue("db", dns=("db.example",))
        readable_by_servers(place)
        tls = "ssl=on", f"ssl_cert_file={files.cert_file}", f"ssl_key_file={files.key_file}"
        with postgresql(data, "max_connections=8", "superuser_reserved_connections=3", *tls) as server:
            users = ("lb", "clear", "safe", "trusted")
            server.execute(";".join(f"CREATE USER {user} PASSWORD '{PASSWORD}'" for user in users))
            server.execute(f"SET password_encryption = 'md5'; CREATE USER hashed PASSWORD '{PASSWORD}'")
            server.execute("CREATE DATABASE shop")
            yield server


@pytest.fixture
def check(server: PostgreSql) -> PostgresqlCheck:
    return PostgresqlCheck(**at(server))  # type: ignore[arg-type]


def test_up_without_a_user(check: PostgresqlCheck) -> None:
    assert outcome(check) == (True, "the server takes connections: it asks alived for a password")
    rejected = outcome(msgspec.structs.replace(check, tls=True, database="shop"))
    assert rejected == (True, "the server takes connections: it asks alived for a password")


def test_a_user_whom_nobody_admits(check: PostgresqlCheck) -> None:
    ok, reason = outcome(msgspec.structs.replace(check, user="stranger"))
    assert not ok
    assert 'pg_hba.conf rejects connection for host "127.0.0.1"' in reason
    ok, reason = outcome(msgspec.structs.replace(check, user="trusted", database="none"))
    assert (ok, reason[-47:]) == (False, 'error: "database "none" does not exist" (3D000)')


@pytest.mark.parametrize(
    ("user", "tls"), [("lb", False), ("lb", True), ("safe", True), ("hashed", False), ("clear", True)]
)
def test_a_password(check: PostgresqlCheck, user: str, tls: bool) -> None:
    """SCRAM, MD5 and, in TLS only, the password as it is."""
    asked = msgspec.structs.replace(check, user=user, tls=tls, database="shop")
    assert outcome(asked, PASSWORD) == (True, f"the server lets {user} in")
    ok, reason = outcome(asked, "wrong")
    assert not ok
    assert f'"password authentication failed for user "{user}"" (28P01)' in reason
    assert outcome(asked) == (True, f"the server takes connections: it asks {user} for a password")


def test_the_password_as_it_is_goes_only_through_tls(check: PostgresqlCheck) -> None:
    expected = "the server wants the password as it is, and it is sent so only in TLS"
    assert outcome(msgspec.structs.replace(check, user="clear"), PASSWORD) == (False, expected)


def test_no_trace_is_left_in_its_log(server: PostgreSql, check: PostgresqlCheck) -> None:
    """A check without a password leaves when it is asked for one, as psql does."""
    server.await_departures()
    before = server.log.read_bytes()
    for _ in range(3):
        assert outcome(check)[0]
        assert outcome(msgspec.structs.replace(check, user="trusted", database="shop"))[0]
    server.await_departures()
    assert server.log.read_bytes() == before


def test_a_certificate_that_nobody_knows(check: PostgresqlCheck) -> None:
    ok, reason = outcome(msgspec.structs.replace(check, tls=True, tls_verify=True, tls_name="db.example"))
    assert not ok
    assert "TLS: " in reason


def test_too_many_clients(server: PostgreSql, check: PostgresqlCheck) -> None:
    trusted = msgspec.structs.replace(check, user="trusted", database="shop")
    assert outcome(trusted)[0]
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(socket.create_connection((server.address, server.port)))
            client.sendall(startup("trusted", "shop"))
            client.recv(1)
        ok, reason = outcome(trusted)
        assert not ok
        assert reason.endswith("(53300)")
    while not outcome(trusted)[0]:
        pass


def test_a_master(server: PostgreSql, check: PostgresqlCheck) -> None:
    master = msgspec.structs.replace(check, user="trusted", database="shop", role=Role.MASTER)
    assert outcome(master) == (True, 'a master: pg_is_in_recovery() is "f"')
    expected = 'pg_is_in_recovery() is "f": it is a master, not a replica'
    assert outcome(msgspec.structs.replace(master, role=Role.REPLICA)) == (False, expected)


def test_a_replica_and_one_that_lets_nobody_in_yet() -> None:
    with cluster() as place:
        (place / "data" / "standby.signal").touch()
        with postgresql(place) as server:
            replica = PostgresqlCheck(**at(server), user="root", database="postgres", role=Role.REPLICA)  # type: ignore[arg-type]
            while not outcome(replica)[0]:
                server.check_alive()
            assert outcome(replica) == (True, 'a replica: pg_is_in_recovery() is "t"')
            expected = 'pg_is_in_recovery() is "t": it is a replica, not a master'
            assert outcome(msgspec.structs.replace(replica, role=Role.MASTER)) == (False, expected)
        with postgresql(place, "hot_standby=off") as server:
            for user in ("", "root"):
                ok, reason = outcome(PostgresqlCheck(**at(server), user=user))  # type: ignore[arg-type]
                assert not ok
                assert reason.startswith('the answer to the login is an error: "the database system is ')
                assert reason.endswith("(57P03)")
        assert outcome(PostgresqlCheck(**at(server))) == (False, "connection refused")  # type: ignore[arg-type]


def test_a_frozen_server(server: PostgreSql, check: PostgresqlCheck) -> None:
    with server.frozen():
        frozen = outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS))
    assert frozen == (False, "no answer to the login in time")
    assert outcome(check)[0]
