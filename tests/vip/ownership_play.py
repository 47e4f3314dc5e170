"""Conversations with the owner of a group under leases, in the manner of `tests.vip.playbook`:

    play = OwnershipPlay(owner())
    play.at(0.1) >> lease(0.2) << ["open", "claim", "BACKUP -> MASTER: ...", "report able 100 holds"]

`at` takes seconds; a lease is named by the moment at which it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.owner import HookEvent, Startup
from alived.vip.gate_events import HookEnded
from alived.vip.ownership import Ownership
from alived.vip.ownership_events import (
    ClaimAddresses,
    CloseKernelLease,
    GroupHooksDue,
    Leased,
    OpenKernelLease,
    OwnershipChanged,
    OwnershipConfig,
    OwnershipEffect,
    OwnershipEvent,
    ReleaseAddresses,
    RenewKernelLease,
    ReportDue,
    Unleased,
)

LEAST_NS = 90 * NS_PER_MS
REASON = "node-a leads in term 7"


def owner(limits_s: Mapping[HookEvent, float] | None = None, **fields: object) -> OwnershipConfig:
    limits = {event: round(limit_s * NS_PER_S) for event, limit_s in (limits_s or {}).items()}
    known = {"name": "web", "priority": 100, "hook_limits": limits, "fenced": True, "least_ns": LEAST_NS} | fields
    return OwnershipConfig(**known)  # type: ignore[arg-type]


def lease(until_s: float, term: int = 7, *, leaving: bool = False, reason: str = REASON) -> Leased:
    return Leased(round(until_s * NS_PER_S), term, reason, leaving)


NO_LEASE = Unleased("node-b leads in term 8")


def ended(event: HookEvent, number: int, reason: str = "") -> HookEnded:
    """reason: why they failed; "": they did not."""
    return HookEnded(event=event, number=number, ok=not reason, reason=reason)


def line(effect: OwnershipEffect, core: Ownership) -> str:
    match effect:
        case OpenKernelLease():
            words = "open"
        case RenewKernelLease():
            words = "renew"
        case CloseKernelLease():
            words = "close"
        case ClaimAddresses():
            words = "claim"
        case ReleaseAddresses():
            words = "release"
        case OwnershipChanged(old=old, new=new, reason=reason):
            words = f"{old} -> {new}: {reason}"
        case GroupHooksDue(event=event, number=number, old=old, new=new):
            words = f"hooks {event} {number}: {old} -> {new}"
        case ReportDue():
            words = f"report {'able' if core.able else 'unable'} {core.priority}{' holds' if core.holds else ''}"
        case _:
            assert_never(effect)
    return words


def _matches(expected: str, said: str) -> bool:
    return said.startswith(expected.removesuffix("...").rstrip()) if expected.endswith("...") else said == expected


class OwnershipPlay:
    """An owner, its clock, and what has been said so far."""

    def __init__(self, config: OwnershipConfig) -> None:
        self.core = Ownership(config)
        self.now_ns = 0
        self._said: list[str] = []
        self._story: list[str] = []

    def at(self, now_s: float) -> OwnershipPlay:
        self.now_ns = round(now_s * NS_PER_S)
        return self

    def at_deadline(self) -> OwnershipPlay:
        """Goes on to the deadline and says that it has come."""
        deadline_ns = self.core.deadline_ns
        assert deadline_ns is not None and deadline_ns > self.now_ns, "\n".join(self._story)
        self.now_ns = deadline_ns
        return self >> DeadlineReached()

    def __rshift__(self, event: OwnershipEvent) -> OwnershipPlay:
        assert not self._said, "\n".join([*self._story, f"never asked for: {self._said}"])
        self._said = [line(effect, self.core) for effect in self.core.step(event, self.now_ns)]
        self._story += [f"{self.now_ns / NS_PER_S:.3f} >> {event}", *(f"    << {said}" for said in self._said)]
        return self

    def __lshift__(self, expected: Sequence[str]) -> OwnershipPlay:
        said, self._said = self._said, []
        same = len(said) == len(expected) and all(map(_matches, expected, said))
        assert same, "\n".join([*self._story, "expected:", *(f"    << {words}" for words in expected)])
        return self

    @property
    def now_s(self) -> float:
        return self.now_ns / NS_PER_S


def started(limits_s: Mapping[HookEvent, float] | None = None, **fields: object) -> OwnershipPlay:
    """A BACKUP that has told the elector that it is able. Without a ToSlave hook for the start."""
    play = OwnershipPlay(owner(limits_s, **fields))
    play.core.step(Startup(), 0)
    return play


def owning(limits_s: Mapping[HookEvent, float] | None = None, **fields: object) -> OwnershipPlay:
    """A MASTER under a lease until 0.2 s."""
    play = started(limits_s, **fields)
    play.core.step(lease(0.2), 0)
    return play
