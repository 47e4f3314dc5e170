"""Flap damping: what it costs to fall again and again, beside a model that knows the whole past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S
from alived.health.damping import Damper, level_of
from alived.health.trackers_config import FlapDamping, Weight

HOLD, MOST = 10, 60
CONFIG = FlapDamping(HOLD * NS_PER_S, MOST * NS_PER_S)


class Play:
    """A damper and the seconds that pass."""

    def __init__(self) -> None:
        self.damper, self.now = Damper(CONFIG), 0

    def at(self, second: int, up: bool) -> bool | None:
        self.now = second
        self.damper.hear(up, second * NS_PER_S)
        return self.damper.up

    def wait(self, second: int) -> bool:
        return self.damper.pass_time(second * NS_PER_S)

    @property
    def due(self) -> float | None:
        due_ns = self.damper.deadline_ns
        return None if due_ns is None else due_ns / NS_PER_S


def test_the_first_verdict_counts_at_once() -> None:
    assert Play().at(0, True) is True
    assert Play().at(0, False) is False


def test_the_first_fall_costs_nothing() -> None:
    play = Play()
    assert [play.at(0, True), play.at(1, False), play.at(2, True)] == [True, False, True]


def test_to_come_up_for_the_first_time_is_no_fall() -> None:
    play = Play()
    assert [play.at(0, False), play.at(1, True), play.at(2, False), play.at(3, True)] == [False, True, False, True]


def flapping(falls: int) -> Play:
    """Up at second 0, then that many falls, a second apart, each with a second of being up before."""
    play = Play()
    play.at(0, True)
    for number in range(falls):
        play.at(2 * number + 1, False)
        play.at(2 * number + 2, True)
    return play


def test_each_further_fall_doubles_the_time_that_it_must_stay_up() -> None:
    holds = [flapping(falls).due for falls in range(1, 7)]
    assert holds == [None, 4 + 10, 6 + 20, 8 + 40, 10 + 60, 12 + 60]


def test_it_counts_as_up_when_it_has_stayed_so() -> None:
    play = flapping(2)
    assert play.damper.up is False and "has to stay so for 10 s: it fell 2 times" in play.damper.sentence()
    assert not play.wait(13) and play.wait(14)
    assert play.damper.up is True and play.due is None
    assert not play.wait(15)


def test_a_confirmation_starts_nothing_anew() -> None:
    play = flapping(2)
    play.at(9, True)
    assert play.due == 14
    assert play.at(14, True) is True


def test_a_fall_while_it_is_held_counts_too() -> None:
    play = flapping(2)
    play.at(9, False)
    assert play.due is None
    play.at(10, True)
    assert play.due == 10 + 20


def test_a_long_good_time_has_all_forgotten() -> None:
    play = flapping(2)
    play.wait(14)
    play.at(14 + MOST, False)
    assert play.at(14 + MOST + 1, True) is True


def test_a_time_that_is_a_little_too_short_has_not() -> None:
    play = flapping(2)
    play.wait(14)
    play.at(14 + MOST - 1, False)
    play.at(14 + MOST, True)
    assert play.due == 14 + MOST + 20


def test_an_operator_has_all_forgotten() -> None:
    play = flapping(3)
    assert play.damper.reset(7 * NS_PER_S) and play.damper.up is True
    assert not play.damper.reset(8 * NS_PER_S)
    play.at(9, False)
    assert play.at(10, True) is True


def test_a_reset_brings_nothing_up_that_is_down() -> None:
    play = flapping(3)
    play.at(7, False)
    assert not play.damper.reset(8 * NS_PER_S)
    assert play.damper.up is False


def test_what_it_shows() -> None:
    shown = flapping(2).damper.snapshot(4 * NS_PER_S)
    assert (shown.falls, shown.held_until_ns, shown.hold_ns) == (2, 14 * NS_PER_S, 20 * NS_PER_S)
    quiet = flapping(1)
    assert quiet.damper.snapshot((2 + MOST) * NS_PER_S).falls == 0


def test_a_week_of_flapping_is_held_for_the_longest_time_only() -> None:
    play = flapping(100_000)
    assert play.due == play.now + MOST


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=40))
def test_up_counts_only_after_the_time_that_the_falls_before_cost(steps: list[tuple[int, bool]]) -> None:
    """The model reads the whole past anew after each step."""
    play, now, past = Play(), 0, list[tuple[int, bool]]()
    for wait, up in steps:
        due = play.due
        now += wait
        if due is not None and due <= now:
            assert play.wait(int(due)), "the timer"
        play.at(now, up)
        past.append((now, up))
        assert play.damper.up is counts(past, now)


def counts(past: list[tuple[int, bool]], now: int) -> bool:
    """Whether it counts as up after this past: (second, verdict), by the words of the module."""
    effective, since, falls, before = past[0][1], past[0][0], 0, past[0][1]
    start = past[0][0]  # of the time that the verdict is up
    for (second, up), (following, _) in zip(past, [*past[1:], (now, False)], strict=True):
        if up and not before:
            start = second
        if not up and before:
            falls = 1 if effective and second - since >= MOST else falls + 1
            effective = False
        hold = 0 if falls < 2 else min(HOLD * 2 ** (falls - 2), MOST)
        if up and not effective and start + hold <= following:
            effective, since = True, start + hold
        before = up
    return effective


class TestNumbers:
    """Levels are the higher the better. Each step is a second."""

    def said(self, *levels: int) -> tuple[Play, list[int | None]]:
        play, counted = Play(), list[int | None]()
        for second, level in enumerate(levels):
            play.now = second
            play.damper.hear(level, second * NS_PER_S)
            counted.append(play.damper.counts)
        return play, counted

    def test_the_first_fall_costs_nothing_and_worse_counts_at_once(self) -> None:
        play, counted = self.said(0, -20, -5, -30)
        assert counted == [0, -20, -5, -30]
        assert play.damper.snapshot(0).falls == 2

    def test_better_counts_when_it_has_lasted_and_then_with_what_it_has_become(self) -> None:
        play, counted = self.said(0, -20, 0, -20, -3, -8, -5)
        assert counted[3:] == [-20] * 4 and play.due == 4 + 10
        assert play.wait(14) and play.damper.counts == -5

    def test_to_get_worse_step_by_step_is_one_fall(self) -> None:
        play, counted = self.said(0, -1, -2, -3, -4)
        assert counted[-1] == -4 and play.damper.snapshot(0).falls == 1

    def test_no_better_than_what_counts_is_another_fall(self) -> None:
        play, _ = self.said(0, -20, 0, -20, -3, -20, -3)
        assert play.due == 6 + 20

    def test_better_still_has_to_last_too(self) -> None:
        play, _ = self.said(0, -20, 0, -20, -10)
        play.wait(14)
        play.damper.hear(-5, 20 * NS_PER_S)
        assert (play.damper.counts, play.due) == (-10, 20 + 10)


@pytest.mark.parametrize(
    ("weight", "best_first"),
    [
        (Weight(1), [5, 0, -5]),
        (Weight(-1), [-5, 0, 5]),
        (Weight(2, reverse=True), [-5, 0, 5]),
        (Weight(-2, reverse=True), [5, 0, -5]),
    ],
)
def test_what_is_better_follows_from_the_weight(weight: Weight, best_first: list[int]) -> None:
    assert sorted(best_first, key=lambda number: -level_of(True, number, weight.sense)) == best_first


def test_as_a_condition_only_0_is_well_or_only_0_is_not() -> None:
    numbers = (-1, 0, 1)
    assert [level_of(True, number, Weight().sense) for number in numbers] == [0, 1, 0]
    assert [level_of(True, number, Weight(reverse=True).sense) for number in numbers] == [1, 0, 1]
    assert [level_of(up, None, None) for up in (False, True)] == [0, 1]
