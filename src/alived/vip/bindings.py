"""What is known about the addresses of one group: wanted, asked for, present, on the way out, not yet to be announced.

The kernel tells of each change some time after it, on another socket than the one that asked for it. So each request
is remembered until it is confirmed, and a removal of ours that was overtaken by a new request is remembered as an
echo: its `AddressAbsent` is not a theft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from alived.base import NS_PER_MS, NS_PER_S, Family
from alived.vip.config import VirtualAddress
from alived.vip.events import AddAddresses, AddressAbsent, AddressPresent, RemoveAddresses
from alived.vip.plan import Key, Plan, key_of, plan

CONFIRM_NS = 2 * NS_PER_S
CONFIRM_PER_ADDRESS_NS = NS_PER_MS
"""A request that the kernel has not confirmed after this time (it is carried out in slices) is made again."""
ECHO_NS = CONFIRM_NS
"""So long after an address was asked for again the kernel may still report our removal of it."""


class Bindings:
    """Dictionaries with the kernel's key for an address; every method but those on whole groups is O(1)."""

    def __init__(self, group: str) -> None:
        self._group = group
        self.wanted: dict[Key, VirtualAddress] = {}
        """What the owner binds, in the order of the configuration."""
        self.all: tuple[VirtualAddress, ...] = ()
        """The values of `wanted`."""
        self.held = False
        """Whether `wanted` is to be there; else nothing is."""
        self.present: dict[Key, VirtualAddress] = {}
        """What the kernel says is there."""
        self.asked: dict[Key, VirtualAddress] = {}
        """To be added; not confirmed yet."""
        self.removing: dict[Key, VirtualAddress] = {}
        """To be removed; not confirmed yet."""
        self.foreign: dict[Key, VirtualAddress] = {}
        """There, but bound by somebody else while we did not own it: never removed. A claim takes it over."""
        self.mute: set[Key] = set()
        """Wanted, but duplicate address detection runs: a neighbour advertisement would be useless."""
        self.down: set[str] = set()
        """Devices without a link."""
        self.answers_due_ns: int | None = None
        """When the requests that were not confirmed count as not carried out."""
        self._doubtful: dict[Key, VirtualAddress] = {}
        """Asked for or to be removed, but refused or never confirmed: if it turns up after all it is ours."""
        self._echoes: dict[Key, int] = {}
        self._by_address: dict[str, list[Key]] = {}
        self._dad: set[Key] = set()

    def configure(self, addresses: Iterable[VirtualAddress]) -> None:
        self.wanted = {key_of(va): va for va in addresses}
        self.all = tuple(self.wanted.values())
        self._dad = {key for key, va in self.wanted.items() if va.family is Family.IPV6 and not va.nodad}
        self._by_address = {}
        for key in self.wanted:
            self._by_address.setdefault(key[1], []).append(key)
        self.mute &= self.wanted.keys()
        self.foreign = {key: va for key, va in self.foreign.items() if key in self.wanted}

    @property
    def empty(self) -> bool:
        """Nothing of ours is there, on its way in or on its way out."""
        return not (self.present or self.asked or self.removing)

    def of_address(self, address: str) -> list[VirtualAddress]:
        """The wanted addresses with this text: more than one if several devices have it."""
        return [self.wanted[key] for key in self._by_address.get(address, ())]

    # -- what we ask of the kernel --

    def add(self, addresses: Mapping[Key, VirtualAddress], lifetime_s: int, now_ns: int) -> Sequence[AddAddresses]:
        """Binds these, but those whose device is down: they follow when it is up."""
        if self.down:
            addresses = {key: va for key, va in addresses.items() if va.interface not in self.down}
        if not addresses:
            return ()
        for key in addresses.keys() & self.removing.keys():
            del self.removing[key]
            self._echoes[key] = now_ns
        for forgotten in (self._doubtful, self.foreign):
            for key in addresses.keys() & forgotten.keys():
                del forgotten[key]
        if self._dad:
            self.mute |= self._dad & addresses.keys()
        self.asked.update(addresses)
        self._expect_answers(now_ns)
        # The very tuple that is announced next: the engine then announces each slice as soon as it is bound.
        chosen = self.all if len(addresses) == len(self.all) else tuple(addresses.values())
        return [AddAddresses(self._group, chosen, lifetime_s)]

    def remove(self, addresses: Sequence[VirtualAddress], now_ns: int) -> Sequence[RemoveAddresses]:
        """Removes these, in this order."""
        if not addresses:
            return ()
        keyed = {key_of(va): va for va in addresses}
        for key in keyed:
            self.asked.pop(key, None)
        self.removing.update(keyed)
        self._expect_answers(now_ns)
        return [RemoveAddresses(self._group, tuple(addresses))]

    def _expect_answers(self, now_ns: int) -> None:
        self.answers_due_ns = now_ns + CONFIRM_NS + CONFIRM_PER_ADDRESS_NS * len(self.wanted)

    def forget_unanswered(self, now_ns: int) -> None:
        """Requests that were not confirmed in time count as not carried out: the next plan makes them again."""
        if self.answers_due_ns is not None and self.answers_due_ns <= now_ns:
            self.answers_due_ns = None
            unanswered = self.asked | self.removing
            self._doubtful |= {key: va for key, va in unanswered.items() if key not in self.present}
            self.asked.clear()
            self.removing.clear()
            self._echoes.clear()

    def refused(self, interface: str, address: str) -> VirtualAddress | None:
        """Takes note of a request that failed; returns the address of ours that it was about."""
        for key in self._by_address.get(address, ()):
            if key[0] == interface and (key in self.asked or key in self.present or key in self.removing):
                if va := self.asked.pop(key, None):
                    self._doubtful[key] = va  # an earlier request for it may have been carried out
                return self.wanted[key]
        return None

    # -- what the kernel says --

    def confirms_presence(self, event: AddressPresent) -> bool:
        """Takes note of an address that is there. True: as expected, nothing is to be done about it."""
        if event.tentative or event.dadfailed:
            return False
        key = (event.interface, event.address, event.prefix_length)
        if va := self.asked.pop(key, None):
            self.present[key] = va
            return key not in self.mute
        if key in self.present:
            return key in self.removing or (self.held and key in self.wanted and key not in self.mute)
        if event.foreign and key in self.foreign:
            return True
        return key not in self.wanted and key not in self.removing and key not in self._doubtful

    def confirms_absence(self, event: AddressAbsent, now_ns: int) -> bool:
        """Takes note of an address that is gone. False: it was there, is wanted, and we did not remove it."""
        key = (event.interface, event.address, event.prefix_length)
        was_there = self.present.pop(key, None) is not None
        self.removing.pop(key, None)
        self._doubtful.pop(key, None)
        self.foreign.pop(key, None)
        echo_ns = self._echoes.pop(key, None)
        if not was_there or not self.held or key not in self.wanted or key in self.asked:
            return True
        if echo_ns is not None and now_ns < echo_ns + ECHO_NS:
            self.asked[key] = self.wanted[key]  # the kernel has confirmed the request before the removal only
            return True
        return False

    def note_present(self, key: Key) -> VirtualAddress | None:
        """Takes note of an address that is there; None: it is not one of ours."""
        for known in (self.asked, self.present, self.removing, self._doubtful, self.wanted):
            if va := known.get(key):
                self.asked.pop(key, None)
                self._doubtful.pop(key, None)
                self.foreign.pop(key, None)
                self.present[key] = va
                return va
        return None

    def note_foreign(self, key: Key) -> VirtualAddress | None:
        """Takes note of an address that somebody else bound; None: it is not one of ours, or we had to do with it."""
        ours = (self.asked, self.present, self.removing, self._doubtful)
        if self.held or key not in self.wanted or any(key in known for known in ours):
            return None
        return self.foreign.setdefault(key, self.wanted[key])

    # -- whole groups --

    def possible(self) -> dict[Key, VirtualAddress]:
        """What is or may be there and is not on its way out, in the order in which the kernel got it."""
        there = self.present | self.asked
        return {key: va for key, va in there.items() if key not in self.removing} if self.removing else there

    def plan(self) -> Plan:
        """What to do so that what should be is."""
        return plan(self.wanted if self.held else {}, self.possible())

    def take_doubtful(self) -> tuple[VirtualAddress, ...]:
        """What may be there after requests that failed or stayed unanswered, and should not: remove it to be sure."""
        wanted = self.wanted if self.held else {}
        return tuple(self._doubtful.pop(key) for key in [key for key in self._doubtful if key not in wanted])

    def renewable(self) -> tuple[VirtualAddress, ...]:
        """The wanted addresses that are there and stay (a device may be down that keeps what was removed from it)."""
        chosen = tuple(va for key, va in self.wanted.items() if key in self.present and key not in self.removing)
        return self.all if len(chosen) == len(self.all) else chosen

    def announceable(self, addresses: Sequence[VirtualAddress] | None) -> tuple[VirtualAddress, ...]:
        """Those of these (None: of all) that answer, or will as soon as what was asked for is carried out."""
        if addresses is not None:
            return tuple(va for va in addresses if self._is_announceable(key_of(va)))
        if not self.mute and not self.down and self.wanted.keys() <= self.asked.keys():
            return self.all  # the first announcement of all, where time matters most
        chosen = tuple(va for key, va in self.wanted.items() if self._is_announceable(key))
        return self.all if len(chosen) == len(self.all) else chosen

    def _is_announceable(self, key: Key) -> bool:
        return (
            key in self.wanted
            and (key in self.present or key in self.asked)
            and key not in self.mute
            and key[0] not in self.down
        )
