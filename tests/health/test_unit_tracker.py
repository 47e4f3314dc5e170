"""Units of systemd: what it says of them, and what that means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.tracker_events import TrackerJudged
from alived.health.trackers_config import TrackUnit
from alived.health.unit_tracker import (
    ANSWER_HOLDS_NS,
    UnitReconfigured,
    UnitShown,
    UnitTracker,
    UnitUnknown,
    parse_show,
)

NGINX = TrackUnit(name="web", unit="nginx.service")


def shown(active: str, sub: str = "", result: str = "success", load: str = "loaded") -> UnitShown:
    return UnitShown({"ActiveState": active, "SubState": sub, "Result": result, "LoadState": load})


@pytest.mark.parametrize(
    ("event", "up", "reason"),
    [
        (shown("active", "running"), True, "is active (running)"),
        (shown("reloading", "reload"), True, "is reloading (reload)"),
        (shown("activating", "auto-restart", "exit-code"), False, "is activating (exit-code)"),
        (shown("failed", "failed", "oom-kill"), False, "is failed (oom-kill)"),
        (shown("inactive", "dead"), False, "is inactive (dead)"),
        (shown("inactive", "dead", load="not-found"), False, "is inactive: systemd says not-found"),
        (UnitShown({"ActiveState": "active"}), True, "is active"),
        (UnitUnknown("systemctl did not answer in 5 s"), False, "is unknown: systemctl did not answer in 5 s"),
    ],
)
def test_what_counts_as_up(event: UnitShown | UnitUnknown, up: bool, reason: str) -> None:
    assert UnitTracker(NGINX).step(event, 1) == [TrackerJudged(up, f"unit web: nginx.service {reason}", True)]


def test_rise_and_fall_count_answers_in_a_row() -> None:
    tracker = UnitTracker(TrackUnit(name="web", unit="nginx.service", rise=2, fall=2))
    up, down = shown("active"), shown("failed")
    assert [one.up for one in tracker.step(up, 1)] == [True]
    assert tracker.step(down, 2) == []
    assert [one.up for one in tracker.step(down, 3)] == [False]
    assert tracker.step(up, 4) == []
    assert [one.up for one in tracker.step(up, 5)] == [True]
    assert tracker.step(up, 6) == []
    assert (tracker.snapshot().streak, tracker.snapshot().results, tracker.snapshot().looked_ns) == (3, 6, 6)


def test_what_was_known_is_confirmed_and_a_reload_keeps_it() -> None:
    tracker = UnitTracker(NGINX, known=True)
    assert [(one.up, one.news) for one in tracker.step(shown("active"), 1)] == [(True, False)]
    assert tracker.step(UnitReconfigured(TrackUnit(name="web", unit="httpd.service", fall=2)), 2) == []
    assert tracker.step(shown("failed"), 3) == []
    (judged,) = tracker.step(shown("failed"), 4)
    assert judged.reason == "unit web: httpd.service is failed"


def test_a_systemd_that_starts_itself_anew_says_nothing_about_units_that_are_up() -> None:
    tracker, silent = UnitTracker(NGINX), UnitUnknown("systemctl says nothing")
    assert tracker.step(shown("active"), 0)[0].up
    assert tracker.step(silent, 1) == []
    assert tracker.step(silent, ANSWER_HOLDS_NS) == []
    unknown = "nginx.service is unknown: systemctl says nothing"
    assert tracker.snapshot().result == f"{unknown}; what was known before holds for 10 s"
    assert tracker.snapshot().looked_ns == 0
    assert tracker.step(shown("active"), ANSWER_HOLDS_NS + 1) == []
    assert tracker.step(silent, ANSWER_HOLDS_NS + 2) == [], "counted anew"
    assert tracker.step(silent, 2 * ANSWER_HOLDS_NS + 2) == [TrackerJudged(False, f"unit web: {unknown}", True)]
    assert tracker.step(shown("inactive", "dead"), 2 * ANSWER_HOLDS_NS + 3) == []
    assert tracker.step(silent, 2 * ANSWER_HOLDS_NS + 4) == []
    assert tracker.snapshot().result == unknown, "nothing holds of what was down"


def test_what_systemctl_prints() -> None:
    lines = ["Id=a.service", "ActiveState=active", "", "Id=b.target", "ActiveState=x=y", "nonsense"]
    assert parse_show(lines) == [
        {"Id": "a.service", "ActiveState": "active"},
        {"Id": "b.target", "ActiveState": "x=y"},
    ]
    assert parse_show(["System has not been booted with systemd"]) == []


@given(st.lists(st.text(max_size=30), max_size=30))
def test_whatever_it_prints_there_are_no_more_units_than_lines(lines: list[str]) -> None:
    assert len(parse_show(lines)) <= len(lines)
