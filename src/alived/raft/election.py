"""Elections (Raft paper, 5.2 and 5.4.1; thesis, 4.2.3 and 9.6) and the hand-over of leadership (thesis, 3.10)."""

from __future__ import annotations

from typing import assert_never

import msgspec

from alived.raft import replication
from alived.raft.messages import NOBODY, Entry, EntryId, Role, TimeoutNow, TransferLeader, VoteRequest, VoteResponse
from alived.raft.notes import What
from alived.raft.progress import Progress
from alived.raft.quorum import VoteResult
from alived.raft.state import Raft


def campaign(raft: Raft, *, transfer: bool = False) -> None:
    """Start an election if this node may. With `transfer` it neither asks in advance nor respects a lease."""
    if raft.role is Role.LEADER:
        raft.tell(What.LEADER_ALREADY)
    elif not raft.promotable:
        raft.tell(What.NOT_PROMOTABLE)
    elif raft.log.unapplied_changes():
        # Who has a vote is not known before they are applied.
        raft.tell(What.CHANGES_PENDING, term=raft.term)
    elif raft.promise_ticks and not transfer:
        raft.tell(What.PROMISED, ticks=raft.promise_ticks)
    else:
        raft.tell(What.CAMPAIGNS, term=raft.term)
        _ask_for_votes(raft, pre=raft.settings.pre_vote and not transfer, transfer=transfer)


def _ask_for_votes(raft: Raft, *, pre: bool, transfer: bool = False) -> None:
    if pre:
        raft.become_pre_candidate()
    else:
        raft.become_candidate()
    term = raft.term + 1 if pre else raft.term
    last = raft.log.last
    for voter in sorted(raft.tracker.configuration.voters.ids):
        if voter == raft.id:
            # Its own vote counts only when it is written.
            raft.send(VoteResponse(sender=raft.id, to=raft.id, term=term, pre=pre))
            continue
        raft.tell(What.VOTE_ASKED, peer=voter, pre=pre, last=last, term=raft.term)
        request = VoteRequest(
            sender=raft.id, to=voter, term=term, index=last.index, log_term=last.term, pre=pre, transfer=transfer
        )
        raft.send(request)


def ignores(raft: Raft, message: VoteRequest) -> bool:
    """Whether this node has promised not to vote now: it does not even learn of the new term (thesis, 4.2.3)."""
    if message.transfer:
        return False  # The leader has given up its lease before it asked for this.
    if raft.promise_ticks:
        remaining = raft.promise_ticks
    elif message.term > raft.term and raft.hears_leader:
        remaining = raft.settings.election_ticks - raft.election_elapsed
    else:
        return False
    raft.tell(What.VOTE_IGNORED, remaining=remaining, **_about(raft, message))
    return True


def on_vote_request(raft: Raft, message: VoteRequest) -> None:
    """Vote for a log that is as complete as ours, once a term, first come first served (paper, 5.2 and 5.4.1)."""
    can_vote = (
        raft.vote == message.sender
        or (raft.vote == NOBODY and raft.lead == NOBODY)
        or (message.pre and message.term > raft.term)
    )
    if not can_vote or not raft.log.is_up_to_date(EntryId(message.log_term, message.index)):
        refuse_vote(raft, message)
        return
    raft.tell(What.VOTE_CAST, **_about(raft, message))
    raft.send(VoteResponse(sender=raft.id, to=message.sender, term=message.term, pre=message.pre))
    if not message.pre:
        raft.election_elapsed = 0
        raft.vote = message.sender


def refuse_vote(raft: Raft, message: VoteRequest) -> None:
    """The answer has our term, from which a candidate that lags behind learns."""
    raft.tell(What.VOTE_REFUSED, **_about(raft, message))
    raft.send(VoteResponse(sender=raft.id, to=message.sender, term=raft.term, pre=message.pre, reject=True))


def _about(raft: Raft, message: VoteRequest) -> dict[str, object]:
    return {
        "peer": message.sender,
        "pre": message.pre,
        "theirs": EntryId(message.log_term, message.index),
        "last": raft.log.last,
        "vote": raft.vote,
        "term": raft.term,
    }


