"""The check of Redis asks real ones: a master with a password, and a replica that loses its master."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import RedisCheck, Role
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.process import ServerProcess
from tests.servers.redis import redis

PASSWORD = 's e"cret'


@pytest.fixture(scope="module")
def master() -> Iterator[ServerProcess]:
    with redis("--requirepass", PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def check(master: ServerProcess) -> RedisCheck:
    return RedisCheck(**at(master))  # type: ignore[arg-type]


def test_up(check: RedisCheck) -> None:
    assert outcome(check, PASSWORD) == (True, "PONG")
    assert outcome(msgspec.structs.replace(check, user="default"), PASSWORD) == (True, "PONG")


def test_a_wrong_password_and_none(check: RedisCheck) -> None:
    ok, reason = outcome(check, "wrong")
    assert (ok, reason[:31]) == (False, 'the answer to AUTH is "WRONGPAS')
    assert outcome(check) == (False, 'the answer to PING is "NOAUTH Authentication required."')


def test_a_frozen_server(master: ServerProcess, check: RedisCheck) -> None:
    with master.frozen():
        frozen = outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS), PASSWORD)
    assert frozen == (False, "no answer to AUTH in time")
    assert outcome(check, PASSWORD)[0], "it has not minded"


def test_master_and_replica(check: RedisCheck) -> None:
    """Of its own: it loses its master."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(redis())
        second = stack.enter_context(redis("--replicaof", f"127.0.0.1 {first.port}"))
        linked = RedisCheck(**at(second), role=Role.REPLICA, replication_link=True)  # type: ignore[arg-type]
        while not outcome(linked)[0]:
            time.sleep(0.02)
        assert outcome(linked) == (True, "PONG from a replica")
        assert outcome(RedisCheck(**at(first), role=Role.MASTER)) == (True, "PONG from a master")  # type: ignore[arg-type]
        assert outcome(msgspec.structs.replace(linked, role=Role.MASTER)) == (False, "it is a replica, not a master")
        first.end()
        while outcome(linked)[0]:
            time.sleep(0.02)
        assert outcome(linked) == (False, 'it is a replica and its link to its master is "down"')
        assert outcome(msgspec.structs.replace(linked, replication_link=False))[0]
        down = outcome(RedisCheck(**at(first)))  # type: ignore[arg-type]
        assert down == (False, "connection refused")
