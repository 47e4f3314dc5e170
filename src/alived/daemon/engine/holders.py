"""The holders of all addresses of the engine and the machine, wired together, whoever elects the owners.

What the kernel says of links and addresses becomes events of the holders that it concerns; what they want becomes
netlink batches and announcements. Everything that depends on the machine is level-triggered: owners are asked to look
again after every change that concerns them, so a start, a pulled cable and an interface that was deleted and made again
heal by the same code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import assert_never

from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.netlink import Requests
from alived.daemon.engine.address_work import AddressWork
from alived.daemon.engine.claims import Claims
from alived.daemon.engine.keeper import Keeper
from alived.daemon.engine.leftovers import is_ours
from alived.daemon.engine.link_delays import LinkDelays
from alived.daemon.engine.machine import Machine
from alived.daemon.engine.registry import Registry
from alived.daemon.engine.reports import Reports
from alived.daemon.shared.deadlines import Deadlines, Entry
from alived.health.tracker_events import LinkSnapshot
from alived.health.trackers_config import LinkDelay
from alived.owner import FaultCleared, FaultRaised
from alived.vip import events as vip
from alived.vip.config import VipGroup, VirtualAddress
from alived.vip.plan import key_of
from alived.wire.inet import address_text
from alived.wire.rtnetlink import IFA_F_DADFAILED, IFA_F_TENTATIVE, Address


class Holders:
    """Keepers by the names of their groups of addresses, and everything between them and the machine."""

    def __init__(
        self,
        loop: Loop,
        requests: Requests,
        deadlines: Deadlines,
        reports: Reports,
        after: Callable[[], None],
    ) -> None:
        """after: called when all that a change of the machine means has been told (sends what was queued)."""
        self._loop, self._deadlines, self._reports, self._after = loop, deadlines, reports, after
        self._keepers: dict[str, Keeper] = {}
        self._registry = Registry()
        self._removals: list[tuple[Keeper, vip.RemoveAddresses]] | None = None
        """What a reload takes away, until it is known who has what after it; None: no reload is on."""
        self.machine = Machine(loop, requests, changed=self._machine_changed, postponed=lambda: self.work.busy)
        self.links = self.machine.links
        self.work = AddressWork(loop, requests, self.links, self._bind_failed, self._was_absent)
        self._claims = Claims(loop, self.links, self._claimed_by_other)
        self._watching_soon = False
        self._delays = LinkDelays()
        self._delay_ends: Timer | None = None

    # -- who has what --

    def begin(self, delays: Iterable[LinkDelay]) -> None:
        """Keepers will be added, changed or removed by a reload; then `settle`. delays: of links that are tracked."""
        self._removals = []
        self._delays.configure(delays, now_ns())
        self._arm_delays()

    def settle(self, now: int) -> None:
        """All that `begin` announced has been done."""
        removals, self._removals = self._removals or [], None
        for keeper, effect in removals:
            self._remove_unless_moved(keeper, effect, now)
        self._registry.moved.clear()
        self._watch_claims()

    def add(self, keeper: Keeper, things: Collection[str], now: int) -> None:
        """things: names of interfaces and addresses whose change concerns the owner."""
        keeper.entry = Entry(keeper.holder, functools.partial(self._apply, keeper))
        self._keepers[keeper.key] = keeper
        self._registry.put(keeper, keeper.vips.addresses, things)
        self._meet_addresses(keeper, now)

    def expect(self, keeper: Keeper, vips: VipGroup, things: Collection[str]) -> None:
        """The keeper will be reconfigured in a moment. To be said of all before anything is done, so that an address
        that moves from one to another is not taken away on the way."""
        self._registry.put(keeper, vips.addresses, things)

    def reconfigure(self, keeper: Keeper, vips: VipGroup, things: Collection[str], now: int) -> None:
        self._registry.put(keeper, vips.addresses, things)
        self.feed(keeper, vip.VipReconfigured(vips), now)
        self._meet_addresses(keeper, now)

    def change_lifetime(self, keeper: Keeper, vips: VipGroup, now: int) -> bool:
        """Whether a reload that changes nothing else changes the lifetime: the next renewal gives it to them."""
        if keeper.vips.lifetime_s == vips.lifetime_s:
            return False
        self.feed(keeper, vip.VipReconfigured(vips), now)
        return True

    def forget(self, keeper: Keeper) -> None:
        """It has released its addresses, for good."""
        self._deadlines.forget(keeper.entry)
        self._registry.forget(keeper)
        del self._keepers[keeper.key]
        del keeper.entry  # it refers to its keeper, and the engine collects no garbage

    def when_removed(self, told: Callable[[], None]) -> None:
        """Calls back when all that has been asked to be removed is removed: for those whose keeper is forgotten."""
        self._loop.add_work(functools.partial(self._tell_when_idle, told))

    def _tell_when_idle(self, told: Callable[[], None]) -> None:
        if self.work.busy:
            self.when_removed(told)
        else:
            told()

    def _meet_addresses(self, keeper: Keeper, now: int) -> None:
        """Tells the holder which devices are down, and which of its addresses are there already."""
        addresses = keeper.vips.addresses
        for name in {va.interface for va in addresses}:
            if self.links.get(name) and self.links.trouble(name):
                self.feed(keeper, vip.InterfaceDown(name), now)
        for va in addresses:
            # What another keeper gives away in this reload is met when the kernel has confirmed it.
            if key_of(va) not in self._registry.moved and (address := self.links.address(*key_of(va))):
                self._address_changed(address, now)

    # -- the holders --

    def feed(self, keeper: Keeper, event: vip.VipEvent, now: int) -> None:
        """Steps the holder and carries out what it wants."""
        effects = keeper.holder.step(event, now)
        if effects:
            self._apply(keeper, effects, now)
        self._deadlines.changed(keeper.entry)
        self.tell_if_empty(keeper, now)

    def tell_if_empty(self, keeper: Keeper, now: int) -> None:
        """Whoever waits for it. Level-triggered."""
        waits = keeper.when_empty
        if waits and keeper.holder.empty:
            keeper.when_empty = None
            waits(now)

    def _apply(self, keeper: Keeper, effects: Sequence[vip.VipEffect], now: int) -> None:
        for effect in effects:
            match effect:
                case vip.AddAddresses():
                    self.work.add(effect)
                case vip.RemoveAddresses():
                    self._remove(keeper, effect)
                case vip.SendGratuitous():
                    self.work.announce(effect)
                case vip.ProbeAddresses():
                    self.work.probe(effect)
                case vip.OwnershipFailed():
                    keeper.hear(FaultRaised(effect.cause, effect.reason), now)
                case vip.OwnershipPossible():
                    keeper.hear(FaultCleared(effect.cause), now)
                case vip.VipNoticed():
                    self._reports.notice(keeper.name, effect.code, effect.message)
                case _:
                    assert_never(effect)

    def _remove(self, keeper: Keeper, effect: vip.RemoveAddresses) -> None:
        if self._removals is None:
            self.work.remove(effect)
        else:
            self.work.forget(effect)
            self._removals.append((keeper, effect))

    def _remove_unless_moved(self, keeper: Keeper, effect: vip.RemoveAddresses, now: int) -> None:
        """An address that a reload has given to another keeper whose holder has it stays bound all the time, and for
        this one it is gone."""
        moved = [va for va in effect.addresses if self._is_held_by_another(va, keeper)]
        left = tuple(va for va in effect.addresses if va not in moved) if moved else effect.addresses
        self.work.take_away(vip.RemoveAddresses(effect.group, left))
        if self._keepers.get(effect.group) is keeper:
            for va in moved:
                self.feed(keeper, vip.AddressAbsent(*key_of(va)), now)

    def _is_held_by_another(self, va: VirtualAddress, keeper: Keeper) -> bool:
        owner = self._registry.owner(key_of(va))
        return owner is not None and owner is not keeper and owner.holder.holds(va)

    def _bind_failed(self, group: str, va: VirtualAddress, error: str) -> None:
        if keeper := self._keepers.get(group):
            self.feed(keeper, vip.BindFailed(va.interface, va.address, error), now_ns())

    def _was_absent(self, group: str, va: VirtualAddress) -> None:
        if keeper := self._keepers.get(group):
            self.feed(keeper, vip.AddressAbsent(*key_of(va)), now_ns())

    def _claimed_by_other(self, interface: str, address: str, mac: str) -> None:
        keeper = self._registry.claimant(interface, address)
        if keeper and keeper.holder.claimed:
            self.feed(keeper, vip.ConflictSeen(address, mac), now_ns())

    # -- the machine --

    def usable(self, name: str, now: int) -> bool | None:
        """Whether this link can be used, None if there is none: for those that track it."""
        state = self._delays.usable(name, self.links.usable(name), now)
        self._arm_delays()
        return state

    def link_snapshots(self) -> tuple[LinkSnapshot, ...]:
        return self._delays.snapshots()

    def _arm_delays(self) -> None:
        due_ns = self._delays.deadline_ns
        if self._delay_ends and self._delay_ends.deadline_ns != due_ns:
            self._delay_ends.cancel()
            self._delay_ends = None
        if due_ns is not None and self._delay_ends is None:
            self._delay_ends = self._loop.call_at(due_ns, self._delay_ended)

    def _delay_ended(self) -> None:
        self._delay_ends = None
        now = now_ns()
        for keeper in self._registry.dependents(self._delays.due(now)):
            keeper.review(now)
        self._after()

    def _machine_changed(self, names: set[str], addresses: list[Address]) -> None:
        now = now_ns()
        touched = set(names)
        for address in addresses:
            if not self._address_changed(address, now):  # perhaps the source of somebody's adverts
                touched |= {self.links.name(address.index), address_text(address.local)}
        concerned = self._registry.dependents(touched)
        for keeper in concerned:
            self._interfaces_changed(keeper, names, now)
            keeper.review(now)
        if names and concerned and not self._watching_soon:
            self._watching_soon = True
            self._loop.call_soon(self._watch_claims)
        self._after()

    def _watch_claims(self) -> None:
        """Once for all links of a burst: it looks at every address."""
        self._watching_soon = False
        self._claims.watch(va for keeper in self._keepers.values() for va in keeper.vips.addresses)

    def _address_changed(self, address: Address, now: int) -> bool:
        """Tells the holder; False: it is no virtual address."""
        name = self.links.name(address.index)
        text = address_text(address.local)
        keeper = self._registry.owner((name, text, address.prefix_length))
        if keeper is None:
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
        self.feed(keeper, event, now)
        return True

    def _interfaces_changed(self, keeper: Keeper, names: set[str], now: int) -> None:
        for name in names & {va.interface for va in keeper.vips.addresses}:
            usable = not self.links.trouble(name)
            self.feed(keeper, vip.InterfaceUp(name) if usable else vip.InterfaceDown(name), now)
