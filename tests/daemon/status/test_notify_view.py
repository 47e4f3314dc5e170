"""Receivers and pipes in `alived status --json`."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import NS_PER_S
from alived.daemon.shared.messages import NotifierSnapshot, WorkerSnapshot
from alived.daemon.status.notify_view import pipes, receivers
from alived.notify.outbox_events import LateSnapshot, OutboxSnapshot
from alived.notify.pipe_lines import PipeSnapshot

NOW_NS = 1000 * NS_PER_S
IDLE = OutboxSnapshot(
    name="chat",
    waiting=0,
    attempt=0,
    next_ns=None,
    delivered=7,
    refused=1,
    dropped=2,
    last_success_ns=NOW_NS - 65 * NS_PER_S,
    last_error="HTTP status 503",
    last_error_ns=NOW_NS - 90 * NS_PER_S,
    disk="",
)
LATE = LateSnapshot(recipient="b@example.com", waiting=2, attempt=3, next_ns=NOW_NS + NS_PER_S, last_error='"451 grey"')
PIPE = PipeSnapshot(
    keyword="notify_fifo",
    path="/run/x",
    open=True,
    waiting=3,
    dropped=0,
    script="/bin/cat",
    script_runs=True,
    script_starts=1,
)


def seen(**fields: object) -> NotifierSnapshot:
    target = msgspec.structs.replace(IDLE, **fields)
    return NotifierSnapshot(request_id=1, now_ns=NOW_NS, targets=(target,))


def test_a_receiver_says_what_went_well_and_wrong_last() -> None:
    assert receivers(seen(), None, 0) == [
        {
            "name": "chat",
            "state": "idle",
            "waiting": 0,
            "attempt": 0,
            "next_in_s": None,
            "delivered": 7,
            "refused": 1,
            "dropped": 2,
            "last_success_s": 65.0,
            "last_error": "HTTP status 503",
            "last_error_s": 90.0,
            "disk": "",
            "at_risk": 0,
            "late": [],
        }
    ]


@pytest.mark.parametrize(
    ("fields", "state", "next_in_s"),
    [
        ({"waiting": 0}, "idle", None),
        ({"waiting": 2, "attempt": 1}, "sending", None),
        ({"waiting": 2, "attempt": 1, "late": (LATE,)}, "failing", None),
        ({"waiting": 2, "attempt": 1, "next_ns": NOW_NS + NS_PER_S}, "failing", 1.0),
        ({"waiting": 2, "attempt": 4}, "failing", None),
        ({"waiting": 2, "attempt": 4, "next_ns": NOW_NS - 1}, "failing", 0.0),
    ],
)
def test_its_state(fields: dict[str, object], state: str, next_in_s: float | None) -> None:
    (found,) = receivers(seen(**fields), None, 0)
    assert (found["state"], found["next_in_s"]) == (state, next_in_s)


def test_of_a_notifier_that_does_not_answer_only_what_was_is_known() -> None:
    (found,) = receivers(None, seen(waiting=2), 0)
    assert (found["state"], found["waiting"]) == ("unknown", 2)
    assert receivers(None, None, 0) == []


def test_recipients_that_wait_alone() -> None:
    trying = msgspec.structs.replace(LATE, next_ns=None)
    (found,) = receivers(seen(waiting=2, late=(LATE, trying)), None, 0)
    later = {"recipient": "b@example.com", "waiting": 2, "attempt": 3, "next_in_s": 1.0, "last_error": '"451 grey"'}
    assert found["late"] == [later, later | {"next_in_s": None}]


def test_what_was_lost_on_the_way_is_dropped_too() -> None:
    assert receivers(seen(), None, 40)[0]["dropped"] == 42


def test_who_has_never_taken_anything_and_what_is_in_memory_only() -> None:
    (found,) = receivers(seen(last_success_ns=None, last_error_ns=None, disk="full", at_risk=3), None, 0)
    assert (found["last_success_s"], found["last_error_s"]) == (None, None)
    assert (found["disk"], found["at_risk"]) == ("full", 3)


def test_pipes_say_how_old_they_are() -> None:
    known = WorkerSnapshot(request_id=1, now_ns=NOW_NS, scripts=(), pipes=(PIPE,))
    (found,) = pipes(known, True)
    assert found == msgspec.structs.asdict(PIPE) | {"fresh": True}
    assert pipes(known, False)[0]["fresh"] is False
    assert pipes(None, False) == []
