"""Going on without a majority that is lost for good: the last resort, ordered by an operator at a node that is left.

This node alone votes in what it begins, with all it has in its log. The others that shall go on are learners until they
have the log, which they take when they have nothing on their disk any more. The cluster gets a new id, so that a lost
member that comes back after all is not listened to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from alived.raft.confchange import Configuration
from alived.raft.consensus import Consensus
from alived.raft.directory import Directory, node_number
from alived.raft.log import NO_LIMIT
from alived.raft.member_events import Save
from alived.raft.messages import NOBODY, HardState, Snapshot
from alived.raft.quorum import Voters


def why_not(consensus: Consensus, own: int, voters: Collection[str], now_ns: int) -> str:
    """Why there is nothing to recover, a sentence; "": it may be done."""
    members = consensus.directory.members
    strangers = [name for name in voters if node_number(name) not in members]
    if strangers:
        return f"no member: {', '.join(strangers)}"
    if own not in map(node_number, voters):
        return "this node is to go on, so it must be one of the voters"
    until_ns = consensus.lease.until_ns
    if until_ns is not None and until_ns > now_ns:
        return "a majority answers this node: nothing is lost"
    return ""


def recovered(consensus: Consensus, own: int, voters: Collection[str], draw: Callable[[int], int]) -> Save:
    """What the log begins with from now on."""
    raft = consensus.node.raft
    directory = Directory.decode(consensus.directory.encode())
    for entry in raft.log.slice(raft.log.applied + 1, raft.log.last_index + 1, NO_LIMIT) or ():
        # Written by a leader, and never known to be committed: nobody is left who knows better.
        directory.apply(entry)
    kept = {node_number(name) for name in voters}
    lost = [number for number, member in directory.members.items() if member.votes and number not in kept]
    for number in lost:
        del directory.members[number]
    directory.formed = new_id(draw)
    directory.wish = ""
    directory.catching_up = False
    index, term = raft.log.last_index + 1, raft.term + 1
    configuration = Configuration(Voters(frozenset({own})), frozenset(directory.members) - {own})
    return Save(
        hard_state=HardState(term, NOBODY, index), snapshot=Snapshot(index, term, configuration, directory.encode())
    )


def new_id(draw: Callable[[int], int]) -> str:
    """Of a cluster; `draw(n)` gives 0 to n-1."""
    return f"{draw(1 << 64):016x}"
