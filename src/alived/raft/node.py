"""A node of the cluster: the door to the consensus. Ticks and messages go in, a `Ready` comes out.

    node.step(message)    node.tick()    node.propose(data)    ...
    while node.has_ready():
        ready = node.ready()
        send(ready.messages)
        write(ready.hard_state, ready.snapshot, ready.entries)      # and fdatasync if ready.must_sync
        send(m for m in ready.messages_after_sync if m.to != node.id)
        for entry in ready.committed:                               # apply; for a change of the membership:
            node.apply_change(entry.change)
        node.advance()

No message that promises something (a vote, entries received) leaves before it is written. Instead of `advance`, a
caller that writes and applies in other threads may report each when it is done: the messages to the node itself with
`step`, then `persisted` and `applied`; it must set `Settings.apply_unstable` to False.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alived.base import AlivedError
from alived.raft import core, election, membership, rounds
from alived.raft.confchange import ConfChange, Configuration
from alived.raft.lease import Standing
from alived.raft.log import Storage, total_size
from alived.raft.messages import (
    NOBODY,
    AppendResponse,
    Entry,
    HeartbeatResponse,
    Message,
    Persisted,
    Proposal,
    ReadIndex,
    ReadIndexResponse,
    Ready,
    Role,
    TransferLeader,
    VoteResponse,
)
from alived.raft.notes import Observer, What
from alived.raft.state import Raft, Settings


class PeerUnknown(AlivedError):
    """An answer from somebody who is no member (any more)."""


class Node:
    """A member of the cluster, started from what its storage holds. `applied`: the state machine has it already."""

    __slots__ = ("_accepted", "_hard_state", "_soft_state", "raft")

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        draw: Callable[[int], int],
        observe: Observer | None = None,
        *,
        applied: int = 0,
    ) -> None:
        self.raft = Raft(settings, storage, draw, observe)
        self.raft.start(applied)
        self._soft_state = self.raft.soft_state
        self._hard_state = self.raft.hard_state
        self._accepted: Ready | None = None
        """Given out, and not advanced yet"""

    @property
    def id(self) -> int:
        return self.raft.id

    # -- what goes in

    def tick(self, ticks: int = 1) -> None:
        """So many ticks have passed, no more than `ticks_to_event`."""
        core.tick(self.raft, ticks)

    @property
    def ticks_to_event(self) -> int | None:
        """After how many ticks something happens by itself; None: never."""
        return core.ticks_to_event(self.raft)

    @property
    def standing(self) -> Standing:
        """What `Lease.observe` must see after every step, before messages are sent."""
        raft = self.raft
        return Standing(
            term=raft.term,
            leads=raft.role is Role.LEADER,
            votes=raft.id in raft.tracker.configuration.voters,
            committed_in_own_term=raft.committed_in_own_term,
            handing_over=raft.transferee != NOBODY,
            round=raft.round,
            confirmed_round=raft.confirmed_round,
        )

    def step(self, message: Message) -> None:
        """A message has come from a peer.

        Raises:
            PeerUnknown: It answers what this node has not asked its sender.
            ProposalDropped: It was a proposal, and there is no way for it now.
        """
        answers = AppendResponse | VoteResponse | HeartbeatResponse | ReadIndexResponse
        if isinstance(message, answers) and message.sender not in self.raft.tracker.progress:
            raise PeerUnknown(f"{message.sender} is no member")
        core.step(self.raft, message)

    def beat(self) -> None:
        """A round of heartbeats out of turn: a new leader wants its lease before the first one is due."""
        assert self.raft.role is Role.LEADER, "only a leader beats"
        rounds.broadcast(self.raft)

    def hesitate(self, ticks: int | None) -> None:
        """Leave it to others to campaign for so many ticks more; None: never campaign by itself."""
        self.raft.reluctance = ticks

    def campaign(self) -> None:
        election.campaign(self.raft)

    def propose(self, data: bytes) -> None:
        """Raises ProposalDropped if it can be neither appended nor passed on."""
        self._propose(Entry(data=data))

    def propose_change(self, change: ConfChange) -> None:
        """Raises ProposalDropped. A change that may not be made now becomes an entry that does nothing."""
        self._propose(Entry(change=change))

    def _propose(self, entry: Entry) -> None:
        core.step(self.raft, Proposal(sender=self.id, to=self.id, entries=(entry,)))

    def apply_change(self, change: ConfChange) -> Configuration:
        """Apply a committed change of the membership; the configuration belongs into the next snapshot."""
        return membership.apply_change(self.raft, change)

    def transfer(self, to: int) -> None:
        """Hand over the leadership. The lease of this term is given up: if it fails, `stand_again`."""
        core.step(self.raft, TransferLeader(sender=to, to=self.id))

    def stand_again(self) -> None:
        """A leader whose hand-over failed begins a new term, in which it may own again."""
        election.stand_again(self.raft)

    def resign(self, heir: int) -> None:
        """A leader that hears nobody follows nobody from now on, and sends no more heartbeats. heir: who is told to
        campaign; NOBODY: all wait for their election timeouts."""
        election.resign(self.raft, heir)

    def forget_leader(self) -> None:
        election.forget_leader(self.raft)

    def read_index(self, context: bytes) -> None:
        """Ask from which index on a read is linearizable: the answer is a ReadState of a later Ready."""
        core.step(self.raft, ReadIndex(sender=self.id, to=self.id, context=context))

    def report_unreachable(self, peer: int) -> None:
        """A message could not be delivered."""
        core.report_unreachable(self.raft, peer)

    def report_blank(self, peer: int) -> None:
        """A member came back with nothing on its disk. It must not vote before it has again what the others have."""
        core.report_blank(self.raft, peer)

    def report_snapshot(self, peer: int, *, arrived: bool) -> None:
        """A snapshot has been delivered, or could not be."""
        core.report_snapshot(self.raft, peer, arrived=arrived)

    # -- what comes out

    def has_ready(self) -> bool:
        return bool(self.raft.messages) or self._has_more()

    def take_words(self) -> list[Message] | None:
        """The messages, if a `Ready` would hold nothing else, as nearly always: there is nothing to advance then. None:
        there is more to do, and nothing was taken."""
        if self._has_more():
            return None
        messages, self.raft.messages = self.raft.messages, []
        return messages

    def _has_more(self) -> bool:
        raft, soft, hard = self.raft, self._soft_state, self._hard_state
        log = raft.log
        return bool(
            raft.messages_after_sync
            or raft.read_states
            or (raft.lead, raft.role) != (soft.lead, soft.role)
            or (raft.term, raft.vote, raft.log.committed) != (hard.term, hard.vote, hard.commit)
            or (log.unstable.entries and log.unstable.next_entries())
            or (log.unstable.snapshot and log.unstable.next_snapshot())
            or (log.applying < log.committed and log.has_next_committed(allow_unstable=raft.settings.apply_unstable))
        )

    def ready(self) -> Ready:
        """What is to be done now; each thing is given out once."""
        ready = self._make_ready()
        self._accept(ready)
        return ready

    def _make_ready(self) -> Ready:
        raft = self.raft
        log = raft.log
        hard_state, entries, snapshot = raft.hard_state, log.unstable.next_entries(), log.unstable.next_snapshot()
        before = self._hard_state
        return Ready(
            soft_state=None if raft.soft_state == self._soft_state else raft.soft_state,
            hard_state=None if hard_state == before else hard_state,
            read_states=tuple(raft.read_states),
            entries=entries,
            snapshot=snapshot,
            committed=log.next_committed(allow_unstable=raft.settings.apply_unstable),
            messages=tuple(raft.messages),
            messages_after_sync=tuple(raft.messages_after_sync),
            must_sync=bool(entries) or (hard_state.term, hard_state.vote) != (before.term, before.vote),
            persisted=self._will_be_persisted(snapshot.index if snapshot else 0),
        )

    def _will_be_persisted(self, snapshot: int) -> Persisted | None:
        """All unstable entries, not only those of this Ready: it may be that earlier ones were in vain meanwhile."""
        log = self.raft.log
        last = log.last if log.unstable.entries else None
        return Persisted(self.raft.term, last, snapshot) if last or snapshot else None

    def _accept(self, ready: Ready) -> None:
        raft = self.raft
        self._soft_state = raft.soft_state
        self._hard_state = raft.hard_state
        raft.messages = []
        raft.messages_after_sync = []
        raft.read_states = []
        raft.log.unstable.accept()
        if ready.committed:
            raft.log.accept_applying(ready.committed, allow_unstable=raft.settings.apply_unstable)
        if raft.settings.apply_unstable:
            assert self._accepted is None, "a second Ready before the first was advanced"
            self._accepted = ready

    # -- what has been done

    def advance(self) -> None:
        """All of the last Ready is done."""
        ready, self._accepted = self._accepted, None
        assert ready is not None, "nothing to advance: no Ready was taken, or parts of it are reported"
        for message in ready.messages_after_sync:
            if message.to == self.id:
                core.step(self.raft, message)
        if ready.persisted is not None:
            self.persisted(ready.persisted)
        self.applied(ready.committed)

    def persisted(self, persisted: Persisted) -> None:
        """What a Ready said has been written."""
        raft = self.raft
        if persisted.last is not None:
            if persisted.term == raft.term:
                raft.log.unstable.stable_to(persisted.last)
            else:
                # Entries of a later term may have replaced them, written or not: wait for the next report.
                raft.tell(What.LATE_WRITE, term=raft.term, older=persisted.term)
        if persisted.snapshot:
            membership.applied_snapshot(raft, persisted.snapshot)

    def applied(self, entries: Sequence[Entry]) -> None:
        """Committed entries have been applied."""
        if entries:
            membership.applied_to(self.raft, entries[-1].index, total_size(entries))
            size = sum(entry.payload_size for entry in entries)
            self.raft.uncommitted_size = max(0, self.raft.uncommitted_size - size)
