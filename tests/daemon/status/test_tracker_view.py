"""What the status says of tracked processes and their like."""

from __future__ import annotations

from typing import Any

import msgspec

from alived.base import NS_PER_S
from alived.cli.status import status_lines
from alived.config.model import Config
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.status import tracker_view
from alived.daemon.status.view import Clock
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import Tracked, TrackerKind, Tracking, TrackProcess, Weight
from tests.daemon.tracked_scripts import tracked

NOW = 100 * NS_PER_S
CLOCK = Clock(NOW, 1_000_000.0)
REASON = "process web: no processes nginx, at least 1 wanted"
KNOWN = [TrackerVerdict(TrackerKind.PROCESS, "web", False, REASON, NOW - 3 * NS_PER_S)]
SEEN = TrackerSnapshot(
    kind=TrackerKind.PROCESS,
    name="web",
    up=False,
    result="no processes nginx, at least 1 wanted",
    details=("the kernel tells what changes",),
    results=5,
    streak=2,
    looked_ns=NOW - 2 * NS_PER_S,
    next_run_ns=NOW + NS_PER_S,
)
SNAPSHOT = WorkerSnapshot(request_id=1, now_ns=NOW, scripts=(), trackers=(SEEN,))


def config() -> Config:
    known = tracked()
    tracking = Tracking(processes=(Tracked("web", Weight(-20)),))
    instance = msgspec.structs.replace(known.instances[0], tracking=tracking)
    return msgspec.structs.replace(
        known, instances=(instance,), track_processes=(TrackProcess(name="web", process="nginx"),)
    )


def test_the_verdict_who_acts_on_it_and_what_is_seen() -> None:
    (shown,) = tracker_view.trackers(config(), KNOWN, SNAPSHOT, CLOCK)
    assert shown == {
        "kind": "process",
        "name": "web",
        "result": "down",
        "reason": REASON,
        "value": None,
        "since": 999_997.0,
        "since_s": 3.0,
        "tracked_by": [{"name": "VI", "weight": -20, "reverse": False}],
        "seen": {
            "result": "no processes nginx, at least 1 wanted",
            "details": ["the kernel tells what changes"],
            "results": 5,
            "streak": 2,
            "age_s": 2.0,
            "next_run_s": 1.0,
        },
    }


def test_without_a_verdict_or_an_answer_it_is_unknown() -> None:
    (shown,) = tracker_view.trackers(config(), [], None, CLOCK)
    assert (shown["result"], shown["reason"], shown["since"], shown["seen"]) == ("unknown", "no result yet", None, None)


def test_what_nobody_tracks_is_not_shown() -> None:
    assert tracker_view.trackers(tracked(), KNOWN, SNAPSHOT, CLOCK) == []


def lines(snapshot: WorkerSnapshot | None) -> list[str]:
    status: dict[str, Any] = {"fresh": True, "receive_errors": {}, "virtual_servers": [], "cluster": None}
    groups = ("sync_groups", "instances", "raft_groups", "fences", "processes")
    keys = (*groups, "scripts", "checks", "combinations", "damping", "pipes", "notifications")
    status |= {key: [] for key in keys} | {"trackers": tracker_view.trackers(config(), KNOWN, snapshot, CLOCK)}
    return [line.replace("\x1b[0m", "") for line in status_lines(status)]


def test_for_people() -> None:
    told = lines(SNAPSHOT)
    assert f"for 3.0 s: {REASON}; tracked by VI (weight -20)" in told[0]
    assert told[1] == (
        "    last result 2.0 s ago: no processes nginx, at least 1 wanted, 2 times in a row; next look in 1.0 s"
    )
    assert told[2] == "    the kernel tells what changes"
    assert "the process that watches it does not answer" in lines(None)[1]


def test_what_has_not_looked_yet_says_nothing() -> None:
    fresh = TrackerSnapshot(kind=TrackerKind.PROCESS, name="web", up=None, result="")
    told = lines(WorkerSnapshot(request_id=1, now_ns=NOW, scripts=(), trackers=(fresh,)))
    assert not any("last result" in line for line in told)
