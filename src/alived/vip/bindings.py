"""What is known about the addresses of one group: wanted, asked for, present, on the way out, not yet to be announced.

The kernel tells of each change some time after it, on another socket than the one that asked for it. So each request
is remembered until it is confirmed, and a removal of ours that was overtaken by a new request is remembered as an
echo: its `AddressAbsent` is not a theft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from alived.base import NS_PER_MS, NS_PER_S, Family
from alived.vip.config import VirtualAddress
from alived.vip.events import AddressPresent
from alived.vip.plan import Key, Plan, key_of, plan

ECHO_NS = 5 * NS_PER_S
"""The kernel may still report a removal of ours this long after the address was asked for again."""
CONFIRM_NS = 2 * NS_PER_S
CONFIRM_PER_ADDRESS_NS = NS_PER_MS
"""A request that the kernel has not confirmed after this time (it is carried out in slices) is made again."""


class Bindings:
    """Dictionaries keyed as the kernel keys addresses; every method but those on whole groups is O(1)."""

    def __init__(self) -> None:
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
        self.mute: set[Key] = set()
        """Wanted, but duplicate address detection runs: a neighbour advertisement would be useless."""
        self.down: set[str] = set()
        """Devices without a link."""
        self._echoes: dict[Key, int] = {}
        self._by_address: dict[str, list[Key]] = {}
        self._dad: set[Key] = set()
        self._requested_ns = 0

    def configure(self, addresses: Iterable[VirtualAddress]) -> None:
        self.wanted = {key_of(va): va for va in addresses}
        self.all = tuple(self.wanted.values())
        self._dad = {key for key, va in self.wanted.items() if va.family is Family.IPV6 and not va.nodad}
        self._by_address = {}
        for key in self.wanted:
            self._by_address.setdefault(key[1], []).append(key)
        self.mute &= self.wanted.keys()

    def of_address(self, address: str) -> list[VirtualAddress]:
        """The wanted addresses with this text: more than one if several devices have it."""
        return [self.wanted[key] for key in self._by_address.get(address, ())]

    # -- what we ask of the kernel --

    def ask(self, addresses: Mapping[Key, VirtualAddress], now_ns: int) -> None:
        """These are to be added."""
        for key in addresses.keys() & self.removing.keys():
            del self.removing[key]
            self._echoes[key] = now_ns
        self.asked.update(addresses)
        self.mute |= self._dad & addresses.keys()
        self._requested_ns = now_ns

    def remove(self, addresses: Mapping[Key, VirtualAddress], now_ns: int) -> None:
        """These are to be removed."""
        for key in addresses:
            self.asked.pop(key, None)
        self.removing.update(addresses)
        self._requested_ns = now_ns

    def possible(self) -> dict[Key, VirtualAddress]:
        """What is or may be there and is not on its way out, in the order in which the kernel got it."""
        there = self.present | self.asked
        return {key: va for key, va in there.items() if key not in self.removing} if self.removing else there

    # -- what the kernel says --

    def confirms(self, event: AddressPresent) -> bool:
        """Takes note of an address that is there. True: as expected, nothing is to be done about it."""
        if event.tentative or event.dadfailed:
            return False
        key = (event.interface, event.address, event.prefix_length)
        if va := self.asked.pop(key, None):
            self.present[key] = va
            return key not in self.mute
        if key in self.present:
            return key in self.removing or (self.held and key in self.wanted and key not in self.mute)
        return key not in self.wanted and key not in self.removing

    def seen(self, key: Key) -> VirtualAddress | None:
        """Takes note of an address that is there; None: it is not one of ours."""
        for known in (self.asked, self.present, self.removing, self.wanted):
            if va := known.get(key):
                self.asked.pop(key, None)
                self.present[key] = va
                return va
        return None

    def lost(self, key: Key, now_ns: int) -> bool:
        """Takes note of an address that is gone. True: it was there, is wanted, and we did not remove it."""
        was_there = self.present.pop(key, None) is not None
        self.removing.pop(key, None)
        echo_ns = self._echoes.pop(key, None)
        if not was_there or not self.held or key not in self.wanted or key in self.asked:
            return False
        if echo_ns is not None and now_ns < echo_ns + ECHO_NS:
            self.asked[key] = self.wanted[key]  # what the kernel confirmed was the request before the removal
            return False
        return True

    def refused(self, interface: str, address: str) -> list[VirtualAddress]:
        """Takes note of a request that failed; returns the addresses of ours that it was about."""
        concerned = []
        for key in self._by_address.get(address, ()):
            if key[0] == interface and (key in self.asked or key in self.present or key in self.removing):
                self.asked.pop(key, None)
                concerned.append(self.wanted[key])
        return concerned

    # -- whole groups --

    @property
    def confirm_ns(self) -> int:
        """How long the kernel's word is waited for."""
        return CONFIRM_NS + CONFIRM_PER_ADDRESS_NS * len(self.wanted)

    @property
    def unconfirmed(self) -> bool:
        return bool(self.asked or self.removing)

    def forget_unanswered(self, now_ns: int) -> None:
        """Requests that were not confirmed in time count as not carried out: the next plan makes them again."""
        if now_ns >= self._requested_ns + self.confirm_ns:
            self.asked.clear()
            self.removing.clear()

    def plan(self) -> Plan:
        """What to do so that what should be is."""
        return plan(self.wanted if self.held else {}, self.possible())

    def present_of_wanted(self) -> tuple[VirtualAddress, ...]:
        """What there is to renew."""
        if self.present.keys() >= self.wanted.keys():
            return self.all
        return tuple(va for key, va in self.wanted.items() if key in self.present)

    def announceable(self, addresses: Sequence[VirtualAddress] | None) -> tuple[VirtualAddress, ...]:
        """Those of these (None: of all) that answer, or will as soon as what was asked for is carried out."""
        if not self.held:
            return ()
        if addresses is None:
            chosen = tuple(va for key, va in self.wanted.items() if self._is_announceable(key))
            return self.all if len(chosen) == len(self.all) else chosen
        return tuple(va for va in addresses if self._is_announceable(key_of(va)))

    def _is_announceable(self, key: Key) -> bool:
        return (
            key in self.wanted
            and (key in self.present or key in self.asked)
            and key not in self.mute
            and key[0] not in self.down
        )
