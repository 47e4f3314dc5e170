"""Who handles what: messages and ticks, by role (Raft paper, figure 2)."""

from __future__ import annotations

from typing import assert_never

import msgspec

from alived.raft import election, proposals, replication, rounds
from alived.raft.messages import (
    NOBODY,
    Append,
    AppendResponse,
    Heartbeat,
    HeartbeatResponse,
    InstallSnapshot,
    Message,
    Proposal,
    ReadIndex,
    ReadIndexResponse,
    ReadState,
    Role,
    TimeoutNow,
    TransferLeader,
    VoteRequest,
    VoteResponse,
)
from alived.raft.notes import What
from alived.raft.state import Raft

_FORWARDED = (Proposal, ReadIndex, TransferLeader)
"""They are for the leader of whatever term"""


def step(raft: Raft, message: Message) -> None:
    """Handle a message.

    Raises:
        ProposalDropped: It was a proposal, and there is no way for it now.
    """
    if isinstance(message, VoteRequest) and election.ignores(raft, message):
        return
    if message.term > raft.term:
        _follow_term(raft, message)
    elif message.term < raft.term and not (message.term == 0 and isinstance(message, _FORWARDED)):
        _answer_stale(raft, message)
        return
    match message:
        case VoteRequest():
            election.on_vote_request(raft, message)
        case VoteResponse() if raft.role is not Role.LEADER:
            election.on_vote_response(raft, message)
        case Proposal():
            proposals.on_proposal(raft, message)
        case ReadIndex():
            _on_read(raft, message)
        case _ if raft.role is Role.LEADER:
            _step_leader(raft, message)
        case _:
            _step_follower(raft, message)


def _follow_term(raft: Raft, message: Message) -> None:
    """A later term rules (paper, 5.1), unless it is one that somebody only thinks of beginning."""
    match message:
        case VoteRequest(pre=True) | VoteResponse(pre=True, reject=False):
            return
        case Append() | Heartbeat() | InstallSnapshot():
            lead = message.sender
        case _:
            lead = NOBODY
    raft.tell(What.HIGHER_TERM, term=raft.term, newer=message.term, peer=message.sender, message=message)
    raft.become_follower(message.term, lead)


def _answer_stale(raft: Raft, message: Message) -> None:
    """A message of an older term. Its sender may need our term to go on: it may not be able to win an election."""
    match message:
        case Append() | Heartbeat() if raft.settings.check_quorum or raft.settings.pre_vote:
            raft.send(AppendResponse(sender=raft.id, to=message.sender, term=raft.term))
        case VoteRequest(pre=True):
            election.refuse_vote(raft, message)
        case _:
            raft.tell(What.LOWER_TERM, term=raft.term, older=message.term, peer=message.sender, message=message)


def _step_leader(raft: Raft, message: Message) -> None:
    progress = raft.tracker.progress.get(message.sender)
    if progress is None:
        raft.tell(What.NO_PROGRESS, peer=message.sender)
        return
    match message:
        case AppendResponse():
            replication.on_append_response(raft, message, progress)
        case HeartbeatResponse():
            replication.on_heartbeat_response(raft, message, progress)
        case TransferLeader():
            election.on_transfer(raft, message, progress)
        case _:
            pass  # late votes; and no one else leads this term


def _step_follower(raft: Raft, message: Message) -> None:
    """Candidates too: they follow whoever leads their term."""
    match message:
        case Append() | Heartbeat() | InstallSnapshot():
            _hear_leader(raft, message)
        case TimeoutNow():
            election.on_timeout_now(raft, message)
        case TransferLeader() if raft.role is Role.FOLLOWER:
            election.pass_on_transfer(raft, message)
        case ReadIndexResponse() if raft.role is Role.FOLLOWER:
            raft.read_states.append(ReadState(message.index, message.context))
        case _:
            pass  # answers to what it asked as the leader it was


def _hear_leader(raft: Raft, message: Append | Heartbeat | InstallSnapshot) -> None:
    raft.promise()
    if raft.role is Role.FOLLOWER:
        raft.election_elapsed = 0
        raft.follow(message.sender)
    else:
        raft.become_follower(message.term, message.sender)
    match message:
        case Append():
            replication.on_append(raft, message)
        case Heartbeat():
            rounds.on_heartbeat(raft, message)
        case InstallSnapshot():
            replication.on_snapshot(raft, message)
        case _:
            assert_never(message)


def _on_read(raft: Raft, message: ReadIndex) -> None:
    if raft.role is Role.LEADER:
        rounds.on_read(raft, message)
    elif raft.role is not Role.FOLLOWER or raft.lead == NOBODY:
        raft.tell(What.READ_NO_LEADER, term=raft.term)
    else:
        raft.send(msgspec.structs.replace(message, to=raft.lead))


def report_unreachable(raft: Raft, peer: int) -> None:
    """A message to `peer` could not be delivered; only a leader minds."""
    if raft.role is Role.LEADER:
        progress = raft.tracker.progress.get(peer)
        if progress is None:
            raft.tell(What.NO_PROGRESS, peer=peer)
        else:
            replication.on_unreachable(raft, peer, progress)


def report_blank(raft: Raft, peer: int) -> None:
    """`peer` has lost its log; only a leader minds."""
    progress = raft.tracker.progress.get(peer)
    if raft.role is Role.LEADER and progress is not None:
        progress.lost_log()


def report_snapshot(raft: Raft, peer: int, *, arrived: bool) -> None:
    """The snapshot for `peer` was delivered, or could not be; only a leader minds."""
    if raft.role is Role.LEADER:
        progress = raft.tracker.progress.get(peer)
        if progress is None:
            raft.tell(What.NO_PROGRESS, peer=peer)
        else:
            replication.on_snapshot_status(raft, peer, progress, arrived=arrived)


def tick(raft: Raft, ticks: int = 1) -> None:
    """So many ticks have passed, no more than `ticks_to_event`."""
    raft.promise_ticks = max(0, raft.promise_ticks - ticks)
    raft.election_elapsed += ticks
    if raft.role is Role.LEADER:
        raft.heartbeat_elapsed += ticks
        _tick_leader(raft)
        return
    limit = raft.campaign_ticks
    if limit is not None and raft.election_elapsed >= limit:
        raft.election_elapsed = 0
        election.campaign(raft)


def _tick_leader(raft: Raft) -> None:
    """The quorum is checked when the next round is due: those who were asked had the time between to answer."""
    if raft.heartbeat_elapsed < raft.beat_ticks:
        return
    raft.heartbeat_elapsed = 0
    if raft.election_elapsed >= raft.settings.election_ticks:
        raft.election_elapsed = 0
        if raft.settings.check_quorum:
            election.check_quorum(raft)
        raft.transferee = NOBODY  # It had an election timeout to take over (thesis, 3.10).
    if raft.role is Role.LEADER:
        rounds.broadcast(raft)


def ticks_to_event(raft: Raft) -> int | None:
    """After how many ticks something happens by itself; None: never. The caller may sleep until then."""
    if raft.role is Role.LEADER:
        return max(1, raft.beat_ticks - raft.heartbeat_elapsed)
    limit = raft.campaign_ticks
    return None if limit is None else max(1, limit - raft.election_elapsed)
