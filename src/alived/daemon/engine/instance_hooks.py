"""The operator's hooks between the election of a VRRP instance and its addresses.

The election goes on as if there were none: a MASTER advertises while it asks `before_bind`, so that nobody else becomes
MASTER meanwhile; a veto is a fault, which gives the others the chance.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Protocol, assert_never

from alived.adapters.loop import now_ns
from alived.daemon.shared.deadlines import Deadlines, Entry
from alived.daemon.shared.messages import HookOutcome
from alived.hooks.config import Hook
from alived.hooks.limits import limits_of
from alived.owner import FaultCleared, FaultRaised, HookEvent, State
from alived.vip.events import OwnershipFailed, OwnershipPossible
from alived.vip.gate_events import (
    BindAllowed,
    Bound,
    Dismissed,
    Elected,
    GateEffect,
    GateEvent,
    GateOpened,
    HookEnded,
    HooksChanged,
    HooksDue,
    UnbindDue,
    Unbound,
)
from alived.vip.hook_gate import HookGate
from alived.vrrp.events import StateChanged


class Addresses(Protocol):
    """Claims or releases them; the reason is a sentence."""

    def __call__(self, reason: str, now: int, /) -> None: ...


class Hear(Protocol):
    def __call__(self, event: FaultRaised | FaultCleared, now: int, /) -> None: ...


class Due(Protocol):
    def __call__(self, event: HookEvent, number: int, change: StateChanged, /) -> None: ...


class InstanceHooks:
    """A gate, and what it wants carried out in order."""

    def __init__(
        self,
        name: str,
        hooks: Iterable[Hook],
        deadlines: Deadlines,
        *,
        claim: Addresses,
        release: Addresses,
        hear: Hear,
        due: Due,
        holding: bool,
    ) -> None:
        """claim, release: of the instance's addresses. hear: what it is told. due: hooks are to run. holding: they come
        by a reload while the addresses are bound: none of them runs for what has happened."""
        self._deadlines = deadlines
        self._claim, self._release, self._hear, self._due = claim, release, hear, due
        now = now_ns()
        self._gate = HookGate(name, {}, numbers_from=now)
        if holding:
            self._gate.step(Elected(), now)
            self._gate.step(Bound(), now)
        self._gate.step(HooksChanged(limits_of(hooks)), now)
        self._entry = Entry(self._gate, self._apply)
        self._agenda: collections.deque[GateEffect] = collections.deque()
        self._busy = False
        self._change = StateChanged(name, State.INIT, State.BACKUP, "started", 0)
        """The last one to or from MASTER."""

    def open(self, now: int) -> None:
        """The instance begins."""
        self._step(GateOpened(), now)

    def configure(self, hooks: Iterable[Hook], now: int) -> None:
        self._step(HooksChanged(limits_of(hooks)), now)

    def elected(self, change: StateChanged, now: int) -> None:
        self._change = change
        self._step(Elected(), now)

    def dismissed(self, change: StateChanged, now: int) -> None:
        self._change = change
        self._step(Dismissed(), now)

    def unbound(self, now: int) -> None:
        """The kernel has said that the addresses are gone."""
        self._step(Unbound(), now)

    def ended(self, outcome: HookOutcome, now: int) -> None:
        ended = HookEnded(event=outcome.event, number=outcome.number, ok=outcome.ok, reason=outcome.reason)
        self._step(ended, now)

    def forget(self) -> None:
        """The instance is gone: nothing is waited for."""
        self._deadlines.forget(self._entry)

    def bury(self) -> None:
        """The addresses of an instance that is gone are gone too: their last hooks are due."""
        self.unbound(now_ns())
        self.forget()

    def _step(self, event: GateEvent, now: int) -> None:
        self._apply(self._gate.step(event, now), now)
        self._deadlines.changed(self._entry)

    def _apply(self, effects: Sequence[GateEffect], now: int) -> None:
        """What is said because of an effect comes after everything that was said before."""
        self._agenda.extend(effects)
        if self._busy:
            return
        self._busy = True
        while self._agenda:
            self._carry_out(self._agenda.popleft(), now)
        self._busy = False

    def _carry_out(self, effect: GateEffect, now: int) -> None:
        match effect:
            case BindAllowed():
                self._claim(self._change.reason, now)
                self._step(Bound(), now)
            case UnbindDue():
                self._release(self._change.reason, now)
            case HooksDue(event, number):
                self._due(event, number, self._change)
            case OwnershipFailed(cause=cause, reason=reason):
                self._hear(FaultRaised(cause, reason), now)
            case OwnershipPossible(cause=cause):
                self._hear(FaultCleared(cause), now)
            case _:
                assert_never(effect)
