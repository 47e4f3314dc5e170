"""Causes with back-off, and the count of what vanished."""

from __future__ import annotations

from alived.base import NS_PER_MS, NS_PER_S
from alived.vip.events import OwnershipFailed, OwnershipPossible
from alived.vip.faults import Faults, VanishWindow

S = NS_PER_S


def test_a_cause_is_said_once_and_taken_back_when_its_time_is_over() -> None:
    faults = Faults("g")
    assert faults.deadline_ns is None
    assert faults.fail("bind", "no", 5 * S) == [OwnershipFailed("g", "bind", "no")]
    assert faults.fail("bind", "no again", 6 * S) == ()
    assert (faults.gave_up, faults.deadline_ns) == (True, 5 * S)
    assert faults.expired(5 * S - 1) == []
    assert faults.expired(5 * S) == [OwnershipPossible("g", "bind")]
    assert (faults.gave_up, faults.deadline_ns) == (False, None)


def test_ownership_is_given_up_while_any_cause_stands() -> None:
    faults = Faults("g")
    faults.fail("vip", "taken", None)
    faults.fail("bind", "no", 5 * S)
    assert faults.expired(5 * S) == [OwnershipPossible("g", "bind")]
    assert (faults.gave_up, faults.deadline_ns) == (True, None)
    assert faults.released() == [OwnershipPossible("g", "vip")]
    assert not faults.gave_up


def test_a_back_off_outlives_the_release_and_is_said_again_when_it_fails_again() -> None:
    faults = Faults("g")
    faults.fail("bind", "no", 5 * S)
    assert faults.released() == []
    assert not faults.gave_up
    assert faults.fail("bind", "no", 7 * S) == [OwnershipFailed("g", "bind", "no")]
    assert faults.deadline_ns == 7 * S


def test_the_fourth_incident_within_ten_seconds_is_too_much() -> None:
    window = VanishWindow()
    assert [window.lost("eth0", moment * S) for moment in (0, 1, 2, 9)] == [False, False, False, True]
    assert not VanishWindow().lost("eth0", 0)


def test_incidents_are_forgotten_after_ten_seconds() -> None:
    window = VanishWindow()
    assert [window.lost("eth0", moment * S) for moment in (0, 1, 2, 10, 11, 12)] == [False] * 6
    assert window.lost("eth0", 13 * S - 1)


def test_a_flush_is_one_incident() -> None:
    window = VanishWindow()
    assert not any(window.lost("eth0", S + moment) for moment in range(0, 100 * NS_PER_MS, NS_PER_MS))
    assert not window.lost("eth0", S + 100 * NS_PER_MS)


def test_what_vanished_with_a_link_does_not_count() -> None:
    window = VanishWindow()
    for moment in (0, 1, 2):
        window.lost("eth0", moment * S)
    window.forget_interface("eth0")
    assert not window.lost("eth1", 3 * S)
    window.clear()
    assert not window.lost("eth0", 4 * S)
