"""Life and death of the parent and its children, as real processes with a fake engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.daemon.processes import PATIENCE_S, Daemon, eventually, is_alive, make_config


def test_sigterm_ends_all_and_releases_what_was_bound(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1", "VI_2"))
    assert daemon.bound() == ["VI_1", "VI_2"]
    pids = [daemon.pid_of("engine"), daemon.pid_of("worker")]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert daemon.bound() == []
    assert not any(map(is_alive, pids))
    assert "VI_2: MASTER -> INIT: a fake decision" in daemon.log()
    assert not (daemon.run_dir / "alived.sock").exists()
    assert not (daemon.run_dir / "alived.pid").exists()


@pytest.mark.parametrize("role", ["engine", "worker"])
def test_a_killed_child_is_replaced(daemon: Daemon, role: str) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    reaped = daemon.reaped()
    old = daemon.pid_of(role)
    os.kill(old, signal.SIGKILL)
    new = eventually(lambda: (pid := daemon.pid_of(role)) != old and pid, "another child")
    status = daemon.processes()[role]
    assert status["restarts"] == 1
    assert "killed by signal 9" in status["last_death"]
    assert daemon.reaped() == reaped + (role == "engine")
    assert f"the {role} was killed by signal 9 (Killed); it is started again at once" in daemon.log()
    assert is_alive(new)


def test_a_dead_engine_is_reaped_before_its_successor_starts(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    os.kill(daemon.pid_of("engine"), signal.SIGKILL)
    eventually(lambda: " removed VI_1" in daemon.log(), "the leftover is removed")
    eventually(lambda: daemon.bound() == ["VI_1"], "the next engine binds it again")


def test_a_child_that_dies_again_and_again_is_started_at_a_slower_pace(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    for _ in range(2):
        pid = daemon.pid_of("engine")
        daemon.order("exit")
        eventually(lambda old=pid: not is_alive(old), "the engine ends")
    eventually(lambda: "ended with status 3; it is started again in 1 s" in daemon.log(), "the second restart waits")
    eventually(lambda: daemon.processes()["engine"]["state"] == "running", "and then it runs")


def test_the_log_has_the_trace_of_a_crash(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    engine = daemon.pid_of("engine")
    daemon.order("crash")
    eventually(lambda: "RuntimeError: ordered to crash" in daemon.log(), "the trace is logged")
    assert f"ERROR engine[{engine}] this is a defect, please report it:\nTraceback" in daemon.log()
    eventually(lambda: daemon.processes()["engine"]["restarts"] == 1, "it is replaced")


def test_an_engine_that_hangs_is_killed_and_reaped(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1", advert_interval_cs=10))
    daemon.order("hang")
    eventually(lambda: "gave no sign of life for" in daemon.log(), "the hang is seen")
    eventually(lambda: daemon.processes()["engine"]["state"] == "running", "it is replaced")


def test_while_the_engine_is_stopped_its_states_are_unknown(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    fresh = daemon.ask("status")["result"]
    assert fresh["fresh"] and fresh["age_ms"] < PATIENCE_S * 1000
    engine = daemon.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)
    stale = daemon.ask("status")["result"]
    assert not stale["fresh"]
    assert stale["age_ms"] >= 300
    eventually(lambda: not is_alive(engine), "a frozen engine is killed")


def test_a_parent_that_was_stopped_does_not_blame_its_children(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1", advert_interval_cs=10))
    pids = daemon.pid_of("engine"), daemon.pid_of("worker")
    daemon.signal(signal.SIGSTOP)
    time.sleep(2.5)  # longer than the limit of this engine, which is 1 s
    daemon.signal(signal.SIGCONT)
    time.sleep(1)
    assert (daemon.pid_of("engine"), daemon.pid_of("worker")) == pids


def test_children_of_a_killed_parent_clean_up_and_end(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    pids = [daemon.pid_of("engine"), daemon.pid_of("worker")]
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    eventually(lambda: not any(map(is_alive, pids)), "the children end")
    assert daemon.bound() == []


def test_a_hung_orphan_ends_too(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    engine = daemon.pid_of("engine")
    daemon.order("hang")
    eventually(lambda: not (daemon.run_dir / "orders" / "hang").exists(), "it hangs")
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    eventually(lambda: not is_alive(engine), "its own alarm ends it")


def test_a_frozen_orphan_is_killed_by_the_next_daemon(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    engine = daemon.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    (daemon.directory / "log").unlink()
    daemon.start_and_wait(make_config("VI_1"))
    assert not is_alive(engine)
    assert daemon.bound() == ["VI_1"]


def test_an_engine_that_does_not_stop_is_killed_and_reaped(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.order("stuck")
    eventually(lambda: not (daemon.run_dir / "orders" / "stuck").exists(), "it will not stop")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert daemon.bound() == []
    assert "did not end in time" in daemon.log()


def test_signals_of_a_service_manager_do_not_end_a_child(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    pids = daemon.pid_of("engine"), daemon.pid_of("worker")
    for pid in pids:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, signum)
    assert (daemon.pid_of("engine"), daemon.pid_of("worker")) == pids


def test_a_second_daemon_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    command = [sys.executable, "-m", "tests.daemon.fake_daemon", "--config", str(daemon.config)]
    second = subprocess.run([*command, "--runtime-dir", str(daemon.run_dir)], capture_output=True, timeout=PATIENCE_S)
    assert second.returncode == 1
    assert daemon.process is not None
    assert f"another alived (pid {daemon.process.pid}) runs with the runtime directory".encode() in second.stderr
    assert daemon.bound() == ["VI_1"]
    assert daemon.ask("version")["ok"]
