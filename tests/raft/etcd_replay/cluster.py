"""The transcripts with nodes: a cluster in one process, whose messages move only on command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from alived.raft.confchange import ConfChange, Configuration, Transition
from alived.raft.log import NO_LIMIT
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, InstallSnapshot, Message, Persisted, Role, Snapshot
from alived.raft.node import Node, PeerUnknown
from alived.raft.notes import Note
from alived.raft.quorum import Voters
from alived.raft.state import ProposalDropped, Settings
from tests.raft.etcd_replay import wording
from tests.raft.etcd_replay.arithmetic import parse_changes
from tests.raft.etcd_replay.datadriven import Stanza

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE")
_PEER_UNKNOWN = "raft: cannot step as peer not found"
_DROPPED = "raft proposal dropped"


class HarnessError(Exception):
    """A command that the harness itself refuses."""


class Output:
    """What is printed: by the library as far as the level allows, by the harness unless it is quiet."""

    def __init__(self) -> None:
        self.level = 0
        self.text = ""

    @property
    def quiet(self) -> bool:
        return self.level == len(_LEVELS) - 1

    def write(self, text: str) -> None:
        if not self.quiet:
            self.text += text

    def note(self, note: Note) -> None:
        level = note.what.level
        if level >= self.level:
            self.text += f"{_LEVELS[level]} {wording.said_note(note)}\n"

    @contextlib.contextmanager
    def indented(self) -> Iterator[None]:
        before, self.text = self.text, ""
        yield
        self.text = before + "".join(f"  {line}\n" for line in self.text.splitlines())


class AppendWork(NamedTuple):
    """With asynchronous writes: what a Ready wants written, and what is to be told then."""

    said: str
    hard_state: HardState | None
    entries: tuple[Entry, ...]
    snapshot: Snapshot | None
    messages: tuple[Message, ...]
    persisted: Persisted | None


class Written(NamedTuple):
    """On its way to a node: what it asked for has been written."""

    to: int
    persisted: Persisted
    snapshot: Snapshot | None


class Applied(NamedTuple):
    """On its way to a node: what it asked for has been applied."""

    to: int
    entries: tuple[Entry, ...]


Sent = Message | Written | Applied


class LiveStorage(MemoryStorage):
    """Its snapshot is always the state machine as it is now."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self.applied = snapshot

    def snapshot(self) -> Snapshot:
        return self.applied


