"""The difference between the addresses that should be bound and those that are.

Decisions are edge-triggered, execution is level-triggered: drift, a restarted child, a reload and a fail-over all heal
by this one comparison.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alived.vip.config import VirtualAddress

Key = tuple[str, str, int]
"""(interface, address, prefix length): what makes an address of an interface unique for the kernel."""


class Plan(msgspec.Struct, frozen=True):
    """What to do, in this order: remove, then add (an address whose attributes changed is in both)."""

    remove: tuple[VirtualAddress, ...]
    add: tuple[VirtualAddress, ...]

    def __bool__(self) -> bool:
        return bool(self.remove or self.add)


def bound_prefix_length(va: VirtualAddress) -> int:
    """The prefix length by which the kernel knows the address: with a peer it is the peer's, if that has one."""
    _, slash, length = va.peer.partition("/")
    return int(length) if slash else va.prefix_length


def key_of(va: VirtualAddress) -> Key:
    return (va.interface, va.address, bound_prefix_length(va) if va.peer else va.prefix_length)


def text_of(va: VirtualAddress) -> str:
    """The address for people: "192.0.2.100/32 dev eth0"."""
    return str(va)


def plan(desired: Mapping[Key, VirtualAddress], actual: Mapping[Key, VirtualAddress]) -> Plan:
    """Leads from `actual` to `desired`; empty if and only if they are equal.

    Adds are in the order of `desired`, removals in the reverse order of `actual`: the kernel makes the first address
    of a subnet its primary one and removes the secondary ones with it, so that the first in must be the last out.
    """
    return Plan(
        remove=tuple(va for key, va in actual.items() if _differs(va, desired.get(key)))[::-1],
        add=tuple(va for key, va in desired.items() if _differs(va, actual.get(key))),
    )


def _differs(one: VirtualAddress, other: VirtualAddress | None) -> bool:
    # Nearly always the same object: a comparison of thirteen fields is twenty times dearer.
    return one is not other and one != other
