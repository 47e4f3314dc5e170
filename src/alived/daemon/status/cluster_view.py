"""What `alived cluster members` and `alived status` say of the cluster: plain values with ages. Pure.

As everywhere, what is not fresh is "unknown", with what was known last beside it.
"""

from __future__ import annotations

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.messages import RaftSnapshot
from alived.daemon.status.view import UNKNOWN, Clock, Json
from alived.raft.config import RaftInstance
from alived.raft.member_events import MemberSnapshot, OwnerView, PeerView

OWNER_FRESH_NS = 5 * NS_PER_S
"""The leader tells all nodes about once a second who owns what."""


def cluster(config: Config, snapshot: RaftSnapshot | None, fresh: bool, clock: Clock) -> Json | None:
    """None: the configuration has no cluster. snapshot: the newest, whatever its age; fresh: it answers this
    question."""
    if config.cluster is None:
        return None
    if snapshot is None:
        reason = "the raft process has not answered yet"
        return {"node": config.cluster.node_id, "fresh": False, "age_ms": None, "phase": UNKNOWN, "reason": reason}
    member = snapshot.member
    groups = [group.raft for group in config.raft_groups]
    return {
        "node": member.node,
        "fresh": fresh,
        "age_ms": clock.age_ms(snapshot.now_ns),
        "phase": str(member.phase) if fresh else UNKNOWN,
        "reason": "" if fresh else "the raft process does not answer",
        "last_known_phase": str(member.phase),
        "cluster_id": member.cluster_id,
        "formed": member.formed,
        "role": member.role if fresh else UNKNOWN,
        "leader": member.leader if fresh else UNKNOWN,
        "term": member.term,
        "commit_index": member.commit_index,
        "applied_index": member.applied_index,
        "voters": member.voters,
        "quorum": member.quorum,
        "tolerated_failures": member.tolerated_failures if fresh else None,
        "lease_left_ms": _left_ms(member.lease_until_ns, clock) if fresh else None,
        "election_timeout_ms": member.election_timeout_ns / NS_PER_MS,
        "heartbeat_ms": member.heartbeat_ns / NS_PER_MS,
        "lease_ms": member.lease_ns / NS_PER_MS,
        "authentication": snapshot.peers,
        "refused": dict(snapshot.refused),
        "scheduling": snapshot.scheduling,
        "lateness_max_ms": snapshot.lateness_max_ns / NS_PER_MS,
        "members": [_member(peer, member, groups, fresh, clock) for peer in member.members],
        "owners": owners(member, fresh, clock),
    }


def owners(member: MemberSnapshot, fresh: bool, clock: Clock) -> list[Json]:
    """Who owns which group, as far as this node knows."""
    return [_owner(owner, fresh, clock) for owner in member.owners]


def _left_ms(until_ns: int | None, clock: Clock) -> int | None:
    return None if until_ns is None else max(0, (until_ns - clock.now_ns) // NS_PER_MS)


def _member(peer: PeerView, snapshot: MemberSnapshot, groups: list[RaftInstance], fresh: bool, clock: Clock) -> Json:
    name, here = peer.member.id, peer.member.id == snapshot.node
    known = peer.match_index is not None
    return {
        "id": name,
        "this_node": here,
        "role": str(peer.member.role),
        "votes": peer.votes,
        "leads": fresh and name == snapshot.leader,
        "address": peer.member.address,
        "port": peer.member.port,
        "priority": peer.member.priority,
        "heard_ms": 0 if here else _age_ms(peer.heard_ns, clock),
        "match_index": peer.match_index,
        "lag": max(0, snapshot.commit_index - (peer.match_index or 0)) if known else None,
        "owner_of": [one.group for one in snapshot.owners if fresh and one.owner == name and _is_fresh(one, clock)],
        "preferred_for": [group.name for group in groups if name in group.preferred_nodes[:1]],
        "groups": [
            {"name": one.name, "able": one.able, "priority": one.priority, "reason": one.reason, "holds": one.holds}
            for one in peer.groups
        ],
    }


def _age_ms(then_ns: int | None, clock: Clock) -> int | None:
    return None if then_ns is None else clock.age_ms(then_ns)


def _is_fresh(owner: OwnerView, clock: Clock) -> bool:
    return owner.known_ns is not None and clock.now_ns - owner.known_ns <= OWNER_FRESH_NS


def _owner(owner: OwnerView, fresh: bool, clock: Clock) -> Json:
    """owner: "" is nobody; "unknown" if it was not heard of lately."""
    return {
        "group": owner.group,
        "owner": owner.owner if fresh and _is_fresh(owner, clock) else UNKNOWN,
        "last_known_owner": owner.owner,
        "age_ms": _age_ms(owner.known_ns, clock),
        "reason": owner.reason,
    }
