"""What a candidate for a group of addresses under leases is and shows: state, faults, ability, lease, holding.

*When* it takes and lets go is the owner's business: `ownership.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_MS
from alived.owner import HookEvent, State, why_in_fault
from alived.vip.hook_gate import HookGate, Phase
from alived.vip.ownership_events import (
    GroupHooksDue,
    Leased,
    OwnershipChanged,
    OwnershipConfig,
    OwnershipEffect,
    OwnershipSnapshot,
    RenewKernelLease,
)


class Candidate:
    """`deadline_ns` is a plain attribute: the loop reads it after each step."""

    def __init__(self, config: OwnershipConfig, hook_numbers_from: int = 0) -> None:
        """hook_numbers_from: as of `HookGate`."""
        self.config = config
        self.state = State.INIT
        self.deadline_ns: int | None = None
        self.priority = config.priority
        """Effective."""
        self.version = 0
        """Another one whenever anything but a lease's end, or the lack of a lease, was said."""
        self._gate = HookGate(config.name, config.hook_limits, hook_numbers_from)
        self._faults: dict[str, str] = {}
        self._other_deadline_ns: int | None = None
        """The earliest but the end of the lease."""
        self._candidate_at_ns: int | None = None
        """End of the time after a step down."""
        self._started = False
        self._lease: Leased | None = None
        self._term = 0
        self._lease_reason = "nothing was heard yet"
        """What the elector said last."""
        self._fenced = config.fenced
        self._bound = False
        self._emptying = False
        """Released, but not gone yet."""
        self._held_ns: int | None = None
        self._why_backup = "not started"
        """The reason of the state BACKUP, if that comes next."""
        self._reason, self._since_ns, self._came_from = "not started", 0, State.INIT
        self._reported: tuple[bool, int, bool] | None = None
        self._became_master = self._released_master = 0
        self._take(config)

    def _take(self, config: OwnershipConfig) -> None:
        self.config = config
        self._priority_reason = f"priority {self.priority}"
        self.renewal: tuple[OwnershipEffect, ...] = (RenewKernelLease(config.name),) if config.fenced else ()
        """What a step gives that changes nothing but the time: always this very tuple."""

    @property
    def lease_until_ns(self) -> int | None:
        """When the newest lease ends; None: there is none."""
        return self._lease.until_ns if self._lease else None

    # -- what the elector is told --

    @property
    def able(self) -> bool:
        """It could own the group."""
        return self._started and not self._faults

    @property
    def ability_reason(self) -> str:
        """Why not, or why with this priority."""
        if self._faults:
            return why_in_fault(self._faults)
        return self._priority_reason if self._started else self._reason

    @property
    def holds(self) -> bool:
        """The addresses are, or may be, bound here, or the kernel lets them speak."""
        return self._bound or self._emptying

    def held_ago_ns(self, now_ns: int) -> int | None:
        """How long ago it held the addresses last (0: now); None: never."""
        if self.holds:
            return 0
        return None if self._held_ns is None else now_ns - self._held_ns

    def snapshot(self) -> OwnershipSnapshot:
        return OwnershipSnapshot(
            name=self.config.name,
            state=self.state,
            since_ns=self._since_ns,
            reason=self._reason + self._waits_for(),
            able=self.able,
            base_priority=self.config.priority,
            priority=self.priority,
            term=self._term,
            lease_until_ns=self.lease_until_ns,
            lease_reason=self._lease_reason,
            fenced=self._fenced,
            holds=self.holds,
            held_ns=self._held_ns,
            bound_by_hooks=self.config.bound_by_hooks,
            faults=tuple(self._faults.items()),
            became_master=self._became_master,
            released_master=self._released_master,
        )

    def _waits_for(self) -> str:
        match self._gate.phase:
            case Phase.ASKING:
                return f"; a lease of term {self._term} is here, its before_bind hooks have not ended"
            case Phase.ALLOWED:
                return f"; the lease of term {self._term} may end before it can be renewed: waits for the next one"
            case Phase.LEAVING:
                return "; the group goes elsewhere when its before_unbind hooks have ended"
            case _:
                return ""

    def _move(self, new: State, reason: str, now_ns: int) -> Iterable[OwnershipEffect]:
        if new is self.state:
            return ()
        self._came_from, self.state = self.state, new
        self._reason, self._since_ns = reason, now_ns
        left_ms = (self._lease.until_ns - now_ns) // NS_PER_MS if self._lease else None
        evidence = (
            f"lease of term {self._term}: {left_ms} ms left" if left_ms is not None else "no lease",
            f"priority {self.priority} (base {self.config.priority})",
            *(f"fault: {cause}: {why}" for cause, why in self._faults.items()),
        )
        return [
            OwnershipChanged(
                group=self.config.name,
                old=self._came_from,
                new=new,
                reason=reason,
                priority=self.priority,
                term=self._term,
                evidence=evidence,
            )
        ]

    def _hooks(self, event: HookEvent, number: int) -> OwnershipEffect:
        old, new = self._came_from, self.state
        if event is HookEvent.BEFORE_BIND:
            old, new = self.state, State.MASTER
        elif event is HookEvent.BEFORE_UNBIND and self._bound:
            old, new = State.MASTER, State.BACKUP
        return GroupHooksDue(
            group=self.config.name,
            event=event,
            number=number,
            old=old,
            new=new,
            reason=self._lease_reason if new is State.MASTER else self._reason,
            priority=self.priority,
            term=self._term,
        )
