"""Rounds of heartbeats, and what they prove: that their sender was the leader when it sent them.

Linearizable reads rest on them (Raft thesis, 6.4): a leader that has committed an entry of its term notes its commit
index, and answers with it once a round begun after the read came is answered by a quorum. With `lease_reads` it trusts
its lease instead. The lease of an owner rests on them too: see `lease`.
"""

from __future__ import annotations

from alived.raft.messages import NOBODY, Heartbeat, HeartbeatResponse, ReadIndex, ReadIndexResponse, ReadState
from alived.raft.state import PendingRead, Raft


def broadcast(raft: Raft) -> None:
    """A new round of heartbeats. A member is never told to commit what it may not have."""
    raft.round += 1
    raft.acked_rounds[raft.id] = raft.round
    for node, progress in raft.tracker.others(raft.id):
        commit = min(progress.match_index, raft.log.committed)
        raft.send(Heartbeat(sender=raft.id, to=node, term=raft.term, commit=commit, round=raft.round))
        progress.sent_commit = commit
    raft.pace()


def on_heartbeat(raft: Raft, message: Heartbeat) -> None:
    raft.log.commit_to(message.commit)
    raft.send(HeartbeatResponse(sender=raft.id, to=message.sender, term=raft.term, round=message.round))


def acknowledge(raft: Raft, message: HeartbeatResponse) -> None:
    """A member has answered a round: reads that waited for it may be done."""
    raft.acked_rounds[message.sender] = max(raft.acked_rounds.get(message.sender, 0), message.round)
    raft.pace()
    confirmed = raft.confirmed_round if raft.reads_in_flight else 0
    while raft.reads_in_flight and raft.reads_in_flight[0].round <= confirmed:
        read = raft.reads_in_flight.popleft()
        _answer(raft, read.request, read.index)


def on_read(raft: Raft, message: ReadIndex) -> None:
    """A read reaches the leader."""
    if raft.tracker.singleton:
        _answer(raft, message, raft.log.committed)
    elif raft.committed_in_own_term:
        _begin_read(raft, message)
    else:
        raft.reads_before_commit.append(message)


def release_reads(raft: Raft) -> None:
    """The commit index has moved to an entry of this term: reads that waited for one begin."""
    waiting, raft.reads_before_commit = raft.reads_before_commit, []
    for message in waiting:
        _begin_read(raft, message)


def _begin_read(raft: Raft, message: ReadIndex) -> None:
    if raft.settings.lease_reads:
        _answer(raft, message, raft.log.committed)
        return
    broadcast(raft)
    raft.reads_in_flight.append(PendingRead(message, raft.log.committed, raft.round))


def _answer(raft: Raft, message: ReadIndex, index: int) -> None:
    if message.sender in (NOBODY, raft.id):
        raft.read_states.append(ReadState(index, message.context))
        return
    raft.send(
        ReadIndexResponse(sender=raft.id, to=message.sender, term=raft.term, index=index, context=message.context)
    )
