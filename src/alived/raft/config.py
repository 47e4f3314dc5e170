"""What an operator can say about a cluster that elects owners by Raft. Frozen values."""

from __future__ import annotations

import enum
import ipaddress
import re

import msgspec

from alived.owner import AllUnhealthy

DEFAULT_PORT = 7946
DEFAULT_PRIORITY = 100
MAX_MEMBERS = 10
MAX_PRIORITY = 255
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def is_node_id(text: str) -> bool:
    """Up to 64 letters, digits, '.', '_' and '-'."""
    return _ID.match(text) is not None


class Profile(enum.StrEnum):
    """Timers as a whole: single ones that do not fit together would allow two owners or needless elections."""

    LAN = "lan"
    """One switched network: election timeout 195 ms."""
    WAN = "wan"
    """Several sites: round trips up to 100 ms."""
    RELAXED = "relaxed"
    """Loaded or paused machines: election timeout 1 s."""


class QuorumLost(enum.StrEnum):
    """What an owner does when it no longer hears a majority."""

    RELEASE = "release"
    """It lets go when its lease ends: never two owners, perhaps none."""
    HOLD = "hold"
    """It keeps the addresses: never none, perhaps two owners in a partition."""


class Role(enum.StrEnum):
    VOTER = "voter"
    """Votes and may own."""
    WITNESS = "witness"
    """Votes, never owns; needs no network of the addresses."""
    LEARNER = "learner"
    """Follows the log, neither votes nor owns."""


class BoundBy(enum.StrEnum):
    """Who adds the addresses of a group to the interface."""

    DAEMON = "daemon"
    HOOKS = "hooks"
    """The operator's scripts, as with vip-switch; the daemon knows the addresses for its fences."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster."""

    id: str
    address: str
    port: int = DEFAULT_PORT
    priority: int = DEFAULT_PRIORITY
    """0..255; the node with the highest one is preferred as the owner. 0: only if there is no other."""
    role: Role = Role.VOTER

    @property
    def votes(self) -> bool:
        return self.role is not Role.LEARNER

    @property
    def may_own(self) -> bool:
        return self.role is Role.VOTER

    @property
    def flaw(self) -> str:
        """Why no cluster can have such a member, a sentence; "" if one can."""
        if not is_node_id(self.id):
            return f"{self.id!r} cannot be the id of a node: up to 64 letters, digits, '.', '_' and '-'"
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return f"{self.address!r} is no IP address; names are not resolved"
        if address.is_unspecified or address.is_multicast:
            return f"nobody reaches a node at {self.address}"
        if not 1 <= self.port <= 65535:
            return f"{self.port} is no port: 1 to 65535"
        if not 0 <= self.priority <= MAX_PRIORITY:
            return f"{self.priority} is no priority: 0 to {MAX_PRIORITY}"
        return ""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM for mutual TLS."""

    ca_file: str
    cert_file: str
    key_file: str


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """This node and the cluster that it belongs to."""

    node_id: str
    data_dir: str
    """Where term, vote and log survive a restart"""
    members: tuple[Member, ...]
    listen_address: str = ""
    """"": all addresses"""
    listen_port: int = DEFAULT_PORT
    cluster_id: str = ""
    """Nodes of another cluster are refused"""
    profile: Profile = Profile.LAN
    key_files: tuple[str, ...] = ()
    """Shared key of the peers: the first one signs, all are accepted (rotation)"""
    tls: Tls | None = None
    allow_two_voters: bool = False
    spread_groups: bool = False
    """Groups are spread over the nodes instead of following one leader"""

    @property
    def voters(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.votes)

    @property
    def quorum(self) -> int:
        return len(self.voters) // 2 + 1


class RaftInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A group of addresses whose owner is elected by Raft."""

    name: str
    interface: str = ""
    quorum_lost: QuorumLost = QuorumLost.RELEASE
    preferred_nodes: tuple[str, ...] = ()
    """Best first; empty: by priority of the nodes"""
    nopreempt: bool = False
    """The owner stays owner when a preferred node comes back"""
    preempt_delay_ns: int = 0
    """A preferred node must be well this long before the group moves to it"""
    bound_by: BoundBy = BoundBy.DAEMON
    all_unhealthy: AllUnhealthy = AllUnhealthy.NONE
