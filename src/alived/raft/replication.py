"""Replication of the log (Raft paper, 5.3): the leader's appends and snapshots, and the answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from alived.raft import rounds
from alived.raft.messages import (
    NOBODY,
    Append,
    AppendResponse,
    Entry,
    EntryId,
    HeartbeatResponse,
    InstallSnapshot,
    Role,
    Snapshot,
    TimeoutNow,
)
from alived.raft.notes import What
from alived.raft.progress import Progress, ProgressState
from alived.raft.state import Raft

# -- the leader sends


def append(raft: Raft, entries: Sequence[Entry]) -> bool:
    """Append entries to the leader's own log; False if too much is uncommitted already."""
    size = sum(entry.payload_size for entry in entries)
    if raft.uncommitted_size and size and raft.uncommitted_size + size > raft.settings.max_uncommitted_size:
        raft.tell(What.TOO_MUCH_UNCOMMITTED)
        return False
    raft.uncommitted_size += size
    first = raft.log.last_index + 1
    raft.log.append(
        [msgspec.structs.replace(entry, term=raft.term, index=index) for index, entry in enumerate(entries, first)]
    )
    # The leader's own vote for its entries counts only when they are written.
    raft.send(AppendResponse(sender=raft.id, to=raft.id, term=raft.term, index=raft.log.last_index))
    return True


def broadcast_append(raft: Raft) -> None:
    for node, progress in raft.tracker.others(raft.id):
        send_append(raft, node, progress)


def send_append(raft: Raft, to: int, progress: Progress, *, even_if_empty: bool = True) -> bool:
    """Send the entries that `to` needs next, or a snapshot if they are gone; False if nothing was sent."""
    if progress.paused:
        return False
    previous = progress.next_index - 1
    previous_term = raft.log.term(previous)
    if previous_term is None:
        return _send_snapshot(raft, to, progress)
    entries: tuple[Entry, ...] = ()
    if progress.state is not ProgressState.REPLICATE or not progress.inflights.full:
        found = raft.log.entries(progress.next_index, raft.settings.max_message_size)
        assert found is not None, "the entry before is there, the next ones are compacted"
        entries = found
    if not entries and not even_if_empty:
        return False
    commit = raft.log.committed
    raft.send(
        Append(
            sender=raft.id,
            to=to,
            term=raft.term,
            index=previous,
            log_term=previous_term,
            entries=entries,
            commit=commit,
        )
    )
    progress.sent_entries(len(entries), sum(entry.payload_size for entry in entries))
    progress.sent_commit = commit
    return True


def _send_snapshot(raft: Raft, to: int, progress: Progress) -> bool:
    if not progress.recent_active:
        raft.tell(What.SNAPSHOT_UNWANTED, peer=to)
        return False
    snapshot = raft.log.unstable.snapshot or raft.log.storage.snapshot()
    if snapshot is None:
        raft.tell(What.SNAPSHOT_UNAVAILABLE, peer=to)
        return False
    raft.tell(What.SNAPSHOT_SENT, peer=to, snapshot=snapshot, progress=progress, log=raft.log)
    progress.become_snapshot(snapshot.index)
    raft.tell(What.REPLICATION_PAUSED, peer=to, progress=progress)
    raft.send(InstallSnapshot(sender=raft.id, to=to, term=raft.term, snapshot=snapshot))
    return True


def try_commit(raft: Raft) -> bool:
    """Commit what a quorum has, if it is of this term (paper, 5.4.2)."""
    return raft.log.try_commit(EntryId(raft.term, raft.tracker.committed()))


def send_timeout_now(raft: Raft, to: int) -> None:
    raft.send(TimeoutNow(sender=raft.id, to=to, term=raft.term))


# -- the leader hears


def on_append_response(raft: Raft, message: AppendResponse, progress: Progress) -> None:
    progress.recent_active = True
    if message.reject:
        _on_rejection(raft, message, progress)
        return
    news = progress.acknowledge(message.index)
    if not news and not (progress.match_index == message.index and progress.state is ProgressState.PROBE):
        return
    _advance_state(raft, message, progress)
    other = message.sender != raft.id
    if try_commit(raft):
        rounds.release_reads(raft)
        broadcast_append(raft)
    elif other and progress.needs_commit(raft.log.committed):
        send_append(raft, message.sender, progress)
    if not other:
        return
    while send_append(raft, message.sender, progress, even_if_empty=False):
        pass  # what the window held back
    if message.sender == raft.transferee and progress.match_index == raft.log.last_index:
        raft.tell(What.TRANSFER_CAUGHT_UP, peer=message.sender)
        send_timeout_now(raft, message.sender)


