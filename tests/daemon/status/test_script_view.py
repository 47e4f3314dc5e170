"""What the status says of tracked scripts."""

from __future__ import annotations

from typing import Any

import click

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.cli.status import status_lines
from alived.cli.status_trackers import script_lines
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.shared.tracked import tracked_scripts, trackers_of
from alived.daemon.status import script_view
from alived.daemon.status.view import Clock
from alived.health.script_events import RunEnded
from alived.health.script_tracker import ScriptTracker
from alived.health.trackers_config import TrackerKind, Weight
from tests.daemon.tracked_scripts import shell, tracked

NOW = 100 * NS_PER_S
CLOCK = Clock(NOW, 1_000_000.0)
SCRIPT = shell("true", interval_ms=2000, fall=2)
CONFIG = tracked(SCRIPT)
KNOWN = [TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "script chk failed: exit 1", NOW - 3 * NS_PER_S)]


def snapshot() -> WorkerSnapshot:
    began_ns = NOW - 3 * NS_PER_S
    tracker = ScriptTracker(SCRIPT, began_ns)
    tracker.step(DeadlineReached(), began_ns)
    tracker.step(RunEnded(1, 1, ("no connection",)), began_ns + 30 * NS_PER_MS)
    tracker.step(DeadlineReached(), NOW - NS_PER_S)
    return WorkerSnapshot(request_id=1, now_ns=NOW, scripts=(tracker.snapshot(),))


def test_the_verdict_who_acts_on_it_and_the_runs() -> None:
    (script,) = script_view.scripts(CONFIG, KNOWN, snapshot(), CLOCK)
    assert (script["name"], script["result"], script["reason"]) == ("chk", "down", "script chk failed: exit 1")
    assert script["tracked_by"] == [{"name": "VI", "weight": 0, "reverse": False}]
    assert (script["interval_s"], script["timeout_s"], script["rise"], script["fall"]) == (2.0, 10.0, 1, 2)
    assert (script["since"], script["since_s"]) == (999_997.0, 3.0)
    assert script["runs"] == {
        "last_success": False,
        "last_result": "exit 1",
        "last_age_s": 2.97,
        "exit_status": 1,
        "output": ["no connection"],
        "took_ms": 30,
        "streak": 1,
        "count": 2,
        "overlaps": 0,
        "running_s": 1.0,
        "next_run_s": 1.0,
    }


def test_before_the_first_result_and_without_an_answer_it_is_unknown() -> None:
    (script,) = script_view.scripts(CONFIG, [], None, CLOCK)
    assert (script["result"], script["reason"], script["runs"]) == ("unknown", "no result yet", None)


def test_for_people() -> None:
    status: dict[str, Any] = {"fresh": True, "receive_errors": {}, "virtual_servers": [], "cluster": None}
    groups = ("sync_groups", "instances", "raft_groups", "fences", "processes")
    keys = (*groups, "trackers", "checks", "combinations", "damping", "pipes", "notifications")
    status |= {key: [] for key in keys}
    lines = list(status_lines(status | {"scripts": script_view.scripts(CONFIG, KNOWN, snapshot(), CLOCK)}))
    plain = [line.replace("\x1b[0m", "") for line in lines]
    assert "for 3.0 s: script chk failed: exit 1; tracked by VI" in plain[0]
    said = "exit 1 3.0 s ago (took 30 ms); runs for 1.0 s, next run in 1.0 s"
    assert click.unstyle(plain[1]) == f"    /bin/sh -c true as root every 2 s: {said}"
    assert plain[2] == "    output: no connection"
    silent = list(status_lines(status | {"scripts": script_view.scripts(CONFIG, KNOWN, None, CLOCK)}))
    assert "the process that runs it does not answer" in silent[1]


def lines_of(script: ScriptTracker) -> list[str]:
    shown = WorkerSnapshot(request_id=1, now_ns=NOW, scripts=(script.snapshot(),))
    (view,) = script_view.scripts(CONFIG, KNOWN, shown, CLOCK)
    return [click.unstyle(line).strip() for line in script_lines(view)]


def test_one_that_takes_too_long() -> None:
    """Its command, how its run went, how its process ended, and the runs that it left out."""
    script = ScriptTracker(SCRIPT, NOW - 16 * NS_PER_S)
    for second in range(16, 6, -2):
        script.step(DeadlineReached(), NOW - second * NS_PER_S)
    assert lines_of(script)[1:] == [
        "/bin/sh -c true as root every 2 s: runs for 16.0 s, next run in 0.0 s",
        "4 times it still ran when its next run was due, and no second one was started",
    ]
    script.step(DeadlineReached(), NOW - 6 * NS_PER_S)
    timed_out = "/bin/sh -c true as root every 2 s: timed out after 10 s"
    assert lines_of(script)[1] == f"{timed_out} 6.0 s ago (took 10000 ms); runs for 16.0 s, next run in 0.0 s"
    script.step(RunEnded(1, -15, ("waiting for a lock",)), NOW - 5 * NS_PER_S)
    assert lines_of(script)[1:3] == [
        f"{timed_out}, then killed by signal 15 6.0 s ago (took 11000 ms); runs for 5.0 s, next run in 0.0 s",
        "output: waiting for a lock",
    ]


def test_groups_track_and_what_nobody_tracks_does_not_run() -> None:
    config = tracked(shell("true", "one"), by_group=True)
    assert trackers_of(config) == {"script one": [("VG", Weight())]}
    assert list(tracked_scripts(tracked())) == []
    assert list(tracked_scripts(config)) == ["one"]
