"""What a file says, and what becomes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.file_tracker import (
    HIGHEST,
    LOWEST,
    FileEffect,
    FileRead,
    FileReconfigured,
    FileTracker,
    FileUnreadable,
)
from alived.health.tracker_events import TrackerJudged, TrackerNoticed
from alived.health.trackers_config import TrackFile

LOAD = TrackFile(name="load", path="/run/load")


def judged(effects: list[FileEffect]) -> list[tuple[int | None, bool]]:
    return [(one.value, one.news) for one in effects if isinstance(one, TrackerJudged)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5\n", 5),
        (" \t\n-12 and more", -12),
        ("+7", 7),
        ("0x1F", 31),
        ("-0xff", -255),
        ("010", 8),
        ("08", 0),
        ("0xg", 0),
        ("0", 0),
        ("1e3", 1),
        ("2147483648", 1 << 31),
        ("-2147483648", -(1 << 31)),
    ],
)
def test_numbers_are_read_as_keepalived_does(text: str, value: int) -> None:
    (effect,) = FileTracker(LOAD).step(FileRead(text.encode()), 1)
    assert effect == TrackerJudged(True, f"file load: /run/load says {value}", True, value)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (FileRead(b""), "is empty, which counts as 0"),
        (FileRead(b" \n"), "is empty, which counts as 0"),
        (FileUnreadable("is missing", expected=True), "is missing, which counts as 0"),
    ],
)
def test_nothing_counts_as_0(event: FileRead | FileUnreadable, said: str) -> None:
    assert FileTracker(LOAD).step(event, 1) == [TrackerJudged(True, f"file load: /run/load {said}", True, 0)]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (FileRead(b"high load\n1"), "says 'high load', which is no number and counts as 0"),
        (FileRead(b"x" * 127), f"says '{'x' * 20}'..., which is no number and counts as 0"),
        (FileRead(b"\xff\x00"), "says '�\\x00', which is no number and counts as 0"),
        (FileUnreadable("is a FIFO, no regular file"), "is a FIFO, no regular file, which counts as 0"),
    ],
)
def test_what_nobody_can_have_meant_is_a_warning_once(event: FileRead | FileUnreadable, said: str) -> None:
    tracker = FileTracker(LOAD)
    tracker.step(FileRead(b"3"), 1)
    reason = f"file load: /run/load {said}"
    notice = TrackerNoticed("warning", "file-no-number", reason)
    assert tracker.step(event, 2) == [notice, TrackerJudged(True, reason, True, 0)]
    assert tracker.step(event, 3) == []
    assert tracker.snapshot().streak == 2


def test_a_number_that_is_too_large_changes_nothing() -> None:
    tracker = FileTracker(LOAD)
    tracker.step(FileRead(b"3"), 1)
    effects = tracker.step(FileRead(b"99999999999"), 2)
    said = "file load: /run/load says '99999999999', which is too much: 3 stays"
    assert effects == [TrackerNoticed("warning", "file-no-number", said)]
    assert judged(FileTracker(LOAD).step(FileRead(b"-" + b"9" * 126), 1)) == [(0, True)]


def test_only_changes_are_said_and_what_was_known_is_confirmed() -> None:
    tracker = FileTracker(LOAD, known=4)
    assert tracker.snapshot().value == 4
    assert judged(tracker.step(FileRead(b"4"), 1)) == [(4, False)]
    assert tracker.step(FileRead(b"4"), 2) == []
    assert judged(tracker.step(FileRead(b"5"), 3)) == [(5, True)]


def test_a_reload_reads_another_file() -> None:
    tracker = FileTracker(LOAD)
    tracker.step(FileRead(b"4"), 1)
    assert tracker.step(FileReconfigured(TrackFile(name="load", path="/run/other")), 2) == []
    (effect,) = tracker.step(FileRead(b"4"), 3)
    assert effect == TrackerJudged(True, "file load: /run/other says 4", False, 4)


def test_what_the_status_shows() -> None:
    tracker = FileTracker(LOAD)
    fresh = tracker.snapshot()
    assert (fresh.up, fresh.value, fresh.result, fresh.looked_ns) == (None, None, "", None)
    tracker.step(FileRead(b"4"), 7)
    shown = tracker.snapshot()
    assert (shown.up, shown.value, shown.result, shown.looked_ns) == (True, 4, "/run/load says 4", 7)
    assert (shown.results, shown.streak) == (1, 1)


@given(st.lists(st.binary(max_size=127)))
def test_whatever_a_file_says_it_has_a_value_within_bounds(contents: list[bytes]) -> None:
    tracker = FileTracker(LOAD)
    for content in contents:
        tracker.step(FileRead(content), 1)
        value = tracker.snapshot().value
        assert value is not None and LOWEST <= value <= HIGHEST
        assert len(tracker.snapshot().result) < 300


@given(st.integers(LOWEST, HIGHEST))
def test_every_number_is_what_it_is(value: int) -> None:
    assert judged(FileTracker(LOAD).step(FileRead(str(value).encode()), 1)) == [(value, True)]
