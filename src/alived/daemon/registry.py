"""Which instance a virtual address, a claim of one or an interface concerns: a look into a dictionary, however many
instances there are and whatever else happens on the machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from alived.daemon.virtual_router import VirtualRouter
from alived.vip.config import VirtualAddress
from alived.vip.plan import Key, key_of


class Registry:
    """Instances by what concerns them."""

    def __init__(self) -> None:
        self._owners: dict[Key, VirtualRouter] = {}
        self._claimants: dict[tuple[str, str], VirtualRouter] = {}
        """By (interface, address): ARP knows no prefix length."""
        self._dependents: dict[str, dict[str, VirtualRouter]] = {}
        self._entries: dict[str, tuple[Sequence[VirtualAddress], Collection[str]]] = {}
        """What is written down for each instance."""
        self.moved: set[Key] = set()
        """Addresses that an instance had until a reload; whoever carries the reload out clears it."""

    def put(self, router: VirtualRouter, addresses: Sequence[VirtualAddress], things: Collection[str]) -> None:
        """From now on these addresses are this instance's, and it depends on these things (names of interfaces, its
        source address). What was written down for it before is forgotten."""
        self.forget(router)
        self._entries[router.name] = (addresses, things)
        for va in addresses:
            key = key_of(va)
            if key in self._owners:
                self.moved.add(key)
            self._owners[key] = self._claimants[va.interface, va.address] = router
        for thing in things:
            self._dependents.setdefault(thing, {})[router.name] = router

    def forget(self, router: VirtualRouter) -> None:
        """What another instance has taken over stays that one's."""
        addresses, things = self._entries.pop(router.name, ((), ()))
        for va in addresses:
            if self._owners.get(key := key_of(va)) is router:
                del self._owners[key]
                self.moved.add(key)
            if self._claimants.get((va.interface, va.address)) is router:
                del self._claimants[va.interface, va.address]
        for thing in things:
            dependents = self._dependents[thing]
            del dependents[router.name]
            if not dependents:
                del self._dependents[thing]

    def owner(self, key: Key) -> VirtualRouter | None:
        return self._owners.get(key)

    def claimant(self, interface: str, address: str) -> VirtualRouter | None:
        return self._claimants.get((interface, address))

    def dependents(self, things: Iterable[str]) -> list[VirtualRouter]:
        """The instances that depend on any of these, each once."""
        found: dict[str, VirtualRouter] = {}
        for thing in things:
            found |= self._dependents.get(thing, {})
        return list(found.values())
