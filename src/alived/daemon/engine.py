"""The engine: VRRP instances, the addresses they own, and every wire between them.

It never forks, resolves a name or touches a disk. Sockets and the netlink monitor become events; cores decide; their
effects become adverts, netlink batches, announcements and messages to the parent. Everything that depends on links
and addresses is level-triggered: `_review` compares what an instance needs with what the machine has, after every
change, so a start, a pulled cable and an interface that was deleted and made again heal by the same code.
"""

from __future__ import annotations

import collections
import functools
import time
from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from alived.adapters import scheduling
from alived.adapters.loop import now_ns
from alived.adapters.netlink import Requests
from alived.adapters.sysctl import Sysctls
from alived.base import NS_PER_MS, NS_PER_S
from alived.config import model
from alived.daemon.address_work import AddressWork
from alived.daemon.changes import Change, Kind, compare
from alived.daemon.child import ChildContext
from alived.daemon.claims import Claims
from alived.daemon.deadlines import SLACK_MAX_NS, Deadlines, Entry
from alived.daemon.groups import Groups
from alived.daemon.machine import Machine
from alived.daemon.messages import (
    BusMessage,
    Configure,
    Configured,
    EngineSnapshot,
    KernelSettings,
    SnapshotRequest,
    Transition,
)
from alived.daemon.ports import Ports
from alived.daemon.requirements import Requirements
from alived.daemon.virtual_router import VirtualRouter
from alived.vip import events as vip
from alived.vip.config import VirtualAddress
from alived.vip.lifetime import lifetime_s
from alived.vip.plan import Key, key_of
from alived.vrrp import events as vrrp
from alived.vrrp.config import State
from alived.vrrp.group_events import GroupChanged
from alived.vrrp.tracking import Tracking
from alived.wire.inet import address_text
from alived.wire.rtnetlink import IFA_F_DADFAILED, IFA_F_TENTATIVE, Address

TURN_GAP_NS = NS_PER_MS // 2
"""Least time between two turns of the loop while packets pour in: they are handled in batches."""
ADVERT_SLACK = 50
"""An advert may leave this part of its interval early (at most 1 ms), together with others; its grid stays."""
NOTICE_INTERVAL_NS = 10 * NS_PER_S
"""The same notice of the same instance is said at most this often."""


