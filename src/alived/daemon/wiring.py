"""Which effect becomes which event: instances, sync groups, holders of addresses and the machine, wired together.

Sockets and the netlink monitor become events; cores decide; their effects become adverts, netlink batches and
announcements. Everything that depends on links and addresses is level-triggered: `_review` compares what an instance
needs with what the machine has, after every change, so a start, a pulled cable and an interface that was deleted and
made again heal by the same code.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Sequence
from typing import assert_never

from alived.adapters.loop import Loop, now_ns
from alived.adapters.netlink import Requests
from alived.adapters.sysctl import Sysctls
from alived.config import model
from alived.daemon.address_work import AddressWork
from alived.daemon.claims import Claims
from alived.daemon.deadlines import SLACK_MAX_NS, Deadlines, Entry
from alived.daemon.groups import Groups
from alived.daemon.judgements import Judgements
from alived.daemon.leftovers import is_ours
from alived.daemon.machine import Machine
from alived.daemon.messages import ScriptVerdict
from alived.daemon.ports import Ports
from alived.daemon.registry import Registry
from alived.daemon.rehearsal import rehearse
from alived.daemon.reports import Reports
from alived.daemon.requirements import Requirements, things
from alived.daemon.virtual_router import VirtualRouter
from alived.vip import events as vip
from alived.vip.config import VirtualAddress
from alived.vip.plan import key_of
from alived.vrrp import events as vrrp
from alived.vrrp.config import State
from alived.vrrp.tracking import Tracking
from alived.wire.inet import address_text
from alived.wire.rtnetlink import IFA_F_DADFAILED, IFA_F_TENTATIVE, Address

ADVERT_SLACK = 50
"""An advert may leave this part of its interval early (at most 1 ms), together with others; its grid stays."""


class Wiring:
    """The instances of the engine, by name, and everything between them and the machine."""

    def __init__(self, loop: Loop, reports: Reports) -> None:
        self._loop, self._reports = loop, reports
        self.routers: dict[str, VirtualRouter] = {}
        self._deleting = False
        """A reload is taking an instance away for good."""
        self._registry = Registry()
        self._removals: list[tuple[VirtualRouter, vip.RemoveAddresses]] | None = None
        """What a reload takes away, until it is known who has what after it; None: no reload is on."""
        self._agenda: collections.deque[tuple[VirtualRouter, Sequence[vrrp.InstanceEffect]]] = collections.deque()
        """Effects that wait until those of an earlier step are carried out."""
        self._busy = False
        requests = Requests()
        self._machine = Machine(loop, requests, changed=self._machine_changed, postponed=lambda: self.work.busy)
        self._links = self._machine.links
        self.work = AddressWork(loop, requests, self._links, self._bind_failed)
        self.ports = Ports(
            loop,
            self._links,
            feed=self.feed,
            changed=lambda router: self._deadlines.changed(router.entry),
            notice=reports.notice,
        )
        self._deadlines = Deadlines(loop, self.ports.flush)
        self._requirements = Requirements(
            self._machine, requests, self.ports, reports.notice, Sysctls(reports.settings_changed)
        )
        self._watching_soon = False
        self._claims = Claims(loop, self._links, self._claimed_by_other)
        self.groups = Groups(self.routers, self.feed, reports.group_changed)
        self._judgements = Judgements(self.routers, self.groups, self.feed, reports)

    def start(self) -> None:
        """Looks at the machine; instances can be added from now on."""
        self._machine.start()

    def begin(self, config: model.Config) -> None:
        """Several instances will be added, changed or removed so that this configuration holds; then `settle`."""
        self.groups.configure(config)
        self._judgements.configure(config)
        self._removals = []

    def settle(self, now: int) -> None:
        """All that `begin` announced has been done."""
        self.groups.settle(now)
        removals, self._removals = self._removals or [], None
        for router, effect in removals:
            self._remove_unless_moved(router, effect, now)
        self._registry.moved.clear()
        self._watch_claims()
        self.ports.flush()

    # -- instances --

    def add(self, config: model.Instance, now: int) -> VirtualRouter:
        """now: the same for all that start together, so that their timers meet and their adverts leave in batches."""
        router = VirtualRouter(config, *self._tracking(config))
        router.entry = Entry(
            router.core, functools.partial(self._apply, router), router.begin, functools.partial(self._rehearse, router)
        )
        router.holder_entry = Entry(router.holder, functools.partial(self._apply_vip, router))
        self.routers[router.name] = router
        self._registry.put(router, config.vips.addresses, things(config, router.tracked))
        self._meet_addresses(router, now)
        self._review(router, now)
        self._judgements.tell(router, now)
        self._judgements.start(router, now)
        return router

    def get_ready(self, router: VirtualRouter) -> None:
        """Builds, while there is time, what the moment of a fail-over needs."""
        router.prepare_adverts()
        self.work.prepare(router.config.vips)

    def _rehearse(self, router: VirtualRouter) -> None:
        rehearse(router.config, router.primary_address)
        self.get_ready(router)
        self.ports.rehearse()

    def remove(self, router: VirtualRouter, reason: str, *, deleted: bool = False) -> None:
        """Stops the instance; its addresses and its device go. deleted: for good."""
        self._deleting = deleted
        self.feed(router, vrrp.Shutdown(reason), now_ns())
        self._deleting = False
        self._deadlines.forget(router.entry)
        self._deadlines.forget(router.holder_entry)
        self.ports.flush()
        self._requirements.undo([router])
        del self.routers[router.name]
        self._registry.forget(router)
        del router.entry, router.holder_entry  # they refer to each other, and the engine collects no garbage

    def shut_down(self) -> None:
        """Stops all instances. Priority 0, which each MASTER will want to send (RFC 9568 section 6.4.3), leaves before
        the cores are asked: that takes them 0.2 ms after an idle second, in which nobody owns the addresses."""
        masters = [router for router in self.routers.values() if router.core.state is State.MASTER]
        for router in masters:
            router.queue_advert(0)
        self.ports.flush()
        now = now_ns()
        for router in self.routers.values():
            router.waits = False
        stopped = [(router, router.core.step(vrrp.Shutdown(), now)) for router in self.routers.values()]
        for router, effects in stopped:
            self._apply(router, [effect for effect in effects if type(effect) is not vrrp.SendAdvertisement], now)

    def expect(self, name: str, config: model.Instance) -> None:
        """The instance will be reconfigured in a moment. To be said of all before anything is done, so that an address
        that moves from one to another is not taken away on the way."""
        _, tracked = self._tracking(config)
        self._registry.put(self.routers[name], config.vips.addresses, things(config, tracked))

    def reconfigure(self, router: VirtualRouter, config: model.Instance) -> None:
        """Changes the instance in place: state, timer and addresses live on."""
        now = now_ns()
        tracking, tracked = self._tracking(config)
        faults = router.tracking.faults
        router.reconfigure(config, tracking, tracked)
        self.feed(router, vrrp.Reconfigured(config.vrrp), now)
        self._registry.put(router, config.vips.addresses, things(config, tracked))
        self._feed_holder(router, vip.VipReconfigured(config.vips), now)
        self._meet_addresses(router, now)
        self.ports.reconfigured(router)
        self._review(router, now)
        self._judgements.tell(router, now)
        if not config.vrrp.is_owner:
            self.feed(router, vrrp.PriorityChanged(tracking.priority, "a reload changed what is tracked"), now)
        for cause in sorted(faults - tracking.faults):
            self.feed(router, vrrp.FaultCleared(cause), now)
        if router.waits:
            self._judgements.start(router, now)

    def change_lifetime(self, router: VirtualRouter, config: model.Instance) -> None:
        """Of the addresses of an instance in which a reload changes nothing else: the next renewal gives it to them."""
        if router.config.vips.lifetime_s != config.vips.lifetime_s:
            router.config = config
            self._feed_holder(router, vip.VipReconfigured(config.vips), now_ns())

    def finish(self) -> None:
        """All instances have stopped: undoes what was made for them, and looks no more whether something is missing."""
        self._machine.close()
        self._requirements.undo(self.routers.values())
        self._requirements.restore_settings()

    def _tracking(self, config: model.Instance) -> tuple[Tracking, set[str]]:
        """What the instance tracks, and the names of the interfaces among it."""
        group = self.groups.of(config.vrrp.sync_group)
        of_group = group.track_interfaces if group else ()
        names = {tracked.name for tracked in (*config.vrrp.track_interfaces, *of_group)}
        if config.vrrp.track_primary and config.vrrp.interface:
            names.add(config.vrrp.interface)
        tracking = Tracking(config.vrrp, of_group)
        self._judgements.add_to(tracking, config)
        return tracking, names

    def scripts_judged(self, verdicts: Sequence[ScriptVerdict]) -> None:
        """The parent passes on what is new, and to an engine that has just begun all that is known."""
        self._judgements.judge(verdicts, now_ns())
        self.ports.flush()

    def _meet_addresses(self, router: VirtualRouter, now: int) -> None:
        """Tells the holder which devices are down, and which of its addresses are there already."""
        for name in {va.interface for va in router.config.vips.addresses}:
            if self._links.get(name) and self._links.trouble(name):
                self._feed_holder(router, vip.InterfaceDown(name), now)
        for va in router.config.vips.addresses:
            # What another instance gives away in this reload is met when the kernel has confirmed it.
            if key_of(va) not in self._registry.moved and (address := self._links.address(*key_of(va))):
                self._address_changed(address, now)

    # -- effects of instances --

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

    def _carry_out(self, router: VirtualRouter, effects: Sequence[vrrp.InstanceEffect], now: int) -> None:
        for effect in effects:
            match effect:
                case vrrp.SendAdvertisement():
                    router.queue_advert(effect.priority)
                case vrrp.StateChanged():
                    self._state_changed(router, effect, now)
                case vrrp.Reannounce():
                    self._feed_holder(router, vip.Announce(effect.reason), now)
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
            self._feed_holder(router, vip.Claim(change.reason), now)
        elif change.old is State.MASTER:
            self.ports.flush()  # the sooner the others hear of it, the shorter nobody answers
            self._feed_holder(router, vip.Release(change.reason), now)
        if State.MASTER in (change.old, change.new):
            self._requirements.proxy_arp(router)
        self._reports.instance_changed(change, deleted=self._deleting)

    # -- addresses --

    def _feed_holder(self, router: VirtualRouter, event: vip.VipEvent, now: int) -> None:
        effects = router.holder.step(event, now)
        if effects:
            self._apply_vip(router, effects, now)
        self._deadlines.changed(router.holder_entry)

    def _apply_vip(self, router: VirtualRouter, effects: Sequence[vip.VipEffect], now: int) -> None:
        for effect in effects:
            match effect:
                case vip.AddAddresses():
                    self.work.add(effect)
                case vip.RemoveAddresses():
                    self._remove_addresses(router, effect)
                case vip.SendGratuitous():
                    self.work.announce(effect)
                case vip.ProbeAddresses():
                    self.work.probe(effect)
                case vip.OwnershipFailed():
                    self.feed(router, vrrp.FaultRaised(effect.cause, effect.reason), now)
                case vip.OwnershipPossible():
                    self.feed(router, vrrp.FaultCleared(effect.cause), now)
                case vip.VipNoticed():
                    self._reports.notice(effect.group, effect.code, effect.message)
                case _:
                    assert_never(effect)

    def _remove_addresses(self, router: VirtualRouter, effect: vip.RemoveAddresses) -> None:
        if self._removals is None:
            self.work.remove(effect)
        else:
            self.work.forget(effect)
            self._removals.append((router, effect))

    def _remove_unless_moved(self, router: VirtualRouter, effect: vip.RemoveAddresses, now: int) -> None:
        """An address that a reload has given to another instance which holds it stays bound all the time, and for
        this instance it is gone."""
        moved = [va for va in effect.addresses if self._is_held_by_another(va, router)]
        left = tuple(va for va in effect.addresses if va not in moved) if moved else effect.addresses
        self.work.take_away(vip.RemoveAddresses(effect.group, left))
        if self.routers.get(router.name) is router:
            for va in moved:
                self._feed_holder(router, vip.AddressAbsent(*key_of(va)), now)

    def _is_held_by_another(self, va: VirtualAddress, router: VirtualRouter) -> bool:
        owner = self._registry.owner(key_of(va))
        return owner is not None and owner is not router and owner.holder.holds(va)

    def _bind_failed(self, group: str, va: VirtualAddress, error: str) -> None:
        router = self.routers.get(group)
        if router:
            self._feed_holder(router, vip.BindFailed(va.interface, va.address, error), now_ns())

    def _claimed_by_other(self, interface: str, address: str, mac: str) -> None:
        router = self._registry.claimant(interface, address)
        if router and router.holder.claimed:
            self._feed_holder(router, vip.ConflictSeen(address, mac), now_ns())

    # -- the machine --

    def _machine_changed(self, names: set[str], addresses: list[Address]) -> None:
        now = now_ns()
        touched = set(names)
        for address in addresses:
            if not self._address_changed(address, now):  # perhaps the source of somebody's adverts
                touched |= {self._links.name(address.index), address_text(address.local)}
        concerned = self._registry.dependents(touched)
        for router in concerned:
            self._interfaces_changed(router, names, now)
            self._review(router, now)
        if names and concerned and not self._watching_soon:
            self._watching_soon = True
            self._loop.call_soon(self._watch_claims)
        self.ports.flush()

    def _watch_claims(self) -> None:
        """Once for all links of a burst: it looks at every address."""
        self._watching_soon = False
        self._claims.watch(self.routers.values())

    def _address_changed(self, address: Address, now: int) -> bool:
        """Tells the holder; False: it is no virtual address."""
        name = self._links.name(address.index)
        text = address_text(address.local)
        router = self._registry.owner((name, text, address.prefix_length))
        if router is None:
            return False
        event: vip.VipEvent
        if address.deleted:
            event = vip.AddressAbsent(name, text, address.prefix_length)
        else:
            event = vip.AddressPresent(
                name,
                text,
                address.prefix_length,
                tentative=bool(address.flags & IFA_F_TENTATIVE),
                dadfailed=bool(address.flags & IFA_F_DADFAILED),
                foreign=not is_ours(address),
            )
        self._feed_holder(router, event, now)
        return True

    def _interfaces_changed(self, router: VirtualRouter, names: set[str], now: int) -> None:
        for name in names & {va.interface for va in router.config.vips.addresses}:
            usable = not self._links.trouble(name)
            self._feed_holder(router, vip.InterfaceUp(name) if usable else vip.InterfaceDown(name), now)

    def _review(self, router: VirtualRouter, now: int) -> None:
        """Tells the instance what it has and lacks now."""
        for event in self._requirements.review(router):
            self.feed(router, event, now)
