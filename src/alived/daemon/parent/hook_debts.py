"""Which hooks the worker owes, so that one that dies takes neither an answer nor a change of state with it. Pure.

An owner stands still for before_bind and before_unbind: if the worker dies, it is answered at once. All others run
beside what the owner does: they come again to the next worker, at least once, unless something newer has made them
stale. So a worker that dies costs no owner its addresses.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import msgspec

from alived.daemon.parent.owed import MAX_DELIVERIES
from alived.daemon.shared.messages import HookDue, HookOutcome
from alived.hooks.events import Kind
from alived.hooks.tasks import makes_stale
from alived.owner import HookEvent


class _Debt(msgspec.Struct):
    due: HookDue
    deliveries: int = 0


class Delivery(NamedTuple):
    """For a worker that has just begun."""

    again: list[HookDue]
    """What to send it, in this order"""
    stale: list[HookDue]
    """Something newer has come"""
    given_up: list[HookDue]
    """It may be what kills the workers"""


class HookDebts:
    """By event id, in the order in which they became due."""

    def __init__(self, prefix: str) -> None:
        """prefix: begin of the event ids, another one for each life of the daemon."""
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._debts: dict[str, _Debt] = {}
        self.worker_runs = False

    def add(self, due: HookDue) -> tuple[HookDue, bool]:
        """The event with its id, and whether its asker must be answered at once, because nobody is there to run it."""
        due = msgspec.structs.replace(due, event_id=next(self._ids))
        if self.worker_runs or not (due.by_hand or _stands_still(due)):
            self._debts[due.event_id] = _Debt(due, deliveries=int(self.worker_runs))
            return due, False
        if not _ends_with_worker(due):
            self._debts[due.event_id] = _Debt(msgspec.structs.replace(due, number=0))
        return due, True

    def paid(self, outcome: HookOutcome) -> HookOutcome | None:
        """The worker's answer as the engine is to hear it; None: it does not wait and nothing is wrong."""
        debt = self._debts.pop(outcome.event_id, None)
        number = debt.due.number if debt else 0
        matters = number or not (outcome.ok or outcome.superseded)
        return msgspec.structs.replace(outcome, number=number) if debt and matters else None

    def waiting(self) -> list[HookDue]:
        return [debt.due for debt in self._debts.values()]

    def engine_died(self) -> None:
        """The next one waits for nothing that its predecessor asked for, and counts anew."""
        for debt in self._debts.values():
            if debt.due.kind != Kind.DAEMON:  # ToReady is asked for by the parent, for whatever engine there is
                debt.due = msgspec.structs.replace(debt.due, number=0)

    def worker_died(self) -> list[HookDue]:
        """Those whose askers are to be answered now."""
        self.worker_runs = False
        waiting = self.waiting()
        for due in waiting:
            if _ends_with_worker(due):
                del self._debts[due.event_id]
            elif _stands_still(due):
                self._debts[due.event_id].due = msgspec.structs.replace(due, number=0)
        return [due for due in waiting if due.by_hand or _stands_still(due)]

    def worker_began(self) -> Delivery:
        self.worker_runs = True
        given_up = [debt.due for debt in self._debts.values() if debt.deliveries >= MAX_DELIVERIES]
        stale = self._stale()
        for due in (*given_up, *stale):
            self._debts.pop(due.event_id, None)
        for debt in self._debts.values():
            debt.deliveries += 1
        return Delivery(self.waiting(), stale, given_up)

    def _stale(self) -> list[HookDue]:
        later: dict[tuple[str, str], list[HookEvent]] = {}
        stale = []
        for due in reversed(self.waiting()):
            events = later.setdefault((due.kind, due.name), [])
            if any(makes_stale(event, due.event) for event in events):
                stale.append(due)
            events.append(due.event)
        return stale


def _stands_still(due: HookDue) -> bool:
    return bool(due.number) and due.event in (HookEvent.BEFORE_BIND, HookEvent.BEFORE_UNBIND)


def _ends_with_worker(due: HookDue) -> bool:
    """Whoever wants to bind asks again by itself, and so does an operator. What lets go is to happen all the same."""
    return bool(due.by_hand) or (_stands_still(due) and due.event is HookEvent.BEFORE_BIND)
