"""The holder of a group of addresses: bound, announced and kept while this node is the owner; gone when it is not.

Level-triggered: desired are all addresses of the configuration while held, else none; actual is what the kernel says.
Each event costs O(1); decisions on the whole group (claim, release, reload, the check every 30 s) cost O(n).
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Sequence
from typing import assert_never

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached, Family
from alived.vip.announce import AnnounceSchedule
from alived.vip.bindings import Bindings
from alived.vip.config import ConflictPolicy, VanishPolicy, VipGroup, VirtualAddress
from alived.vip.detection import Detection
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
    ProbeAddresses,
    Release,
    VipEffect,
    VipEvent,
    VipNoticed,
    VipReconfigured,
    VipSnapshot,
)
from alived.vip.faults import BACK_OFF_NS, BIND_BACK_OFF_NS, VANISH_LIMIT, VANISH_WINDOW_NS, Faults, VanishWindow
from alived.vip.lifetime import Lifetime
from alived.vip.plan import key_of, text_of

CHECK_NS = 30 * NS_PER_S
"""Desired and actual are compared at least this often while the addresses are held."""
SURPLUS_NS = NS_PER_MS
"""An address that should not be there waits so long for others like it (a dump at the start) to be removed together."""
COLLATERAL_NS = NS_PER_S
"""What vanishes this soon after a removal of ours (a reload) may have been a secondary address of what we removed."""
DEFEND_NS = NS_PER_S
"""An address that somebody else claims is announced again at most this often (RFC 5227 section 2.4)."""
PROBE_LIMIT = 16
"""Addresses probed at most if they are bound anyway (ConflictPolicy.TAKE)."""
NOTHING: tuple[VipEffect, ...] = ()


class Phase(enum.Enum):
    RELEASED = enum.auto()
    """Not the owner."""
    PROBING = enum.auto()
    """The owner, but waits first whether somebody answers for the addresses (ConflictPolicy.ABORT)."""
    REFUSED = enum.auto()
    """The owner by election, but somebody did answer: nothing is bound before the back-off is over."""
    HOLDING = enum.auto()


class VipHolder:
    """The core of one group. `deadline_ns` is a plain attribute: the loop reads it after each step."""

    def __init__(self, config: VipGroup) -> None:
        self.deadline_ns: int | None = None
        self._phase = Phase.RELEASED
        self._bindings = Bindings(config.name)
        self._schedule = AnnounceSchedule(config.name, config.garp)
        self._lifetime = Lifetime(config)
        self._faults = Faults(config.name)
        self._vanished = VanishWindow()
        self._check_ns: int | None = None
        self._probe_until_ns: int | None = None
        self._collateral_until_ns = 0
        self._defended_ns: dict[str, int] = {}
        self._detection = Detection()
        self._restored = 0
        self._configure(config)

    def _configure(self, config: VipGroup) -> None:
        self.config = config
        self._bindings.configure(self._detection.applied(va, config.conflict) for va in config.addresses)

    @property
    def claimed(self) -> bool:
        """Between `Claim` and `Release`, whether or not the addresses could be bound."""
        return self._phase is not Phase.RELEASED

    @property
    def empty(self) -> bool:
        """Released, and the kernel has said of each address that it is gone."""
        return not self.claimed and self._bindings.empty

    def holds(self, va: VirtualAddress) -> bool:
        """Whether exactly this is bound here, or asked for."""
        return self._bindings.held and self._bindings.wanted.get(key_of(va)) == va

    def snapshot(self) -> VipSnapshot:
        bindings = self._bindings
        return VipSnapshot(
            group=self.config.name,
            claimed=self.claimed,
            wanted=tuple(map(text_of, bindings.all if bindings.held else ())),
            present=tuple(map(text_of, (*bindings.present.values(), *bindings.foreign.values()))),
            announced=self._schedule.sent,
            restored=self._restored,
        )

    def step(self, event: VipEvent, now_ns: int) -> Sequence[VipEffect]:
        """What the event means; whatever is due by now is done too, so that the deadline is never in the past."""
        # Nearly all events are the kernel's confirmations of what we asked for: they end here.
        if type(event) is AddressPresent:
            as_expected = self._bindings.confirms_presence(event)
        elif type(event) is AddressAbsent:
            as_expected = self._bindings.confirms_absence(event, now_ns)
        else:
            as_expected = False
        if as_expected and (self.deadline_ns is None or now_ns < self.deadline_ns):
            return NOTHING
        effects = NOTHING if as_expected else self._on_event(event, now_ns)
        self.deadline_ns = self._earliest_ns()
        if self.deadline_ns is not None and self.deadline_ns <= now_ns:
            effects = [*effects, *self._on_deadline(now_ns)]
            self.deadline_ns = self._earliest_ns()
        return effects

    def _on_event(self, event: VipEvent, now_ns: int) -> Sequence[VipEffect]:
        effects: Sequence[VipEffect] = NOTHING
        match event:
            case AddressPresent():
                effects = self._on_unexpected(event, now_ns)
            case AddressAbsent():
                effects = self._on_vanished(event, now_ns)
            case Claim():
                effects = NOTHING if self.claimed else self._on_claim(now_ns)
            case Release():
                effects = self._on_release(now_ns) if self.claimed else NOTHING
            case Announce():
                self._schedule.lower_prio(now_ns)
            case InterfaceDown():
                self._bindings.down.add(event.interface)
                self._vanished.forget_interface(event.interface)
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
        self._faults.gave_up = False
        self._vanished.clear()
        self._defended_ns.clear()
        if self.config.conflict is ConflictPolicy.ABORT and (probe := self._probe(self._bindings.all)):
            self._phase = Phase.PROBING
            self._probe_until_ns = now_ns + self.config.probe_wait_ns
            return probe
        return self._bind(now_ns)

    def _bind(self, now_ns: int) -> Sequence[VipEffect]:
        self._phase = Phase.HOLDING
        self._probe_until_ns = None
        self._bindings.held = True
        self._lifetime.start(now_ns)
        self._schedule.start(now_ns)
        self._check_ns = now_ns + CHECK_NS
        effects = [*self._add(self._bindings.wanted.values(), now_ns), *self._announcements(now_ns)]
        if self.config.conflict is ConflictPolicy.TAKE:
            effects += self._probe(self._bindings.all, PROBE_LIMIT)
        return effects

    def _on_release(self, now_ns: int) -> Sequence[VipEffect]:
        bindings = self._bindings
        self._phase = Phase.RELEASED
        self._probe_until_ns = self._check_ns = None
        bindings.held = False
        bindings.mute.clear()
        self._lifetime.stop()
        self._schedule.stop()
        effects = bindings.remove(bindings.plan().remove + bindings.take_doubtful(), now_ns)
        if self._detection.forget():
            self._configure(self.config)
        return [*effects, *self._faults.released()]

    # -- the kernel --

    def _on_unexpected(self, event: AddressPresent, now_ns: int) -> Sequence[VipEffect]:
        """An address is there that should not be, or in another way than asked for."""
        bindings = self._bindings
        key = (event.interface, event.address, event.prefix_length)
        if event.foreign and (va := bindings.note_foreign(key)):
            message = f"{text_of(va)} is here although this node does not own it; somebody else bound it: left alone"
            return [self._notice("address-foreign", message)]
        va = bindings.note_present(key)
        if va is None:
            return NOTHING
        if not bindings.held or key not in bindings.wanted:
            if key not in bindings.removing:
                self._check_by(now_ns + SURPLUS_NS)
        elif event.dadfailed:
            return self._on_dad_failed(va, now_ns)
        elif event.tentative:
            bindings.mute.add(key)
        else:
            bindings.mute.discard(key)
            self._schedule.extra((va,), now_ns)
        return NOTHING

    def _on_vanished(self, event: AddressAbsent, now_ns: int) -> Sequence[VipEffect]:
        """An address that we hold is gone: expired because we were late, collateral damage, or taken away."""
        if self._faults.gave_up or event.interface in self._bindings.down:
            return NOTHING
        va = self._bindings.wanted[event.interface, event.address, event.prefix_length]
        text = text_of(va)
        if self._lifetime.may_have_expired(now_ns):
            late_ms = self._lifetime.late_ns(now_ns) // NS_PER_MS
            message = f"{text} expired because its renewal was {late_ms} ms late: bound and announced again"
            return self._restore(va, now_ns, "renewal-late", message)
        if now_ns < self._collateral_until_ns:
            message = f"{text} vanished together with an address that a reload removed: bound and announced again"
            return self._restore(va, now_ns, "address-vanished", message)
        if not va.no_track:
            if self.config.vanish is VanishPolicy.FAIL_OVER:
                return self._faults.fail("vip", f"{text} was removed by somebody else", None)
            if self._vanished.lost(va.interface, now_ns):
                often = f"more than {VANISH_LIMIT} times within {VANISH_WINDOW_NS // NS_PER_S} s"
                reason = f"{text} was removed by somebody else; addresses of this group vanished {often}"
                return self._faults.fail("vip", reason, now_ns + BACK_OFF_NS)
        message = f"{text} was removed by somebody else: bound and announced again"
        return self._restore(va, now_ns, "address-vanished", message)

    def _restore(self, va: VirtualAddress, now_ns: int, code: str, message: str) -> Sequence[VipEffect]:
        self._restored += 1
        self._schedule.extra((va,), now_ns)
        return [*self._add((va,), now_ns), *self._announcements(now_ns), self._notice(code, message)]

    def _on_dad_failed(self, va: VirtualAddress, now_ns: int) -> Sequence[VipEffect]:
        key = key_of(va)
        reason = f"{text_of(va)} is used by another node (duplicate address detection)"
        self._bindings.mute.add(key)
        if self._faults.gave_up or not self._detection.failed(va, self.config.conflict):
            return self._faults.fail("dadfailed", reason, now_ns + BACK_OFF_NS)
        self._configure(self.config)
        self._bindings.mute.discard(key)
        self._schedule.extra((va,), now_ns)
        effects = [*self._bindings.remove((va,), now_ns), *self._add((self._bindings.wanted[key],), now_ns)]
        notice = self._notice("dad-failed", f"{reason}: bound again without detection")
        return [*effects, *self._announcements(now_ns), notice]

    def _on_bind_failed(self, event: BindFailed, now_ns: int) -> Sequence[VipEffect]:
        bindings = self._bindings
        va = bindings.refused(event.interface, event.address)
        if va is None:
            return NOTHING
        if not bindings.held:
            return [self._notice("removal-failed", f"{text_of(va)} cannot be removed: {event.error}")]
        reason = f"{text_of(va)} cannot be bound: {event.error}"
        if va.no_track or va.interface in bindings.down:
            return [self._notice("bind-failed", reason)]
        return self._faults.fail("bind", reason, now_ns + BIND_BACK_OFF_NS)

    def _on_interface_up(self, interface: str, now_ns: int) -> Sequence[VipEffect]:
        """Plans the addresses of the device again and announces them: the neighbours may have forgotten."""
        bindings = self._bindings
        if interface not in bindings.down:
            return NOTHING
        bindings.down.discard(interface)
        there = [va for va in bindings.all if va.interface == interface] if bindings.held else []
        self._schedule.extra(there, now_ns)
        return self._add([va for va in there if key_of(va) not in bindings.present], now_ns)

    # -- the neighbours --

    def _on_conflict(self, event: ConflictSeen, now_ns: int) -> Sequence[VipEffect]:
        """Before we bind: somebody has it. While we hold it: somebody takes it, and we defend it."""
        bindings = self._bindings
        ours = bindings.of_address(event.address)
        if ours and self._phase is Phase.PROBING:
            self._phase = Phase.REFUSED
            self._probe_until_ns = None
            return self._faults.fail("conflict", f"{event.address} is answered by {event.mac}", now_ns + BACK_OFF_NS)
        if not ours or not bindings.held or now_ns < self._defended_ns.get(event.address, now_ns):
            return NOTHING
        self._defended_ns[event.address] = now_ns + DEFEND_NS
        message = f"{event.address} is also claimed by {event.mac}: announced again"
        return [*self._schedule.once(ours, bindings.announceable), self._notice("address-conflict", message)]

    # -- the operator --

    def _on_reconfigured(self, config: VipGroup, now_ns: int) -> Sequence[VipEffect]:
        self._configure(config)
        self._schedule.repolicy(config.garp, now_ns)
        self._lifetime.change(config, now_ns)
        if self._phase is Phase.PROBING:
            return self._on_claim(now_ns)
        if self._phase is not Phase.HOLDING:
            return NOTHING
        # Added addresses are probed but not waited for: the group is ours already.
        todo = self._bindings.plan()
        if todo.remove:
            self._collateral_until_ns = now_ns + COLLATERAL_NS
        removed = self._bindings.remove(todo.remove + self._bindings.take_doubtful(), now_ns)
        self._schedule.extra(todo.add, now_ns)
        added = [*self._add(todo.add, now_ns), *self._announcements(now_ns), *self._probe(todo.add, PROBE_LIMIT)]
        return [*removed, *added]

    # -- time --

    def _earliest_ns(self) -> int | None:
        moments = (
            self._check_ns,
            self._probe_until_ns,
            self._bindings.answers_due_ns,
            self._lifetime.due_ns,
            self._faults.deadline_ns,
            self._schedule.deadline_ns,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def _on_deadline(self, now_ns: int) -> Sequence[VipEffect]:
        effects: list[VipEffect] = []
        if _is_due(self._probe_until_ns, now_ns):
            effects += self._bind(now_ns)
        if taken_back := self._faults.expired(now_ns):
            effects += taken_back
            self._check_by(now_ns)
            if self._phase is Phase.REFUSED:
                effects += self._on_claim(now_ns)
        renewal = _is_due(self._lifetime.due_ns, now_ns)
        if renewal or _is_due(self._check_ns, now_ns) or _is_due(self._bindings.answers_due_ns, now_ns):
            effects += self._check(now_ns)
        if renewal:
            in_time = self._lifetime.renew(now_ns)
            if addresses := self._bindings.renewable():
                effects.append(AddAddresses(self.config.name, addresses, self._lifetime.valid_s, renewal=in_time))
        return [*effects, *self._announcements(now_ns)]

    def _check(self, now_ns: int) -> Sequence[VipEffect]:
        """Compares what should be with what is, whatever was or was not told in between."""
        bindings = self._bindings
        bindings.forget_unanswered(now_ns)
        self._check_ns = now_ns + CHECK_NS if bindings.held else None
        todo = bindings.plan()
        effects: list[VipEffect] = [*bindings.remove(todo.remove, now_ns)]
        if todo.remove:
            more = f" and {len(todo.remove) - 1} more" if len(todo.remove) > 1 else ""
            message = f"{text_of(todo.remove[0])}{more} should not be here: removed"
            effects.append(self._notice("address-surplus", message))
        self._schedule.extra(todo.add, now_ns)
        return [*effects, *self._add(todo.add, now_ns)]

    def _check_by(self, moment_ns: int) -> None:
        self._check_ns = moment_ns if self._check_ns is None else min(self._check_ns, moment_ns)

    # -- effects --

    def _add(self, addresses: Iterable[VirtualAddress], now_ns: int) -> Sequence[VipEffect]:
        if self._faults.gave_up:
            return NOTHING
        return self._bindings.add({key_of(va): va for va in addresses}, self._lifetime.valid_s, now_ns)

    def _announcements(self, now_ns: int) -> Sequence[VipEffect]:
        return self._schedule.due(now_ns, self._bindings.announceable)

    def _probe(self, addresses: Sequence[VirtualAddress], limit: int | None = None) -> Sequence[VipEffect]:
        probes = tuple(itertools.islice((va for va in addresses if va.family is Family.IPV4), limit))
        return [ProbeAddresses(self.config.name, probes)] if probes else NOTHING

    def _notice(self, code: str, message: str) -> VipNoticed:
        return VipNoticed(self.config.name, code, message)


def _is_due(moment_ns: int | None, now_ns: int) -> bool:
    return moment_ns is not None and moment_ns <= now_ns