class Member:
    """A node with its storage and its state machine, which concatenates what it gets."""

    def __init__(self, settings: Settings, snapshot: Snapshot, output: Output) -> None:
        self.settings = settings
        self.storage = storage = LiveStorage(snapshot)
        # The transcripts are deterministic: the timeout is what `set-randomized-election-timeout` says.
        self.node = Node(settings, storage, lambda below: below - 1, output.note, applied=snapshot.index)
        self.append_work: list[AppendWork] = []
        self.apply_work: list[tuple[Entry, ...]] = []

    @property
    def id(self) -> int:
        return self.settings.id

    @property
    def asynchronous(self) -> bool:
        return not self.settings.apply_unstable

    def write(self, hard_state: HardState | None, entries: tuple[Entry, ...], snapshot: Snapshot | None) -> None:
        if hard_state is not None:
            self.storage.set_hard_state(hard_state)
        if snapshot is not None:
            assert not entries, "a snapshot and entries at once"
            self.storage.restore(snapshot)
        self.storage.append(entries)

    def apply(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            before = self.storage.applied
            configuration = before.configuration if entry.change is None else self.node.apply_change(entry.change)
            self.storage.applied = Snapshot(entry.index, entry.term, configuration, before.data + entry.data)


class Cluster:
    """Runs an interaction transcript."""

    def __init__(self) -> None:
        self._output = Output()
        self._members: list[Member] = []
        self._messages: list[Sent] = []
        self._commands: dict[str, Callable[[Stanza], None]] = {
            "add-nodes": self._add_nodes,
            "campaign": lambda stanza: self._node(stanza).campaign(),
            "compact": self._compact,
            "deliver-msgs": self._deliver_msgs,
            "forget-leader": lambda stanza: self._node(stanza).forget_leader(),
            "log-level": self._log_level,
            "process-append-thread": lambda stanza: self._each(stanza, "processing append thread", self._write_one),
            "process-apply-thread": lambda stanza: self._each(stanza, "processing apply thread", self._apply_one),
            "process-ready": lambda stanza: self._each(stanza, "handling Ready", self._process_ready),
            "propose": lambda stanza: self._node(stanza).propose(stanza.words[1].encode()),
            "propose-conf-change": self._propose_change,
            "raft-log": lambda stanza: self._raft_log(self._member(stanza.node)),
            "raft-state": lambda _: self._raft_state(),
            "report-unreachable": lambda stanza: self._node(stanza).report_unreachable(stanza.nodes[1]),
            "send-snapshot": self._send_snapshot,
            "set-randomized-election-timeout": self._set_timeout,
            "stabilize": self._stabilize_command,
            "status": self._status,
            "tick-election": lambda stanza: self._tick(stanza, self._member(stanza.node).settings.election_ticks),
            "tick-heartbeat": lambda stanza: self._tick(stanza, self._member(stanza.node).settings.heartbeat_ticks),
            "transfer-leadership": self._transfer,
        }

    def run(self, stanza: Stanza) -> str:
        self._output.text = ""
        try:
            self._commands[stanza.command](stanza)
        except HarnessError as error:
            self._complain(str(error))
        except ProposalDropped:
            self._complain(_DROPPED)
        text = self._output.text or "ok"
        return text if text.endswith("\n") else text + "\n"

    def _complain(self, text: str) -> None:
        self._output.text += text

    # -- nodes

    def _member(self, node: int) -> Member:
        return self._members[node - 1]

    def _node(self, stanza: Stanza) -> Node:
        return self._member(stanza.node).node

    def _each(self, stanza: Stanza, doing: str, act: Callable[[Member], None]) -> None:
        if len(stanza.nodes) == 1:
            act(self._member(stanza.node))
            return
        for node in stanza.nodes:
            self._output.write(f"> {node} {doing}\n")
            with self._output.indented():
                act(self._member(node))

    def _add_nodes(self, stanza: Stanza) -> None:
        voters = frozenset(map(int, stanza.values.get("voters", ())))
        learners = frozenset(map(int, stanza.values.get("learners", ())))
        index = int(stanza.value("index", "0"))
        snapshot = Snapshot(index, 0, Configuration(Voters(voters), learners), stanza.value("content").encode())
        bootstrap = snapshot != Snapshot()
        if bootstrap and index <= 1:
            raise HarnessError("index must be specified as > 1 due to bootstrap")
        if bootstrap:
            snapshot = msgspec.structs.replace(snapshot, term=1)
        for _ in range(stanza.nodes[0]):
            settings = Settings(
                id=len(self._members) + 1,
                election_ticks=3,
                heartbeat_ticks=1,
                max_inflight_messages=int(stanza.value("inflight", str(2**31 - 1))),
                max_committed_size=int(stanza.value("max-committed-size-per-ready", str(NO_LIMIT))),
                pre_vote=stanza.value("prevote") == "true",
                check_quorum=stanza.value("checkquorum") == "true",
                lease_reads=stanza.value("read-only") == "lease-based",
                check_conf_changes=stanza.value("disable-conf-change-validation") != "true",
                hold_promises=False,
                step_down_on_removal=stanza.value("step-down-on-removal") == "true",
                apply_unstable=stanza.value("async-storage-writes") != "true",
            )
            self._members.append(Member(settings, snapshot, self._output))

    def _tick(self, stanza: Stanza, ticks: int) -> None:
        for _ in range(ticks):
            self._node(stanza).tick()

    def _set_timeout(self, stanza: Stanza) -> None:
        self._node(stanza).raft.election_timeout = int(stanza.value("timeout"))

    def _transfer(self, stanza: Stanza) -> None:
        self._member(int(stanza.value("from"))).node.transfer(int(stanza.value("to")))

    def _propose_change(self, stanza: Stanza) -> None:
        transition = Transition(stanza.value("transition", "auto"))
        changes = parse_changes(stanza.input)
        older = stanza.value("v1") in ("true", "1", "t")
        if older and (len(changes) > 1 or transition is not Transition.AUTO):
            raise HarnessError("v1 conf change can only have one operation and no transition")
        self._node(stanza).propose_change(ConfChange(changes, transition, wording.V1 if older else b""))

    # -- printing

    def _log_level(self, stanza: Stanza) -> None:
        self._set_level(stanza.words[0])

    def _set_level(self, name: str) -> None:
        if name.upper() not in _LEVELS:
            raise HarnessError(f"log levels must be either of [{' '.join(_LEVELS)}]")
        self._output.level = _LEVELS.index(name.upper())

    def _raft_state(self) -> None:
        for member in self._members:
            raft = member.node.raft
            voter = "(Voter)" if member.id in raft.tracker.configuration.voters.ids else "(Non-Voter)"
            self._output.write(f"{member.id}: {wording.ROLES[raft.role]} {voter} Term:{raft.term} Lead:{raft.lead}\n")

    def _status(self, stanza: Stanza) -> None:
        raft = self._node(stanza).raft
        if raft.role is Role.LEADER:
            self._output.write(wording.progress_lines(raft.tracker.progress))

    def _raft_log(self, member: Member) -> None:
        first, last = member.storage.first_index, member.storage.last_index
        if last < first:
            self._output.write(f"log is empty: first index={first}, last index={last}")
            return
        self._output.write(wording.entry_lines(member.storage.entries(first, last + 1)))

    def _compact(self, stanza: Stanza) -> None:
        member = self._member(stanza.node)
        if not member.storage.compact(stanza.nodes[1]):
            raise HarnessError("requested index is unavailable due to compaction")
        self._raft_log(member)

    # -- messages

    def _send_snapshot(self, stanza: Stanza) -> None:
        sender, to = stanza.nodes
        member = self._member(sender)
        message = InstallSnapshot(sender=sender, to=to, term=member.node.raft.term, snapshot=member.storage.applied)
        self._messages.append(message)
        self._output.write(wording.said_message(message))

    def _deliver_msgs(self, stanza: Stanza) -> None:
        count = sum(self._deliver(node, stanza.value("type")) for node in stanza.nodes)
        for node in stanza.values.get("drop", ()):
            count += self._drop(int(node), stanza.value("type"))
        if not count:
            self._output.write("no messages\n")

    def _take(self, wanted: Callable[[Sent], bool]) -> list[Sent]:
        taken = [message for message in self._messages if wanted(message)]
        self._messages = [message for message in self._messages if not wanted(message)]
        return taken

    def _deliver(self, node: int, kind: str = "") -> int:
        taken = self._take(lambda message: message.to == node and kind in ("", _kind(message)))
        for message in taken:
            self._output.write(_said(message) + "\n")
            try:
                self._step(message)
            except PeerUnknown:
                self._output.write(_PEER_UNKNOWN + "\n")
            except ProposalDropped:
                self._output.write(_DROPPED + "\n")
        return len(taken)

    def _step(self, message: Sent) -> None:
        node = self._member(message.to).node
        match message:
            case Written():
                node.persisted(message.persisted)
            case Applied():
                node.applied(message.entries)
            case _:
                node.step(message)

    def _drop(self, node: int, kind: str) -> int:
        """Messages from outside only: what a node tells itself cannot be lost."""

        def wanted(message: Sent) -> bool:
            local = isinstance(message, Written | Applied) or message.sender == message.to
            return message.to == node and not local and kind in ("", _kind(message))

        taken = self._take(wanted)
        for message in taken:
            self._output.write(f"dropped: {_said(message)}\n")
        return len(taken)

    # -- what a Ready wants

    def _process_ready(self, member: Member) -> None:
        ready = member.node.ready()
        said = [wording.said_message(message) for message in ready.messages]
        if not member.asynchronous:
            others = [message for message in ready.messages_after_sync if message.to != member.id]
            said += map(wording.said_message, others)
            self._output.write(wording.said_ready(ready, said))
            member.write(ready.hard_state, ready.entries, ready.snapshot)
            member.apply(ready.committed)
            self._messages += [*ready.messages, *others]
            member.node.advance()
            return
        if ready.entries or ready.hard_state or ready.snapshot or ready.messages_after_sync:
            work = AppendWork(
                _said_append(member.id, ready.hard_state, ready.entries, ready.snapshot),
                ready.hard_state,
                ready.entries,
                ready.snapshot,
                ready.messages_after_sync,
                ready.persisted,
            )
            member.append_work.append(work)
            answers = map(_said, self._answers_to_append(member, work))
            said.append(_with_responses(work.said, answers))
        if ready.committed:
            member.apply_work.append(ready.committed)
            answer = _said(Applied(member.id, ready.committed))
            said.append(_with_responses(_said_apply(member.id, ready.committed), [answer]))
        self._output.write(wording.said_ready(ready, said))
        self._messages += ready.messages

    def _answers_to_append(self, member: Member, work: AppendWork) -> list[Sent]:
        written = [Written(member.id, work.persisted, work.snapshot)] if work.persisted else []
        return [*work.messages, *written]

    def _write_one(self, member: Member) -> None:
        if not member.append_work:
            self._output.write("no append work to perform")
            return
        work = member.append_work.pop(0)
        self._output.write(f"Processing:\n{work.said}\n")
        member.write(work.hard_state, work.entries, work.snapshot)
        self._answer(self._answers_to_append(member, work))

    def _apply_one(self, member: Member) -> None:
        if not member.apply_work:
            self._output.write("no apply work to perform")
            return
        entries = member.apply_work.pop(0)
        self._output.write(f"Processing:\n{_said_apply(member.id, entries)}\n")
        member.apply(entries)
        self._answer([Applied(member.id, entries)])

    def _answer(self, answers: list[Sent]) -> None:
        self._output.write("Responses:\n" + "".join(_said(answer) + "\n" for answer in answers))
        self._messages += answers

    # -- until nothing moves

    def _stabilize_command(self, stanza: Stanza) -> None:
        before = self._output.level
        if "log-level" in stanza.values:
            self._set_level(stanza.value("log-level"))
        self._stabilize([self._member(node) for node in stanza.nodes] or self._members)
        self._output.level = before

    def _stabilize(self, members: list[Member]) -> None:
        moved = True
        while moved:
            moved = False
            for member in members:
                if member.node.has_ready():
                    moved = True
                    self._step_printed(member, "handling Ready", self._process_ready)
            for member in members:
                if any(message.to == member.id for message in self._messages):
                    moved = True
                    self._step_printed(member, "receiving messages", lambda receiver: self._deliver(receiver.id))
            for member in members:
                if member.append_work:
                    moved = True
                    self._step_printed(member, "processing append thread", self._write_all)
            for member in members:
                if member.apply_work:
                    moved = True
                    self._step_printed(member, "processing apply thread", self._apply_all)

    def _step_printed(self, member: Member, doing: str, act: Callable[[Member], object]) -> None:
        self._output.write(f"> {member.id} {doing}\n")
        with self._output.indented():
            act(member)

    def _write_all(self, member: Member) -> None:
        while member.append_work:
            self._write_one(member)

    def _apply_all(self, member: Member) -> None:
        while member.apply_work:
            self._apply_one(member)


# -- how asynchronous work is said


def _kind(message: Sent) -> str:
    match message:
        case Written():
            return "MsgStorageAppendResp"
        case Applied():
            return "MsgStorageApplyResp"
        case _:
            return wording.message_type(message)


def _said(message: Sent) -> str:
    match message:
        case Written():
            last = message.persisted.last
            return wording.said_fields(
                f"AppendThread->{message.to} {_kind(message)}",
                term=message.persisted.term,
                log_term=last.term if last else 0,
                index=last.index if last else 0,
                snapshot=message.snapshot,
            )
        case Applied():
            head = f"ApplyThread->{message.to} {_kind(message)}"
            return wording.said_fields(head, entries=message.entries)
        case _:
            return wording.said_message(message)


def _said_append(node: int, hard_state: HardState | None, entries: tuple[Entry, ...], snapshot: Snapshot | None) -> str:
    state = hard_state or HardState()
    return wording.said_fields(
        f"{node}->AppendThread MsgStorageAppend",
        term=state.term,
        commit=state.commit,
        vote=state.vote,
        entries=entries,
        snapshot=snapshot,
    )


def _said_apply(node: int, entries: tuple[Entry, ...]) -> str:
    return wording.said_fields(f"{node}->ApplyThread MsgStorageApply", entries=entries)


def _with_responses(said: str, answers: Iterator[str] | list[str]) -> str:
    indented = ["\n".join(f"  {line}" for line in answer.splitlines()) for answer in answers]
    return f"{said} Responses:[\n" + "\n".join(indented) + "\n]" if indented else said
