"""Our values in the words of etcd's transcripts. Only the transcripts need them; the product has words of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from alived.raft import messages as m
from alived.raft.confchange import ChangeKind, ConfChange, Configuration, Refusal, Transition
from alived.raft.messages import Entry, HardState, Message, Ready, Role, Snapshot, SoftState
from alived.raft.notes import Note, What
from alived.raft.progress import Progress, ProgressState
from alived.raft.proposals import Objection

V1 = b"v1"
"""Context of a change that was proposed in etcd's older encoding; the two differ in nothing else"""

REFUSALS = {
    Refusal.ALREADY_JOINT: "config is already joint",
    Refusal.NO_VOTERS: "can't make a zero-voter config joint",
    Refusal.NOT_JOINT: "can't leave a non-joint config",
    Refusal.SIMPLE_WHILE_JOINT: "can't apply simple config change in joint config",
    Refusal.REMOVES_ALL_VOTERS: "removed all voters",
    Refusal.SEVERAL_VOTERS: "more than one voter changed without entering joint config",
}
STATES = {ProgressState.PROBE: "StateProbe", ProgressState.REPLICATE: "StateReplicate"}
STATES[ProgressState.SNAPSHOT] = "StateSnapshot"
ROLES = {
    Role.FOLLOWER: "StateFollower",
    Role.PRE_CANDIDATE: "StatePreCandidate",
    Role.CANDIDATE: "StateCandidate",
    Role.LEADER: "StateLeader",
}
_CHANGES = {
    ChangeKind.ADD_VOTER: ("v", "ConfChangeAddNode"),
    ChangeKind.ADD_LEARNER: ("l", "ConfChangeAddLearnerNode"),
    ChangeKind.REMOVE: ("r", "ConfChangeRemoveNode"),
    ChangeKind.UPDATE: ("u", "ConfChangeUpdateNode"),
}
_TRANSITIONS = {
    Transition.AUTO: "ConfChangeTransitionAuto",
    Transition.IMPLICIT: "ConfChangeTransitionJointImplicit",
    Transition.EXPLICIT: "ConfChangeTransitionJointExplicit",
}

# -- configurations and progress


def _ids(nodes: Collection[int]) -> str:
    return "(" + " ".join(f"{node:x}" for node in sorted(nodes)) + ")"


def said_configuration(configuration: Configuration) -> str:
    voters = configuration.voters
    said = f"voters={_ids(voters.incoming)}" + (f"&&{_ids(voters.outgoing)}" if voters.joint else "")
    if configuration.learners:
        said += f" learners={_ids(configuration.learners)}"
    if configuration.learners_next:
        said += f" learners_next={_ids(configuration.learners_next)}"
    return said + (" autoleave" if configuration.auto_leave else "")


def said_progress(progress: Progress) -> str:
    said = f"{STATES[progress.state]} match={progress.match_index} next={progress.next_index}"
    said += " learner" if progress.is_learner else ""
    said += " paused" if progress.paused else ""
    said += f" pendingSnap={progress.pending_snapshot}" if progress.pending_snapshot else ""
    said += "" if progress.recent_active else " inactive"
    if progress.inflights:
        said += f" inflight={len(progress.inflights)}" + ("[full]" if progress.inflights.full else "")
    return said


def progress_lines(progress: Mapping[int, Progress]) -> str:
    return "".join(f"{node}: {said_progress(each)}\n" for node, each in sorted(progress.items()))


def said_snapshot(snapshot: Snapshot) -> str:
    configuration = snapshot.configuration
    sets = {
        "Voters": configuration.voters.incoming,
        "VotersOutgoing": configuration.voters.outgoing,
        "Learners": configuration.learners,
        "LearnersNext": configuration.learners_next,
    }
    said = " ".join(f"{name}:[{' '.join(map(str, sorted(nodes)))}]" for name, nodes in sets.items())
    leave = str(configuration.auto_leave).lower()
    return f"Index:{snapshot.index} Term:{snapshot.term} ConfState:{said} AutoLeave:{leave}"


# -- entries and messages


def _quoted(data: bytes) -> str:
    return '"' + data.decode().replace("\\", "\\\\").replace('"', '\\"') + '"'


def said_entry(entry: Entry) -> str:
    if entry.change is None:
        return f"{entry.term}/{entry.index} EntryNormal {_quoted(entry.data)}"
    kind = "EntryConfChange" if entry.change.context == V1 else "EntryConfChangeV2"
    changes = "".join(f" {_CHANGES[change.kind][0]}{change.node}" for change in entry.change.changes)
    return f"{entry.term}/{entry.index} {kind}{changes}"


