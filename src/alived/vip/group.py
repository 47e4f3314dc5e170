"""The holder of a group of addresses: bound, announced and kept while this node is the owner; gone when it is not.

Level-triggered: desired are all addresses of the configuration while held, else none; actual is what the kernel says.
Each event costs O(1); decisions on the whole group (claim, release, reload, the check every 30 s) cost O(n).
Reasons to give the group up, each taken back by `OwnershipPossible`:

=========  ==========================================================  ============
cause      why                                                         until
=========  ==========================================================  ============
bind       the kernel refused an address                               5 s later
conflict   somebody answered for an address before we bound it         30 s later
dadfailed  IPv6 duplicate address detection found another owner        30 s later
vip        somebody removed addresses more than 3 times within 10 s    30 s later
vip        somebody removed an address (VanishPolicy.FAIL_OVER)        the release
=========  ==========================================================  ============
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached, Family
from alived.vip.announce import AnnounceSchedule
from alived.vip.bindings import Bindings
from alived.vip.config import ConflictPolicy, VanishPolicy, VipGroup, VirtualAddress
from alived.vip.events import (
    AddAddresses,
    AddressAbsent,
    AddressPresent,
    Announce,
    BindFailed,
    Claim,
    ConflictSeen,
    InterfaceDown,
    InterfaceUp,
    OwnershipFailed,
    OwnershipPossible,
    ProbeAddresses,
    Release,
    RemoveAddresses,
    VipEffect,
    VipEvent,
    VipNoticed,
    VipReconfigured,
    VipSnapshot,
)
from alived.vip.faults import VANISH_LIMIT, VANISH_WINDOW_NS, Faults, VanishWindow
from alived.vip.lifetime import Lifetime, lifetime_of
from alived.vip.plan import Key, key_of

CHECK_NS = 30 * NS_PER_S
"""Desired and actual are compared at least this often while the addresses are held."""
SURPLUS_NS = NS_PER_MS
"""An address that should not be there waits so long for others like it (a dump at the start) to be removed together."""
COLLATERAL_NS = NS_PER_S
"""What vanishes this soon after a removal of ours (a reload) may have been a secondary address of what we removed."""
DEFEND_NS = NS_PER_S
"""An address that somebody else claims is announced again at most this often (RFC 5227 section 2.4 c)."""
PROBE_LIMIT = 16
"""Addresses probed at most if they are bound anyway (ConflictPolicy.TAKE)."""
BIND_BACK_OFF_NS = 5 * NS_PER_S
BACK_OFF_NS = 30 * NS_PER_S
DAD_TRIES = 3
"""So often an address is bound again without detection after detection failed (ConflictPolicy.TAKE)."""
NOTHING: tuple[VipEffect, ...] = ()


class Phase(enum.Enum):
    RELEASED = enum.auto()
    """Not the owner."""
    PROBING = enum.auto()
    """The owner, but waits first whether somebody answers for the addresses (ConflictPolicy.ABORT)."""
    REFUSED = enum.auto()
    """The owner by election, but somebody did answer: nothing is bound before the next claim."""
    HOLDING = enum.auto()


def text_of(va: VirtualAddress) -> str:
    """The address for people: "192.0.2.100/32 dev eth0"."""
    return f"{va.address}/{va.prefix_length} dev {va.interface}"


class VipHolder:
    """The core of one group. `deadline_ns` is a plain attribute: the loop reads it after each step."""

    def __init__(self, config: VipGroup) -> None:
        self.deadline_ns: int | None = None
        self._phase = Phase.RELEASED
        self._bindings = Bindings()
        self._schedule = AnnounceSchedule(config.name, config.garp)
        self._lifetime = Lifetime(lifetime_of(config))
        self._faults = Faults()
        self._vanished = VanishWindow()
        self._gave_up = False
        """`OwnershipFailed` was said and the release is waited for: nothing is restored meanwhile."""
        self._check_ns: int | None = None
        self._probe_until_ns: int | None = None
        self._collateral_until_ns = 0
        self._defended_ns: dict[str, int] = {}
        self._dad_tries: dict[Key, int] = {}
        self._restored = 0
        self._configure(config)

    def _configure(self, config: VipGroup) -> None:
        self.config = config
        self._bindings.configure(map(self._with_detection, config.addresses))

    def _with_detection(self, va: VirtualAddress) -> VirtualAddress:
        """IPv6 has no probe of ours: with ConflictPolicy.ABORT the kernel's duplicate address detection is the probe.
        With TAKE detection that has failed is not tried again."""
        if va.family is Family.IPV4:
            return va
        nodad = (va.nodad and self.config.conflict is ConflictPolicy.TAKE) or key_of(va) in self._dad_tries
        return va if va.nodad is nodad else msgspec.structs.replace(va, nodad=nodad)

    @property
    def claimed(self) -> bool:
        """Between `Claim` and `Release`, whether or not the addresses could be bound."""
        return self._phase is not Phase.RELEASED

    def snapshot(self) -> VipSnapshot:
        bindings = self._bindings
        return VipSnapshot(
            group=self.config.name,
            claimed=self.claimed,
            wanted=tuple(map(text_of, bindings.all if bindings.held else ())),
            present=tuple(map(text_of, bindings.present.values())),
            announced=self._schedule.sent,
            restored=self._restored,
        )

    def step(self, event: VipEvent, now_ns: int) -> Sequence[VipEffect]:
        """What the event means; whatever is due by now is done too, so that the deadline is never in the past."""
        if (
            type(event) is AddressPresent
            and self._bindings.confirms(event)
            and (self.deadline_ns is None or now_ns < self.deadline_ns)
        ):
            return NOTHING  # nearly always: the kernel confirms what we asked for, nothing else changes
        effects = self._on_event(event, now_ns)
        self.deadline_ns = self._earliest_ns()
        if self.deadline_ns is not None and self.deadline_ns <= now_ns:
            effects = [*effects, *self._on_deadline(now_ns)]
            self.deadline_ns = self._earliest_ns()
        return effects

    def _on_event(self, event: VipEvent, now_ns: int) -> Sequence[VipEffect]:
        effects: Sequence[VipEffect] = NOTHING
        match event:
            case AddressPresent():
                effects = self._on_present(event, now_ns)
            case AddressAbsent():
                effects = self._on_absent(event, now_ns)
            case Claim():
                effects = self._on_claim(now_ns) if not self.claimed else NOTHING
            case Release():
                effects = self._on_release(now_ns) if self.claimed else NOTHING
            case Announce():
                effects = self._on_announce(now_ns)
            case InterfaceDown():
                effects = self._on_interface_down(event.interface)
            case InterfaceUp():
                effects = self._on_interface_up(event.interface, now_ns)
            case BindFailed():
                effects = self._on_bind_failed(event, now_ns)
            case ConflictSeen():
                effects = self._on_conflict(event, now_ns)
            case VipReconfigured():
                effects = self._on_reconfigured(event.config, now_ns)
            case DeadlineReached():
                pass  # what is due is done after every event
            case _:
                assert_never(event)
        return effects

    # -- the election --

    def _on_claim(self, now_ns: int) -> Sequence[VipEffect]:
        self._gave_up = False
        self._vanished.clear()
        self._defended_ns.clear()
        probes = tuple(va for va in self._bindings.all if va.family is Family.IPV4)
        if self.config.conflict is ConflictPolicy.TAKE or not probes:
            return self._bind(now_ns)
        self._phase = Phase.PROBING
        self._probe_until_ns = now_ns + self.config.probe_wait_ns
        return [ProbeAddresses(self.config.name, probes)]

    def _bind(self, now_ns: int) -> Sequence[VipEffect]:
        self._phase = Phase.HOLDING
        self._probe_until_ns = None
        self._bindings.held = True
        self._lifetime.start(now_ns)
        self._schedule.start(now_ns)
        effects = [*self._add(self._bindings.wanted, now_ns), *self._announcements(now_ns)]
        if self.config.conflict is ConflictPolicy.TAKE:
            effects += self._probe(self._bindings.all)
        return effects

    def _on_release(self, now_ns: int) -> Sequence[VipEffect]:
        self._phase = Phase.RELEASED
        self._gave_up = False
        self._probe_until_ns = None
        self._bindings.held = False
        self._bindings.mute.clear()
        self._lifetime.stop()
        self._schedule.stop()
        effects = self._remove(self._bindings.possible(), now_ns)
        if self._dad_tries:
            self._dad_tries.clear()
            self._configure(self.config)
        return [*effects, *self._possible(self._faults.take_released())]

    def _on_announce(self, now_ns: int) -> Sequence[VipEffect]:
        if self._phase is Phase.HOLDING:
            self._schedule.lower_prio(now_ns)
        return NOTHING

    # -- the kernel --

    def _on_present(self, event: AddressPresent, now_ns: int) -> Sequence[VipEffect]:
        """The kernel says something unexpected; what it says as expected was `confirms`'s business."""
        bindings = self._bindings
        key = (event.interface, event.address, event.prefix_length)
        va = bindings.seen(key)
        if va is None:
            return NOTHING
        if not bindings.held or key not in bindings.wanted:
            if key not in bindings.removing:
                self._check_by(now_ns + SURPLUS_NS)
        elif event.dadfailed:
            return self._on_dad_failed(key, now_ns)
        elif event.tentative:
            bindings.mute.add(key)
        else:
            bindings.mute.discard(key)
            self._schedule.extra((va,), now_ns)
        return NOTHING

    def _on_absent(self, event: AddressAbsent, now_ns: int) -> Sequence[VipEffect]:
        key = (event.interface, event.address, event.prefix_length)
        if not self._bindings.lost(key, now_ns) or self._gave_up or event.interface in self._bindings.down:
            return NOTHING
        va = self._bindings.wanted[key]
        text = text_of(va)
        if self._lifetime.may_have_expired(now_ns):
            late_ms = self._lifetime.late_ns(now_ns) // NS_PER_MS
            return self._restore(
                va, now_ns, "renewal-late", f"{text} expired because its renewal was {late_ms} ms late: bound again"
            )
        if va.no_track or now_ns < self._collateral_until_ns:
            return self._restore(va, now_ns, "address-vanished", f"{text} vanished: bound again")
        if self.config.vanish is VanishPolicy.FAIL_OVER:
            return self._fail("vip", f"{text} was removed by somebody else", None)
        if self._vanished.lost(va.interface, now_ns):
            often = f"more than {VANISH_LIMIT} times within {VANISH_WINDOW_NS // NS_PER_S} s"
            return self._fail("vip", f"{text}: somebody removed addresses {often}", now_ns + BACK_OFF_NS)
        return self._restore(
            va, now_ns, "address-vanished", f"{text} was removed by somebody else: bound and announced again"
        )

    def _restore(self, va: VirtualAddress, now_ns: int, code: str, message: str) -> Sequence[VipEffect]:
        self._restored += 1
        return [*self._bind_again(va, now_ns), *self._notice(code, message)]

    def _bind_again(self, va: VirtualAddress, now_ns: int) -> Sequence[VipEffect]:
        self._schedule.extra((va,), now_ns)
        return [*self._add({key_of(va): va}, now_ns), *self._announcements(now_ns)]

    def _on_dad_failed(self, key: Key, now_ns: int) -> Sequence[VipEffect]:
        if self._gave_up:
            return NOTHING
        va = self._bindings.wanted[key]
        reason = f"{text_of(va)} is used by another node (duplicate address detection)"
        tries = self._dad_tries.get(key, 0)
        if self.config.conflict is ConflictPolicy.ABORT or tries >= DAD_TRIES:
            return self._fail("dadfailed", reason, now_ns + BACK_OFF_NS)
        self._dad_tries[key] = tries + 1
        self._configure(self.config)
        self._bindings.mute.discard(key)
        effects = [*self._remove({key: va}, now_ns), *self._bind_again(self._bindings.wanted[key], now_ns)]
        return [*effects, *self._notice("dad-failed", f"{reason}: bound again without detection")]

    def _on_bind_failed(self, event: BindFailed, now_ns: int) -> Sequence[VipEffect]:
        bindings = self._bindings
        for va in bindings.refused(event.interface, event.address):
            if not bindings.held:
                return self._notice("removal-failed", f"{text_of(va)} cannot be removed: {event.error}")
            reason = f"{text_of(va)} cannot be bound: {event.error}"
            if va.no_track or event.interface in bindings.down:
                return self._notice("bind-failed", reason)
            return self._fail("bind", reason, now_ns + BIND_BACK_OFF_NS)
        return NOTHING

    def _on_interface_down(self, interface: str) -> Sequence[VipEffect]:
        self._bindings.down.add(interface)
        self._vanished.forget_interface(interface)
        return NOTHING

    def _on_interface_up(self, interface: str, now_ns: int) -> Sequence[VipEffect]:
        bindings = self._bindings
        if interface not in bindings.down:
            return NOTHING
        bindings.down.discard(interface)
        if not bindings.held:
            return NOTHING
        there = {key: va for key, va in bindings.wanted.items() if va.interface == interface}
        self._schedule.extra(tuple(there.values()), now_ns)
        return self._add({key: va for key, va in there.items() if key not in bindings.present}, now_ns)

    # -- the neighbours --

    def _on_conflict(self, event: ConflictSeen, now_ns: int) -> Sequence[VipEffect]:
        """Before we bind: somebody has it. While we hold it: somebody takes it, and we defend it."""
        ours = self._bindings.of_address(event.address)
        if ours and self._phase is Phase.PROBING:
            self._phase = Phase.REFUSED
            self._probe_until_ns = None
            return self._fail("conflict", f"{event.address} is answered by {event.mac}", now_ns + BACK_OFF_NS)
        if not ours or not self._bindings.held or now_ns < self._defended_ns.get(event.address, now_ns):
            return NOTHING
        self._defended_ns[event.address] = now_ns + DEFEND_NS
        message = f"{event.address} is also claimed by {event.mac}: announced again"
        defence = self._schedule.once(ours, self._bindings.announceable)
        return [*defence, *self._notice("address-conflict", message)]

    # -- the operator --

    def _on_reconfigured(self, config: VipGroup, now_ns: int) -> Sequence[VipEffect]:
        self._configure(config)
        self._schedule.repolicy(config.garp, now_ns)
        self._lifetime.change(lifetime_of(config), now_ns)
        match self._phase:
            case Phase.PROBING:
                return self._on_claim(now_ns)
            case Phase.HOLDING:
                return self._settle(now_ns)
            case Phase.RELEASED | Phase.REFUSED:
                return NOTHING

    def _settle(self, now_ns: int) -> Sequence[VipEffect]:
        """Binds what a reload added, removes what it removed. Added addresses are probed but not waited for."""
        todo = self._bindings.plan()
        effects: list[VipEffect] = []
        if todo.remove:
            self._collateral_until_ns = now_ns + COLLATERAL_NS
            effects += self._remove({key_of(va): va for va in reversed(todo.remove)}, now_ns)
        if todo.add and not self._gave_up:
            self._schedule.extra(todo.add, now_ns)
            effects += self._add({key_of(va): va for va in todo.add}, now_ns)
            effects += [*self._announcements(now_ns), *self._probe(todo.add)]
        return effects

    # -- time --

    def _earliest_ns(self) -> int | None:
        moments = (
            self._check_ns,
            self._probe_until_ns,
            self._lifetime.due_ns,
            self._faults.deadline_ns,
            self._schedule.deadline_ns,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def _on_deadline(self, now_ns: int) -> list[VipEffect]:
        effects: list[VipEffect] = []
        if self._probe_until_ns is not None and self._probe_until_ns <= now_ns:
            effects += self._bind(now_ns)
        if causes := self._faults.take_expired(now_ns):
            effects += self._on_back_off_over(causes, now_ns)
        renewal = self._lifetime.due_ns is not None and self._lifetime.due_ns <= now_ns
        if renewal or (self._check_ns is not None and self._check_ns <= now_ns):
            effects += self._check(now_ns)
        if renewal:
            self._lifetime.renew(now_ns)
            if addresses := self._bindings.present_of_wanted():
                effects.append(AddAddresses(self.config.name, addresses, self._lifetime.valid_s))
        return [*effects, *self._announcements(now_ns)]

    def _on_back_off_over(self, causes: Sequence[str], now_ns: int) -> Sequence[VipEffect]:
        self._gave_up = False
        self._check_by(now_ns)
        probe_again = self._on_claim(now_ns) if self._phase is Phase.REFUSED else NOTHING
        return [*self._possible(causes), *probe_again]

    def _check(self, now_ns: int) -> Sequence[VipEffect]:
        """Compares what should be with what is, whatever was or was not told in between."""
        bindings = self._bindings
        bindings.forget_unanswered(now_ns)
        todo = bindings.plan()
        effects: list[VipEffect] = []
        if todo.remove:
            more = f" and {len(todo.remove) - 1} more" if len(todo.remove) > 1 else ""
            effects += self._remove({key_of(va): va for va in reversed(todo.remove)}, now_ns)
            effects += self._notice("address-surplus", f"{text_of(todo.remove[0])}{more} should not be here: removed")
        if todo.add and not self._gave_up:
            self._schedule.extra(todo.add, now_ns)
            effects += self._add({key_of(va): va for va in todo.add}, now_ns)
        self._check_ns = now_ns + CHECK_NS if bindings.held else None
        if bindings.unconfirmed:
            self._check_by(now_ns + bindings.confirm_ns)
        return effects

    def _check_by(self, moment_ns: int) -> None:
        self._check_ns = moment_ns if self._check_ns is None else min(self._check_ns, moment_ns)

    # -- effects --

    def _add(self, addresses: Mapping[Key, VirtualAddress], now_ns: int) -> Sequence[VipEffect]:
        """Binds these, but those whose device is down: they follow when it is up."""
        bindings = self._bindings
        if bindings.down:
            addresses = {key: va for key, va in addresses.items() if va.interface not in bindings.down}
        self._check_by(now_ns + bindings.confirm_ns)
        if not addresses:
            return NOTHING
        bindings.ask(addresses, now_ns)
        # The very tuple that is announced next: the engine then announces each slice as soon as it is bound.
        chosen = bindings.all if len(addresses) == len(bindings.all) else tuple(addresses.values())
        return [AddAddresses(self.config.name, chosen, self._lifetime.valid_s)]

    def _remove(self, addresses: Mapping[Key, VirtualAddress], now_ns: int) -> Sequence[VipEffect]:
        """Removes these, the last one first."""
        if not addresses:
            return NOTHING
        self._bindings.remove(addresses, now_ns)
        self._check_by(now_ns + self._bindings.confirm_ns)
        return [RemoveAddresses(self.config.name, tuple(addresses.values())[::-1])]

    def _announcements(self, now_ns: int) -> Sequence[VipEffect]:
        return self._schedule.due(now_ns, self._bindings.announceable)

    def _probe(self, addresses: Sequence[VirtualAddress]) -> Sequence[VipEffect]:
        """Probes some of what is bound already, to report who else has it."""
        probes = tuple(va for va in addresses if va.family is Family.IPV4)[:PROBE_LIMIT]
        return [ProbeAddresses(self.config.name, probes)] if probes else NOTHING

    def _fail(self, cause: str, reason: str, until_ns: int | None) -> Sequence[VipEffect]:
        """Gives the group up; until_ns None: until it is released. Said once, however many addresses are concerned."""
        if self._gave_up and cause in self._faults:
            return NOTHING
        self._gave_up = True
        self._faults.add(cause, until_ns)
        return [OwnershipFailed(self.config.name, cause, reason)]

    def _possible(self, causes: Sequence[str]) -> Sequence[VipEffect]:
        return [OwnershipPossible(self.config.name, cause) for cause in causes]

    def _notice(self, code: str, message: str) -> Sequence[VipEffect]:
        return [VipNoticed(self.config.name, code, message)]
