"""nopreempt protects a MASTER that is well. One that says that it got worse, or that is the last resort, is taken over
from: so weights and `all_unhealthy best` work together with nopreempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.owner import AllUnhealthy
from alived.vrrp.config import State
from alived.vrrp.events import PriorityChanged
from tests.vrrp.playbook import HIGHER, LOWER, Playbook, advert, heard, taken, to

DOWN_NS = 3_609_375_000
"""Master_Down_Interval of priority 100 and adverts of 1 s"""


def backup(**config: object) -> Playbook:
    return Playbook.backup(nopreempt=True, **config)


def test_a_master_that_fell_below_us_is_taken_over_from_and_the_reason_says_it() -> None:
    play = backup()
    play.after(s=1) >> heard(120) << []
    play.after(s=1) >> heard(70) << []
    assert play.due_in_ns == DOWN_NS - NS_PER_S
    play.after(s=1) >> heard(70) << []
    play.after(s=1) >> heard(70) << []
    reason = f"priority 100 > 70 of {LOWER}, which fell from 120: preempt"
    play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, reason)]


def test_one_that_always_was_as_it_is_stays_master() -> None:
    play = backup()
    for _ in range(3):
        play.after(s=1) >> heard(70) << []
        assert play.due_in_ns == DOWN_NS


def test_one_that_fell_but_not_below_us_stays_master() -> None:
    play = backup()
    play.after(s=1) >> heard(200) << []
    play.after(s=1) >> heard(100) << []
    assert play.due_in_ns == DOWN_NS


def test_one_that_gets_well_in_time_stays_master() -> None:
    play = backup()
    play.after(s=1) >> heard(120) << []
    play.after(s=1) >> heard(70) << []
    play.after(s=1) >> heard(120) << []
    assert play.due_in_ns == DOWN_NS


def test_that_we_get_better_is_no_reason() -> None:
    """Else a node whose check comes up again would take the addresses back, and nopreempt would mean nothing."""
    play = backup()
    play.after(s=1) >> heard(110) << []
    play.after(ms=100) >> PriorityChanged(130, "check web is up") << [taken(130, State.BACKUP)]
    play.after(ms=900) >> heard(110) << []
    assert play.due_in_ns > 3 * NS_PER_S


def test_the_next_master_is_measured_by_itself() -> None:
    play = backup()
    play.after(s=1) >> heard(200) << []
    play.after(s=1) >> heard(90, HIGHER) << []
    assert play.due_in_ns == DOWN_NS


@pytest.mark.parametrize("pause_s", [5, 60])
def test_one_that_comes_back_begins_anew(pause_s: int) -> None:
    """It was no MASTER meanwhile; with another configuration, say. (We hear it as the MASTER that we are.)"""
    play = backup()
    play.after(s=1) >> heard(200) << []
    play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER)]
    play.after(s=pause_s) >> heard(150) << [to(State.BACKUP)]
    play.after(s=1) >> heard(150) << []
    assert play.due_in_ns == DOWN_NS


class TestLastResort:
    def test_a_last_resort_gives_way_to_one_that_is_well_though_it_was_never_better(self) -> None:
        play = backup(all_unhealthy=AllUnhealthy.BEST)
        play.after(s=1) >> heard(9) << []
        assert play.due_in_ns == DOWN_NS - NS_PER_S

    def test_between_two_of_them_nopreempt_holds(self) -> None:
        play = backup(all_unhealthy=AllUnhealthy.BEST)
        play >> PriorityChanged(9, "check web is down") << [taken(9, State.BACKUP)]
        play.after(s=1) >> heard(8) << []
        assert play.due_in_ns > 3 * NS_PER_S

    def test_without_that_policy_a_low_priority_is_one_like_others(self) -> None:
        play = backup()
        play.after(s=1) >> heard(9) << []
        assert play.due_in_ns == DOWN_NS


@given(st.lists(st.tuples(st.integers(1, 254), st.integers(100, 1000)), min_size=1, max_size=30))
def test_whatever_it_says_it_is_left_only_if_it_is_below_us_and_below_its_best(said: list[tuple[int, int]]) -> None:
    """A MASTER that never pauses: the timer runs on exactly while both hold."""
    play = backup()
    best = 0
    for priority, wait_ms in said:
        before = play.due_in_ns
        if before is not None and before <= wait_ms * NS_PER_MS:
            return  # taken over: another story
        play.after(ms=wait_ms) >> heard(priority) << []
        best = max(best, priority)
        is_left = priority < 100 and priority < best
        assert before is not None
        assert play.due_in_ns == (before - wait_ms * NS_PER_MS if is_left else DOWN_NS)
