"""VRRP instances of the engine: which effect of an election becomes which event, advert or report.

Sockets become events, cores decide, their effects become adverts and claims of addresses. What an instance needs of the
machine is level-triggered: `review` compares it with what there is, after every change that concerns it.
"""

from __future__ import annotations

import collections
import functools
import itertools
from collections.abc import Sequence
from typing import assert_never

from alived.adapters.loop import Loop, now_ns
from alived.adapters.netlink import Requests
from alived.adapters.sysctl import Sysctls
from alived.config import model
from alived.daemon.engine.groups import Groups
from alived.daemon.engine.holders import Holders
from alived.daemon.engine.instance_hooks import InstanceHooks
from alived.daemon.engine.judgements import BY_RELOAD, Judgements, add_trackers
from alived.daemon.engine.keeper import Keeper
from alived.daemon.engine.ports import Ports
from alived.daemon.engine.rehearsal import rehearse
from alived.daemon.engine.reports import Reports
from alived.daemon.engine.requirements import Requirements, things
from alived.daemon.engine.virtual_router import VirtualRouter
from alived.daemon.shared import hook_facts
from alived.daemon.shared.deadlines import SLACK_MAX_NS, Deadlines, Entry
from alived.daemon.shared.messages import HookDue, HookOutcome, TrackerVerdict
from alived.hooks.config import Hook
from alived.hooks.events import Kind
from alived.owner import HookEvent
from alived.vip import events as vip
from alived.vrrp import events as vrrp
from alived.vrrp.config import State
from alived.vrrp.group_events import GroupChanged
from alived.vrrp.tracking import Tracking, tracking_of

ADVERT_SLACK = 50
"""An advert may leave this part of its interval early (at most 1 ms), together with others; its grid stays."""


