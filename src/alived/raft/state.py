"""The state of a node and the transitions between its roles (Raft paper, figures 2 and 4).

`election`, `replication`, `proposals`, `membership` and `rounds` are functions on it, one file for each subject; `core`
tells who handles what; `node` is the door for callers. Nothing here waits, sends or writes: messages and entries are
collected for the next `Ready`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from alived.base import AlivedError
from alived.raft.log import NO_LIMIT, RaftLog, Storage
from alived.raft.messages import (
    NOBODY,
    AppendResponse,
    HardState,
    Message,
    ReadIndex,
    ReadState,
    Role,
    SoftState,
    VoteResponse,
)
from alived.raft.notes import Note, Observer, What
from alived.raft.progress import Tracker


class ProposalDropped(AlivedError):
    """A proposal that was not appended: there is no leader, or it hands over, or too much is uncommitted."""


RETRIES = 6
"""Rounds of heartbeats that are repeated for a member that answers none of them"""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a node behaves. Times in ticks, sizes in bytes."""

    id: int
    election_ticks: int
    """Without a word from a leader for this long up to twice as long, a follower campaigns"""
    heartbeat_ticks: int
    heartbeat_retry_ticks: int = 0
    """A round of heartbeats that a member has not answered is repeated after so many ticks; 0: it is not"""
    pre_vote: bool = True
    check_quorum: bool = True
    """A leader that hears no majority for `election_ticks` steps down; nobody votes while he hears a leader"""
    hold_promises: bool = True
    """For `election_ticks` after a word from a leader this node neither votes nor campaigns, whatever it hears
    meanwhile; nor after its start, as it may have promised before it crashed. Leases rest on this (see `lease`); etcd,
    whose transcripts we pass, forgets its promise with a new term or a restart."""
    max_message_size: int = NO_LIMIT
    max_committed_size: int = NO_LIMIT
    """Of the entries given out and not applied yet"""
    max_uncommitted_size: int = NO_LIMIT
    max_inflight_messages: int = 256
    max_inflight_bytes: int = 0
    """0: no limit"""
    lease_reads: bool = False
    """Reads rely on the leader's lease instead of a round of heartbeats"""
    follower_spread_ticks: int = 0
    """The timeout of a node that follows a leader is drawn from so many ticks; 0: from as many as `election_ticks`.
    A small number needs turns (`Node.hesitate`), or votes are split more often."""
    forward_proposals: bool = True
    check_conf_changes: bool = True
    """One change at a time, and out of a joint configuration first"""
    step_down_on_removal: bool = False
    apply_unstable: bool = True
    """Committed entries may be applied before this node has written them; False if writing is asynchronous"""

    def __post_init__(self) -> None:
        if self.id <= NOBODY:
            raise ValueError("id must be 1 or more")
        if not 0 < self.heartbeat_ticks < self.election_ticks:
            raise ValueError("heartbeat_ticks must be 1 or more and less than election_ticks")
        if not 0 <= self.heartbeat_retry_ticks < self.heartbeat_ticks:
            raise ValueError("heartbeat_retry_ticks must be 0 or more and less than heartbeat_ticks")
        if self.max_inflight_messages < 1:
            raise ValueError("max_inflight_messages must be 1 or more")
        if 0 < self.max_inflight_bytes < self.max_message_size:
            raise ValueError("max_inflight_bytes must not be less than max_message_size")
        if self.lease_reads and not self.check_quorum:
            raise ValueError("lease_reads needs check_quorum")


class PendingRead(msgspec.Struct, frozen=True):
    """A read that waits for the answers to heartbeat round `round`."""

    request: ReadIndex
    index: int
    round: int