def _on_rejection(raft: Raft, message: AppendResponse, progress: Progress) -> None:
    raft.tell(
        What.APPEND_WAS_REFUSED, peer=message.sender, index=message.index, hint=message.hint, log_term=message.log_term
    )
    hint = message.hint
    if message.log_term:
        # Skip all entries of a term that the follower cannot have: one round trip a term, not an entry (paper, 5.3).
        hint = raft.log.find_conflict_by_term(hint, message.log_term).index
    if progress.reject(message.index, hint):
        raft.tell(What.PROGRESS_DECREASED, peer=message.sender, progress=progress)
        if progress.state is ProgressState.REPLICATE:
            progress.become_probe()
        send_append(raft, message.sender, progress)


def _advance_state(raft: Raft, message: AppendResponse, progress: Progress) -> None:
    match progress.state:
        case ProgressState.PROBE:
            progress.become_replicate()
        case ProgressState.SNAPSHOT:
            # The log reaches the member's end again, whether or not it took the snapshot that was sent.
            if progress.match_index + 1 >= raft.log.first_index:
                raft.tell(What.REPLICATION_RESUMED, peer=message.sender, progress=progress)
                progress.become_replicate()
        case ProgressState.REPLICATE:
            progress.inflights.free_to(message.index)
        case _:
            assert_never(progress.state)


def on_heartbeat_response(raft: Raft, message: HeartbeatResponse, progress: Progress) -> None:
    progress.recent_active = True
    progress.paused_by_flow = False
    if progress.match_index < raft.log.last_index or progress.state is ProgressState.PROBE:
        send_append(raft, message.sender, progress)
    rounds.acknowledge(raft, message)


def on_unreachable(raft: Raft, peer: int, progress: Progress) -> None:
    """The transport could not deliver: do not send optimistically."""
    if progress.state is ProgressState.REPLICATE:
        progress.become_probe()
    raft.tell(What.UNREACHABLE, peer=peer, progress=progress)


def on_snapshot_status(raft: Raft, peer: int, progress: Progress, *, arrived: bool) -> None:
    """The transport has delivered the snapshot, or could not. An answer must come before the next append."""
    if progress.state is not ProgressState.SNAPSHOT:
        return
    if arrived:
        progress.become_probe()
        raft.tell(What.SNAPSHOT_SUCCEEDED, peer=peer, progress=progress)
    else:
        progress.snapshot_failed()
        raft.tell(What.SNAPSHOT_FAILED, peer=peer, progress=progress)
    progress.paused_by_flow = True


# -- a follower hears


def on_append(raft: Raft, message: Append) -> None:
    log = raft.log
    previous = EntryId(message.log_term, message.index)
    if message.index < log.committed:
        _answer_append(raft, message.sender, log.committed)
        return
    last = log.try_append(previous, message.entries, message.commit)
    if last is not None:
        _answer_append(raft, message.sender, last)
        return
    own = log.term(message.index) or 0
    raft.tell(What.APPEND_REFUSED, peer=message.sender, theirs=previous, own=own)
    hint = log.find_conflict_by_term(min(message.index, log.last_index), message.log_term)
    raft.send(
        AppendResponse(
            sender=raft.id,
            to=message.sender,
            term=raft.term,
            index=message.index,
            reject=True,
            hint=hint.index,
            log_term=hint.term,
        )
    )


def _answer_append(raft: Raft, to: int, index: int) -> None:
    raft.send(AppendResponse(sender=raft.id, to=to, term=raft.term, index=index))


def on_snapshot(raft: Raft, message: InstallSnapshot) -> None:
    snapshot = message.snapshot
    if _restore(raft, snapshot):
        raft.tell(What.SNAPSHOT_ACCEPTED, snapshot=snapshot, commit=raft.log.committed)
        _answer_append(raft, message.sender, raft.log.last_index)
    else:
        raft.tell(What.SNAPSHOT_IGNORED, snapshot=snapshot, commit=raft.log.committed)
        _answer_append(raft, message.sender, raft.log.committed)


def _restore(raft: Raft, snapshot: Snapshot) -> bool:
    """Replace the log by a snapshot; False if it brings nothing."""
    assert raft.role is Role.FOLLOWER and raft.lead != NOBODY
    if snapshot.index <= raft.log.committed:
        return False
    if raft.id not in snapshot.configuration.members:
        raft.tell(What.SNAPSHOT_FOREIGN, configuration=snapshot.configuration)
        return False
    if raft.log.matches(EntryId(snapshot.term, snapshot.index)):
        raft.tell(What.SNAPSHOT_FORWARDED, snapshot=snapshot, commit=raft.log.committed, last=raft.log.last)
        raft.log.commit_to(snapshot.index)
        return False
    raft.log.restore(snapshot)
    raft.tracker.restore(snapshot.configuration, raft.log.last_index)
    raft.tell(What.CONFIGURATION, configuration=snapshot.configuration)
    raft.tell(What.SNAPSHOT_RESTORED, snapshot=snapshot, commit=raft.log.committed, last=raft.log.last)
    return True
