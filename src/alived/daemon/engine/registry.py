"""Whom a virtual address, a claim of one or an interface concerns: a look into a dictionary, however many owners there
are and whatever else happens on the machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from alived.daemon.engine.keeper import Keeper
from alived.vip.config import VirtualAddress
from alived.vip.plan import Key, key_of


class Registry:
    """Keepers by what concerns them."""

    def __init__(self) -> None:
        self._owners: dict[Key, Keeper] = {}
        self._claimants: dict[tuple[str, str], Keeper] = {}
        """By (interface, address): ARP knows no prefix length."""
        self._dependents: dict[str, dict[str, Keeper]] = {}
        self._entries: dict[str, tuple[Sequence[VirtualAddress], Collection[str]]] = {}
        """What is written down for each keeper."""
        self.moved: set[Key] = set()
        """Addresses that a keeper had until a reload; whoever carries the reload out clears it."""

    def put(self, keeper: Keeper, addresses: Sequence[VirtualAddress], things: Collection[str]) -> None:
        """From now on these addresses are this keeper's, and its owner depends on these things (names of interfaces,
        its source address). What was written down for it before is forgotten."""
        self.forget(keeper)
        self._entries[keeper.key] = (addresses, things)
        for va in addresses:
            key = key_of(va)
            if key in self._owners:
                self.moved.add(key)
            self._owners[key] = self._claimants[va.interface, va.address] = keeper
        for thing in things:
            self._dependents.setdefault(thing, {})[keeper.key] = keeper

    def forget(self, keeper: Keeper) -> None:
        """What another keeper has taken over stays that one's."""
        addresses, things = self._entries.pop(keeper.key, ((), ()))
        for va in addresses:
            if self._owners.get(key := key_of(va)) is keeper:
                del self._owners[key]
                self.moved.add(key)
            if self._claimants.get((va.interface, va.address)) is keeper:
                del self._claimants[va.interface, va.address]
        for thing in things:
            dependents = self._dependents[thing]
            del dependents[keeper.key]
            if not dependents:
                del self._dependents[thing]

    def owner(self, key: Key) -> Keeper | None:
        return self._owners.get(key)

    def claimant(self, interface: str, address: str) -> Keeper | None:
        return self._claimants.get((interface, address))

    def dependents(self, things: Iterable[str]) -> list[Keeper]:
        """The keepers that depend on any of these, each once."""
        found: dict[str, Keeper] = {}
        for thing in things:
            found |= self._dependents.get(thing, {})
        return list(found.values())
