"""The consensus of one member, driven: ticks from time, work to the disk and to the others in the order that is safe.

A turn repeats: look at the lease, let the member act on it (`mind`, which says whether it stepped the node), then do
what the node is ready for.
At most one `Save` is on its way; what promises something, and what is applied, comes after `Saved`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from alived.raft.confchange import Configuration
from alived.raft.directory import Directory
from alived.raft.lease import Lease
from alived.raft.log import Storage
from alived.raft.member_events import Compact, Save
from alived.raft.messages import (
    NOBODY,
    Heartbeat,
    HeartbeatResponse,
    Message,
    ReadState,
    Ready,
    Role,
    Snapshot,
    TimeoutNow,
    VoteRequest,
)
from alived.raft.node import Node, PeerUnknown
from alived.raft.notes import Level, Note, What
from alived.raft.outbox import Outbox
from alived.raft.profiles import Timers
from alived.raft.progress import ProgressState
from alived.raft.state import Settings
from alived.raft.ticks import Ticks

KEPT_ENTRIES = 500
"""The log is compacted when it has so many; they are few and small, members come and go rarely"""
UNHEARD_ROUNDS = 2
"""So many rounds of heartbeats without an answer of a majority are no accident; a stall sends none"""
_LEVELS = {Level.INFO: "debug", Level.WARNING: "warning", Level.ERROR: "error"}
"""An election alone has a dozen notes that say how it goes; what comes of it is enough for a log"""
_RESULTS = frozenset({What.STARTED, What.CONFIGURATION, What.BECAME_LEADER, What.SNAPSHOT_RESTORED})


class Consensus:
    """Node, lease and directory, started from what the storage holds."""

    def __init__(
        self,
        number: int,
        timers: Timers,
        storage: Storage,
        draw: Callable[[int], int],
        outbox: Outbox,
        now_ns: int,
        joins: Directory | None = None,
    ) -> None:
        """joins: the storage is blank, and this is what is known of the cluster that takes this node in."""
        snapshot = storage.initial_state()[1]
        self.directory = joins or Directory.decode(snapshot.data)
        self._storage = storage
        self._outbox = outbox
        self._timers = timers
        self._unsaved: Ready | None = None
        """Given out to be written"""
        self._told_leader = NOBODY
        """Whom the log of the daemon knows as the leader"""
        self._compacted = 0
        """Up to there the log was given up"""
        self._snapshots: dict[int, int] = {}
        """Since when members are known to wait for one"""
        self._asked_ns: int | None = None
        """When a node that catches up asked last how far the log goes"""
        settings = Settings(
            id=number,
            election_ticks=timers.election_ticks,
            heartbeat_ticks=timers.heartbeat_ticks,
            heartbeat_retry_ticks=timers.retry_ticks,
            max_message_size=16_384,
            max_inflight_messages=16,
            forward_proposals=False,
            step_down_on_removal=True,
            follower_spread_ticks=1,  # Their turns keep them apart: `hesitate`.
        )
        self.node = Node(settings, storage, draw, self._observe, applied=snapshot.index)
        self.lease = Lease(timers.lease_times)
        self._stranger_until_ns = now_ns + timers.election_ns
        """Until then leases that were given to a former process of this node may last"""
        self._ticks = Ticks(self.node, timers.tick_ns, draw, now_ns)

    # -- what goes in

    @property
    def deadline_ns(self) -> int | None:
        return self._ticks.deadline_ns

    @property
    def saves(self) -> bool:
        """`Saved` is waited for."""
        return self._unsaved is not None

    def step(self, message: Message, now_ns: int) -> None:
        """A message of a member."""
        if self.directory.catching_up and isinstance(message, VoteRequest | TimeoutNow):
            return  # What it promised before it lost its disk, it does not know.
        if isinstance(message, TimeoutNow) and now_ns < self._stranger_until_ns:
            return  # Its engine may still hold what was granted to its former process.
        if self.directory.catching_up and isinstance(message, Heartbeat):
            # The leader may not have noticed yet that what this node had is gone.
            message = msgspec.structs.replace(message, commit=min(message.commit, self.node.raft.log.last_index))
        self._ticks.before(now_ns)
        try:
            self.node.step(message)
        except PeerUnknown:
            return  # A late answer of a member that was removed.
        self._ticks.heard(now_ns)
        if isinstance(message, HeartbeatResponse):
            self._ask_for_snapshot(message.sender, now_ns)

    def _ask_for_snapshot(self, peer: int, now_ns: int) -> None:
        """A member is there and does not say that it has its snapshot: the packet was lost."""
        progress = self.node.raft.tracker.progress.get(peer)
        if progress is None or progress.state is not ProgressState.SNAPSHOT:
            self._snapshots.pop(peer, None)
        elif now_ns - self._snapshots.setdefault(peer, now_ns) >= self._timers.election_ns:
            del self._snapshots[peer]
            self.node.report_snapshot(peer, arrived=False)

    def reach(self, now_ns: int, heir: Callable[[], int]) -> None:
        """Everything that had come is read: time passes. heir: who shall take over from a leader that hears nobody; it
        is told when nothing is owned any more."""
        if self._hears_nobody(now_ns):
            self.node.resign(heir())
        self._ticks.reach(now_ns)

    def _hears_nobody(self, now_ns: int) -> bool:
        """The lease has ended although it was asked for. Who goes on to send heartbeats that nobody seems to answer (a
        cut in one direction) keeps the others from electing somebody whom they do answer."""
        until_ns, raft = self.lease.until_ns, self.node.raft
        ended = until_ns is not None and until_ns <= now_ns
        return ended and self.leads and raft.round - raft.confirmed_round >= UNHEARD_ROUNDS

    def turn(self, now_ns: int, mind: Callable[[int], bool]) -> None:
        """Whatever is to be done, until there is nothing more, or something to be written first."""
        while self._unsaved is None:
            self.lease.observe(self.node.standing, now_ns)
            self._catch_up(now_ns)
            if mind(now_ns):
                continue
            if (words := self.node.take_words()) is not None:
                self._send(words)
                return
            ready = self.node.ready()
            self._tell_leader()
            self._send(ready.messages)
            if ready.hard_state or ready.entries or ready.snapshot:
                self._unsaved = ready
                self._outbox.add(self._save(ready))
            else:
                self._finish(ready)

    def saved(self) -> None:
        ready, self._unsaved = self._unsaved, None
        assert ready is not None, "nothing was to be written"
        self._finish(ready)

    # -- a turn

    def _tell_leader(self) -> None:
        """On a change. Of itself a leader says it as such."""
        if self.leader == self._told_leader:
            return
        self._told_leader = self.leader
        if self.leader == NOBODY:
            self._outbox.notice("info", "no-leader", f"no leader is known in term {self.term}")
        elif not self.leads:
            self._outbox.notice("info", "follows", f"follows {self.name(self.leader)}, which leads in term {self.term}")

    def _save(self, ready: Ready) -> Save:
        snapshot = ready.snapshot
        if snapshot and self.directory.catching_up:
            # A restart must not make a voter of a node that has only this.
            arriving = Directory.decode(snapshot.data)
            arriving.catching_up = True
            snapshot = msgspec.structs.replace(snapshot, data=arriving.encode())
        return Save(hard_state=ready.hard_state, entries=ready.entries, snapshot=snapshot, must_sync=ready.must_sync)

    def _finish(self, ready: Ready) -> None:
        """It is written, if there was something to write."""
        self._send(message for message in ready.messages_after_sync if message.to != self.node.id)
        if ready.snapshot:
            catching_up = self.directory.catching_up
            self.directory = Directory.decode(ready.snapshot.data)
            self.directory.catching_up = catching_up
        compacts = False
        for entry in ready.committed:
            self.directory.apply(entry)
            if entry.change is not None:
                self.node.apply_change(entry.change)
                compacts = True
        self.node.advance()
        self._caught_up(ready.read_states)
        if compacts or self.applied - max(self._storage.first_index, self._compacted) >= KEPT_ENTRIES:
            self._compact()  # A new member can only take a snapshot that knows it.

    def _send(self, messages: Iterable[Message]) -> None:
        if self.directory.catching_up:
            # The leader must not be confirmed by a node that has yet to learn who leads.
            messages = [
                msgspec.structs.replace(message, round=0) if isinstance(message, HeartbeatResponse) else message
                for message in messages
            ]
        self._outbox.send(messages)

    def _compact(self) -> None:
        raft = self.node.raft
        term = raft.log.term(self.applied)
        assert term is not None, "what was just applied is in the log"
        self._compacted = self.applied
        data = self.directory.encode()
        self._outbox.add(Compact(Snapshot(self.applied, term, raft.tracker.configuration, data)))

    # -- a node that had nothing on its disk

    def _catch_up(self, now_ns: int) -> None:
        """Ask how far the log goes: the answer is true of the whole cluster, as a majority without us confirms it."""
        raft = self.node.raft
        if not self.directory.catching_up or raft.lead == NOBODY or not self.configuration.members:
            return
        if self._asked_ns is None or now_ns - self._asked_ns >= self._timers.election_ns:
            self._asked_ns = now_ns
            self.node.read_index(b"catch up")

    def _caught_up(self, read_states: Iterable[ReadState]) -> None:
        if self.directory.catching_up and any(state.index <= self.applied for state in read_states):
            self.directory.catching_up = False
            self._compact()
            self._outbox.notice(
                "info", "caught-up", f"has the log up to {self.applied}, as the leader has: it may vote"
            )

    # -- words

    @property
    def applied(self) -> int:
        return self.node.raft.log.applied

    @property
    def term(self) -> int:
        return self.node.raft.term

    @property
    def leader(self) -> int:
        """0: nobody"""
        return self.node.raft.lead

    @property
    def leads(self) -> bool:
        return self.node.raft.role is Role.LEADER

    @property
    def stands(self) -> bool:
        """It stands for election in this term, or was elected."""
        return self.node.raft.role in (Role.CANDIDATE, Role.LEADER)

    @property
    def essence(self) -> tuple[object, ...]:
        """What the rest of the member looks at, but for the end of the lease; most messages change nothing of it."""
        raft = self.node.raft
        progress = [one.match_index for one in raft.tracker.progress.values()] if self.configuration.learners else None
        own = raft.term, raft.role, raft.lead, raft.transferee, raft.log.applied
        return *own, self.directory.catching_up, progress

    @property
    def settled(self) -> bool:
        """It leads, and knows what is committed."""
        return self.leads and self.node.raft.committed_in_own_term

    @property
    def configuration(self) -> Configuration:
        return self.node.raft.tracker.configuration

    @property
    def may_change(self) -> bool:
        """Whether a change of the membership may be proposed now: one at a time, and none during a hand-over."""
        raft = self.node.raft
        pending = raft.pending_conf_index > raft.log.applied or self.configuration.joint
        return not pending and raft.transferee == NOBODY

    @property
    def idle(self) -> bool:
        """Everything in the log is applied, and nobody is told to take over."""
        raft = self.node.raft
        return raft.log.applied == raft.log.last_index and raft.transferee == NOBODY

    def has_log(self, number: int) -> bool:
        """The leader knows that this member has all that is committed."""
        progress = self.node.raft.tracker.progress[number]
        return (
            progress.state is ProgressState.REPLICATE
            and progress.recent_active
            and progress.match_index >= self.node.raft.log.committed
        )

    def lag(self, number: int) -> str:
        """How far it is; a clause."""
        progress = self.node.raft.tracker.progress[number]
        if not progress.match_index:
            return "it has not answered yet"
        return f"it has {progress.match_index} of {self.node.raft.log.last_index} entries"

    @property
    def strength(self) -> str:
        """How many voters there are, and what that is good for; a clause."""
        count = len(self.configuration.voters.incoming)
        spare = (count - 1) // 2
        losses = {0: "none may fail", 1: "one may fail"}.get(spare, f"{spare} may fail")
        return f"{count} voter{'s' if count != 1 else ''}, {losses}"

    def name(self, number: int) -> str:
        return self.directory.name(number)

    def _observe(self, note: Note) -> None:
        level = "info" if note.what in _RESULTS else _LEVELS.get(note.what.level)
        if level is not None:
            code = "raft-" + note.what.name.lower().replace("_", "-")
            self._outbox.notice(level, code, self.directory.named(str(note)))
