"""Conversations with a holder of addresses, written as they happen:

    play = Playbook(holding(A, B))
    play.at(10) >> gone(A) << ["add A for 3 s", "announce A (0)", "notice address-vanished ..."]

`at` takes seconds; `>>` gives an event, `<<` says what must follow, all of it and in this order. "..." at the end of a
line stands for any words. Addresses are written as the last part of their text: 192.0.2.100 is 100, 2001:db8::a is a.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from alived.base import NS_PER_S, DeadlineReached, Family
from alived.vip.config import GarpPolicy, VipGroup, VirtualAddress
from alived.vip.events import (
    AddAddresses,
    AddressAbsent,
    AddressPresent,
    Claim,
    OwnershipFailed,
    OwnershipPossible,
    ProbeAddresses,
    RemoveAddresses,
    SendGratuitous,
    VipEffect,
    VipEvent,
    VipNoticed,
)
from alived.vip.group import VipHolder

QUIET = GarpPolicy(master_delay_ns=0, master_repeat=1)
"""One announcement, no second burst: tests of other things read better."""


def ipv4(number: int, **fields: object) -> VirtualAddress:
    known = {"prefix_length": 32, "interface": "eth0"} | fields
    return VirtualAddress(address=f"192.0.2.{number}", **known)  # type: ignore[arg-type]


def ipv6(digits: str, **fields: object) -> VirtualAddress:
    known = {"prefix_length": 128, "interface": "eth0"} | fields
    return VirtualAddress(address=f"2001:db8::{digits}", family=Family.IPV6, **known)  # type: ignore[arg-type]


A, B, C = ipv4(100), ipv4(101), ipv4(102)
SIX = ipv6("a")
DETECTED = ipv6("d", nodad=False)


def group(*addresses: VirtualAddress, **fields: object) -> VipGroup:
    return VipGroup(name="VI_1", addresses=addresses, **({"garp": QUIET} | fields))  # type: ignore[arg-type]


def there(va: VirtualAddress, **flags: bool) -> AddressPresent:
    return AddressPresent(va.interface, va.address, va.prefix_length, **flags)


def gone(va: VirtualAddress) -> AddressAbsent:
    return AddressAbsent(va.interface, va.address, va.prefix_length)


def short(addresses: Iterable[VirtualAddress]) -> str:
    return " ".join(va.address.replace(":", ".").rpartition(".")[2] for va in addresses)


def line(effect: VipEffect) -> str:
    """An effect as a line."""
    match effect:
        case AddAddresses(addresses=addresses, lifetime_s=lifetime_s, renewal=renewal):
            duration = f"for {lifetime_s} s" if lifetime_s else "forever"
            words = f"{'renew' if renewal else 'add'} {short(addresses)} {duration}"
        case RemoveAddresses(addresses=addresses):
            words = f"remove {short(addresses)}"
        case SendGratuitous(addresses=addresses, round=number):
            words = f"announce {short(addresses)} ({number})"
        case ProbeAddresses(addresses=addresses):
            words = f"probe {short(addresses)}"
        case OwnershipFailed(cause=cause, reason=reason):
            words = f"failed {cause}: {reason}"
        case OwnershipPossible(cause=cause):
            words = f"possible {cause}"
        case VipNoticed(code=code, message=message):
            words = f"notice {code}: {message}"
        case _:
            assert_never(effect)
    return words


def _matches(expected: str, said: str) -> bool:
    return said.startswith(expected.removesuffix("...").rstrip()) if expected.endswith("...") else said == expected


class Playbook:
    """A holder, its clock, and what has been said so far."""

    def __init__(self, holder: VipHolder, now_s: float = 0) -> None:
        self.holder = holder
        self.now_ns = round(now_s * NS_PER_S)
        self._said: list[str] = []
        self._story: list[str] = []

    def at(self, now_s: float) -> Playbook:
        """Goes on in time, past all deadlines on the way unless a line expects something of them."""
        self.now_ns = round(now_s * NS_PER_S)
        return self

    def at_deadline(self) -> Playbook:
        """Goes on to the deadline and says that it has come."""
        assert self.holder.deadline_ns is not None, "\n".join(self._story)
        assert self.holder.deadline_ns > self.now_ns, "\n".join(self._story)
        self.now_ns = self.holder.deadline_ns
        return self >> DeadlineReached()

    def __rshift__(self, event: VipEvent) -> Playbook:
        assert not self._said, "\n".join([*self._story, f"never asked for: {self._said}"])
        self._said = [line(effect) for effect in self.holder.step(event, self.now_ns)]
        self._story += [f"{self.now_ns / NS_PER_S:.3f} >> {event}", *(f"    << {said}" for said in self._said)]
        return self

    def __lshift__(self, expected: Sequence[str]) -> Playbook:
        said, self._said = self._said, []
        same = len(said) == len(expected) and all(map(_matches, expected, said))
        assert same, "\n".join([*self._story, "expected:", *(f"    << {words}" for words in expected)])
        return self

    @property
    def now_s(self) -> float:
        return self.now_ns / NS_PER_S


def holding(*addresses: VirtualAddress, now_s: float = 0, **fields: object) -> Playbook:
    """A holder that has claimed its addresses; the kernel has confirmed them."""
    play = Playbook(VipHolder(group(*addresses, **fields)), now_s)
    play.holder.step(Claim("test"), play.now_ns)
    for va in addresses:
        play.holder.step(there(va), play.now_ns)
    return play
