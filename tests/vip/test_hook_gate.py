"""The gate of hooks alone: who waits for whom, for how long, and what a failure costs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alived.base import NS_PER_S, DeadlineReached
from alived.owner import HookEvent
from alived.vip.events import OwnershipFailed, OwnershipPossible
from alived.vip.gate_events import (
    BindAllowed,
    Bound,
    Dismissed,
    Elected,
    GateEffect,
    GateOpened,
    HookEnded,
    HooksChanged,
    HooksDue,
    UnbindDue,
    Unbound,
)
from alived.vip.hook_gate import LONGEST_BACK_OFF_NS, HookGate, Phase

S = NS_PER_S
ALL = dict.fromkeys(HookEvent, 10 * S)
ASK, AFTER, MASTER, SLAVE = HookEvent.BEFORE_BIND, HookEvent.AFTER_BIND, HookEvent.TO_MASTER, HookEvent.TO_SLAVE


def good(event: HookEvent, number: int) -> HookEnded:
    return HookEnded(event=event, number=number, ok=True)


def bad(event: HookEvent, number: int) -> HookEnded:
    return HookEnded(event=event, number=number, ok=False, reason="it failed")


def inside(*events: HookEvent) -> HookGate:
    """A gate whose owner has bound; hooks stand before none of it but these."""
    gate = HookGate("web", dict.fromkeys(events, 10 * S))
    gate.step(Elected(), 0)
    gate.step(Bound(), 0)
    assert gate.phase is Phase.IN
    return gate


def due(effects: Sequence[GateEffect]) -> list[HookEvent]:
    return [effect.event for effect in effects if isinstance(effect, HooksDue)]


def test_without_hooks_nothing_waits() -> None:
    gate = HookGate("web", {})
    assert gate.step(GateOpened(), 0) == []
    assert gate.step(Elected(), 0) == [BindAllowed()]
    assert gate.step(Elected(), 0) == []
    assert gate.step(Bound(), 0) == []
    assert gate.step(Dismissed(planned=True), 0) == [UnbindDue()]
    assert gate.step(Dismissed(), 0) == []
    assert gate.step(Unbound(), 0) == []
    assert gate.step(Unbound(), 0) == []
    assert gate.deadline_ns is None


def test_numbers_go_on_from_where_they_are_told_to() -> None:
    """An answer to the predecessor of this process must not be taken for one to us."""
    gate = HookGate("web", ALL, numbers_from=41)
    assert gate.step(GateOpened(), 0) == [HooksDue(SLAVE, 42)]


def test_one_that_owns_at_once_is_not_told_that_it_does_not() -> None:
    gate = inside(SLAVE)
    assert gate.step(GateOpened(), 0) == []


def test_only_the_answer_to_what_was_asked_counts() -> None:
    gate = HookGate("web", ALL)
    assert gate.step(Elected(), 0) == [HooksDue(ASK, 1)]
    assert gate.step(good(ASK, 7), 0) == []
    assert gate.step(bad(MASTER, 1), 0) == []
    assert gate.step(good(ASK, 1), 0) == [BindAllowed()]
    assert gate.step(good(ASK, 1), 0) == []


def test_one_that_is_dismissed_before_it_binds_undoes_nothing() -> None:
    gate = HookGate("web", ALL)
    gate.step(Elected(), 0)
    assert gate.step(Dismissed(), 0) == []
    assert (gate.phase, gate.deadline_ns) == (Phase.OUT, None)
    gate.step(Elected(), 0)
    gate.step(good(ASK, 2), 0)
    assert gate.phase is Phase.ALLOWED
    assert gate.step(Dismissed(planned=True), 0) == []
    assert gate.phase is Phase.OUT


def test_hooks_come_in_pairs_even_if_the_addresses_never_were_gone() -> None:
    gate = inside(HookEvent.BEFORE_UNBIND, HookEvent.AFTER_UNBIND)
    assert due(gate.step(Dismissed(), 0)) == [HookEvent.BEFORE_UNBIND]
    assert gate.step(Elected(), 0) == [HooksDue(HookEvent.AFTER_UNBIND, 2), BindAllowed()]
    assert gate.step(Unbound(), 0) == []


def test_a_limit_counts_from_the_end_of_the_hooks_before_it() -> None:
    """They run one after the other, so the last of three may begin when two have used up their time."""
    gate = inside(AFTER, MASTER)
    gate.step(good(AFTER, 1), 0)
    assert gate.deadline_ns == 20 * S
    assert gate.step(DeadlineReached(), 19 * S) == []
    assert gate.step(DeadlineReached(), 20 * S) == [
        OwnershipFailed("web", "hooks", "ToMaster hooks: did not end within 10 s; no candidate for 5 s")
    ]


def test_what_is_planned_waits_and_what_has_happened_does_not() -> None:
    gate = inside(HookEvent.BEFORE_UNBIND)
    assert gate.step(Dismissed(planned=True), 0) == [HooksDue(HookEvent.BEFORE_UNBIND, 1)]
    assert gate.step(Dismissed(planned=True), 0) == []
    assert gate.step(Elected(), 0) == []
    assert gate.step(Dismissed(), 0) == [UnbindDue()]
    assert gate.step(bad(HookEvent.BEFORE_UNBIND, 1), 0) == []


def test_a_failure_before_the_end_does_not_keep_the_addresses() -> None:
    gate = inside(HookEvent.BEFORE_UNBIND)
    gate.step(Dismissed(planned=True), 0)
    effects = gate.step(bad(HookEvent.BEFORE_UNBIND, 1), 0)
    assert effects == [
        UnbindDue(),
        OwnershipFailed("web", "hooks", "before_unbind hooks: it failed; no candidate for 5 s"),
    ]
    assert gate.step(DeadlineReached(), 5 * S) == [OwnershipPossible("web", "hooks")]


def veto(gate: HookGate, number: int, now_ns: int) -> int:
    """How long the back-off is, in seconds."""
    gate.step(Elected(), now_ns)
    gate.step(bad(ASK, number), now_ns)
    assert gate.phase is Phase.OUT and gate.deadline_ns is not None
    return (gate.deadline_ns - now_ns) // S


def test_each_failure_doubles_the_back_off_up_to_a_limit() -> None:
    gate = HookGate("web", {ASK: 10 * S})
    pauses = [veto(gate, number, number * 1000 * S) for number in range(1, 9)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    assert LONGEST_BACK_OFF_NS == 300 * S


@pytest.mark.parametrize("after", [{}, {MASTER: 10 * S}])
def test_when_all_hooks_go_well_again_the_next_failure_is_the_first(after: dict[HookEvent, int]) -> None:
    gate = HookGate("web", {ASK: 10 * S, **after})
    assert [veto(gate, 1, 0), veto(gate, 2, 0)] == [5, 10]
    gate.step(Elected(), 0)
    gate.step(good(ASK, 3), 0)
    gate.step(Bound(), 0)
    gate.step(good(MASTER, 4), 0)
    gate.step(Dismissed(), 0)
    assert veto(gate, 5 if after else 4, 0) == 5


def test_a_failure_after_the_end_is_one_too() -> None:
    gate = inside(SLAVE)
    gate.step(Dismissed(), 0)
    assert gate.awaits(SLAVE)
    assert gate.step(bad(SLAVE, 1), 0) == [
        OwnershipFailed("web", "hooks", "ToSlave hooks: it failed; no candidate for 5 s")
    ]
    assert not gate.awaits(SLAVE)


def test_hooks_of_an_earlier_stint_mean_nothing_in_this_one() -> None:
    gate = inside(SLAVE)
    gate.step(Dismissed(), 0)
    gate.step(Elected(), 0)
    assert gate.step(bad(SLAVE, 1), 0) == []


def test_two_waits_may_end_in_the_same_moment() -> None:
    gate = HookGate("web", {AFTER: 10 * S, MASTER: 0})
    gate.step(Elected(), 0)
    gate.step(Bound(), 0)
    effects = gate.step(DeadlineReached(), 10 * S)
    assert [type(effect) for effect in effects] == [OwnershipFailed, OwnershipFailed]


def test_a_reload_changes_what_runs_next() -> None:
    gate = inside()
    assert gate.step(HooksChanged({SLAVE: S}), 0) == []
    assert due(gate.step(Dismissed(), 0)) == [SLAVE]
