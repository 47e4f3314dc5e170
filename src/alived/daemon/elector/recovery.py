"""When the last resort may be used: `alived cluster recover` after the loss of a majority for good. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alived.base import NS_PER_S
from alived.raft.member_events import MemberSnapshot

SILENCE_NS = 5 * NS_PER_S
"""Who was heard within this time is not lost."""


def why_not_recover(snapshot: MemberSnapshot, voters: Sequence[str], now_ns: int) -> str:
    """A sentence for the operator; "" if nothing known here speaks against it."""
    names = {peer.member.id for peer in snapshot.members if peer.votes}
    if not voters:
        return "nobody is named who goes on"
    if unknown := [name for name in voters if name not in names]:
        return f"{', '.join(unknown)}: no voter of this cluster, whose voters are {', '.join(sorted(names))}"
    if snapshot.node not in voters:
        return f"this node is {snapshot.node}: give the command on one of those that go on"
    heard = {
        peer.member.id
        for peer in snapshot.members
        if peer.votes and peer.heard_ns is not None and now_ns - peer.heard_ns <= SILENCE_NS
    } | {snapshot.node}
    if len(heard) >= len(names) // 2 + 1:
        return f"a majority answers ({', '.join(sorted(heard))} of {len(names)} voters): it can `remove` the others"
    if lost := sorted(heard - set(voters)):
        heard_of = f"{', '.join(lost)} answered within the last {SILENCE_NS // NS_PER_S} s"
        return f"{heard_of}: not lost, but not named; name it among --voters, or switch it off for good"
    return ""
