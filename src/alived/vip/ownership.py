"""The owner of a group of addresses under leases: it owns while it has a lease, and lets go by itself when it ends.

    INIT --Startup--> BACKUP --a lease, no fault, hooks allow it--> MASTER
                        ^  \\                                          |
                        |   a fault --> FAULT <-- a fault -------------+
                        +-- the lease ends, is taken back or goes elsewhere

What counts is the newest lease (`Leased`, `Unleased`), whatever was said before, and the clock: `deadline_ns` is never
later than the end of a lease under which something is bound. On the way in the kernel's lease is opened before the
addresses are bound; on the way out it is closed before they are removed, so that a removal of thousands of addresses
silences all of them at once.

A lease that is too short to begin with (`least_ns`) waits for the next one.

A node that steps down because of a fault is no candidate for STEP_DOWN_NS, even if the fault goes at once: others get
the chance to take the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.owner import FaultCleared, FaultRaised, HookEvent, PriorityChanged, Shutdown, Startup, State, why_in_fault
from alived.vip.candidate import Candidate
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
from alived.vip.hook_gate import Phase
from alived.vip.ownership_events import (
    ClaimAddresses,
    CloseKernelLease,
    FenceChanged,
    HolderEmpty,
    Leased,
    OpenKernelLease,
    OwnershipConfig,
    OwnershipEffect,
    OwnershipEvent,
    OwnershipReconfigured,
    ReleaseAddresses,
    ReportDue,
    Unleased,
)

STEP_DOWN_NS = NS_PER_S
STEPPED_DOWN = "step-down"
"""Cause of the fault that gives others the chance."""


class Ownership(Candidate):
    """A core."""

    # -- steps --

    def step(self, event: OwnershipEvent, now_ns: int) -> Sequence[OwnershipEffect]:
        """What follows from `event`, in the order in which it must happen. The first two cases are the steady state of
        an owner and of the others."""
        if type(event) is Leased:
            if self._is_routine(event, now_ns):
                self._lease = event
                other_ns, until_ns = self._other_deadline_ns, event.until_ns
                self.deadline_ns = until_ns if other_ns is None or until_ns < other_ns else other_ns
                return self.renewal
        elif type(event) is Unleased and self._lease is None:
            self._lease_reason = event.reason
            return ()
        effects = [*self._lapse(now_ns)]
        was_bound = self._bound
        effects += [*self._on_event(event, now_ns), *self._review(now_ns)]
        if type(event) is Leased and was_bound and self._bound:
            effects += self.renewal
        if self._reported != (report := (self.able, self.priority, self.holds)):
            self._reported = report
            effects.append(ReportDue(self.config.name))
        self.version += 1
        self._arm()
        return effects

    def _is_routine(self, new: Leased, now_ns: int) -> bool:
        """A renewal that changes nothing but the time."""
        old = self._lease
        return (
            old is not None
            and self._gate.phase is Phase.IN
            and now_ns < old.until_ns
            and now_ns < new.until_ns
            and not new.leaving
            and new.term == old.term
        )

    def _on_event(self, event: OwnershipEvent, now_ns: int) -> Iterable[OwnershipEffect]:
        effects: Iterable[OwnershipEffect] = ()
        match event:
            case Leased():
                self._lease, self._term, self._lease_reason = event, event.term, event.reason
            case Unleased(reason):
                self._lease = None
                self._why_backup = self._lease_reason = reason
            case FaultRaised(cause, reason):
                self._faults[cause] = reason
            case FaultCleared(cause):
                self._clear(cause)
            case PriorityChanged(priority, reason):
                self.priority, self._priority_reason = priority, reason
            case HookEnded() | DeadlineReached():
                effects = self._through_gate(event, now_ns)
            case FenceChanged(present):
                self._fenced = present and self.config.fenced
            case HolderEmpty():
                effects = self._emptied(now_ns)
            case Startup(waits_for):
                effects = self._startup(waits_for, now_ns)
            case Shutdown(reason):
                self._started, self._lease, self._why_backup = False, None, reason
            case OwnershipReconfigured(config):
                effects = self._reconfigured(config, now_ns)
            case _:
                assert_never(event)
        return effects

    def _startup(self, waits_for: str, now_ns: int) -> Iterable[OwnershipEffect]:
        if self._started:
            return ()
        if waits_for:
            self._reason, self._since_ns = waits_for, now_ns
            return ()
        self._started, self._why_backup = True, "started: waits for a lease"
        return [*self._settle(now_ns), *self._through_gate(GateOpened(), now_ns)]

    def _reconfigured(self, config: OwnershipConfig, now_ns: int) -> Iterable[OwnershipEffect]:
        """A new base priority is the effective one until the trackers say otherwise."""
        if config.priority != self.config.priority:
            self.priority = config.priority
        self._take(config)
        return self._through_gate(HooksChanged(config.hook_limits), now_ns)

    def _clear(self, cause: str) -> None:
        if self._faults.pop(cause, None) is not None:
            over = "others had their chance" if cause == STEPPED_DOWN else f"{cause} is no fault any more"
            self._why_backup = f"{over}: waits for a lease"

    # -- what should be --

    def _review(self, now_ns: int) -> Iterable[OwnershipEffect]:
        """Compares what should be with what is, whatever was or was not said in between."""
        lease = self._lease
        if lease is not None and lease.until_ns <= now_ns:
            lease = self._lease = None  # it came too late
        wanted: GateEvent = Elected()
        if lease is None or not self.able:
            wanted = Dismissed()
        elif lease.leaving:
            self._why_backup = lease.reason
            wanted = Dismissed(planned=True)
        effects = [*self._through_gate(wanted, now_ns)]
        if self._gate.phase is Phase.ALLOWED and self._will_do(now_ns):
            effects += self._bind(now_ns)
        if self._emptying and self.config.bound_by_hooks and self._is_silent:
            effects += self._emptied(now_ns)
        return [*effects, *self._settle(now_ns)]

    def _lapse(self, now_ns: int) -> Iterable[OwnershipEffect]:
        """What has ended by now. A lease that has ended is let go of even if the next one is here already: meanwhile
        another node may have owned the group and told the neighbours so."""
        if self._candidate_at_ns is not None and self._candidate_at_ns <= now_ns:
            self._candidate_at_ns = None
            self._clear(STEPPED_DOWN)
        lease = self._lease
        if lease is None or now_ns < lease.until_ns:
            return ()
        self._lease = None
        if self._gate.phase is Phase.OUT:
            return ()
        late_ms = (now_ns - lease.until_ns) // NS_PER_MS
        late = f" (noticed {late_ms} ms late)" if late_ms else ""
        self._why_backup = f"the lease of term {lease.term} has ended without a renewal{late}"
        return self._through_gate(Dismissed(), now_ns)

    @property
    def _is_silent(self) -> bool:
        """With addresses that hooks bind: the kernel silences them, or the hooks have removed them."""
        return self._fenced or not self._gate.awaits(HookEvent.TO_SLAVE)

    def _will_do(self, now_ns: int) -> bool:
        """Whether the lease is worth to begin with."""
        return self._lease is not None and self._lease.until_ns - now_ns >= self.config.least_ns

    def _arm(self) -> None:
        others = (self._gate.deadline_ns, self._candidate_at_ns)
        self._other_deadline_ns = min((moment for moment in others if moment is not None), default=None)
        ends_ns = self._lease.until_ns if self._lease and self._gate.phase is not Phase.OUT else None
        moments = (ends_ns, self._other_deadline_ns)
        self.deadline_ns = min((moment for moment in moments if moment is not None), default=None)

    # -- in and out --

    def _through_gate(self, event: GateEvent, now_ns: int) -> Iterable[OwnershipEffect]:
        effects: list[OwnershipEffect] = []
        for effect in self._gate.step(event, now_ns):
            effects += self._on_gate(effect, now_ns)
        return effects

    def _on_gate(self, effect: GateEffect, now_ns: int) -> Iterable[OwnershipEffect]:
        match effect:
            case BindAllowed():
                pass  # as soon as the lease is long enough
            case UnbindDue():
                return self._unbind(now_ns)
            case HooksDue(event, number):
                return [self._hooks(event, number)]
            case OwnershipFailed(cause=cause, reason=reason):
                self._faults[cause] = reason
            case OwnershipPossible(cause=cause):
                self._clear(cause)
            case _:
                assert_never(effect)
        return ()

    def _bind(self, now_ns: int) -> Iterable[OwnershipEffect]:
        assert self._lease is not None
        name, reason = self.config.name, self._lease.reason
        self._bound, self._emptying = True, False
        self._became_master += 1
        opened = [OpenKernelLease(name)] if self.config.fenced else []
        return [
            *opened,
            *([] if self.config.bound_by_hooks else [ClaimAddresses(name, reason)]),
            *self._settle(now_ns),
            *self._through_gate(Bound(), now_ns),
        ]

    def _unbind(self, now_ns: int) -> Iterable[OwnershipEffect]:
        name = self.config.name
        self._bound, self._emptying = False, True
        self._released_master += 1
        closed = [CloseKernelLease(name)] if self.config.fenced else []
        moved = self._settle(now_ns)
        if self._faults:
            self._candidate_at_ns = now_ns + STEP_DOWN_NS
            self._faults[STEPPED_DOWN] = f"stepped down: no candidate for {STEP_DOWN_NS // NS_PER_S} s"
        return [*closed, *([] if self.config.bound_by_hooks else [ReleaseAddresses(name, self._reason)]), *moved]

    def _emptied(self, now_ns: int) -> Iterable[OwnershipEffect]:
        if not self._emptying:
            return ()
        self._emptying = False
        self._held_ns = now_ns
        return self._through_gate(Unbound(), now_ns)

    def _settle(self, now_ns: int) -> Iterable[OwnershipEffect]:
        """Takes the state that follows from everything else."""
        if self._bound:
            assert self._lease is not None
            return self._move(State.MASTER, self._lease.reason, now_ns)
        if not self._started:
            return self._move(State.INIT, self._why_backup, now_ns)
        if self._faults:
            return self._move(State.FAULT, why_in_fault(self._faults), now_ns)
        return self._move(State.BACKUP, self._why_backup, now_ns)
