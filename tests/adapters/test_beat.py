"""Timers that share a beat: when they run, in which order, and how often the loop wakes for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from alived.adapters.beat import BEAT_NS, LEISURELY, Beat
from alived.adapters.loop import Loop, now_ns
from alived.base import NS_PER_S

SOON = 3


@pytest.fixture
def loop() -> Iterator[Loop]:
    with contextlib.closing(Loop()) as loop:
        yield loop


def later(beats: int) -> int:
    """The beginning of a beat that is still to come."""
    return (now_ns() // BEAT_NS + beats) * BEAT_NS


def test_what_falls_into_one_beat_runs_in_one_turn_in_the_order_of_its_asking(loop: Loop) -> None:
    beat, end_ns, ran = Beat(loop), later(SOON), list[str]()
    beat.call_at(end_ns, NS_PER_S, lambda: ran.append("at its end"))
    beat.call_at(end_ns - BEAT_NS + 1, NS_PER_S, lambda: ran.append("at its beginning"))
    beat.call_at(end_ns + 1, NS_PER_S, lambda: ran.append("in the next"))
    seen = list[int]()
    while len(ran) < 3:
        loop.turn()
        seen.append(len(ran))
    assert ran == ["at its end", "at its beginning", "in the next"]
    assert 1 not in seen


def test_it_may_come_late_but_never_early(loop: Loop) -> None:
    ran = list[int]()
    deadline_ns = later(SOON) - BEAT_NS // 2
    Beat(loop).call_at(deadline_ns, NS_PER_S, lambda: ran.append(now_ns()))
    while not ran:
        loop.turn()
    assert ran[0] >= deadline_ns + BEAT_NS // 2


def test_what_repeats_each_so_many_beats_is_late_by_always_the_same_time(loop: Loop) -> None:
    beat, begin_ns, ran = Beat(loop), later(SOON) - BEAT_NS // 2, list[int]()

    def again() -> None:
        ran.append(timer.deadline_ns)

    for number in range(3):
        timer = beat.call_at(begin_ns + number * 2 * BEAT_NS, NS_PER_S, again)
        while len(ran) <= number:
            loop.turn()
        assert loop.vitals[0] >= timer.deadline_ns + BEAT_NS // 2
    assert ran == [begin_ns + number * 2 * BEAT_NS for number in range(3)]


def test_a_cancelled_one_does_not_run_and_the_others_of_its_beat_do(loop: Loop) -> None:
    beat, when_ns, ran = Beat(loop), later(SOON), list[str]()
    first = beat.call_at(when_ns, NS_PER_S, lambda: second.cancel())
    second = beat.call_at(when_ns, NS_PER_S, lambda: ran.append("cancelled by the first"))
    beat.call_at(when_ns, NS_PER_S, lambda: ran.append("third"))
    assert first.deadline_ns == second.deadline_ns == when_ns
    while not ran:
        loop.turn()
    assert ran == ["third"]


def test_one_that_asks_again_for_a_beat_that_runs_is_called_in_the_next_turn(loop: Loop) -> None:
    beat, ran = Beat(loop), list[int]()

    def twice() -> None:
        ran.append(now_ns())
        if len(ran) == 1:
            beat.call_at(when_ns, NS_PER_S, twice)

    when_ns = later(SOON)
    beat.call_at(when_ns, NS_PER_S, twice)
    while len(ran) < 2:
        loop.turn()
    assert len(ran) == 2


def test_a_short_time_does_not_wait_for_a_beat(loop: Loop) -> None:
    beat, when_ns, ran = Beat(loop), later(SOON) - BEAT_NS // 2, list[str]()
    beat.call_at(when_ns, LEISURELY * BEAT_NS - 1, lambda: ran.append("short"))
    beat.call_at(when_ns, LEISURELY * BEAT_NS, lambda: ran.append("long"))
    loop.turn()
    while not ran:
        loop.turn()
    assert ran[0] == "short"
