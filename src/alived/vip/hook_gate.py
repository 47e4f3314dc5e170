"""The operator's hooks around the addresses of one owner: what may veto, what is waited for, what a failure means.

               before_bind ok                after_bind, ToMaster run
    OUT -> ASKING ----------> ALLOWED -> IN ---------------------------> OUT
             |  veto                      |  \\ planned: before_unbind       ToSlave runs, after_unbind when the
             +--------> OUT, back-off     |   +--> LEAVING ---------->       addresses are gone
                                          +--- unplanned: at once, before_unbind runs beside it

- `before_bind` is the only hook that stands between an election and the addresses: it can veto. `before_unbind` holds
  back what is planned, never what has happened; its own limit bounds it. All others run beside what the daemon does.
- A hook that fails and whose failure shall mean something (`on_failure abort`) makes the owner step down, and this node
  is no candidate for a while that doubles with each failure, until its hooks go well again: others get the chance.
- Hooks of one owner run one after the other, so the limit of a wait begins where those of the hooks before it end. It
  is there for hooks that nobody tells the end of: they have timeouts of their own.

Without hooks every step is the next one at once: `Elected` gives `BindAllowed`, `Dismissed` gives `UnbindDue`.
"""

from __future__ import annotations

import enum
from typing import assert_never

import msgspec

from alived.base import NS_PER_S, DeadlineReached
from alived.owner import HookEvent
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
    Limits,
    UnbindDue,
    Unbound,
)

FIRST_BACK_OFF_NS = 5 * NS_PER_S
LONGEST_BACK_OFF_NS = 300 * NS_PER_S
CAUSE = "hooks"
"""Of the fault that a failure is."""
INSIDE = frozenset({HookEvent.AFTER_BIND, HookEvent.TO_MASTER})


class Phase(enum.Enum):
    OUT = enum.auto()
    """Not the owner."""
    ASKING = enum.auto()
    """The owner by election; `before_bind` has not ended."""
    ALLOWED = enum.auto()
    """It may bind."""
    IN = enum.auto()
    """It has bound."""
    LEAVING = enum.auto()
    """It is to leave; `before_unbind` has not ended."""


class Awaited(msgspec.Struct, frozen=True):
    """Hooks whose end means something."""

    event: HookEvent
    due_ns: int
    limit_ns: int


