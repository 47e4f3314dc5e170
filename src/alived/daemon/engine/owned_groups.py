"""Groups of addresses whose owner is elected by Raft, in the engine: leases in, addresses bound or gone, reports out.

The raft process says over the lease line what this node may own (`Leases`); each answer says what became of it, and
that is said again whenever it changes. How a lease ends is the business of each group's core (`vip.ownership`), which
needs nobody to tell it.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Sequence
from typing import assert_never

from alived.adapters.loop import Loop, now_ns
from alived.base import NS_PER_MS
from alived.config import model
from alived.daemon.engine.fence import Fence
from alived.daemon.engine.holders import Holders
from alived.daemon.engine.judgements import BY_RELOAD, Judgements
from alived.daemon.engine.keeper import Keeper
from alived.daemon.engine.owned_group import OwnedGroup
from alived.daemon.engine.reports import Reports
from alived.daemon.shared import hook_facts
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.deadlines import Deadlines, Entry
from alived.daemon.shared.lease_line import LeaseLine
from alived.daemon.shared.messages import HookDue, HookOutcome, TrackerVerdict
from alived.hooks.events import Kind
from alived.owner import FaultCleared, PriorityChanged, Shutdown
from alived.raft.member_events import EngineReported, Leases
from alived.vip import events as vip
from alived.vip import ownership_events as own
from alived.vip.gate_events import HookEnded
from alived.vrrp.tracking import TrackerEvent

SAY_AGAIN_NS = 50 * NS_PER_MS
"""When a report finds the line full."""


class OwnedGroups:
    """The groups of the engine, by name."""

    def __init__(
        self, context: ChildContext, deadlines: Deadlines, holders: Holders, reports: Reports, fence: Fence
    ) -> None:
        self._loop: Loop = context.loop
        self._deadlines, self._holders, self._reports, self._fence = deadlines, holders, reports, fence
        self.groups: dict[str, OwnedGroup] = {}
        self._config = context.config
        self._agenda: collections.deque[tuple[OwnedGroup, own.OwnershipEffect]] = collections.deque()
        """Effects that wait until those of an earlier step are carried out."""
        self._busy = False
        self._deleting = False
        awaits_ready = hook_facts.awaits_ready(context.config)
        self._judgements = Judgements(self.groups, self.feed, awaits_ready=awaits_ready)
        self._number = 0
        """Of the newest leases."""
        self._report_waits = True
        """Somebody will report in a moment, at the latest when all groups of the start are there."""
        self._news = False
        """There is something to report, or the elector wants an answer."""
        self._line = LeaseLine(self._loop, context.lease_line, self._heard) if context.lease_line else None

    # -- life --

    def begin(self, config: model.Config) -> None:
        """Several groups will be added, changed or removed so that this configuration holds; then `settle`."""
        self._config = config
        self._judgements.configure(config)
        self._fence.configure(config)

    def settle(self, now: int) -> None:
        """All that `begin` announced has been done. What a group has from the whole configuration may have changed."""
        for group in self.groups.values():
            if group.is_outdated(self._config, fenced=self._fence.asked):
                self.reconfigure(group, group.config)
            self.feed(group, own.FenceChanged(self._fence.present), now)
        self._report()

    def add(self, config: model.RaftGroup, now: int) -> OwnedGroup:
        group = OwnedGroup(config, self._config, now, fenced=self._fence.asked)
        group.entry = Entry(
            group.core, functools.partial(self._apply, group), functools.partial(self._begin_with_silence, group)
        )
        group.keeper = Keeper(
            group.name, group.vips, functools.partial(self.feed, group), functools.partial(self._review, group)
        )
        self.groups[group.name] = group
        self._holders.add(group.keeper, group.things, now)
        self._review(group, now)
        self._judgements.tell(group, now)
        self._judgements.start(group, now)
        return group

    def get_ready(self, group: OwnedGroup) -> None:
        """Builds, while there is time, what the moment of a fail-over needs."""
        self._holders.work.prepare(group.vips)

    def remove(self, group: OwnedGroup, reason: str, *, deleted: bool = False) -> None:
        self._deleting = deleted
        self.feed(group, Shutdown(reason), now_ns())
        self._deleting = False
        self._deadlines.forget(group.entry)
        self._holders.forget(group.keeper)
        del self.groups[group.name]
        self._holders.when_removed(functools.partial(self._bury, group))

    def _bury(self, group: OwnedGroup) -> None:
        """Its addresses are gone too: their last hooks are due."""
        self.feed(group, own.HolderEmpty(), now_ns())
        self._deadlines.forget(group.entry)
        del group.entry, group.keeper  # they refer to each other, and the engine collects no garbage

    def expect(self, name: str, config: model.RaftGroup) -> None:
        """The group will be reconfigured in a moment. To be said of all before anything is done."""
        new = OwnedGroup(config, self._config, 0, fenced=False)
        self._holders.expect(self.groups[name].keeper, new.vips, new.things)

    def reconfigure(self, group: OwnedGroup, config: model.RaftGroup) -> None:
        """Changes the group in place: state, lease and addresses live on."""
        now = now_ns()
        faults = group.tracking.faults
        group.take(config, self._config, fenced=self._fence.asked)
        self.feed(group, own.OwnershipReconfigured(group.ownership), now)
        self._holders.reconfigure(group.keeper, group.vips, group.things, now)
        for event in (*self._links(group, now), *self._judgements.known(group)):
            if not isinstance(event, PriorityChanged):  # one change, when all is known
                self.feed(group, event, now)
        if group.tracking.priority != group.core.priority:
            why = f"priority {group.core.priority} -> {group.tracking.priority}: {BY_RELOAD}"
            self.feed(group, PriorityChanged(group.tracking.priority, why), now)
        for cause in sorted(faults - group.tracking.faults):
            self.feed(group, FaultCleared(cause), now)
        if group.waits:
            self._judgements.start(group, now)

    def change_lifetime(self, group: OwnedGroup, config: model.RaftGroup) -> None:
        """Of the addresses of a group in which a reload changes nothing else."""
        if self._holders.change_lifetime(group.keeper, group.vips_of(config), now_ns()):
            group.config = config

    def shut_down(self, now: int) -> None:
        for group in self.groups.values():
            group.waits = False
            self.feed(group, Shutdown(), now)

    def finish(self) -> None:
        """Nothing is held any more."""
        if self._line:
            self._line.close()
        self._fence.shut()

    def snapshots(self) -> tuple[own.OwnershipSnapshot, ...]:
        return tuple(group.core.snapshot() for group in self.groups.values())

    def bound_by_hooks(self) -> dict[str, tuple[str, ...]]:
        """As of `EngineSnapshot`. A hook that ended well may have bound nothing, and its address may be gone since."""
        links = self._holders.links
        return {
            group.name: tuple(str(va) for va in group.config.vips.addresses if links.has(va.interface, va.address))
            for group in self.groups.values()
            if group.ownership.bound_by_hooks
        }

    # -- what they track --

    def judge(self, verdicts: Sequence[TrackerVerdict], now: int) -> None:
        self._judgements.judge(verdicts, now)

    def ready_ended(self, now: int) -> None:
        self._judgements.ready_ended(now)

    def _review(self, group: OwnedGroup, now: int) -> None:
        """What the machine has and lacks now."""
        for event in self._links(group, now):
            self.feed(group, event, now)

    def _links(self, group: OwnedGroup, now: int) -> list[TrackerEvent]:
        """What it must hear of them: new faults first, so that the group is not taken for a moment."""
        events = [
            event
            for name in sorted(group.tracked)
            for event in group.tracking.set_interface(name, self._holders.usable(name, now))
        ]
        return sorted(events, key=lambda event: isinstance(event, FaultCleared))

    # -- leases --

    def _heard(self, news: Leases | EngineReported) -> None:
        """With each round of heartbeats: who has to let go goes first."""
        assert isinstance(news, Leases), "the raft process reports to nobody"
        now = now_ns()
        self._number = news.number
        self._news = news.answer
        waits, self._report_waits = self._report_waits, True
        held = {one.group: one for one in news.held}
        gone = own.Unleased(news.reason)
        for name, group in self.groups.items():
            if name not in held:
                self.feed(group, gone, now)
        for one in news.held:
            named = self.groups.get(one.group)
            if named:  # else a reload has just taken it out, or brings it in a moment
                self._lease(named, own.Leased(one.until_ns, news.term, news.reason, one.leaving), now)
        if self._line:
            self._line.carry_out(news.number)
        if self._news:
            self._report()
        else:
            self._report_waits = waits
        self._deadlines.look()

    def _lease(self, group: OwnedGroup, lease: own.Leased, now: int) -> None:
        effects = group.core.step(lease, now)
        if effects is group.core.renewal:  # nearly always
            if effects:
                self._renew(group, now)
        else:
            self._apply(group, effects, now)
        self._deadlines.changed(group.entry)

    def _report_soon(self) -> None:
        self._news = True
        if not self._report_waits:
            self._report_waits = True
            self._loop.call_soon(self._report)

    def _report(self) -> None:
        """All that the elector has to know."""
        now = now_ns()
        for group in self.groups.values():
            if group.keeper.when_empty:
                self._holders.tell_if_empty(group.keeper, now)
        self._report_waits = False
        reports = tuple(group.report(now) for group in self.groups.values())
        if self._line and not self._line.send(EngineReported(number=self._number, groups=reports)):
            self._report_waits = True
            self._loop.call_later(SAY_AGAIN_NS, self._report)

    # -- events and effects --

    def hook_ended(self, outcome: HookOutcome, now: int) -> None:
        if group := self.groups.get(outcome.name):
            ended = HookEnded(event=outcome.event, number=outcome.number, ok=outcome.ok, reason=outcome.reason)
            self.feed(group, ended, now)

    def feed(self, group: OwnedGroup, event: own.OwnershipEvent, now: int) -> None:
        """Steps the core and carries out what it wants."""
        if isinstance(event, PriorityChanged) and event.priority != group.core.priority:
            self._reports.priority_changed(group.name, event.reason)
        effects = group.core.step(event, now)
        if effects:
            self._apply(group, effects, now)
        self._deadlines.changed(group.entry)

    def _begin_with_silence(
        self, group: OwnedGroup, effects: Sequence[own.OwnershipEffect]
    ) -> Sequence[own.OwnershipEffect]:
        """Of groups whose leases end in the same moment all are silenced before the first address is removed."""
        if effects and isinstance(effects[0], own.CloseKernelLease):
            self._fence.close(group.name)
            return effects[1:]
        return effects

    def _apply(self, group: OwnedGroup, effects: Sequence[own.OwnershipEffect], now: int) -> None:
        """Carries effects out, one step's after the other's, as for VRRP instances."""
        self._agenda.extend((group, effect) for effect in effects)
        if self._busy:
            return
        self._busy = True
        while self._agenda:
            self._carry_out(*self._agenda.popleft(), now)
        self._busy = False

    def _carry_out(self, group: OwnedGroup, effect: own.OwnershipEffect, now: int) -> None:
        match effect:
            case own.OpenKernelLease() | own.RenewKernelLease():
                self._renew(group, now)
            case own.CloseKernelLease():
                self._fence.close(group.name)
            case own.ClaimAddresses():
                group.keeper.when_empty = None
                self._holders.feed(group.keeper, vip.Claim(effect.reason), now)
            case own.ReleaseAddresses():
                group.keeper.when_empty = functools.partial(self._emptied, group)
                self._holders.feed(group.keeper, vip.Release(effect.reason), now)
            case own.OwnershipChanged():
                self._reports.ownership_changed(effect, deleted=self._deleting)
            case own.GroupHooksDue():
                self._hooks_due(group, effect)
            case own.ReportDue():
                self._report_soon()
            case _:
                assert_never(effect)

    def _renew(self, group: OwnedGroup, now: int) -> None:
        until_ns = group.core.lease_until_ns
        if until_ns is None:
            return  # It has ended while this waited on the agenda, where what closes follows.
        if self._fence.renew(group.name, until_ns):  # the kernel has begun, or ceased, to take leases
            for every in [*self.groups.values()]:
                self.feed(every, own.FenceChanged(self._fence.present), now)

    def _emptied(self, group: OwnedGroup, now: int) -> None:
        self.feed(group, own.HolderEmpty(), now)

    def _hooks_due(self, group: OwnedGroup, due: own.GroupHooksDue) -> None:
        self._reports.hooks_due(
            HookDue(
                kind=Kind.RAFT,
                name=due.group,
                event=due.event,
                number=due.number,
                old=due.old,
                new=due.new,
                reason=due.reason,
                priority=due.priority,
                term=due.term,
                vips=hook_facts.vips([group.config.vips]),
                interface=group.config.raft.interface,
                peers=hook_facts.nodes(self._config),
            )
        )
