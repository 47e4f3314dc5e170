"""What a member of a cluster hears (events), what it wants (effects), what operators ask of it, and what it shows."""

from __future__ import annotations

import enum

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.raft.config import Cluster, Member, RaftInstance
from alived.raft.messages import Entry, HardState, Snapshot
from alived.raft.packets import GroupReport, Packet

# -- commands of operators


class AddMember(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """As a learner first; it becomes what it shall be when it has caught up."""

    member: Member
    allow_two_voters: bool = False


class RemoveMember(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    node: str
    allow_two_voters: bool = False


class Promote(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A learner becomes a voter, when it has caught up."""

    node: str
    allow_two_voters: bool = False


class Demote(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A voter becomes a learner."""

    node: str
    allow_two_voters: bool = False


class Transfer(msgspec.Struct, frozen=True, tag=True):
    """Leadership, and all groups with it, go to this node; "": to the best of the others."""

    to: str = ""


class Recover(msgspec.Struct, frozen=True, tag=True):
    """A majority is lost for good: this node goes on with these voters alone. Guarded by the caller, and audited."""

    voters: tuple[str, ...]


Command = AddMember | RemoveMember | Promote | Demote | Transfer | Recover

# -- events


class Arrived(Event, frozen=True, tag=True):
    """A packet from a peer who is who he says."""

    sender: int
    packet: Packet
    more: bool = False
    """What has come with it is at hand, and is heard before anything is done: nothing follows from this step"""


class Saved(Event, frozen=True, tag=True):
    """What the last `Save` said is on the disk. The next event after it, always: a disk that fails is fatal."""


class EngineReported(Event, frozen=True, tag=True, kw_only=True):
    """The engine has carried out the leases of this number: what they do not name it has let go, where it does not say
    `holds`. Also without new leases, when something changes; number 0: it has just begun and holds nothing."""

    number: int
    groups: tuple[GroupReport, ...]


class EngineLost(Event, frozen=True, tag=True):
    """The engine's process is gone, and what it had bound was taken away."""


class Asking(Event, frozen=True, tag=True):
    """An operator, at this node. The outcome comes as `Outcome` with the same request."""

    request: int
    command: Command


class MemberReconfigured(Event, frozen=True, tag=True):
    """A reload. Members are not taken from it once the cluster is formed."""

    cluster: Cluster
    groups: tuple[RaftInstance, ...]


class MemberShutdown(Event, frozen=True, tag=True):
    """The daemon ends: what it holds is let go, a leader hands over; then `Finished`."""


MemberEvent = (
    Arrived | Saved | EngineReported | EngineLost | Asking | MemberReconfigured | MemberShutdown | DeadlineReached
)

# -- effects


class Save(Effect, frozen=True, tag=True, kw_only=True):
    """Write this, with fdatasync if `must_sync`, then step `Saved` before anything else. Always the last effect."""

    hard_state: HardState | None = None
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    """From the leader: it replaces the whole log"""
    must_sync: bool = True


class Compact(Effect, frozen=True, tag=True):
    """The log up to this snapshot is no longer needed; may be done at leisure."""

    snapshot: Snapshot


class Send(Effect, frozen=True, tag=True):
    to: int
    packet: Packet


class Held(msgspec.Struct, frozen=True):
    """A group that this node may own until then (CLOCK_BOOTTIME)."""

    group: str
    until_ns: int
    leaving: bool = False
    """It is to go elsewhere: let go as soon as the hooks before it have ended, and say so; the lease is the limit"""


class Leases(Effect, frozen=True, tag=True, kw_only=True):
    """To the engine: all that this node may own now; it lets go of everything else, at once. Said again with each
    renewal, so a lost one does no harm. `EngineReported` answers."""

    number: int
    term: int
    held: tuple[Held, ...]
    reason: str
    """Why the set of groups is what it is; a sentence"""
    answer: bool = True
    """Report even if nothing has changed: somebody waits for it, or wants to know whether the engine is there"""


class PeersChanged(Effect, frozen=True, tag=True):
    """Where the members are now, by the number of the node."""

    peers: dict[int, Member]


class Outcome(Effect, frozen=True, tag=True):
    """Of a command; `text` is a sentence for the operator."""

    request: int
    ok: bool
    text: str


class MemberNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


class Finished(Effect, frozen=True, tag=True):
    """After `MemberShutdown`: nothing is held and nothing is left to do."""


MemberEffect = Save | Compact | Send | Leases | PeersChanged | Outcome | MemberNoticed | Finished

# -- snapshot


class Phase(enum.StrEnum):
    FORMING = "forming"
    """The cluster has never been formed, as far as this node knows"""
    JOINING = "joining"
    """It has, but this node has nothing on its disk and waits for the leader"""
    RUNNING = "running"
    REMOVED = "removed"
    """The others have removed this node"""


class PeerView(msgspec.Struct, frozen=True, kw_only=True):
    """A member as this node knows it."""

    member: Member
    number: int
    heard_ns: int | None
    """CLOCK_BOOTTIME of its last packet; None: never"""
    votes: bool
    """Now: one that shall vote does not before it has the log"""
    match_index: int | None = None
    """What it has of the log; known to the leader only"""
    groups: tuple[GroupReport, ...] = ()
    """What it last reported; known to the leader only"""


class OwnerView(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a group, as far as this node knows, and how old that knowledge is."""

    group: str
    owner: str
    """"": nobody"""
    known_ns: int | None
    """CLOCK_BOOTTIME; None: never heard"""
    reason: str = ""


class MemberSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    node: str
    phase: Phase
    cluster_id: str
    formed: str
    role: str
    """leader, follower, candidate, pre-candidate"""
    leader: str
    """Name; "": nobody"""
    term: int
    commit_index: int
    applied_index: int
    voters: int
    quorum: int
    tolerated_failures: int
    """Further voters that may fail now without losing the majority; 0 or less: none. As the leader hears them"""
    lease_until_ns: int | None
    members: tuple[PeerView, ...]
    owners: tuple[OwnerView, ...]
    election_timeout_ns: int
    heartbeat_ns: int
    lease_ns: int