def said_change(change: ConfChange) -> str:
    said = f"transition:{_TRANSITIONS[change.transition]}"
    return said + "".join(f" changes:{{type:{_CHANGES[each.kind][1]} node_id:{each.node}}}" for each in change.changes)


def entry_lines(entries: Iterable[Entry]) -> str:
    return "".join(said_entry(entry) + "\n" for entry in entries)


def message_type(message: Message) -> str:
    names = {
        m.Append: "MsgApp",
        m.AppendResponse: "MsgAppResp",
        m.Heartbeat: "MsgHeartbeat",
        m.HeartbeatResponse: "MsgHeartbeatResp",
        m.InstallSnapshot: "MsgSnap",
        m.TimeoutNow: "MsgTimeoutNow",
        m.TransferLeader: "MsgTransferLeader",
        m.Proposal: "MsgProp",
        m.ReadIndex: "MsgReadIndex",
        m.ReadIndexResponse: "MsgReadIndexResp",
    }
    if isinstance(message, m.VoteRequest):
        return vote_type(message.pre)
    if isinstance(message, m.VoteResponse):
        return vote_type(message.pre) + "Resp"
    return names[type(message)]


def vote_type(pre: bool) -> str:
    return "MsgPreVote" if pre else "MsgVote"


def said_message(message: Message, indent: str = "") -> str:
    return said_fields(
        f"{message.sender:x}->{message.to:x} {message_type(message)}",
        indent,
        term=message.term,
        log_term=getattr(message, "log_term", 0),
        index=getattr(message, "index", 0),
        hint=getattr(message, "hint", 0) if getattr(message, "reject", False) else None,
        commit=getattr(message, "commit", 0),
        entries=getattr(message, "entries", ()),
        snapshot=getattr(message, "snapshot", None),
    )


def said_fields(
    head: str,
    indent: str = "",
    *,
    term: int = 0,
    log_term: int = 0,
    index: int = 0,
    hint: int | None = None,
    commit: int = 0,
    vote: int = 0,
    entries: tuple[Entry, ...] = (),
    snapshot: Snapshot | None = None,
) -> str:
    said = f"{indent}{head} Term:{term} Log:{log_term}/{index}"
    said += f" Rejected (Hint: {hint})" if hint is not None else ""
    said += f" Commit:{commit}" if commit else ""
    said += f" Vote:{vote}" if vote else ""
    if len(entries) == 1:
        said += f" Entries:[{said_entry(entries[0])}]"
    elif entries:
        listed = "".join(f"\n{indent}  {said_entry(entry)}" for entry in entries)
        said += f" Entries:[{listed}\n{indent}]"
    if snapshot is not None:
        said += f"\n{indent}  Snapshot: {said_snapshot(snapshot)}"
    return said


# -- a Ready


def said_hard_state(state: HardState) -> str:
    return f"Term:{state.term}" + (f" Vote:{state.vote}" if state.vote else "") + f" Commit:{state.commit}"


def said_soft_state(state: SoftState) -> str:
    return f"Lead:{state.lead} State:{ROLES[state.role]}"


def said_ready(ready: Ready, messages: Iterable[str]) -> str:
    """`messages`: those of the Ready, as they are said."""
    said = ""
    if ready.soft_state:
        said += said_soft_state(ready.soft_state) + "\n"
    if ready.hard_state:
        said += f"HardState {said_hard_state(ready.hard_state)}\n"
    if ready.entries:
        said += "Entries:\n" + entry_lines(ready.entries)
    if ready.snapshot:
        said += f"Snapshot {said_snapshot(ready.snapshot)}\n"
    if ready.committed:
        said += "CommittedEntries:\n" + entry_lines(ready.committed)
    lines = "".join(message + "\n" for message in messages)
    said += f"Messages:\n{lines}" if lines else ""
    return f"Ready MustSync={str(ready.must_sync).lower()}:\n{said}" if said else "<empty Ready>"


# -- notes

