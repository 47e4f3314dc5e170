"""Hooks through real processes: the daemon's own, those of an owner, and deaths in between."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.hooks.config import Hook, HookEvent, OnFailure, Script
from tests.daemon.processes import Daemon, eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="scripts are started by root")

READY, DESTROY, MASTER, SLAVE = HookEvent.TO_READY, HookEvent.TO_DESTROY, HookEvent.TO_MASTER, HookEvent.TO_SLAVE
ENGINES = pytest.mark.parametrize("options", [(), ("--single",)], ids=["processes", "single"])


class Hooks:
    """Scripts in a directory, and a file where they leave their traces."""

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o755)
        self.directory = directory
        self.trace = directory / "trace"
        self._hooks: list[Hook] = []

    def add(self, event: HookEvent, text: str, on_failure: OnFailure = OnFailure.CONTINUE) -> None:
        path = self.directory / f"{event}.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        script = Script(argv=(str(path),), user="root", timeout_ns=60 * NS_PER_S)
        self._hooks.append(Hook(event=event, script=script, on_failure=on_failure))

    def note(self, event: HookEvent, before: str = "", on_failure: OnFailure = OnFailure.CONTINUE) -> None:
        self.add(event, f"{before}\necho $ALIVED_EVENT >> {self.trace}", on_failure)

    @property
    def config(self) -> str:
        return msgspec.json.encode(Config(hooks=tuple(self._hooks))).decode()

    def seen(self) -> list[str]:
        return self.trace.read_text().splitlines() if self.trace.exists() else []


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(tmp_path)


def outcomes(daemon: Daemon) -> list[str]:
    """What the engine heard."""
    path = daemon.run_dir / "outcomes"
    return path.read_text().splitlines() if path.exists() else []


@ENGINES
def test_ready_once_and_destroy_after_all_others(daemon: Daemon, hooks: Hooks, options: tuple[str, ...]) -> None:
    hooks.note(READY)
    hooks.note(SLAVE, "sleep 0.3")
    hooks.note(DESTROY)
    daemon.start_and_wait(hooks.config, *options)
    eventually(lambda: hooks.seen() == ["ToReady"], "the hook of the start ran")
    daemon.order("lose")
    eventually(lambda: not (daemon.run_dir / "orders" / "lose").exists(), "the engine obeyed")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert hooks.seen() == ["ToReady", "ToSlave", "ToDestroy"]


@ENGINES
def test_the_engine_is_answered(daemon: Daemon, hooks: Hooks, options: tuple[str, ...]) -> None:
    hooks.note(MASTER, "exit 4", OnFailure.ABORT)
    daemon.start_and_wait(hooks.config, *options)
    daemon.order("take")
    eventually(lambda: len(outcomes(daemon)) == 2, "an answer")
    ready, master = outcomes(daemon)
    assert ready == "ToReady 1: ok", "nobody owns before, be there a hook or not"
    assert master.startswith("ToMaster 7: ToMaster ended with status 4 (")


def test_a_start_whose_hook_aborts_ends_the_daemon(daemon: Daemon, hooks: Hooks) -> None:
    hooks.note(READY, "exit 1", OnFailure.ABORT)
    daemon.start(hooks.config)
    assert daemon.wait() == 0
    assert "its on_failure says abort: ToReady ended with status 1" in daemon.log()


def test_a_hook_that_kills_its_worker_runs_in_the_next_one_and_fails_at_last(daemon: Daemon, hooks: Hooks) -> None:
    hooks.note(MASTER, "kill -9 $PPID; sleep 1000", OnFailure.ABORT)
    daemon.start_and_wait(hooks.config)
    daemon.order("take")
    given_up = "ToMaster 7: outlived 3 of the processes that run hooks"
    eventually(lambda: outcomes(daemon) == ["ToReady 1: ok", given_up], "an answer")
    assert "ToMaster of VI_1 outlived 3 workers: given up" in daemon.log()
    assert hooks.seen() == []


def test_what_lets_go_runs_in_the_next_worker(daemon: Daemon, hooks: Hooks) -> None:
    flag = hooks.directory / "killed"
    hooks.note(SLAVE, f"test -e {flag} || {{ touch {flag}; kill -9 $PPID; sleep 1000; }}")
    daemon.start_and_wait(hooks.config)
    daemon.order("lose")
    eventually(lambda: hooks.seen() == ["ToSlave"], "it ran to its end")


def test_destroy_may_take_longer_than_a_worker_without_hooks(daemon: Daemon, hooks: Hooks) -> None:
    hooks.note(DESTROY, "sleep 6")
    daemon.start_and_wait(hooks.config)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert hooks.seen() == ["ToDestroy"]


@ENGINES
def test_by_hand_with_output_and_exit_status(daemon: Daemon, hooks: Hooks, options: tuple[str, ...]) -> None:
    hooks.add(DESTROY, "echo $ALIVED_BY_HAND $ALIVED_EVENT; exit 5")
    daemon.start_and_wait(hooks.config, *options)
    result = daemon.ask("hooks-run", hook="ToDestroy")["result"]
    assert (result["ok"], [run["output"] for run in result["runs"]]) == (False, [["1 ToDestroy"]])
    (run,) = daemon.ask("hooks-history")["result"]
    assert (run["exit_status"], run["by_hand"], run["trigger"]) == (5, True, "run by hand")
    assert daemon.ask("status")["result"]["hooks"]["ToDestroy"]["failures"] == 1


def test_runs_are_remembered_when_their_worker_is_dead(daemon: Daemon, hooks: Hooks) -> None:
    hooks.note(READY)
    daemon.start_and_wait(hooks.config)
    eventually(lambda: daemon.ask("hooks-history")["result"], "it ran")
    os.kill(daemon.pid_of("worker"), signal.SIGKILL)
    eventually(lambda: daemon.processes()["worker"]["restarts"] == 1, "another worker")
    (hook,) = daemon.ask("hooks")["result"]
    assert (hook["label"], hook["runs"], hook["last"]["ok"]) == ("ToReady", 1, True)