class Engine:
    """The role of the process that must never be late."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._loop = context.loop
        self._take(context.config)
        self._routers: dict[str, VirtualRouter] = {}
        self._bound: dict[Key, VirtualRouter] = {}
        """Whose address that is."""
        self._claimable: dict[tuple[str, str], VirtualRouter] = {}
        """The same by (interface, address): ARP knows no prefix length."""
        self._agenda: collections.deque[tuple[VirtualRouter, Sequence[vrrp.InstanceEffect]]] = collections.deque()
        """Effects that wait until those of an earlier step are carried out."""
        self._busy = False
        self._deleted: set[str] = set()
        """Instances that a reload is taking away."""
        self._noticed: dict[tuple[str, str], int] = {}
        self._scheduling = ""
        requests = Requests()
        self._machine = Machine(self._loop, requests, changed=self._machine_changed, postponed=lambda: self._work.busy)
        self._links = self._machine.links
        self._work = AddressWork(self._loop, requests, self._links, self._bind_failed)
        self._ports = Ports(
            self._loop,
            self._links,
            feed=self.feed,
            changed=lambda router: self._deadlines.changed(router.entry),
            notice=self._notice,
        )
        self._deadlines = Deadlines(self._loop, self._ports.flush)
        self._requirements = Requirements(
            self._machine, requests, self._ports, self._notice, Sysctls(self._settings_changed)
        )
        self._claims = Claims(self._loop, self._links, self._claimed_by_other)
        self._groups = Groups(self._routers, self.feed, self._group_changed)

    # -- life --

    def _take(self, config: model.Config) -> None:
        self._config = config
        self._lifetime_s = lifetime_s(sum(len(instance.vips.addresses) for instance in config.instances))

    def start(self) -> None:
        self._apply_scheduling()
        self._loop.turn_gap_ns = TURN_GAP_NS
        self._machine.start()
        self._groups.configure(self._config, now_ns())
        now = now_ns()
        for instance in self._config.instances:
            self._add(instance, now)
        for router in self._routers.values():
            self._loop.add_work(functools.partial(self._get_ready, router))
        self._claims.watch(self._routers.values())
        self._ports.flush()

    def handle(self, message: BusMessage) -> None:
        match message:
            case SnapshotRequest():
                self._context.send(self._snapshot(message.request_id))
            case Configure():
                self._reload(message.config)
            case _:
                raise AssertionError(f"the engine does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        for router in list(self._routers.values()):
            self.feed(router, vrrp.Shutdown(), now_ns())
        self._ports.flush()
        self._work.when_idle(lambda: self._finish(done))

    def _finish(self, done: Callable[[], None]) -> None:
        self._requirements.undo(self._routers.values())
        self._requirements.restore_settings()
        done()

    def _apply_scheduling(self) -> None:
        wanted = self._config.global_defs
        priority = 1 if wanted.rt_priority is None else wanted.rt_priority
        self._scheduling = scheduling.set_real_time(priority) if priority else "normal (vrrp_rt_priority 0)"
        if wanted.no_swap and (why := scheduling.lock_memory()):
            self._context.log("warning", "no-swap", f"vrrp_no_swap: cannot lock memory: {why}")
        if wanted.cpu_affinity and (why := scheduling.set_affinity(wanted.cpu_affinity)):
            self._context.log("warning", "cpu-affinity", f"vrrp_cpu_affinity: {why}")

    # -- instances --

    def _add(self, config: model.Instance, now: int) -> None:
        """now: the same for all that start together, so that their timers meet and their adverts leave in batches."""
        config = self._with_lifetime(config)
        router = VirtualRouter(config, *self._tracking(config))
        router.entry = Entry(router.core, functools.partial(self._apply, router), router.begin)
        router.holder_entry = Entry(router.holder, functools.partial(self._apply_vip, router))
        self._routers[router.name] = router
        self._own_addresses(router, now)
        self._review(router, now)
        self.feed(router, vrrp.Startup(), now)

    def _get_ready(self, router: VirtualRouter) -> None:
        """Builds, while there is time, what the moment of a fail-over needs."""
        router.prepare_adverts()
        self._work.prepare(router.config.vips)

    def _with_lifetime(self, config: model.Instance) -> model.Instance:
        """An automatic lifetime counts all addresses of the machine: what renewing costs is the sum over groups."""
        if config.vips.lifetime_s is not None:
            return config
        vips = msgspec.structs.replace(config.vips, lifetime_s=self._lifetime_s)
        return msgspec.structs.replace(config, vips=vips)

    def _tracking(self, config: model.Instance) -> tuple[Tracking, set[str]]:
        """What the instance tracks, and the names of the interfaces among it."""
        group = self._groups.of(config.vrrp.sync_group)
        of_group = group.config.track_interfaces if group else ()
        names = {tracked.name for tracked in (*config.vrrp.track_interfaces, *of_group)}
        if config.vrrp.track_primary and config.vrrp.interface:
            names.add(config.vrrp.interface)
        return Tracking(config.vrrp, of_group), names

    def _own_addresses(self, router: VirtualRouter, now: int) -> None:
        """Registers the addresses of the instance, and tells its holder which of them are there already."""
        for va in router.config.vips.addresses:
            self._bound[key_of(va)] = router
            self._claimable[va.interface, va.address] = router
        for interface in {va.interface for va in router.config.vips.addresses}:
            for address in list(self._links.addresses(interface)):
                self._address_changed(address, now)

    def _remove(self, router: VirtualRouter, reason: str) -> None:
        self.feed(router, vrrp.Shutdown(reason), now_ns())
        self._deadlines.forget(router.entry)
        self._deadlines.forget(router.holder_entry)
        self._ports.flush()
        self._requirements.undo([router])
        del self._routers[router.name]
        self._disown_addresses(router)

    def _disown_addresses(self, router: VirtualRouter) -> None:
        self._bound = {key: owner for key, owner in self._bound.items() if owner is not router}
        self._claimable = {key: owner for key, owner in self._claimable.items() if owner is not router}

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
                    self._notice(effect.instance, effect.code, effect.message)
                case vrrp.MemberReport():
                    self._groups.report(effect, now)
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
            self._ports.flush()  # the sooner the others hear of it, the shorter nobody answers
            self._feed_holder(router, vip.Release(change.reason), now)
        self._context.send(
            Transition(
                kind="INSTANCE",
                name=change.instance,
                old=change.old,
                new=change.new,
                priority=change.priority,
                reason=change.reason,
                evidence=change.evidence,
                time_ns=now,
                wall_time=time.time(),
                stopping=change.new is State.INIT,
                deleted=router.name in self._deleted,
            )
        )

    def _group_changed(self, change: GroupChanged) -> None:
        self._context.send(
            Transition(
                kind="GROUP",
                name=change.group,
                old=change.old,
                new=change.new,
                priority=change.priority,
                reason=change.reason,
                evidence=(),
                time_ns=now_ns(),
                wall_time=time.time(),
                stopping=change.new is State.INIT,
            )
        )

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
                    self._work.add(effect)
                case vip.RemoveAddresses():
                    self._work.remove(effect)
                case vip.SendGratuitous():
                    self._work.announce(effect)
                case vip.ProbeAddresses():
                    self._work.probe(effect)
                case vip.OwnershipFailed():
                    self.feed(router, vrrp.FaultRaised(effect.cause, effect.reason), now)
                case vip.OwnershipPossible():
                    self.feed(router, vrrp.FaultCleared(effect.cause), now)
                case vip.VipNoticed():
                    self._notice(effect.group, effect.code, effect.message)
                case _:
                    assert_never(effect)

    def _bind_failed(self, group: str, va: VirtualAddress, error: str) -> None:
        router = self._routers.get(group)
        if router:
            self._feed_holder(router, vip.BindFailed(va.interface, va.address, error), now_ns())

    def _claimed_by_other(self, interface: str, address: str, mac: str) -> None:
        router = self._claimable.get((interface, address))
        if router and router.holder.claimed:
            self._feed_holder(router, vip.ConflictSeen(address, mac), now_ns())

    # -- the machine --

    def _machine_changed(self, names: set[str], addresses: list[Address]) -> None:
        now = now_ns()
        touched = names | {self._links.name(address.index) for address in addresses if self._matters(address)}
        for address in addresses:
            self._address_changed(address, now)
        if touched:
            for router in list(self._routers.values()):
                if touched & self._requirements.interfaces(router):
                    self._interfaces_changed(router, names, now)
                    self._review(router, now)
            self._claims.watch(self._routers.values())
        self._ports.flush()

    def _matters(self, address: Address) -> bool:
        """Whether this address may be the source of somebody's adverts: ours to bind are not."""
        name = self._links.name(address.index)
        return (name, address_text(address.local), address.prefix_length) not in self._bound

    def _address_changed(self, address: Address, now: int) -> None:
        name = self._links.name(address.index)
        text = address_text(address.local)
        router = self._bound.get((name, text, address.prefix_length))
        if router is None:
            return
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
            )
        self._feed_holder(router, event, now)

    def _interfaces_changed(self, router: VirtualRouter, names: set[str], now: int) -> None:
        for name in names & {va.interface for va in router.config.vips.addresses}:
            usable = not self._links.trouble(name)
            self._feed_holder(router, vip.InterfaceUp(name) if usable else vip.InterfaceDown(name), now)

    def _review(self, router: VirtualRouter, now: int) -> None:
        """Tells the instance what it has and lacks now."""
        for event in self._requirements.review(router):
            self.feed(router, event, now)

    # -- what others ask --

    def _notice(self, name: str, code: str, message: str) -> None:
        now = now_ns()
        last = self._noticed.get((name, code))
        if last is None or now - last >= NOTICE_INTERVAL_NS:
            self._noticed[name, code] = now
            self._context.log("warning", code, message, instance=name)

    def _reload(self, config: model.Config) -> None:
        """Only what differs changes; an instance that stays the same misses no advert."""
        changes = compare(self._config, config)
        self._take(config)
        self._groups.configure(config, now_ns())
        for change in changes:
            self._change(change)
        self._claims.watch(self._routers.values())
        self._ports.flush()
        self._context.send(Configured(changes=tuple(change.sentence for change in changes)))

    def _change(self, change: Change) -> None:
        if change.kind in (Kind.REMOVED, Kind.REPLACED):
            self._deleted = {change.name} if change.kind is Kind.REMOVED else set()
            self._remove(self._routers[change.name], "a reload removes it")
            self._deleted = set()
        if change.kind in (Kind.ADDED, Kind.REPLACED):
            assert change.instance
            self._add(change.instance, now_ns())
        elif change.kind is Kind.CHANGED:
            assert change.instance
            self._reconfigure(self._routers[change.name], change.instance)

    def _reconfigure(self, router: VirtualRouter, config: model.Instance) -> None:
        now = now_ns()
        config = self._with_lifetime(config)
        tracking, tracked = self._tracking(config)
        gone = router.tracked - tracked
        router.reconfigure(config, tracking, tracked)
        self.feed(router, vrrp.Reconfigured(config.vrrp), now)
        for name in sorted(gone):
            self.feed(router, vrrp.FaultCleared(f"interface {name}"), now)
        self._disown_addresses(router)
        self._feed_holder(router, vip.VipReconfigured(config.vips), now)
        self._own_addresses(router, now)
        self._ports.reconfigured(router)
        self._review(router, now)

    def _settings_changed(self, settings: dict[str, tuple[str, str]]) -> None:
        self._context.send(KernelSettings(settings=settings))

    def _snapshot(self, request_id: int) -> EngineSnapshot:
        lateness, self._loop.lateness_max_ns = self._loop.lateness_max_ns, 0
        routers = self._routers.values()
        return EngineSnapshot(
            request_id=request_id,
            now_ns=now_ns(),
            instances=tuple(router.core.snapshot() for router in routers),
            vips=tuple(router.holder.snapshot() for router in routers),
            groups=self._groups.snapshots(),
            receive_errors=dict(self._ports.errors),
            lateness_max_ns=lateness,
            scheduling=self._scheduling,
        )


def make_engine(context: ChildContext) -> Engine:
    """The factory that the supervisor gives to its engine child."""
    return Engine(context)
