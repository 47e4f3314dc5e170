"""Changes of the membership become effective when they are applied, as in etcd (the thesis, 4.1, would at once)."""

from __future__ import annotations

from alived.raft import confchange, proposals, replication
from alived.raft.confchange import ConfChange, Configuration
from alived.raft.messages import NOBODY, Entry, Proposal, Role
from alived.raft.notes import What
from alived.raft.state import ProposalDropped, Raft


def apply_change(raft: Raft, change: ConfChange) -> Configuration:
    """A committed change is applied; the result belongs into the next snapshot.

    Raises:
        ConfChangeError: It is impossible: the check of proposals was off, or logs differ.
    """
    changed = confchange.apply(raft.tracker.configuration, change)
    raft.tracker.adopt(changed, raft.log.last_index)
    raft.tell(What.CONFIGURATION, configuration=changed.configuration)
    if raft.role is Role.LEADER:
        _lead_on(raft, changed.configuration)
    return changed.configuration


def _lead_on(raft: Raft, configuration: Configuration) -> None:
    """What a change means for the leader: it may be out, a smaller quorum may commit more, new members need entries."""
    own = raft.tracker.progress.get(raft.id)
    if own is None or own.is_learner:
        if raft.settings.step_down_on_removal:
            raft.become_follower(raft.term, NOBODY)
        return
    if replication.try_commit(raft):
        replication.broadcast_append(raft)
    else:
        for node, progress in raft.tracker.others(raft.id):
            replication.send_append(raft, node, progress, even_if_empty=False)
    if raft.transferee not in configuration.voters.ids:
        raft.transferee = NOBODY


def applied_to(raft: Raft, index: int, size: int) -> None:
    """Entries up to `index` are applied. A leader leaves a joint configuration that says so."""
    raft.log.applied_to(max(index, raft.log.applied), size)
    configuration = raft.tracker.configuration
    if not configuration.auto_leave or raft.role is not Role.LEADER or raft.log.applied < raft.pending_conf_index:
        return
    try:
        leave = Entry(change=ConfChange())
        proposals.on_proposal(raft, Proposal(sender=raft.id, to=raft.id, entries=(leave,)))
    except ProposalDropped:
        raft.tell(What.CANNOT_LEAVE_JOINT, configuration=configuration)
    else:
        raft.tell(What.LEAVES_JOINT, configuration=configuration)


def applied_snapshot(raft: Raft, index: int) -> None:
    """The snapshot at `index` is written and applied."""
    raft.log.unstable.stable_snapshot(index)
    applied_to(raft, index, 0)
