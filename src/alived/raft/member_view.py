"""A member as it is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from alived.raft.config import Cluster, Member
from alived.raft.consensus import Consensus
from alived.raft.member_events import MemberSnapshot, OwnerView, PeerView, Phase
from alived.raft.messages import NOBODY, Role
from alived.raft.packets import GroupReport
from alived.raft.profiles import Timers


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the member knows beside the consensus."""

    phase: Phase
    peers: Mapping[int, Member]
    """This node too"""
    heard_ns: Mapping[int, int]
    """When each was heard last"""
    groups: Mapping[str, tuple[GroupReport, ...]]
    """What each last reported"""
    owners: tuple[OwnerView, ...]
    silent: frozenset[str]
    """Members that the leader does not hear"""


def view(cluster: Cluster, timers: Timers, consensus: Consensus | None, seen: Seen) -> MemberSnapshot:
    raft = consensus.node.raft if consensus else None
    configured = raft.tracker.configuration.voters.ids if raft else ()
    voters = configured or {number for number, member in seen.peers.items() if member.votes}
    return MemberSnapshot(
        node=cluster.node_id,
        phase=seen.phase,
        cluster_id=cluster.cluster_id,
        formed=consensus.directory.formed if consensus else "",
        role=raft.role if raft else Role.FOLLOWER,
        leader=consensus.name(consensus.leader) if consensus else "",
        term=raft.term if raft else 0,
        commit_index=raft.log.committed if raft else 0,
        applied_index=raft.log.applied if raft else 0,
        voters=len(voters),
        quorum=len(voters) // 2 + 1,
        tolerated_failures=_tolerated(voters, consensus, seen),
        lease_until_ns=consensus.lease.until_ns if consensus else None,
        members=tuple(
            _peer(number, member, number in voters, consensus, seen) for number, member in seen.peers.items()
        ),
        owners=seen.owners,
        election_timeout_ns=timers.election_ns,
        heartbeat_ns=timers.heartbeat_ns,
        lease_ns=timers.lease_times.longest_ns,
    )


def _tolerated(voters: Collection[int], consensus: Consensus | None, seen: Seen) -> int:
    """As the leader hears them; without a leader there is no majority, as far as is known."""
    if consensus is None or consensus.leader == NOBODY:
        return -1
    heard = sum(consensus.name(number) not in seen.silent for number in voters)
    return heard - (len(voters) // 2 + 1)


def _peer(number: int, member: Member, votes: bool, consensus: Consensus | None, seen: Seen) -> PeerView:
    leads = consensus is not None and consensus.node.raft.role is Role.LEADER
    progress = consensus.node.raft.tracker.progress.get(number) if consensus and leads else None
    return PeerView(
        member=member,
        number=number,
        heard_ns=seen.heard_ns.get(number),
        votes=votes,
        match_index=progress.match_index if progress else None,
        groups=seen.groups.get(member.id, ()),
    )
