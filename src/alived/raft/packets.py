"""What nodes of a cluster say to each other: the consensus itself, and around it who can and who may own.

A packet is one of these values as msgpack. How it is authenticated and carried is the business of `sessions`
(datagrams) and of TLS; here a sender is known to be who it says.
"""

from __future__ import annotations

import msgspec

from alived.base import DecodeError
from alived.raft.messages import (
    Append,
    AppendResponse,
    Heartbeat,
    HeartbeatResponse,
    InstallSnapshot,
    Proposal,
    ReadIndex,
    ReadIndexResponse,
    TimeoutNow,
    TransferLeader,
    VoteRequest,
    VoteResponse,
)

MAX_PACKET = 60_000
"""Bytes; one datagram. Ten members and their names are far below."""


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of a group of addresses."""

    name: str
    able: bool
    """It could own it: links up, trackers well, not in maintenance"""
    priority: int
    reason: str = ""
    """Why not, or why with this priority; a sentence"""
    holds: bool = False
    """Its addresses are, or may be, bound here"""
    held_ns: int | None = None
    """How long ago it held it last (0: now); None: never since it started"""


class Report(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Follower to leader: what it could own and holds. Also the request for leases: they count from its sending."""

    number: int
    """When it was sent, by the clock of this node, in ns; unique, and the answer repeats it"""
    groups: tuple[GroupReport, ...]
    term: int = 0
    """Of the leader to whom it goes"""
    serial: int = 0
    """Newest `Subleases` of that leader that the engine has carried out: what it did not name, and what does not say
    `holds`, has been let go for good"""


class Sublease(msgspec.Struct, frozen=True):
    """A group may be owned for `span_ns` after the report was sent."""

    group: str
    span_ns: int


class Subleases(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Leader to follower: all that it may own, and for how long; it lets go of everything else.

    A sublease never outlives the leader's own lease, so who wins the next election finds nobody owning anything.
    """

    term: int
    serial: int
    """Increases with each message of this leader to this node, who ignores older ones; 1 is the first"""
    number: int
    """The newest report that the leader has, from which spans count; 0: none yet, report now"""
    held: tuple[Sublease, ...] = ()
    reason: str = ""


class Greeting(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Before the cluster is formed, or by a node that has nothing on its disk: who are you, what do you have?"""

    node: str
    formed: str = ""
    """The id with which the cluster was formed; "": none that this node knows"""
    begun: bool = False
    """There is a cluster, even if its id is not known here yet: who has nothing on its disk joins it"""
    members: str = ""
    """Digest of the members that its configuration names; blank nodes that do not agree form nothing"""
    answer: bool = False
    """It answers a greeting: no answer to it, please"""


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An operator's command, passed on to the leader; `command` is the JSON of a `member_events.Command`."""

    request: int
    command: bytes


class Told(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The outcome of a command, back to the node that passed it on."""

    request: int
    ok: bool
    text: str


class Status(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Leader to all, about once a second and on change: who owns what, so that every node can answer, with its age."""

    term: int
    owners: tuple[tuple[str, str], ...]
    """(group, name of the node)"""
    silent: tuple[str, ...] = ()
    """Members that the leader has not heard for an election timeout"""


Packet = (
    Append
    | AppendResponse
    | Heartbeat
    | HeartbeatResponse
    | VoteRequest
    | VoteResponse
    | InstallSnapshot
    | TimeoutNow
    | TransferLeader
    | Proposal
    | ReadIndex
    | ReadIndexResponse
    | Report
    | Subleases
    | Greeting
    | Asked
    | Told
    | Status
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Packet] = msgspec.msgpack.Decoder(Packet)


def encode(packet: Packet) -> bytes:
    return _encoder.encode(packet)


def decode(data: bytes) -> Packet:
    """Raises DecodeError "malformed"."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:  # ValidationError is one
        raise DecodeError("malformed", str(error)) from error