class Raft:
    """One node. `draw(n)` gives a number from 0 to n-1: it spreads the election timeouts."""

    __slots__ = (
        "_draw",
        "_observe",
        "acked_rounds",
        "beat_ticks",
        "election_elapsed",
        "election_timeout",
        "first_round",
        "heartbeat_elapsed",
        "id",
        "lead",
        "log",
        "messages",
        "messages_after_sync",
        "own_term_index",
        "pending_conf_index",
        "promise_ticks",
        "read_states",
        "reads_before_commit",
        "reads_in_flight",
        "reluctance",
        "role",
        "round",
        "settings",
        "term",
        "tracker",
        "transferee",
        "uncommitted_size",
        "vote",
    )

    def __init__(
        self, settings: Settings, storage: Storage, draw: Callable[[int], int], observe: Observer | None = None
    ) -> None:
        self.settings = settings
        self.id = settings.id
        self._draw = draw
        self._observe = observe
        self.log = RaftLog(storage, self, settings.max_committed_size)
        self.tracker = Tracker(settings.max_inflight_messages, settings.max_inflight_bytes)
        self.term = 0
        self.vote = NOBODY
        self.role = Role.FOLLOWER
        self.lead = NOBODY
        self.transferee = NOBODY
        """To whom this leader hands over"""
        self.pending_conf_index = 0
        """No change of the membership may be proposed until this entry is applied"""
        self.uncommitted_size = 0
        self.election_elapsed = 0
        """Ticks since the last word from the leader; as a leader, since the last check of the quorum"""
        self.heartbeat_elapsed = 0
        self.beat_ticks = settings.heartbeat_ticks
        """From the last round of heartbeats to the next"""
        self.election_timeout = 0
        self.promise_ticks = 0
        """For so many ticks it does not help elect another leader, unless the present one asks for it"""
        self.promise()
        self.reluctance: int | None = 0
        """For so many ticks more than others it leaves it to them to campaign; None: it never does by itself"""
        self.round = 0
        """Number of the last broadcast of heartbeats; never goes back while this object lives"""
        self.first_round = 0
        """Of the term that this node led last"""
        self.own_term_index = 0
        """Of the entry with which that term began"""
        self.acked_rounds: dict[int, int] = {}
        """The newest round of this term that each member has answered"""
        self.messages: list[Message] = []
        self.messages_after_sync: list[Message] = []
        """They promise something that must be written before they leave"""
        self.read_states: list[ReadState] = []
        self.reads_before_commit: list[ReadIndex] = []
        """Reads that wait until an entry of this term is committed"""
        self.reads_in_flight: deque[PendingRead] = deque()

    def start(self, applied: int) -> None:
        """Become a follower with what the storage holds. The state machine has everything up to `applied`."""
        hard_state, snapshot = self.log.storage.initial_state()
        last = self.log.last
        self.tracker.restore(snapshot.configuration, last.index)
        self.tell(What.CONFIGURATION, configuration=snapshot.configuration)
        if hard_state != HardState():
            low, high = self.log.committed, last.index
            assert low <= hard_state.commit <= high, f"committed {hard_state.commit}, but the log has {low}..{high}"
            self.term, self.vote, self.log.committed = hard_state.term, hard_state.vote, hard_state.commit
        if applied:
            self.log.applied_to(applied, 0)
        self.become_follower(self.term, NOBODY)
        self.tell(
            What.STARTED,
            term=self.term,
            voters=snapshot.configuration.voters,
            last=last,
            commit=self.log.committed,
            applied=self.log.applied,
        )

    # -- words

    def tell(self, what: What, **values: Any) -> None:
        """Tell the observer what was decided."""
        if self._observe is not None:
            self._observe(Note(what, self.id, values))

    def send(self, message: Message) -> None:
        """Collect a message; an answer that promises something waits until it is written."""
        promises = isinstance(message, AppendResponse | VoteResponse)
        assert promises or message.to != self.id, f"a message to itself: {message}"
        (self.messages_after_sync if promises else self.messages).append(message)

    # -- what can be asked

    @property
    def soft_state(self) -> SoftState:
        return SoftState(self.lead, self.role)

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote, self.log.committed)

    @property
    def promotable(self) -> bool:
        """Whether this node may become the leader: a voter that does not wait for a snapshot."""
        own = self.tracker.progress.get(self.id)
        return own is not None and not own.is_learner and self.log.unstable.snapshot is None

    @property
    def campaign_ticks(self) -> int | None:
        """Without a word from a leader for so many ticks it campaigns; None: it does not."""
        return self.election_timeout + self.reluctance if self.promotable and self.reluctance is not None else None

    @property
    def hears_leader(self) -> bool:
        """Whether this node has promised not to vote, as it has heard a leader lately (thesis, 4.2.3)."""
        recent = self.election_elapsed < self.settings.election_ticks
        return self.settings.check_quorum and self.lead != NOBODY and recent

    @property
    def committed_in_own_term(self) -> bool:
        """Of a leader: only then does it know what is committed (thesis, 6.4)."""
        return self.role is Role.LEADER and self.log.committed >= self.own_term_index

    @property
    def confirmed_round(self) -> int:
        """The newest round of heartbeats that a quorum has answered; 0 if there is none or this is no leader."""
        if self.role is not Role.LEADER:
            return 0
        return min(self.tracker.configuration.voters.committed_index(self.acked_rounds), self.round)

    def pace(self) -> None:
        """A round of heartbeats has begun, or was answered. It is repeated soon if a member has not answered it that
        has answered lately, or could not yet: what was lost was a packet, perhaps. Who is dead is not asked more often.
        """
        retry, since = self.settings.heartbeat_retry_ticks, self.round - RETRIES
        self.beat_ticks = self.settings.heartbeat_ticks
        if retry:
            for node in self.tracker.progress:
                if since <= self.acked_rounds.get(node, self.first_round - 1) < self.round:
                    self.beat_ticks = retry

    # -- roles

    def promise(self) -> None:
        """A leader was heard, or may have been before this node started."""
        self.promise_ticks = self.settings.election_ticks if self.settings.hold_promises else 0

    def become_follower(self, term: int, lead: int) -> None:
        self._reset(term)
        self.role = Role.FOLLOWER
        self.follow(lead)
        self.tell(What.BECAME_FOLLOWER, term=self.term)

    def follow(self, lead: int) -> None:
        """Whoever follows a leader is patient in his turn when that one falls silent, not by chance as a candidate."""
        if lead not in (self.lead, NOBODY) and self.settings.follower_spread_ticks:
            self.election_timeout = self.settings.election_ticks + self._draw(self.settings.follower_spread_ticks)
        self.lead = lead

    def become_candidate(self) -> None:
        assert self.role is not Role.LEADER
        self._reset(self.term + 1)
        self.vote = self.id
        self.role = Role.CANDIDATE
        self.tell(What.BECAME_CANDIDATE, term=self.term)

    def become_pre_candidate(self) -> None:
        """Neither term nor vote change: nothing is promised by asking."""
        assert self.role is not Role.LEADER
        self.tracker.votes = {}
        self.lead = NOBODY
        self.role = Role.PRE_CANDIDATE
        self.tell(What.BECAME_PRE_CANDIDATE, term=self.term)

    def become_leader(self) -> None:
        """The entry with which its term begins is appended by the caller."""
        assert self.role is not Role.FOLLOWER
        self._reset(self.term)
        self.lead = self.id
        self.role = Role.LEADER
        self.first_round, self.own_term_index = self.round + 1, self.log.last_index + 1
        own = self.tracker.progress[self.id]
        own.become_replicate()
        own.recent_active = True
        # A change of the membership may be among the entries that are not committed: wait for all of them.
        self.pending_conf_index = self.log.last_index

    def _reset(self, term: int) -> None:
        if self.term != term:
            self.term = term
            self.vote = NOBODY
        self.lead = NOBODY
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.election_timeout = self.settings.election_ticks + self._draw(self.settings.election_ticks)
        self.transferee = NOBODY
        self.tracker.reset(self.id, self.log.last_index)
        self.pending_conf_index = 0
        self.uncommitted_size = 0
        self.acked_rounds = {}
        self.reads_before_commit = []
        self.reads_in_flight.clear()
