"""Which hooks the worker owes, so that one that dies takes neither an answer nor a change of state with it. Pure.

Whoever waits when the worker dies is answered that it died. What lets go, and what nobody waits for, comes again to the
next worker: at least once, unless a newer event has made it stale.
"""

from __future__ import annotations

import itertools

import msgspec

from alived.daemon.messages import HookDue, HookOutcome
from alived.daemon.owed import MAX_DELIVERIES
from alived.hooks.tasks import makes_stale, takes

DIED = "the process that runs hooks died"
DOWN = "the process that runs hooks is being started again"


class _Debt(msgspec.Struct):
    due: HookDue
    deliveries: int = 0


class HookDebts:
    """By event id, in the order in which they became due."""

    def __init__(self, prefix: str) -> None:
        """prefix: begin of the event ids, another one for each life of the daemon."""
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._debts: dict[str, _Debt] = {}
        self.worker_runs = False

    def add(self, due: HookDue) -> tuple[HookDue, HookOutcome | None]:
        """The event with its id, and the answer if nobody is there to run it."""
        due = msgspec.structs.replace(due, event_id=next(self._ids))
        if not self.worker_runs and not _comes_again(due):
            return due, _failed(due, DOWN)
        self._debts[due.event_id] = _Debt(due, deliveries=int(self.worker_runs))
        return due, None

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
            debt.due = msgspec.structs.replace(debt.due, number=0)

    def worker_died(self) -> list[HookOutcome]:
        """Answers for those who wait."""
        self.worker_runs = False
        answers = []
        for event_id, debt in list(self._debts.items()):
            if debt.due.number or debt.due.by_hand:
                answers.append(_failed(debt.due, DIED))
            if _comes_again(debt.due):
                debt.due = msgspec.structs.replace(debt.due, number=0)
            else:
                del self._debts[event_id]
        return answers

    def worker_began(self) -> tuple[list[HookDue], list[HookDue]]:
        """What to send it, and what is given up: it may be what kills the workers."""
        self.worker_runs = True
        given_up = [debt.due for debt in self._debts.values() if debt.deliveries >= MAX_DELIVERIES]
        stale = [due for due in self.waiting() if self._is_stale(due)]
        for due in (*given_up, *stale):
            self._debts.pop(due.event_id, None)
        for debt in self._debts.values():
            debt.deliveries += 1
        return self.waiting(), given_up

    def _is_stale(self, due: HookDue) -> bool:
        later = itertools.islice(self.waiting(), self.waiting().index(due) + 1, None)
        return any((one.kind, one.name) == (due.kind, due.name) and makes_stale(one.event, due.event) for one in later)


def _comes_again(due: HookDue) -> bool:
    """Whoever waits to take asks again by itself; nothing is taken before."""
    return not due.by_hand and not (due.number and takes(due.event))


def _failed(due: HookDue, reason: str) -> HookOutcome:
    return HookOutcome(
        kind=due.kind,
        name=due.name,
        event=due.event,
        number=due.number,
        ok=False,
        reason=reason,
        event_id=due.event_id,
    )