class Instances:
    """The instances of the engine, by name."""

    def __init__(
        self,
        loop: Loop,
        requests: Requests,
        deadlines: Deadlines,
        holders: Holders,
        ports: Ports,
        reports: Reports,
        *,
        awaits_ready: bool,
    ) -> None:
        """awaits_ready: as of `Judgements`."""
        self._loop, self._deadlines, self._holders = loop, deadlines, holders
        self._ports, self._reports = ports, reports
        self.routers: dict[str, VirtualRouter] = {}
        self._deleting = False
        """A reload is taking an instance away for good."""
        self._agenda: collections.deque[tuple[VirtualRouter, Sequence[vrrp.InstanceEffect]]] = collections.deque()
        """Effects that wait until those of an earlier step are carried out."""
        self._busy = False
        self._group_news: list[GroupChanged] = []
        """Told after the members' own changes, as in keepalived"""
        self._hooks: tuple[Hook, ...] = ()
        self._requirements = Requirements(
            holders.machine, requests, ports, reports.notice, Sysctls(reports.settings_changed), holders.usable
        )
        self.groups = Groups(self.routers, self.feed, self._group_changed)
        self._judgements = Judgements(self.routers, self.feed, awaits_ready=awaits_ready)

    # -- life --

    def begin(self, config: model.Config) -> None:
        """Several instances will be added, changed or removed so that this configuration holds; then `settle`."""
        self.groups.configure(config)
        self._judgements.configure(config)
        self._hooks = hook_facts.hooks_of(config, Kind.INSTANCE, "")
        for router in self.routers.values():
            self._give_hooks(router)

    def settle(self, now: int) -> None:
        """All that `begin` announced has been done."""
        self.groups.settle(now)

    def add(self, config: model.Instance, now: int) -> VirtualRouter:
        """now: the same for all that start together, so that their timers meet and their adverts leave in batches."""
        router = VirtualRouter(config, *self._tracking(config))
        router.entry = Entry(
            router.core, functools.partial(self._apply, router), router.begin, functools.partial(self._rehearse, router)
        )
        router.keeper = Keeper(
            router.name, config.vips, functools.partial(self.feed, router), functools.partial(self._review, router)
        )
        self._give_hooks(router)
        self.routers[router.name] = router
        self._holders.add(router.keeper, things(config, router.tracked), now)
        self._review(router, now)
        self._judgements.tell(router, now)
        self._judgements.start(router, now)
        if router.hooks:
            router.hooks.open(now)
        return router

    def get_ready(self, router: VirtualRouter) -> None:
        """Builds, while there is time, what the moment of a fail-over needs."""
        router.prepare_adverts()
        self._holders.work.prepare(router.config.vips)

    def _rehearse(self, router: VirtualRouter) -> None:
        rehearse(router.config, router.primary_address)
        self.get_ready(router)
        self._ports.rehearse()

    def remove(self, router: VirtualRouter, reason: str, *, deleted: bool = False) -> None:
        """Stops the instance; its addresses and its device go. deleted: for good."""
        self._deleting = deleted
        self.feed(router, vrrp.Shutdown(reason), now_ns())
        self._deleting = False
        self._deadlines.forget(router.entry)
        if router.hooks:
            router.hooks.forget()
            self._holders.when_removed(router.hooks.bury)
        self._ports.flush()
        self._requirements.undo([router])
        del self.routers[router.name]
        self._holders.forget(router.keeper)
        del router.entry, router.keeper  # they refer to each other, and the engine collects no garbage

    def shut_down(self, now: int) -> None:
        """Stops all instances. Priority 0, which each MASTER will want to send (RFC 9568 section 6.4.3), leaves before
        the cores are asked: that takes them 0.2 ms after an idle second, in which nobody owns the addresses."""
        masters = [router for router in self.routers.values() if router.core.state is State.MASTER]
        for router in masters:
            router.queue_advert(0)
        self._ports.flush()
        for router in self.routers.values():
            router.waits = False
        stopped = [(router, router.core.step(vrrp.Shutdown(), now)) for router in self.routers.values()]
        for router, effects in stopped:
            self._apply(router, [effect for effect in effects if type(effect) is not vrrp.SendAdvertisement], now)

    def expect(self, name: str, config: model.Instance) -> None:
        """The instance will be reconfigured in a moment. To be said of all before anything is done."""
        _, tracked = self._tracking(config)
        self._holders.expect(self.routers[name].keeper, config.vips, things(config, tracked))

    def reconfigure(self, router: VirtualRouter, config: model.Instance) -> None:
        """Changes the instance in place: state, timer and addresses live on."""
        now = now_ns()
        tracking, tracked = self._tracking(config)
        faults = router.tracking.faults
        router.reconfigure(config, tracking, tracked)
        self.feed(router, vrrp.Reconfigured(config.vrrp), now)
        self._holders.reconfigure(router.keeper, config.vips, things(config, tracked), now)
        self._ports.reconfigured(router)
        for event in itertools.chain(self._requirements.review(router, now), self._judgements.known(router)):
            if not isinstance(event, vrrp.PriorityChanged):  # one change, when all is known
                self.feed(router, event, now)
        if not config.vrrp.is_owner:
            why = f"priority {router.core.snapshot().priority} -> {tracking.priority}: {BY_RELOAD}"
            self.feed(router, vrrp.PriorityChanged(tracking.priority, why), now)
        for cause in sorted(faults - tracking.faults):
            self.feed(router, vrrp.FaultCleared(cause), now)
        if router.waits:
            self._judgements.start(router, now)

    def change_lifetime(self, router: VirtualRouter, config: model.Instance) -> None:
        """Of the addresses of an instance in which a reload changes nothing else."""
        if self._holders.change_lifetime(router.keeper, config.vips, now_ns()):
            router.config = config

    def finish(self) -> None:
        """All instances have stopped: undoes what was made for them."""
        self._requirements.undo(self.routers.values())
        self._requirements.restore_settings()

    def _tracking(self, config: model.Instance) -> tuple[Tracking, set[str]]:
        """What the instance tracks, and the names of the interfaces among it."""
        group = self.groups.of(config.vrrp.sync_group)
        of_group = group.track_interfaces if group else ()
        names = {tracked.name for tracked in (*config.vrrp.track_interfaces, *of_group)}
        if config.vrrp.track_primary and config.vrrp.interface:
            names.add(config.vrrp.interface)
        tracking = tracking_of(config.vrrp, of_group)
        add_trackers(tracking, config.tracking)
        add_trackers(tracking, self.groups.tracking_of(config.vrrp.sync_group))
        return tracking, names

    def judge(self, verdicts: Sequence[TrackerVerdict], now: int) -> None:
        self._judgements.judge(verdicts, now)

    def ready_ended(self, now: int) -> None:
        self._judgements.ready_ended(now)

    # -- hooks --

    def _give_hooks(self, router: VirtualRouter) -> None:
        """Those that the configuration has now: an instance without hooks pays nothing for them."""
        if router.hooks:
            router.hooks.configure(self._hooks, now_ns())
        elif self._hooks:
            router.hooks = InstanceHooks(
                router.name,
                self._hooks,
                self._deadlines,
                claim=functools.partial(self._claim, router),
                release=functools.partial(self._release, router),
                hear=functools.partial(self.feed, router),
                due=functools.partial(self._hooks_due, router),
                holding=router.keeper.holder.claimed,
            )

    def _hooks_due(self, router: VirtualRouter, event: HookEvent, number: int, change: vrrp.StateChanged) -> None:
        self._reports.hooks_due(
            HookDue(
                kind=Kind.INSTANCE,
                name=router.name,
                event=event,
                number=number,
                old=change.old,
                new=change.new,
                reason=change.reason,
                priority=change.priority,
                vips=hook_facts.vips([router.config.vips]),
                interface=router.vrrp.interface,
                peers=tuple(peer.address for peer in router.vrrp.unicast_peers),
            )
        )

    def hook_ended(self, outcome: HookOutcome, now: int) -> None:
        router = self.routers.get(outcome.name)
        if router and router.hooks:
            router.hooks.ended(outcome, now)
            self._ports.flush()

    def _claim(self, router: VirtualRouter, reason: str, now: int) -> None:
        router.keeper.when_empty = None
        self._holders.feed(router.keeper, vip.Claim(reason), now)

    def _release(self, router: VirtualRouter, reason: str, now: int) -> None:
        if router.hooks:
            router.keeper.when_empty = router.hooks.unbound
        self._holders.feed(router.keeper, vip.Release(reason), now)

    # -- effects --

    def feed(self, router: VirtualRouter, event: vrrp.InstanceEvent, now: int) -> None:
        """Steps the instance and carries out what it wants."""
        effects = router.core.step(event, now)
        if effects:
            self._apply(router, effects, now)
        self._deadlines.changed(router.entry)

    def _apply(self, router: VirtualRouter, effects: Sequence[vrrp.InstanceEffect], now: int) -> None:
        """Carries effects out, one step's after the other's: what a core says because of an effect (a holder that
        releases at once clears a fault) comes after everything that the earlier step has said."""
        self._agenda.append((router, effects))
        if self._busy:
            return
        self._busy = True
        while self._agenda:
            self._carry_out(*self._agenda.popleft(), now)
        self._busy = False
        for change in self._group_news:
            self._reports.group_changed(change)
        self._group_news.clear()

    def _group_changed(self, change: GroupChanged) -> None:
        if self._busy:
            self._group_news.append(change)
        else:
            self._reports.group_changed(change)

    def _carry_out(self, router: VirtualRouter, effects: Sequence[vrrp.InstanceEffect], now: int) -> None:
        for effect in effects:
            match effect:
                case vrrp.SendAdvertisement():
                    router.queue_advert(effect.priority)
                case vrrp.StateChanged():
                    self._state_changed(router, effect, now)
                case vrrp.Reannounce():
                    self._holders.feed(router.keeper, vip.Announce(effect.reason), now)
                case vrrp.LowerPriorityHeard():
                    self._reports.lower_priority_heard(effect)
                case vrrp.PriorityTaken():
                    self._reports.priority_taken(effect)
                case vrrp.Noticed():
                    self._reports.notice(effect.instance, effect.code, effect.message)
                case vrrp.MemberReport():
                    self.groups.report(effect, now)
                case _:
                    assert_never(effect)

    def _state_changed(self, router: VirtualRouter, change: vrrp.StateChanged, now: int) -> None:
        router.entry.slack_ns = 0
        if change.new is State.MASTER:
            router.entry.slack_ns = min(router.vrrp.advert_interval_ns // ADVERT_SLACK, SLACK_MAX_NS)
            # The advert has been sent or is in the sender's queue, which is emptied before the loop does the work of
            # binding: it goes first (RFC 9568 section 6.4.2), so that nobody else starts meanwhile.
            if router.hooks:
                router.hooks.elected(change, now)
            else:
                self._claim(router, change.reason, now)
        elif change.old is State.MASTER:
            self._ports.flush()  # the sooner the others hear of it, the shorter nobody answers
            if router.hooks:
                router.hooks.dismissed(change, now)
            else:
                self._release(router, change.reason, now)
        if State.MASTER in (change.old, change.new):
            self._requirements.proxy_arp(router)
        self._reports.instance_changed(change, deleted=self._deleting)

    def _review(self, router: VirtualRouter, now: int) -> None:
        """Tells the instance what it has and lacks now."""
        for event in self._requirements.review(router, now):
            self.feed(router, event, now)
