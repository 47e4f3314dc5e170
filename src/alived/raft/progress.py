"""What a leader knows about the log of each member, and how fast it sends to it.

probe       where the logs part is unknown: one append at a time, then wait for its answer
replicate   appends are sent optimistically, as many as the window of unacknowledged ones allows
snapshot    the member needs what has been compacted away: nothing is sent until it has the snapshot
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator

from alived.raft.confchange import Changed, Configuration
from alived.raft.quorum import VoteResult


class ProgressState(enum.StrEnum):
    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Inflights:
    """The window of appends that have been sent and not acknowledged: limited in number and in bytes (0: no limit)."""

    __slots__ = ("_bytes", "_max_bytes", "_max_messages", "_sent")

    def __init__(self, max_messages: int, max_bytes: int = 0) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._sent: deque[tuple[int, int]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def full(self) -> bool:
        return len(self._sent) >= self._max_messages or 0 < self._max_bytes <= self._bytes

    def add(self, last_index: int, size: int) -> None:
        """An append whose last entry is `last_index` was sent."""
        assert not self.full, "an append was sent although the window is full"
        self._sent.append((last_index, size))
        self._bytes += size

    def free_to(self, index: int) -> None:
        """Everything up to `index` is acknowledged."""
        while self._sent and self._sent[0][0] <= index:
            self._bytes -= self._sent.popleft()[1]

    def clear(self) -> None:
        self._sent.clear()
        self._bytes = 0


class Progress:
    """The log of one member as the leader sees it. Invariant: match_index < next_index."""

    __slots__ = (
        "inflights",
        "is_learner",
        "match_index",
        "next_index",
        "paused_by_flow",
        "pending_snapshot",
        "recent_active",
        "sent_commit",
        "state",
    )

    def __init__(self, next_index: int, inflights: Inflights, *, is_learner: bool, recent_active: bool) -> None:
        self.match_index = 0
        """The largest index known to be the same in both logs"""
        self.next_index = next_index
        """The next entry to send; in state snapshot the one after the snapshot"""
        self.sent_commit = 0
        """The largest commit index that the member has been told, if no message was lost"""
        self.state = ProgressState.PROBE
        self.pending_snapshot = 0
        """Index of the snapshot that was sent; 0: none"""
        self.recent_active = recent_active
        """It answered since the last check of the quorum"""
        self.paused_by_flow = False
        self.inflights = inflights
        self.is_learner = is_learner

    @property
    def paused(self) -> bool:
        return self.paused_by_flow or self.state is ProgressState.SNAPSHOT

    def become_probe(self) -> None:
        # After a snapshot the log is known to reach it, though no append has been acknowledged yet.
        self.next_index = max(self.match_index, self.pending_snapshot) + 1
        self._enter(ProgressState.PROBE)
        self._bound_sent_commit()

    def become_replicate(self) -> None:
        self._enter(ProgressState.REPLICATE)
        self.next_index = self.match_index + 1

    def become_snapshot(self, index: int) -> None:
        self._enter(ProgressState.SNAPSHOT)
        self.pending_snapshot = index
        self.next_index = index + 1
        self.sent_commit = index

    def lost_log(self) -> None:
        """The member has nothing any more: what it acknowledged is void."""
        self.match_index = 0
        self.snapshot_failed()

    def snapshot_failed(self) -> None:
        """Probe again from what is acknowledged."""
        self.pending_snapshot = 0
        self.become_probe()

    def sent_entries(self, count: int, size: int) -> None:
        """An append with `count` entries of `size` bytes was sent."""
        if self.state is ProgressState.REPLICATE:
            if count:
                self.next_index += count
                self.inflights.add(self.next_index - 1, size)
            self.paused_by_flow = self.inflights.full
        elif count:
            self.paused_by_flow = True

    def needs_commit(self, commit: int) -> bool:
        """Whether an append, though empty, would tell the member of a higher commit index."""
        return commit > self.sent_commit and self.sent_commit < self.next_index - 1

    def acknowledge(self, index: int) -> bool:
        """The member has everything up to `index`; False if that is no news."""
        if index <= self.match_index:
            return False
        self.match_index = index
        self.next_index = max(self.next_index, index + 1)
        self.paused_by_flow = False
        return True

    def reject(self, rejected: int, hint: int) -> bool:
        """The member refused an append after index `rejected`; its log may match at `hint`. False if out of date."""
        if self.state is ProgressState.REPLICATE:
            if rejected <= self.match_index:
                return False
            self.next_index = self.match_index + 1
        else:
            if self.next_index - 1 != rejected:
                return False
            self.next_index = max(min(rejected, hint + 1), self.match_index + 1)
            self.paused_by_flow = False
        self._bound_sent_commit()
        return True

    def _enter(self, state: ProgressState) -> None:
        self.paused_by_flow = False
        self.pending_snapshot = 0
        self.state = state
        self.inflights.clear()

    def _bound_sent_commit(self) -> None:
        self.sent_commit = min(self.sent_commit, self.next_index - 1)

    def __str__(self) -> str:
        pending = f", snapshot {self.pending_snapshot} pending" if self.pending_snapshot else ""
        return f"{self.state}, match {self.match_index}, next {self.next_index}{pending}"


class Tracker:
    """The members: configuration, progress of each, votes of an election."""

    __slots__ = ("_max_inflight_bytes", "_max_inflight_messages", "configuration", "progress", "votes")

    def __init__(self, max_inflight_messages: int, max_inflight_bytes: int = 0) -> None:
        self._max_inflight_messages = max_inflight_messages
        self._max_inflight_bytes = max_inflight_bytes
        self.configuration = Configuration()
        self.progress: dict[int, Progress] = {}
        """By node, in ascending order: messages leave in this order"""
        self.votes: dict[int, bool] = {}

    def adopt(self, changed: Changed, last_index: int) -> None:
        """Take a new configuration; members that are new to it start as active, with the end of our log."""
        self.configuration = changed.configuration
        kept = {node: each for node, each in self.progress.items() if node not in changed.forgotten}
        self.progress = {}
        for node in sorted(self.configuration.members):
            is_learner = node in self.configuration.learners
            progress = kept.get(node) or self._fresh(max(last_index, 1), is_learner=is_learner, recent_active=True)
            progress.is_learner = is_learner
            self.progress[node] = progress

    def restore(self, configuration: Configuration, last_index: int) -> None:
        """Start anew with the configuration of a snapshot."""
        self.progress = {}
        self.votes = {}
        self.adopt(Changed(configuration), last_index)

    def reset(self, own: int, last_index: int) -> None:
        """A new term: no votes, nothing known about other logs."""
        self.votes = {}
        for node, progress in self.progress.items():
            fresh = self._fresh(last_index + 1, is_learner=progress.is_learner, recent_active=False)
            self.progress[node] = fresh
            if node == own:
                fresh.match_index = last_index

    def _fresh(self, next_index: int, *, is_learner: bool, recent_active: bool) -> Progress:
        inflights = Inflights(self._max_inflight_messages, self._max_inflight_bytes)
        return Progress(next_index, inflights, is_learner=is_learner, recent_active=recent_active)

    def others(self, own: int) -> Iterator[tuple[int, Progress]]:
        return ((node, progress) for node, progress in tuple(self.progress.items()) if node != own)

    @property
    def singleton(self) -> bool:
        voters = self.configuration.voters
        return len(voters.incoming) == 1 and not voters.joint

    def committed(self) -> int:
        """The largest index that a quorum has in its log."""
        matches = {node: progress.match_index for node, progress in self.progress.items()}
        return self.configuration.voters.committed_index(matches)

    def quorum_active(self) -> bool:
        return self.configuration.voters.agree({node for node, each in self.progress.items() if each.recent_active})

    def record_vote(self, node: int, granted: bool) -> None:
        """A first vote counts; a node cannot change its mind."""
        self.votes.setdefault(node, granted)

    def tally(self) -> tuple[int, int, VoteResult]:
        """Votes granted and rejected by the members that may vote, and what follows."""
        cast = [self.votes[node] for node, each in self.progress.items() if not each.is_learner and node in self.votes]
        return sum(cast), len(cast) - sum(cast), self.configuration.voters.vote_result(self.votes)
