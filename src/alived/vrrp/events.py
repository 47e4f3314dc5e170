"""What an instance hears (events), what it wants (effects) and what it shows (snapshots).

Every decision carries its reason as a sentence; the log, the status, the history and a panel show the same one.
"""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.owner import FaultCleared as FaultCleared
from alived.owner import FaultRaised as FaultRaised
from alived.owner import PriorityChanged as PriorityChanged
from alived.owner import Shutdown as Shutdown
from alived.owner import Startup as Startup
from alived.vrrp.config import State, VrrpInstance


class AdvertisementReceived(Event, frozen=True, tag=True):
    """A valid advertisement for this instance (all checks of section 7.1 passed, sender known)."""

    source: str
    """Address of the sender, canonical text."""
    priority: int
    """0..255; 0: the sender stops being MASTER."""
    interval_cs: int
    """The sender's interval (v2: seconds times 100)."""
    addresses: tuple[str, ...] = ()


class AddressListDiffers(Event, frozen=True, tag=True):
    """A valid advertisement whose list of addresses is not ours (said once for each list, not for each packet)."""

    source: str
    addresses: tuple[str, ...]


class PrimaryAddressChanged(Event, frozen=True, tag=True):
    """The address that our adverts carry as source; decides ties. "" is reported as a fault instead."""

    address: str


class GroupDecided(Event, frozen=True, tag=True):
    """The sync group moves its members: take this state, whatever the election says."""

    state: State
    reason: str


class Reconfigured(Event, frozen=True, tag=True):
    """A reload changed this instance in a way that it can live through."""

    config: VrrpInstance


InstanceEvent = (
    Startup
    | Shutdown
    | AdvertisementReceived
    | AddressListDiffers
    | FaultRaised
    | FaultCleared
    | PriorityChanged
    | PrimaryAddressChanged
    | GroupDecided
    | Reconfigured
    | DeadlineReached
)


class SendAdvertisement(Effect, frozen=True, tag=True):
    """Send an advert of this instance with this priority to the group or to each peer."""

    instance: str
    priority: int


class StateChanged(Effect, frozen=True, tag=True):
    """The instance changed its state. Whoever holds addresses, runs scripts or keeps history acts on this."""

    instance: str
    old: State
    new: State
    reason: str
    priority: int
    """Effective priority at that moment."""
    evidence: tuple[str, ...] = ()
    """What was known: last adverts heard, timers, faults."""


class Reannounce(Effect, frozen=True, tag=True):
    """Tell the neighbours again where the addresses are: somebody else claimed to be MASTER."""

    instance: str
    reason: str


class LowerPriorityHeard(Effect, frozen=True, tag=True):
    """This MASTER has answered a router of a lower priority that thought that it was one."""

    instance: str
    priority: int
    """Our effective one"""
    reason: str


class PriorityTaken(Effect, frozen=True, tag=True):
    """The effective priority is another one from now on."""

    instance: str
    state: State
    priority: int
    reason: str


class Noticed(Effect, frozen=True, tag=True):
    """Worth a line in the log, rate limited by (instance, code)."""

    instance: str
    code: str
    message: str


class MemberReport(Effect, frozen=True, tag=True):
    """Only from a member of a sync group (`config.sync_group`), last in its step, whenever `state` or `wanted` changed:
    feed it to the group as `MemberChanged`. `wanted` is the state that the instance would take without the group: a
    member whose Master_Down_Timer fired stays BACKUP, wants MASTER and waits for the group's decision."""

    instance: str
    group: str
    state: State
    wanted: State
    priority: int
    """Effective."""
    reason: str


InstanceEffect = (
    SendAdvertisement | StateChanged | Reannounce | LowerPriorityHeard | PriorityTaken | Noticed | MemberReport
)


class PeerSnapshot(msgspec.Struct, frozen=True):
    """What we last heard of another router of this VRID."""

    address: str
    priority: int
    interval_cs: int
    last_heard_ns: int
    adverts: int
    """Adverts heard since the start."""
    missed: int
    """Adverts that were due by the sender's interval and did not come (loss)."""


class InstanceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an instance as a value."""

    name: str
    state: State
    since_ns: int
    reason: str
    interface: str
    family: int
    version: int
    virtual_router_id: int
    base_priority: int
    priority: int
    """Effective."""
    advert_interval_cs: int
    master_advert_interval_cs: int
    """Of the current master (v3 learns it)."""
    master: str
    """Address of the master, "" if unknown; our own primary address while MASTER."""
    primary_address: str
    deadline_ns: int | None
    faults: tuple[tuple[str, str], ...]
    """(cause, reason)"""
    peers: tuple[PeerSnapshot, ...]
    adverts_sent: int
    adverts_received: int
    became_master: int
    released_master: int
    priority_zero_sent: int
    priority_zero_received: int
