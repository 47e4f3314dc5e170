"""What the owner of a group of addresses under leases hears (events), wants (effects) and shows (snapshot)."""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.owner import FaultCleared, FaultRaised, HookEvent, PriorityChanged, Shutdown, Startup, State
from alived.vip.gate_events import HookEnded, Limits


class OwnershipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A group as its owner sees it."""

    name: str
    priority: int
    """Of this node for this group, before trackers move it"""
    hook_limits: Limits
    bound_by_hooks: bool = False
    """Scripts bind the addresses; the daemon fences them"""
    fenced: bool = False
    """The kernel is asked to let the addresses speak only while a lease lasts"""
    least_ns: int = 0
    """A lease that is shorter binds nothing: it may end before it can be renewed"""


class Leased(Event, frozen=True, tag=True):
    """This node may own the group until then (CLOCK_BOOTTIME). Said again with each renewal: the newest counts.

    leaving: it is to go elsewhere; the lease only covers the way out.
    """

    until_ns: int
    term: int
    reason: str
    leaving: bool = False


class Unleased(Event, frozen=True, tag=True):
    """This node may not own the group, from now on."""

    reason: str


class HolderEmpty(Event, frozen=True, tag=True):
    """None of the addresses is bound here any more, and the kernel has said so."""


class FenceChanged(Event, frozen=True, tag=True):
    """Whether the kernel takes the leases that are opened. Until this is said it does if `fenced`."""

    present: bool


class OwnershipReconfigured(Event, frozen=True, tag=True):
    """A reload changed the group in a way that its owner can live through."""

    config: OwnershipConfig


OwnershipEvent = (
    Startup
    | Shutdown
    | Leased
    | Unleased
    | FaultRaised
    | FaultCleared
    | PriorityChanged
    | HookEnded
    | HolderEmpty
    | FenceChanged
    | OwnershipReconfigured
    | DeadlineReached
)


class OpenKernelLease(Effect, frozen=True, tag=True):
    """The kernel lets the addresses speak while the newest lease lasts."""

    group: str


class RenewKernelLease(Effect, frozen=True, tag=True):
    """The newest lease lasts longer."""

    group: str


class CloseKernelLease(Effect, frozen=True, tag=True):
    """The kernel silences the addresses, now."""

    group: str


class ClaimAddresses(Effect, frozen=True, tag=True):
    """To the holder: bind, announce, keep."""

    group: str
    reason: str


class ReleaseAddresses(Effect, frozen=True, tag=True):
    """To the holder. `HolderEmpty` answers."""

    group: str
    reason: str


class OwnershipChanged(Effect, frozen=True, tag=True, kw_only=True):
    """The state changed. Log, history and scripts act on this."""

    group: str
    old: State
    new: State
    reason: str
    priority: int
    """Effective priority at that moment."""
    term: int
    """Of the newest lease; 0: none yet"""
    evidence: tuple[str, ...]


class GroupHooksDue(Effect, frozen=True, tag=True, kw_only=True):
    """Run the hooks of this event; `HookEnded` with this number answers."""

    group: str
    event: HookEvent
    number: int
    old: State
    new: State
    reason: str
    priority: int
    term: int


class ReportDue(Effect, frozen=True, tag=True):
    """What the elector should know has changed: able, priority or holds."""

    group: str


OwnershipEffect = (
    OpenKernelLease
    | RenewKernelLease
    | CloseKernelLease
    | ClaimAddresses
    | ReleaseAddresses
    | OwnershipChanged
    | GroupHooksDue
    | ReportDue
)


class OwnershipSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a group's owner as a value."""

    name: str
    state: State
    since_ns: int
    reason: str
    able: bool
    """It could own the group, and says so to the elector"""
    base_priority: int
    priority: int
    """Effective."""
    term: int
    """Of the newest lease; 0: there was none"""
    lease_until_ns: int | None
    """None: this node may not own it now"""
    lease_reason: str
    """What the elector last said of it"""
    fenced: bool
    """The kernel silences the addresses without a lease"""
    holds: bool
    """Its addresses are, or may be, bound here"""
    held_ns: int | None
    """When it held them last; None: never"""
    bound_by_hooks: bool
    faults: tuple[tuple[str, str], ...]
    """(cause, reason)"""
    became_master: int
    released_master: int
