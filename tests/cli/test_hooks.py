"""`alived hooks`: what people and programs see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.cli import asking
from alived.cli.hooks import hooks
from tests.cli.stand_in import Daemon

RUN: dict[str, Any] = {
    "time": 1000.25,
    "run": 3,
    "kind": "RAFT",
    "name": "web",
    "label": "ToMaster",
    "program": "/m",
    "event_id": "x-1",
    "trigger": "elected",
    "by_hand": False,
    "attempt": 1,
    "duration_ms": 12,
    "ok": True,
    "failure": "",
    "exit_status": 0,
    "output": ["bound", "announced"],
}
FAILED = RUN | {"ok": False, "failure": "ended with status 4", "exit_status": 4, "attempt": 2, "by_hand": True}
HOOK: dict[str, Any] = {
    "kind": "RAFT",
    "name": "web",
    "label": "ToMaster",
    "command": ["/m", "arg"],
    "user": "root",
    "timeout_s": 10.0,
    "on_failure": "retry",
    "retries": 3,
    "pinned": True,
    "due": True,
    "runs": 2,
    "failures": 1,
    "duration_s": 0.5,
    "last": RUN,
}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    daemon = Daemon([])
    monkeypatch.setattr(asking, "ask", daemon.ask)
    yield daemon
    monkeypatch.undo()
    time.tzset()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(hooks, arguments)


def test_hooks_by_object(daemon: Daemon) -> None:
    ready = HOOK | {
        "kind": "", "name": "", "label": "ToReady", "command": ["/r"], "user": "", "on_failure": "continue",
        "retries": 0, "pinned": False, "due": False, "last": None,
    }  # fmt: skip
    notify = {"kind": "RAFT", "name": "web", "label": "notify", "command": ["/n"], "runs": 1, "failures": 0}
    daemon.says([ready, HOOK, notify | {"duration_s": 0.012, "last": FAILED}])
    result = run("--runtime-dir", "/r")
    assert daemon.asked[:3] == ("/r", "alived.sock", "hooks")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "the daemon itself",
        "    ToReady  /r  (continue, within 10 s)",
        "        has not run",
        "web (RAFT)",
        "    ToMaster  /m arg  (retry 3 times, within 10 s, as root, pinned) due, runs or waits",
        "        2 runs, 1 failed, 0.5 s in all; the last at 1970-01-01 00:16:40.250: ok after 12 ms, exit status 0",
        "    notify  /n",
        "        1 run, 0.012 s in all; the last at 1970-01-01 00:16:40.250: "
        "ended with status 4 after 12 ms, exit status 4",
    ]


def test_none(daemon: Daemon) -> None:
    assert run().output == "no hooks are configured, and no notify script has run\n"


def test_history(daemon: Daemon) -> None:
    unnamed = RUN | {"name": "", "label": "ToReady", "trigger": "", "output": []}
    daemon.says([unnamed, FAILED])
    result = run("history", "-n", "5")
    assert daemon.asked[2:4] == ("hooks-history", {"count": 5})
    assert result.output.splitlines() == [
        "1970-01-01 00:16:40.250  the daemon  ToReady[3]  ok after 12 ms, exit status 0",
        "1970-01-01 00:16:40.250  web  ToMaster[3] by hand (attempt 2)  "
        "ended with status 4 after 12 ms, exit status 4: elected",
        "    bound",
        "    announced",
    ]


def test_json(daemon: Daemon) -> None:
    daemon.says([HOOK])
    assert json.loads(run("--json").output) == [HOOK]
    daemon.says([RUN])
    assert json.loads(run("history", "--json").output) == [RUN]
    daemon.says({"name": "web", "event": "ToMaster", "ok": False, "reason": "r", "runs": [FAILED]})
    result = run("run", "ToMaster", "--json")
    assert (result.exit_code, json.loads(result.output)["runs"]) == (1, [FAILED])


@pytest.mark.parametrize(("ran", "ok", "status"), [(RUN, True, 0), (FAILED, False, 1)])
def test_run_shows_output_and_exit_status(daemon: Daemon, ran: dict[str, Any], ok: bool, status: int) -> None:
    daemon.says({"name": "web", "event": "ToMaster", "ok": ok, "reason": "", "runs": [ran]})
    result = run("run", "on-master.sh", "--group", "web", "--event", "ToMaster")
    assert daemon.asked[2:4] == ("hooks-run", {"hook": "on-master.sh", "group": "web", "event": "ToMaster"})
    assert result.exit_code == status
    end = "ok after 12 ms, exit status 0" if ok else "ended with status 4 after 12 ms, exit status 4"
    assert result.output.splitlines() == ["bound", "announced", f"ToMaster of web: {end}"]


def test_run_that_did_not_start(daemon: Daemon) -> None:
    refused = RUN | {"ok": False, "failure": "could not be started: /m is not executable", "exit_status": None}
    daemon.says({"name": "", "event": "ToReady", "ok": False, "reason": "", "runs": [refused | {"output": []}]})
    result = run("run", "ToReady")
    assert result.output == "ToReady of the daemon: could not be started: /m is not executable after 12 ms\n"


def test_run_that_was_superseded(daemon: Daemon) -> None:
    daemon.says({"name": "web", "event": "ToMaster", "ok": False, "reason": "superseded by ToSlave", "runs": []})
    result = run("run", "ToMaster")
    assert (result.exit_code, result.output) == (1, "ToMaster of web did not run: superseded by ToSlave\n")


@pytest.mark.parametrize(
    "answer", [{"ok": False, "result": None, "error": "no such hook"}, NotRunning("no alived runs")]
)
@pytest.mark.parametrize("arguments", [(), ("history",), ("run", "ToMaster")])
def test_refusals(daemon: Daemon, answer: dict[str, Any] | Exception, arguments: tuple[str, ...]) -> None:
    daemon.answer = answer
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.output in ("Error: no such hook\n", "Error: no alived runs\n")


def test_it_is_a_command_of_alived() -> None:
    from alived.cli.main import main

    assert isinstance(main, click.Group)
    assert main.get_command(click.Context(main), "hooks") is hooks