class HookGate:
    """A core. numbers_from: of the hooks that become due; no two gates of this name, ever, shall use the same ones."""

    def __init__(self, name: str, limits: Limits, numbers_from: int = 0) -> None:
        self.phase = Phase.OUT
        self._name, self._limits, self._number = name, limits, numbers_from
        self._awaited: dict[int, Awaited] = {}
        self._busy_until_ns = 0
        """By then all hooks that became due have ended, if each takes as long as it may."""
        self._unbinding = False
        """`after_unbind` is still to come."""
        self._back_off_ns = FIRST_BACK_OFF_NS
        self._back_at_ns: int | None = None
        """End of the back-off."""

    @property
    def deadline_ns(self) -> int | None:
        moments = [awaited.due_ns for awaited in self._awaited.values()]
        if self._back_at_ns is not None:
            moments.append(self._back_at_ns)
        return min(moments, default=None)

    def awaits(self, event: HookEvent) -> bool:
        """Whether the end of hooks of this event is still to come."""
        return any(awaited.event is event for awaited in self._awaited.values())

    def step(self, event: GateEvent, now_ns: int) -> list[GateEffect]:  # noqa: PLR0911
        match event:
            case Elected():
                return self._elected(now_ns)
            case Bound():
                return self._bound(now_ns)
            case Dismissed(planned):
                return self._dismissed(planned, now_ns)
            case Unbound():
                return self._unbound(now_ns)
            case HookEnded():
                return self._ended(event, now_ns)
            case GateOpened():
                return self._due(HookEvent.TO_SLAVE, now_ns) if self.phase is Phase.OUT else []
            case HooksChanged(limits):
                self._limits = limits
                return []
            case DeadlineReached():
                return self._deadline_reached(now_ns)
            case _:
                assert_never(event)

    # -- the way in --

    def _elected(self, now_ns: int) -> list[GateEffect]:
        if self.phase is not Phase.OUT:
            return []
        late = self._unbound(now_ns)  # elected again so soon that they never were gone; hooks come in pairs
        self._awaited.clear()  # of an earlier stint: what counts is this one
        asked = self._due(HookEvent.BEFORE_BIND, now_ns)
        self.phase = Phase.ASKING if asked else Phase.ALLOWED
        return [*late, *(asked or [BindAllowed()])]

    def _bound(self, now_ns: int) -> list[GateEffect]:
        assert self.phase is Phase.ALLOWED, f"{self._name} bound its addresses while {self.phase}"
        self.phase = Phase.IN
        effects = [*self._due(HookEvent.AFTER_BIND, now_ns), *self._due(HookEvent.TO_MASTER, now_ns)]
        self._settle()
        return effects

    def _settle(self) -> None:
        """Everything went well: the next failure is the first one."""
        if not self._awaited:
            self._back_off_ns = FIRST_BACK_OFF_NS

    # -- the way out --

    def _dismissed(self, planned: bool, now_ns: int) -> list[GateEffect]:
        if self.phase in (Phase.ASKING, Phase.ALLOWED):
            self.phase = Phase.OUT
            self._awaited.clear()
            return []
        if self.phase is Phase.IN and planned and (asked := self._due(HookEvent.BEFORE_UNBIND, now_ns)):
            self.phase = Phase.LEAVING
            return asked
        if self.phase is Phase.IN or (self.phase is Phase.LEAVING and not planned):
            return self._leave(now_ns)
        return []

    def _leave(self, now_ns: int) -> list[GateEffect]:
        beside = self._due(HookEvent.BEFORE_UNBIND, now_ns) if self.phase is Phase.IN else []
        self.phase = Phase.OUT
        self._awaited.clear()
        self._unbinding = True
        return [UnbindDue(), *beside, *self._due(HookEvent.TO_SLAVE, now_ns)]

    def _unbound(self, now_ns: int) -> list[GateEffect]:
        if not self._unbinding:
            return []
        self._unbinding = False
        return self._due(HookEvent.AFTER_UNBIND, now_ns)

    # -- hooks --

    def _due(self, event: HookEvent, now_ns: int) -> list[GateEffect]:
        limit_ns = self._limits.get(event)
        if limit_ns is None:
            return []
        self._number += 1
        self._busy_until_ns = max(self._busy_until_ns, now_ns) + limit_ns
        self._awaited[self._number] = Awaited(event, self._busy_until_ns, limit_ns)
        return [HooksDue(event, self._number)]

    def _ended(self, ended: HookEnded, now_ns: int) -> list[GateEffect]:
        awaited = self._awaited.get(ended.number)
        if awaited is None or awaited.event is not ended.event:
            return []  # nobody waits for it any more
        del self._awaited[ended.number]
        if ended.event is HookEvent.BEFORE_UNBIND and self.phase is Phase.LEAVING:
            return [*self._leave(now_ns), *([] if ended.ok else self._fail(ended.event, ended.reason, now_ns))]
        if not ended.ok:
            return self._fail(ended.event, ended.reason, now_ns)
        if ended.event is HookEvent.BEFORE_BIND:
            self.phase = Phase.ALLOWED
            return [BindAllowed()]
        if ended.event in INSIDE:
            self._settle()
        return []

    def _fail(self, event: HookEvent, reason: str, now_ns: int) -> list[GateEffect]:
        """The owner hears that it cannot own, and dismisses us."""
        self._back_at_ns = now_ns + self._back_off_ns
        pause_s = self._back_off_ns // NS_PER_S
        self._back_off_ns = min(2 * self._back_off_ns, LONGEST_BACK_OFF_NS)
        if self.phase is Phase.ASKING:
            self.phase = Phase.OUT
        return [OwnershipFailed(self._name, CAUSE, f"{event} hooks: {reason}; no candidate for {pause_s} s")]

    def _deadline_reached(self, now_ns: int) -> list[GateEffect]:
        effects: list[GateEffect] = []
        for number, awaited in [*self._awaited.items()]:
            if awaited.due_ns <= now_ns:
                late = f"did not end within {awaited.limit_ns / NS_PER_S:g} s"
                effects += self._ended(HookEnded(event=awaited.event, number=number, ok=False, reason=late), now_ns)
        if self._back_at_ns is not None and self._back_at_ns <= now_ns:
            self._back_at_ns = None
            effects.append(OwnershipPossible(self._name, CAUSE))
        return effects