def on_vote_response(raft: Raft, message: VoteResponse) -> None:
    waits_for = {Role.PRE_CANDIDATE: True, Role.CANDIDATE: False}
    if waits_for.get(raft.role) is not message.pre:
        return
    what = What.VOTE_DENIED if message.reject else What.VOTE_RECEIVED
    raft.tell(what, peer=message.sender, pre=message.pre, term=raft.term)
    raft.tracker.record_vote(message.sender, not message.reject)
    granted, rejected, result = raft.tracker.tally()
    raft.tell(What.VOTES_COUNTED, granted=granted, rejected=rejected, pre=message.pre)
    match result:
        case VoteResult.WON if message.pre:
            _ask_for_votes(raft, pre=False)
        case VoteResult.WON:
            _lead(raft)
        case VoteResult.LOST:
            raft.become_follower(raft.term, NOBODY)
        case VoteResult.PENDING:
            pass
        case _:
            assert_never(result)


def _lead(raft: Raft) -> None:
    """A term begins with an entry of it: only with this one are those of former terms committed (paper, 5.4.2)."""
    raft.become_leader()
    appended = replication.append(raft, [Entry()])
    assert appended, "the first entry of a term has no size"
    raft.tell(What.BECAME_LEADER, term=raft.term)
    replication.broadcast_append(raft)


def check_quorum(raft: Raft) -> None:
    """A leader that a majority did not answer for a whole election timeout steps down (thesis, 6.2)."""
    if not raft.tracker.quorum_active():
        raft.tell(What.QUORUM_LOST)
        raft.become_follower(raft.term, NOBODY)
    for _, progress in raft.tracker.others(raft.id):
        progress.recent_active = False


def on_transfer(raft: Raft, message: TransferLeader, progress: Progress) -> None:
    """The leader hands over to the sender: bring its log up to date, then tell it to campaign."""
    to = message.sender
    if progress.is_learner:
        raft.tell(What.TRANSFER_TO_LEARNER)
        return
    if raft.transferee == to:
        raft.tell(What.TRANSFER_REPEATED, peer=to, term=raft.term)
        return
    if raft.transferee != NOBODY:
        former, raft.transferee = raft.transferee, NOBODY
        raft.tell(What.TRANSFER_CHANGED, peer=former, term=raft.term)
    if to == raft.id:
        raft.tell(What.TRANSFER_TO_SELF)
        return
    raft.tell(What.TRANSFER_STARTED, peer=to, term=raft.term)
    raft.election_elapsed = 0  # It has this long to succeed.
    raft.transferee = to
    if progress.match_index == raft.log.last_index:
        replication.send_timeout_now(raft, to)
        raft.tell(What.TRANSFER_IMMEDIATE, peer=to)
    else:
        replication.send_append(raft, to, progress)


def resign(raft: Raft, heir: int) -> None:
    """A leader that hears nobody, before `check_quorum` finds it out: the others wait for its silence. If it is heard
    itself, its heir need not wait."""
    assert raft.role is Role.LEADER, "nobody but a leader can resign"
    raft.tell(What.QUORUM_LOST)
    if heir != NOBODY:
        replication.send_timeout_now(raft, heir)
    raft.become_follower(raft.term, NOBODY)


def stand_again(raft: Raft) -> None:
    """Its voters promised this leader not to elect another; it has given up what they promised it for."""
    if raft.role is Role.LEADER:
        raft.become_follower(raft.term, NOBODY)
        campaign(raft, transfer=True)


def pass_on_transfer(raft: Raft, message: TransferLeader) -> None:
    """A follower tells its leader who shall lead."""
    if raft.lead == NOBODY:
        raft.tell(What.TRANSFER_NO_LEADER, term=raft.term)
    else:
        raft.send(msgspec.structs.replace(message, to=raft.lead, term=raft.term))


def on_timeout_now(raft: Raft, message: TimeoutNow) -> None:
    if raft.role is Role.FOLLOWER:
        raft.tell(What.TIMEOUT_NOW, peer=message.sender, term=raft.term)
        campaign(raft, transfer=True)
    else:
        raft.tell(What.TIMEOUT_NOW_IGNORED, peer=message.sender, term=raft.term, role=raft.role)


def forget_leader(raft: Raft) -> None:
    """Stop relying on a leader that is known to be dead, so that votes are free before the timeout."""
    if raft.role is not Role.FOLLOWER:
        return
    if raft.settings.lease_reads:
        raft.tell(What.LEADER_KEPT)
    elif raft.lead != NOBODY:
        raft.tell(What.LEADER_FORGOTTEN, peer=raft.lead, term=raft.term)
        raft.lead = NOBODY
