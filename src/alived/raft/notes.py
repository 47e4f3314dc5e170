"""What the consensus decided and why, as values and as sentences for the operator.

An observer is called in the middle of a decision: it must copy or write down what it wants to keep.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class Level(enum.IntEnum):
    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


class What(enum.Enum):
    """A kind of note: its level and its sentence."""

    # life of a node
    STARTED = (
        Level.INFO,
        "starts in term {term} with voters {voters}; log ends at {last.index} of term {last.term}, "
        "committed {commit}, applied {applied}",
    )
    BECAME_FOLLOWER = Level.INFO, "is a follower in term {term}"
    BECAME_PRE_CANDIDATE = Level.INFO, "asks whether it could win an election; term {term} goes on"
    BECAME_CANDIDATE = Level.INFO, "is a candidate in term {term}"
    BECAME_LEADER = Level.INFO, "is the leader of term {term}"
    QUORUM_LOST = Level.WARNING, "steps down: it does not hear a majority"

    # elections
    CAMPAIGNS = Level.INFO, "starts an election, coming from term {term}"
    LEADER_ALREADY = Level.DEBUG, "needs no election: it is the leader"
    NOT_PROMOTABLE = Level.WARNING, "cannot campaign: it has no vote, or waits for a snapshot"
    CHANGES_PENDING = (
        Level.WARNING,
        "cannot campaign in term {term}: changes of the membership are not applied yet",
    )
    PROMISED = (
        Level.INFO,
        "does not campaign for {ticks} ticks: it has promised so to a leader, or may have before it started",
    )
    VOTE_ASKED = (
        Level.INFO,
        "asks {peer} for a vote (pre-vote: {pre}); its log ends at {last.index} of term {last.term}",
    )
    VOTE_RECEIVED = Level.INFO, "has the vote of {peer} in term {term} (pre-vote: {pre})"
    VOTE_DENIED = Level.INFO, "is denied the vote of {peer} in term {term} (pre-vote: {pre})"
    VOTES_COUNTED = Level.INFO, "has {granted} votes for it, {rejected} against it (pre-vote: {pre})"
    VOTE_CAST = (
        Level.INFO,
        "votes for {peer} in term {term} (pre-vote: {pre}): its log ends at {theirs.index} of term {theirs.term}, "
        "ours at {last.index} of term {last.term}",
    )
    VOTE_REFUSED = (
        Level.INFO,
        "refuses its vote to {peer} in term {term} (pre-vote: {pre}): its log ends at {theirs.index} of term "
        "{theirs.term}, ours at {last.index} of term {last.term}; voted for {vote}",
    )
    VOTE_IGNORED = (
        Level.INFO,
        "ignores {peer}, which asks for a vote in term {term} (pre-vote: {pre}): it has heard a leader, "
        "{remaining} ticks remain",
    )

    # terms
    HIGHER_TERM = Level.INFO, "hears term {newer} from {peer}, leaves term {term}"
    LOWER_TERM = Level.INFO, "ignores a message of {peer}: term {older} is older than {term}"
    LATE_WRITE = Level.INFO, "does not count entries as written: term {older} is older than {term}"
    NO_PROGRESS = Level.DEBUG, "knows no member {peer}"

    # proposals
    NO_LEADER = Level.INFO, "drops a proposal: no leader in term {term}"
    NOT_FORWARDED = Level.INFO, "drops a proposal instead of forwarding it to leader {lead} of term {term}"
    DROPPED_FOR_TRANSFER = Level.DEBUG, "drops a proposal: it hands over to {peer} in term {term}"
    TOO_MUCH_UNCOMMITTED = Level.WARNING, "drops a proposal: too many bytes are not committed yet"
    CHANGE_REFUSED = Level.INFO, "does not make the change {change} of [{configuration}]: {objection.value}"
    LEAVES_JOINT = Level.INFO, "leaves the joint configuration [{configuration}]"
    CANNOT_LEAVE_JOINT = Level.DEBUG, "cannot leave the joint configuration [{configuration}] now"
    CONFIGURATION = Level.INFO, "has the configuration [{configuration}]"

    # replication
    APPEND_REFUSED = (
        Level.DEBUG,
        "refuses entries of {peer} after {theirs.index} of term {theirs.term}, has term {own}",
    )
    APPEND_WAS_REFUSED = (
        Level.DEBUG,
        "hears that {peer} has no match at {index}, but may at {hint} of term {log_term}",
    )
    PROGRESS_DECREASED = Level.DEBUG, "goes back in the log of {peer}: {progress}"
    CONFLICT = Level.INFO, "has entry {index} of term {existing}, the leader has it of term {conflicting}"
    ENTRIES_REPLACED = Level.INFO, "replaces the entries that are not written from {index} on"
    ENTRIES_TRUNCATED = Level.INFO, "cuts the entries that are not written from {index} on"
    WRITTEN_MISSING = Level.INFO, "has written entry {index}, which is no longer wanted"
    WRITTEN_IN_SNAPSHOT = Level.INFO, "has written entry {index}, which is in the snapshot meanwhile"
    WRITTEN_REPLACED = Level.INFO, "has written entry {index} of term {written}, which is of term {current} meanwhile"
    UNREACHABLE = Level.DEBUG, "cannot reach {peer}: {progress}"

    # snapshots
    SNAPSHOT_UNWANTED = Level.DEBUG, "sends no snapshot to {peer}, which does not answer"
    SNAPSHOT_UNAVAILABLE = Level.DEBUG, "has no snapshot for {peer} at the moment"
    SNAPSHOT_SENT = Level.DEBUG, "sends the snapshot at {snapshot.index} of term {snapshot.term} to {peer}: {progress}"
    REPLICATION_PAUSED = Level.DEBUG, "sends no entries to {peer} until it has the snapshot: {progress}"
    REPLICATION_RESUMED = Level.DEBUG, "sends entries to {peer} again: {progress}"
    SNAPSHOT_SUCCEEDED = Level.DEBUG, "hears that {peer} got the snapshot: {progress}"
    SNAPSHOT_FAILED = Level.DEBUG, "hears that {peer} did not get the snapshot: {progress}"
    SNAPSHOT_BEGUN = Level.INFO, "replaces its log (committed {log.committed}) by the snapshot at {snapshot.index}"
    SNAPSHOT_FORWARDED = (
        Level.INFO,
        "has the entries of the snapshot at {snapshot.index} and commits them (committed {commit} before)",
    )
    SNAPSHOT_RESTORED = Level.INFO, "has restored the snapshot at {snapshot.index} of term {snapshot.term}"
    SNAPSHOT_ACCEPTED = Level.INFO, "tells the leader that it has the snapshot at {snapshot.index}"
    SNAPSHOT_IGNORED = Level.INFO, "ignores the snapshot at {snapshot.index}: committed {commit} already"
    SNAPSHOT_FOREIGN = Level.WARNING, "ignores a snapshot whose configuration [{configuration}] does not know this node"

    # handing over
    TRANSFER_STARTED = Level.INFO, "hands over to {peer} in term {term}"
    TRANSFER_IMMEDIATE = Level.INFO, "tells {peer} to campaign at once: its log is complete"
    TRANSFER_CAUGHT_UP = Level.INFO, "tells {peer} to campaign: its log is complete now"
    TRANSFER_REPEATED = Level.INFO, "hands over to {peer} in term {term} already"
    TRANSFER_CHANGED = Level.INFO, "no longer hands over to {peer} in term {term}"
    TRANSFER_TO_LEARNER = Level.DEBUG, "does not hand over to a learner"
    TRANSFER_TO_SELF = Level.DEBUG, "does not hand over to itself"
    TRANSFER_NO_LEADER = Level.INFO, "cannot pass on the wish for another leader: none in term {term}"
    TIMEOUT_NOW = Level.INFO, "is told by {peer} to campaign, leaves term {term}"
    TIMEOUT_NOW_IGNORED = Level.DEBUG, "is told by {peer} to campaign and does already, as a {role} of term {term}"
    LEADER_FORGOTTEN = Level.INFO, "forgets leader {peer} of term {term}"
    LEADER_KEPT = Level.ERROR, "does not forget the leader: reads rely on its lease"
    READ_NO_LEADER = Level.INFO, "drops a read: no leader in term {term}"

    @property
    def level(self) -> Level:
        return self.value[0]

    @property
    def sentence(self) -> str:
        return self.value[1]


class Note(msgspec.Struct, frozen=True):
    """Something that node `node` decided."""

    what: What
    node: int
    values: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.node} {self.what.sentence.format_map(self.values)}"


Observer = Callable[[Note], None]
