"""The values of the consensus: entries, snapshots, messages between nodes, and `Ready`, what a node wants done.

Nodes are numbers from 1; 0 is nobody. The names are the Raft paper's.
"""

from __future__ import annotations

import enum

import msgspec

from alived.raft.confchange import ConfChange, Configuration

NOBODY = 0


class Role(enum.StrEnum):
    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    """Asks whether it could win before it disturbs anybody with a new term (thesis, 9.6)"""
    CANDIDATE = "candidate"
    LEADER = "leader"


class Entry(msgspec.Struct, frozen=True):
    """An entry of the log: a command of the state machine, or a change of the membership.

    Empty `data` is the entry with which a leader begins its term.
    """

    term: int = 0
    index: int = 0
    data: bytes = b""
    change: ConfChange | None = None

    @property
    def payload_size(self) -> int:
        """Bytes that count against what may be uncommitted; an entry without payload can always be appended."""
        return len(self.data) + (3 * len(self.change.changes) + len(self.change.context) if self.change else 0)

    @property
    def size(self) -> int:
        """Bytes that count against the size of a message: a compact encoding of it, approximately."""
        payload = self.payload_size
        return _number_size(self.term) + _number_size(self.index) + (_number_size(payload) + payload if payload else 0)


def _number_size(number: int) -> int:
    """A tag, and seven bits of the number a byte."""
    return 1 + max(1, (number.bit_length() + 6) // 7)


class EntryId(msgspec.Struct, frozen=True):
    """Term and index identify an entry, and everything before it (Log Matching, paper 5.3)."""

    term: int
    index: int


class Snapshot(msgspec.Struct, frozen=True):
    """The state machine after entry `index`, which replaces the log up to there."""

    index: int = 0
    term: int = 0
    configuration: Configuration = Configuration()
    data: bytes = b""


class HardState(msgspec.Struct, frozen=True):
    """What must survive a crash, besides the log. `commit` could be lost, but saves time after a restart."""

    term: int = 0
    vote: int = NOBODY
    commit: int = 0


class SoftState(msgspec.Struct, frozen=True):
    """What is known only while the node runs."""

    lead: int
    role: Role


class _Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    sender: int
    to: int
    term: int = 0
    """The sender's term; 0 for what is forwarded to the leader of whatever term"""


class Append(_Message, frozen=True, kw_only=True):
    """AppendEntries (paper 5.3): `entries` follow the entry `index` of `log_term`."""

    index: int
    log_term: int
    entries: tuple[Entry, ...] = ()
    commit: int = 0


class AppendResponse(_Message, frozen=True, kw_only=True):
    """The log matches up to `index`; if rejected, it does not at `index`, but may at `hint` of `log_term`."""

    index: int = 0
    reject: bool = False
    hint: int = 0
    log_term: int = 0


class Heartbeat(_Message, frozen=True, kw_only=True):
    """`round` numbers the broadcasts; the answers to one prove that its sender was the leader when it was sent."""

    commit: int = 0
    round: int = 0


class HeartbeatResponse(_Message, frozen=True, kw_only=True):
    round: int = 0


class VoteRequest(_Message, frozen=True, kw_only=True):
    """RequestVote (paper 5.2) by a node whose log ends with `index` of `log_term`.

    `pre`: would you vote for me in `term`, which I have not begun yet? (thesis, 9.6)
    `transfer`: the leader asked me to; its lease is no reason to refuse (thesis, 4.2.3).
    """

    index: int
    log_term: int
    pre: bool = False
    transfer: bool = False


class VoteResponse(_Message, frozen=True, kw_only=True):
    pre: bool = False
    reject: bool = False


class InstallSnapshot(_Message, frozen=True, kw_only=True):
    """Paper, section 7: what the follower needs is no longer in the log."""

    snapshot: Snapshot


class TimeoutNow(_Message, frozen=True, kw_only=True):
    """Campaign at once: the leader hands over (thesis, 3.10)."""


class TransferLeader(_Message, frozen=True, kw_only=True):
    """A wish for the leader: hand over to `sender`."""


class Proposal(_Message, frozen=True, kw_only=True):
    """Entries for the leader to append; term and index are still 0."""

    entries: tuple[Entry, ...]


class ReadIndex(_Message, frozen=True, kw_only=True):
    """From which index on is a read linearizable? `context` comes back with the answer (thesis, 6.4)."""

    context: bytes


class ReadIndexResponse(_Message, frozen=True, kw_only=True):
    index: int
    context: bytes


Message = (
    Append
    | AppendResponse
    | Heartbeat
    | HeartbeatResponse
    | VoteRequest
    | VoteResponse
    | InstallSnapshot
    | TimeoutNow
    | TransferLeader
    | Proposal
    | ReadIndex
    | ReadIndexResponse
)


class ReadState(msgspec.Struct, frozen=True):
    """A read with this `context` is linearizable once `index` is applied."""

    index: int
    context: bytes


class Persisted(msgspec.Struct, frozen=True):
    """What the storage holds once a `Ready` is written; given back with `Node.persisted`."""

    term: int
    """The node's term when the Ready was made: entries of an older term may have been overwritten meanwhile"""
    last: EntryId | None = None
    """The end of the log; None if no entry was unstable"""
    snapshot: int = 0
    """The index of the snapshot; 0 if there was none"""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What a node wants done, in this order: `messages` sent (any time), then hard state, entries and snapshot written
    (with fdatasync if `must_sync`), then `messages_after_sync` sent, then `committed` applied.
    """

    soft_state: SoftState | None = None
    """None: as before"""
    hard_state: HardState | None = None
    """None: as before"""
    read_states: tuple[ReadState, ...] = ()
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    committed: tuple[Entry, ...] = ()
    messages: tuple[Message, ...] = ()
    messages_after_sync: tuple[Message, ...] = ()
    """They promise what has just been written; those to the node itself are stepped by `Node.advance`"""
    must_sync: bool = False
    persisted: Persisted | None = None
    """To be given back when written; None if nothing of the log was"""
