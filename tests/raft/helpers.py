"""Nodes in one process whose messages arrive at once, unless they are cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from alived.raft.confchange import Configuration
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, Message, Ready, Role, Snapshot
from alived.raft.node import Node, PeerUnknown
from alived.raft.notes import Note, What
from alived.raft.quorum import Voters
from alived.raft.state import Settings

ELECTION_TICKS = 10


def configuration(voters: Iterable[int], learners: Iterable[int] = ()) -> Configuration:
    return Configuration(Voters(frozenset(voters)), frozenset(learners))


def settings(id_: int, **values: Any) -> Settings:
    return Settings(**{"id": id_, "election_ticks": ELECTION_TICKS, "heartbeat_ticks": 1, **values})


class Lab:
    """A node, its storage, the notes it made and what it applied; nothing happens by itself."""

    def __init__(
        self,
        id_: int = 1,
        voters: Iterable[int] = (1, 2, 3),
        learners: Iterable[int] = (),
        entries: Iterable[Entry] = (),
        hard_state: HardState | None = None,
        draw: Callable[[int], int] = lambda below: 0,
        **values: Any,
    ) -> None:
        self.snapshot = Snapshot(1, 1, configuration(voters, learners))
        self.storage = MemoryStorage(self.snapshot, hard_state)
        self.storage.append(tuple(entries))
        self.notes: list[Note] = []
        given = {"hold_promises": False, "pre_vote": False, **values}
        self.node = Node(settings(id_, **given), self.storage, draw, self.notes.append, applied=1)
        self.applied: list[Entry] = []

    @property
    def raft(self) -> Any:
        return self.node.raft

    def role(self) -> Role:
        return self.node.raft.role

    def told(self, what: What) -> list[Note]:
        return [note for note in self.notes if note.what is what]

    def write(self, ready: Ready) -> None:
        if ready.hard_state is not None:
            self.storage.set_hard_state(ready.hard_state)
        if ready.snapshot is not None:
            self.storage.restore(ready.snapshot)
        self.storage.append(ready.entries)
        for entry in ready.committed:
            self.applied.append(entry)
            if entry.change is not None:
                self.node.apply_change(entry.change)
        self.node.advance()

    def flush(self) -> list[Message]:
        """Do what the node wants; the messages for others."""
        out: list[Message] = []
        while self.node.has_ready():
            ready = self.node.ready()
            out += ready.messages
            out += [message for message in ready.messages_after_sync if message.to != self.node.id]
            self.write(ready)
        return out

    def step(self, *messages: Message) -> list[Message]:
        """The answers."""
        for message in messages:
            self.node.step(message)
        return self.flush()

    def tick(self, count: int = 1) -> list[Message]:
        out: list[Message] = []
        for _ in range(count):
            self.node.tick()
            out += self.flush()
        return out


class Cluster:
    """Several of them."""

    def __init__(self, count: int = 3, learners: Iterable[int] = (), **values: Any) -> None:
        voters = [id_ for id_ in range(1, count + 1) if id_ not in set(learners)]
        self.labs = {id_: Lab(id_, voters, learners, **values) for id_ in range(1, count + 1)}
        self.cut: set[int] = set()
        """Nobody hears these, and they hear nobody"""

    def __getitem__(self, id_: int) -> Lab:
        return self.labs[id_]

    def settle(self, messages: Iterable[Message] = ()) -> None:
        """Until nobody has anything to say."""
        waiting = list(messages)
        while True:
            for lab in self.labs.values():
                waiting += lab.flush()
            if not waiting:
                return
            arrived, waiting = waiting, []
            for message in arrived:
                if message.to in self.labs and not {message.to, message.sender} & self.cut:
                    try:
                        self.labs[message.to].node.step(message)
                    except PeerUnknown:
                        continue

    def elect(self, id_: int) -> None:
        self.labs[id_].node.campaign()
        self.settle()
        assert self.labs[id_].raft.lead == id_

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            for id_, lab in self.labs.items():
                if id_ not in self.cut:
                    lab.node.tick()
            self.settle()
