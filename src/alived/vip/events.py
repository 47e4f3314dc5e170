"""What the holder of a group of addresses hears (events), what it wants (effects), what it shows (snapshots)."""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.vip.config import VipGroup, VirtualAddress


class Claim(Event, frozen=True, tag=True):
    """This node is the owner: bind the addresses and tell the neighbours."""

    reason: str


class Release(Event, frozen=True, tag=True):
    """This node is not the owner: the addresses must be gone."""

    reason: str


class Announce(Event, frozen=True, tag=True):
    """Tell the neighbours again (a losing advert was heard, a cable came back, an operator asked)."""

    reason: str


class AddressPresent(Event, frozen=True, tag=True):
    """The kernel says that this address is there (monitor or dump). `tentative`/`dadfailed`: IPv6 DAD. `foreign`: it
    does not carry our mark, so somebody else has bound it (an operator, the owner's own configuration)."""

    interface: str
    address: str
    prefix_length: int
    tentative: bool = False
    dadfailed: bool = False
    foreign: bool = False


class AddressAbsent(Event, frozen=True, tag=True):
    """The kernel says that this address is gone (monitor, dump, or the answer to a removal of what was not there)."""

    interface: str
    address: str
    prefix_length: int


class InterfaceDown(Event, frozen=True, tag=True):
    """The link of a device went down or the device is gone: addresses that vanish from it now were not stolen."""

    interface: str


class InterfaceUp(Event, frozen=True, tag=True):
    """The link of a device that was down is up again, or a device of this name exists again."""

    interface: str


class BindFailed(Event, frozen=True, tag=True):
    """The kernel refused to add an address; `error` is a sentence ("No such device (19)")."""

    interface: str
    address: str
    error: str


class ConflictSeen(Event, frozen=True, tag=True):
    """Somebody else claims an address of ours: an ARP reply, gratuitous ARP or NA with this MAC."""

    address: str
    mac: str


class VipReconfigured(Event, frozen=True, tag=True):
    """A reload changed the group. What is there of added addresses has to be told again (`AddressPresent`)."""

    config: VipGroup


VipEvent = (
    Claim
    | Release
    | Announce
    | AddressPresent
    | AddressAbsent
    | InterfaceDown
    | InterfaceUp
    | BindFailed
    | ConflictSeen
    | VipReconfigured
    | DeadlineReached
)


class AddAddresses(Effect, frozen=True, tag=True):
    """Bind these (RTM_NEWADDR with NLM_F_REPLACE: also renews the lifetime). lifetime_s 0: forever. renewal: they are
    there, only their lifetime is set anew, and that may wait for the kernel's other work."""

    group: str
    addresses: tuple[VirtualAddress, ...]
    lifetime_s: int
    renewal: bool = False


class RemoveAddresses(Effect, frozen=True, tag=True):
    group: str
    addresses: tuple[VirtualAddress, ...]


class SendGratuitous(Effect, frozen=True, tag=True):
    """One gratuitous ARP (IPv4) or unsolicited NA (IPv6) for each of these. round 0 is the first of a burst (goes out
    before the repeats of any other group), 1.. are its repeats."""

    group: str
    addresses: tuple[VirtualAddress, ...]
    round: int = 0


class ProbeAddresses(Effect, frozen=True, tag=True):
    """One ARP probe (RFC 5227: sender 0.0.0.0) for each of these; answers come back as `ConflictSeen`."""

    group: str
    addresses: tuple[VirtualAddress, ...]


class OwnershipFailed(Effect, frozen=True, tag=True):
    """The group cannot be held here; the election should give it to somebody else. Key of the fault: `cause`."""

    group: str
    cause: str
    reason: str


class OwnershipPossible(Effect, frozen=True, tag=True):
    """What `OwnershipFailed` with this cause said no longer holds."""

    group: str
    cause: str


class VipNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log, rate limited by (group, code)."""

    group: str
    code: str
    message: str


VipEffect = (
    AddAddresses | RemoveAddresses | SendGratuitous | ProbeAddresses | OwnershipFailed | OwnershipPossible | VipNoticed
)


class VipSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """wanted: what should be bound now; present: what the kernel says is there. Text is ADDRESS/LENGTH dev NAME."""

    group: str
    claimed: bool
    wanted: tuple[str, ...]
    present: tuple[str, ...]
    announced: int
    """Gratuitous ARPs and NAs sent since the start."""
    restored: int
    """Times that an address was bound again because somebody else had removed it."""
