"""Verdicts of checks on their way through the processes, and through their deaths."""

from __future__ import annotations

import os
import signal
from typing import Any

import msgspec
import pytest

from tests.daemon.checked import checking, listening, tcp, unused_port
from tests.daemon.processes import Daemon, eventually


def configuration(port: int, **fields: Any) -> str:
    return msgspec.json.encode(checking(web=tcp(port, 50, **fields))).decode()


def heard(daemon: Daemon) -> list[str]:
    """By the engine, in its order."""
    path = daemon.run_dir / "verdicts"
    return path.read_text().splitlines() if path.exists() else []


def shown(daemon: Daemon) -> dict[str, Any]:
    (check,) = daemon.ask("status")["result"]["checks"]
    assert isinstance(check, dict)
    return check


@pytest.mark.parametrize("options", [(), ("--single",)], ids=["processes", "single"])
def test_changes_reach_the_engine(daemon: Daemon, options: tuple[str, ...]) -> None:
    port = unused_port()
    daemon.start(configuration(port), *options)
    eventually(lambda: heard(daemon) == ["down: check web failed: connection refused"], "it is down")
    with listening(port):
        eventually(lambda: heard(daemon)[1:] == ["up: check web succeeded: connected"], "it is up")
        assert shown(daemon)["result"] == "up"
        assert shown(daemon)["probes"]["last"]["reason"] == "connected"


def test_a_dead_worker_changes_nothing(daemon: Daemon) -> None:
    with listening() as port:
        daemon.start_and_wait(configuration(port))
        eventually(lambda: heard(daemon), "it is up")
        os.kill(daemon.pid_of("worker"), signal.SIGKILL)
        eventually(lambda: daemon.processes()["worker"]["restarts"] == 1, "another worker")
        eventually(lambda: (shown(daemon)["probes"] or {}).get("streak", 0) > 3, "it asks")
        assert heard(daemon) == ["up: check web succeeded: connected"]


def test_a_failed_check_stays_failed_until_it_has_risen_whoever_dies(daemon: Daemon) -> None:
    port = unused_port()
    daemon.start_and_wait(configuration(port, rise=3))
    eventually(lambda: heard(daemon), "it is down")
    os.kill(daemon.pid_of("worker"), signal.SIGKILL)
    with listening(port):
        eventually(lambda: len(heard(daemon)) == 2, "it is up")
    assert heard(daemon)[1] == "up: check web succeeded 3 times in a row: connected"


def test_it_is_performed_by_hand(daemon: Daemon) -> None:
    with listening() as port:
        daemon.start_and_wait(configuration(port))
        answer = daemon.ask("check-run", name="web")
        assert answer["ok"]
        assert answer["result"]["stages"][0]["reason"] == "connected"
        assert daemon.ask("check-run", name="x")["error"] == "there is no check 'x'; there are: web"