_LOGS_OF_VOTE = "{node:x} [logterm: {last.term}, index: {last.index}, vote: {vote:x}]"
_LOGS_OF_CANDIDATE = "{peer:x} [logterm: {theirs.term}, index: {theirs.index}] at term {term}"
_LAST = "{node:x} [commit: {commit}, lastindex: {last.index}, lastterm: {last.term}]"
_SNAPSHOT = "snapshot [index: {snapshot.index}, term: {snapshot.term}]"
_LOG = (
    "committed={log.committed}, applied={log.applied}, applying={log.applying}, unstable.offset={log.unstable.offset}, "
    "unstable.offsetInProgress={log.unstable.offset_in_progress}, len(unstable.Entries)={unstable_count}"
)
_PHRASES: dict[What, str] = {
    What.STARTED: "newRaft {node:x} [peers: [{peers}], term: {term}, commit: {commit}, applied: {applied}, "
    "lastindex: {last.index}, lastterm: {last.term}]",
    What.BECAME_FOLLOWER: "{node:x} became follower at term {term}",
    What.BECAME_PRE_CANDIDATE: "{node:x} became pre-candidate at term {term}",
    What.BECAME_CANDIDATE: "{node:x} became candidate at term {term}",
    What.BECAME_LEADER: "{node:x} became leader at term {term}",
    What.QUORUM_LOST: "{node:x} stepped down to follower since quorum is not active",
    What.CAMPAIGNS: "{node:x} is starting a new election at term {term}",
    What.LEADER_ALREADY: "{node:x} ignoring MsgHup because already leader",
    What.NOT_PROMOTABLE: "{node:x} is unpromotable and can not campaign",
    What.CHANGES_PENDING: "{node:x} cannot campaign at term {term} since there are still pending configuration "
    "changes to apply",
    What.VOTE_ASKED: "{node:x} [logterm: {last.term}, index: {last.index}] sent {type} request to {peer:x} "
    "at term {term}",
    What.VOTE_RECEIVED: "{node:x} received {type}Resp from {peer:x} at term {term}",
    What.VOTE_DENIED: "{node:x} received {type}Resp rejection from {peer:x} at term {term}",
    What.VOTES_COUNTED: "{node:x} has received {granted} {type}Resp votes and {rejected} vote rejections",
    What.VOTE_CAST: f"{_LOGS_OF_VOTE} cast {{type}} for {_LOGS_OF_CANDIDATE}",
    What.VOTE_REFUSED: f"{_LOGS_OF_VOTE} rejected {{type}} from {_LOGS_OF_CANDIDATE}",
    What.VOTE_IGNORED: f"{_LOGS_OF_VOTE} ignored {{type}} from {_LOGS_OF_CANDIDATE}: lease is not expired "
    "(remaining ticks: {remaining})",
    What.HIGHER_TERM: "{node:x} [term: {term}] received a {type} message with higher term from {peer:x} "
    "[term: {newer}]",
    What.LOWER_TERM: "{node:x} [term: {term}] ignored a {type} message with lower term from {peer:x} [term: {older}]",
    What.LATE_WRITE: "{node:x} [term: {term}] ignored entry appends from a MsgStorageAppendResp message with lower "
    "term [term: {older}]",
    What.NO_PROGRESS: "{node:x} no progress available for {peer:x}",
    What.NO_LEADER: "{node:x} no leader at term {term}; dropping proposal",
    What.NOT_FORWARDED: "{node:x} not forwarding to leader {lead:x} at term {term}; dropping proposal",
    What.DROPPED_FOR_TRANSFER: "{node:x} [term {term}] transfer leadership to {peer:x} is in progress; "
    "dropping proposal",
    What.TOO_MUCH_UNCOMMITTED: "{node:x} appending new entries to log would exceed uncommitted entry size limit; "
    "dropping proposal",
    What.CHANGE_REFUSED: "{node:x} ignoring conf change {change} at config {configuration}: {why}",
    What.LEAVES_JOINT: "initiating automatic transition out of joint configuration {configuration}",
    What.CANNOT_LEAVE_JOINT: "not initiating automatic transition out of joint configuration {configuration}: "
    "raft proposal dropped",
    What.CONFIGURATION: "{node:x} switched to configuration {configuration}",
    What.APPEND_REFUSED: "{node:x} [logterm: {own}, index: {theirs.index}] rejected MsgApp "
    "[logterm: {theirs.term}, index: {theirs.index}] from {peer:x}",
    What.APPEND_WAS_REFUSED: "{node:x} received MsgAppResp(rejected, hint: (index {hint}, term {log_term})) "
    "from {peer:x} for index {index}",
    What.PROGRESS_DECREASED: "{node:x} decreased progress of {peer:x} to [{progress}]",
    What.CONFLICT: "found conflict at index {index} [existing term: {existing}, conflicting term: {conflicting}]",
    What.ENTRIES_REPLACED: "replace the unstable entries from index {index}",
    What.ENTRIES_TRUNCATED: "truncate the unstable entries before index {index}",
    What.WRITTEN_MISSING: "entry at index {index} missing from unstable log; ignoring",
    What.WRITTEN_IN_SNAPSHOT: "entry at index {index} matched unstable snapshot; ignoring",
    What.WRITTEN_REPLACED: "entry at (index,term)=({index},{written}) mismatched with entry at "
    "({index},{current}) in unstable log; ignoring",
    What.UNREACHABLE: "{node:x} failed to send message to {peer:x} because it is unreachable [{progress}]",
    What.SNAPSHOT_UNWANTED: "ignore sending snapshot to {peer:x} since it is not recently active",
    What.SNAPSHOT_UNAVAILABLE: "{node:x} failed to send snapshot to {peer:x} because snapshot is temporarily "
    "unavailable",
    What.SNAPSHOT_SENT: "{node:x} [firstindex: {log.first_index}, commit: {log.committed}] sent "
    "snapshot[index: {snapshot.index}, term: {snapshot.term}] to {peer:x} [{progress}]",
    What.REPLICATION_PAUSED: "{node:x} paused sending replication messages to {peer:x} [{progress}]",
    What.REPLICATION_RESUMED: "{node:x} recovered from needing snapshot, resumed sending replication messages to "
    "{peer:x} [{progress}]",
    What.SNAPSHOT_SUCCEEDED: "{node:x} snapshot succeeded, resumed sending replication messages to {peer:x} "
    "[{progress}]",
    What.SNAPSHOT_FAILED: "{node:x} snapshot failed, resumed sending replication messages to {peer:x} [{progress}]",
    What.SNAPSHOT_BEGUN: f"log [{_LOG}] starts to restore {_SNAPSHOT}",
    What.SNAPSHOT_FORWARDED: f"{_LAST} fast-forwarded commit to {_SNAPSHOT}",
    What.SNAPSHOT_RESTORED: f"{_LAST} restored {_SNAPSHOT}",
    What.SNAPSHOT_ACCEPTED: f"{{node:x}} [commit: {{commit}}] restored {_SNAPSHOT}",
    What.SNAPSHOT_IGNORED: f"{{node:x}} [commit: {{commit}}] ignored {_SNAPSHOT}",
    What.TRANSFER_STARTED: "{node:x} [term {term}] starts to transfer leadership to {peer:x}",
    What.TRANSFER_IMMEDIATE: "{node:x} sends MsgTimeoutNow to {peer:x} immediately as {peer:x} already has "
    "up-to-date log",
    What.TRANSFER_CAUGHT_UP: "{node:x} sent MsgTimeoutNow to {peer:x} after received MsgAppResp",
    What.TRANSFER_REPEATED: "{node:x} [term {term}] transfer leadership to {peer:x} is in progress, ignores request "
    "to same node {peer:x}",
    What.TRANSFER_CHANGED: "{node:x} [term {term}] abort previous transferring leadership to {peer:x}",
    What.TRANSFER_TO_LEARNER: "{node:x} is learner. Ignored transferring leadership",
    What.TRANSFER_TO_SELF: "{node:x} is already leader. Ignored transferring leadership to self",
    What.TRANSFER_NO_LEADER: "{node:x} no leader at term {term}; dropping leader transfer msg",
    What.TIMEOUT_NOW: "{node:x} [term {term}] received MsgTimeoutNow from {peer:x} and starts an election to get "
    "leadership.",
    What.TIMEOUT_NOW_IGNORED: "{node:x} [term {term} state {role}] ignored MsgTimeoutNow from {peer:x}",
    What.LEADER_FORGOTTEN: "{node:x} forgetting leader {peer:x} at term {term}",
    What.LEADER_KEPT: "ignoring MsgForgetLeader due to ReadOnlyLeaseBased",
    What.READ_NO_LEADER: "{node:x} no leader at term {term}; dropping index reading msg",
}


def said_note(note: Note) -> str:
    values: dict[str, Any] = {"node": note.node}
    for name, value in note.values.items():
        values[name] = _SAID.get(name, lambda given: given)(value)
    if "pre" in values:
        values["type"] = vote_type(values["pre"])
    if "message" in values:
        values["type"] = message_type(values["message"])
    if "voters" in values:
        values["peers"] = ",".join(f"{node:x}" for node in sorted(values["voters"].ids))
    if "log" in values:
        values["unstable_count"] = len(values["log"].unstable.entries)
    if "objection" in values:
        values["why"] = _OBJECTIONS.get(values["objection"], "{objection}").format_map(values)
    phrase = _PHRASES.get(note.what)
    return phrase.format_map(values) if phrase else str(note)


_SAID: dict[str, Callable[[Any], Any]] = {
    "configuration": said_configuration,
    "progress": said_progress,
    "role": ROLES.__getitem__,
    "change": said_change,
}
_OBJECTIONS = {
    Objection.PENDING: "possible unapplied conf change at index {pending} (applied to {applied})",
    Objection.JOINT: "must transition out of joint config first",
    Objection.NOT_JOINT: "not in joint state; refusing empty conf change",
}
