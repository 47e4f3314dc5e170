"""Verdicts of tracked scripts on their way from the worker by the parent to the engine, through deaths of both."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import msgspec
import pytest

from tests.daemon.processes import Daemon, eventually
from tests.daemon.tracked_scripts import shell, tracked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="scripts are started by root")


def configuration(text: str) -> str:
    return msgspec.json.encode(tracked(shell(text, interval_ms=50))).decode()


def heard(daemon: Daemon) -> list[str]:
    """By the engine, in its order."""
    path = daemon.run_dir / "verdicts"
    return path.read_text().splitlines() if path.exists() else []


def test_a_verdict_reaches_the_engine_once_and_the_next_engine_too(daemon: Daemon) -> None:
    daemon.start_and_wait(configuration("exit 3"))
    down = "down: script chk failed: exit 3"
    eventually(lambda: heard(daemon) == [down], "the engine hears it")
    os.kill(daemon.pid_of("engine"), signal.SIGKILL)
    eventually(lambda: heard(daemon) == [down, down], "the next engine hears it")


@pytest.mark.parametrize("options", [(), ("--single",)], ids=["processes", "single"])
def test_changes_reach_the_engine(daemon: Daemon, tmp_path: Path, options: tuple[str, ...]) -> None:
    flag = tmp_path / "bad"
    daemon.start(configuration(f"test ! -e {flag}"), *options)
    eventually(lambda: heard(daemon) == ["up: script chk succeeded"], "it is up")
    flag.touch()
    eventually(lambda: heard(daemon)[1:] == ["down: script chk failed: exit 1"], "it is down")


def test_a_dead_worker_changes_nothing(daemon: Daemon) -> None:
    daemon.start_and_wait(configuration("exit 0"))
    eventually(lambda: heard(daemon), "it is up")
    os.kill(daemon.pid_of("worker"), signal.SIGKILL)
    eventually(lambda: daemon.processes()["worker"]["restarts"] == 1, "another worker")
    eventually(lambda: daemon.log().count("ready") and daemon.processes()["worker"]["state"] == "running", "it runs")
    assert heard(daemon) == ["up: script chk succeeded"]


def test_a_script_that_kills_every_worker_does_not_stay_up(daemon: Daemon, tmp_path: Path) -> None:
    flag = tmp_path / "bad"
    config = tracked(shell(f"test ! -e {flag} || kill -9 $PPID", interval_ms=50, timeout_ms=1000))
    daemon.start_and_wait(msgspec.json.encode(config).decode())
    eventually(lambda: heard(daemon) == ["up: script chk succeeded"], "it is up")
    flag.touch()
    eventually(lambda: len(heard(daemon)) > 1, "nobody has confirmed it for too long")
    lost = re.match(r"down: script chk was not checked for ([\d.]+) s: ", heard(daemon)[1])
    assert lost and float(lost[1]) >= 5
    flag.unlink()
    eventually(lambda: heard(daemon)[2:] == ["up: script chk succeeded"], "a worker that lives checks it again")
