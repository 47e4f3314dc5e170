"""`alived notify`, and what `alived status` says of receivers and pipes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.cli import asking
from alived.cli.notify import TEST_LIMIT_S, notify
from alived.cli.status import status
from tests.cli.stand_in import Daemon
from tests.cli.test_status import answer as status_answer

CHAT: dict[str, Any] = {
    "name": "chat",
    "state": "idle",
    "waiting": 0,
    "attempt": 0,
    "next_in_s": None,
    "delivered": 7,
    "refused": 0,
    "dropped": 0,
    "last_success_s": 65.5,
    "last_error": "",
    "last_error_s": None,
    "disk": "",
    "at_risk": 0,
    "late": [],
}
FAILING = CHAT | {
    "name": "mail",
    "state": "failing",
    "waiting": 3,
    "attempt": 2,
    "next_in_s": 1.5,
    "delivered": 0,
    "refused": 1,
    "dropped": 2,
    "last_success_s": None,
    "last_error": "connection refused",
    "last_error_s": 0.5,
    "disk": "/spool: No space left on device",
    "at_risk": 3,
}
PIPE: dict[str, Any] = {
    "keyword": "notify_fifo",
    "path": "/run/x",
    "open": True,
    "waiting": 0,
    "dropped": 0,
    "script": "",
    "script_runs": False,
    "script_starts": 0,
    "fresh": True,
}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon(status_answer()["result"])
    monkeypatch.setattr(asking, "ask", daemon.ask)
    return daemon


def run(*arguments: str) -> Result:
    return CliRunner().invoke(notify, arguments)


def test_receivers_and_their_troubles(daemon: Daemon) -> None:
    daemon.answer = status_answer(notifications=[CHAT, FAILING])
    result = run("--runtime-dir", "/r")
    assert daemon.asked[:3] == ("/r", "alived.sock", "status")
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "notify chat: idle, 0 waiting, last taken 65.5 s ago, 7 delivered",
            "notify mail: failing, 3 waiting, last taken never, 1 refused, 2 dropped",
            "    attempt 2 failed, again in 1.5 s: connection refused",
            "    3 of them in memory only",
            "    disk: /spool: No space left on device",
        ],
    )
    assert json.loads(run("--json").output) == [CHAT, FAILING]


def test_recipients_that_wait_alone_have_a_line_each(daemon: Daemon) -> None:
    grey = {"recipient": "b@x", "waiting": 2, "attempt": 3, "next_in_s": 4.0, "last_error": '"451 grey"'}
    new = {"recipient": "c@x", "waiting": 1, "attempt": 1, "next_in_s": None, "last_error": ""}
    daemon.answer = status_answer(notifications=[CHAT | {"state": "failing", "waiting": 2, "late": [grey, new]}])
    assert run().output.splitlines()[1:] == [
        '    b@x: 2 waiting for it alone, attempt 3, again in 4 s: "451 grey"',
        "    c@x: 1 waiting for it alone, attempt 1, being tried now",
    ]


def test_a_trouble_that_is_over_is_shown_as_such(daemon: Daemon) -> None:
    daemon.answer = status_answer(notifications=[CHAT | {"last_error": "HTTP status 503", "last_error_s": 90.0}])
    assert run().output.splitlines()[1:] == ["    last error 90 s ago: HTTP status 503"]


def test_nobody_is_told(daemon: Daemon) -> None:
    assert run().output == "nobody is told: there is no webhook and no mail server\n"


def test_no_daemon(daemon: Daemon) -> None:
    daemon.answer = NotRunning("alived is not running: /r/alived.sock is not there")
    for arguments in ((), ("test", "chat")):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "alived is not running" in result.output


@pytest.mark.parametrize(
    ("answered", "exit_code", "line"),
    [
        ({"ok": True, "result": {"text": "HTTP status 200"}, "error": ""}, 0, "chat: taken: HTTP status 200"),
        (
            {"ok": False, "result": {"text": "HTTP status 401"}, "error": "HTTP status 401"},
            1,
            "chat: not taken: HTTP status 401",
        ),
        ({"ok": False, "result": None, "error": "there is no 'chat'"}, 1, "chat: not taken: there is no 'chat'"),
    ],
)
def test_a_test_message(daemon: Daemon, answered: dict[str, Any], exit_code: int, line: str) -> None:
    daemon.answer = answered
    result = run("test", "chat", "--runtime-dir", "/r")
    assert (result.exit_code, result.output) == (exit_code, f"{line}\n")
    assert daemon.asked == ("/r", "alived.sock", "notify-test", {"name": "chat"}, TEST_LIMIT_S)
    machine = run("test", "chat", "--json")
    text = line.rpartition("taken: ")[2]
    assert (machine.exit_code, json.loads(machine.output)) == (
        exit_code,
        {"name": "chat", "ok": not exit_code, "text": text},
    )


def test_status_shows_pipes_and_receivers(daemon: Daemon) -> None:
    ill = PIPE | {
        "keyword": "lvs_notify_fifo",
        "open": False,
        "waiting": 1000,
        "dropped": 5,
        "script": "/r.sh",
        "script_starts": 4,
        "fresh": False,
    }
    daemon.answer = status_answer(pipes=[PIPE, ill], notifications=[CHAT])
    lines = CliRunner().invoke(status, []).output.splitlines()
    assert "notify_fifo /run/x: open" in lines
    assert (
        "lvs_notify_fifo /run/x: not open, 1000 lines wait, 5 lines dropped; /r.sh does not run, started 4 times"
        " (the worker does not answer: old)"
    ) in lines
    assert "notify chat: idle, 0 waiting, last taken 65.5 s ago, 7 delivered" in lines
