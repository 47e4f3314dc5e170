"""Proposals: who appends them, who passes them on, which changes of the membership may be made now."""

from __future__ import annotations

import enum

import msgspec

from alived.raft import confchange, replication
from alived.raft.confchange import ConfChange, ConfChangeError, Refusal
from alived.raft.messages import NOBODY, Entry, Proposal, Role
from alived.raft.notes import What
from alived.raft.state import ProposalDropped, Raft


class Objection(enum.Enum):
    """Why a change of the membership is not made now."""

    PENDING = "an earlier one may not be applied yet"
    JOINT = "the joint configuration must be left first"
    NOT_JOINT = "there is no joint configuration to leave"


def on_proposal(raft: Raft, message: Proposal) -> None:
    """Append as the leader, pass it on as a follower.

    Raises:
        ProposalDropped: Neither is possible now.
    """
    assert message.entries, "a proposal of nothing"
    if raft.role is Role.LEADER:
        _append(raft, message)
    elif raft.role is not Role.FOLLOWER or raft.lead == NOBODY:
        raft.tell(What.NO_LEADER, term=raft.term)
        raise ProposalDropped(f"no leader in term {raft.term}")
    elif not raft.settings.forward_proposals:
        raft.tell(What.NOT_FORWARDED, term=raft.term, lead=raft.lead)
        raise ProposalDropped(f"{raft.lead} is the leader")
    else:
        raft.send(msgspec.structs.replace(message, to=raft.lead))


def _append(raft: Raft, message: Proposal) -> None:
    if raft.id not in raft.tracker.progress:
        raise ProposalDropped("this leader has been removed from the cluster")
    if raft.transferee != NOBODY:
        raft.tell(What.DROPPED_FOR_TRANSFER, term=raft.term, peer=raft.transferee)
        raise ProposalDropped(f"the leader hands over to {raft.transferee}")
    first = raft.log.last_index + 1
    entries = [_vetted(raft, entry, index) for index, entry in enumerate(message.entries, first)]
    if not replication.append(raft, entries):
        raise ProposalDropped("too much is uncommitted")
    replication.broadcast_append(raft)


def _vetted(raft: Raft, entry: Entry, index: int) -> Entry:
    """A change that cannot be made now becomes an entry that does nothing."""
    if entry.change is None:
        return entry
    objection = _objection(raft, entry.change)
    if objection and raft.settings.check_conf_changes:
        raft.tell(
            What.CHANGE_REFUSED,
            change=entry.change,
            configuration=raft.tracker.configuration,
            objection=objection,
            pending=raft.pending_conf_index,
            applied=raft.log.applied,
        )
        return Entry()
    raft.pending_conf_index = index
    return entry


def _objection(raft: Raft, change: ConfChange) -> Objection | Refusal | None:
    """Why a change is not made; None if it is (thesis, 4.1: one change at a time).

    With no other change pending, it will be applied to the configuration that is known here: an impossible one, which
    no node could apply, does not reach the log.
    """
    configuration = raft.tracker.configuration
    if raft.pending_conf_index > raft.log.applied:
        return Objection.PENDING
    if configuration.joint and not change.leaves_joint:
        return Objection.JOINT
    if not configuration.joint and not change.changes:
        return Objection.NOT_JOINT
    try:
        confchange.apply(configuration, change)
    except ConfChangeError as error:
        return error.refusal
    return None
