"""A cluster on a simulated clock, network and disk, and what must hold after every step.

The real cores, leases included. Clocks drift; messages are lost, duplicated, delayed and overtake each other; nodes are
partitioned, paused, crash (also between sending, writing and answering) and start again; leadership is handed over,
members come and go, logs are compacted. A seed reproduces everything.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import NamedTuple

from alived.raft.confchange import Change, ChangeKind, ConfChange, Configuration, Transition
from alived.raft.lease import Lease, LeaseTimes
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, Message, Ready, Role, Snapshot
from alived.raft.node import Node, PeerUnknown
from alived.raft.quorum import Voters
from alived.raft.state import ProposalDropped, Settings

MS = 1_000_000
TICK_NS = 10 * MS
ELECTION_TICKS = 10
HEARTBEAT_TICKS = 2
SILENCE_NS = 5 * MS
MAX_DRIFT = 1e-3


class Violation(Exception):
    """Something happened that Raft or the lease makes impossible."""


class World(NamedTuple):
    """How bad the days are. Probabilities, and mean times between events."""

    nodes: int = 3
    spares: int = 1
    """Nodes that are no members at first"""
    lose: float = 0.02
    duplicate: float = 0.02
    longest_delay_ns: int = 30 * MS
    trouble_every_ns: int = 400 * MS
    work_every_ns: int = 60 * MS
    crash_while_writing: float = 0.001
    lease_factor: float = 1.0
    """Of the longest lease that is safe; above 1 it is a mutant"""
    send_before_write: bool = False
    """Promises leave before they are written; a mutant"""


class Host:
    """A machine: disk, clock, and a node that may be down or paused."""

    def __init__(self, id_: int, storage: MemoryStorage, rate: float) -> None:
        self.id = id_
        self.storage = storage
        self.rate = rate
        self.node: Node | None = None
        self.lease: Lease | None = None
        self.paused_until_ns = 0
        self.applied = Snapshot()
        """The state machine: every entry's data"""
        self.starts = 0

    def clock(self, now_ns: int) -> int:
        return int(now_ns * self.rate)

    def owns(self, now_ns: int) -> bool:
        """The kernel enforces the lease, whether the process runs or not; it is silent a little later."""
        if self.lease is None or self.lease.until_ns is None:
            return False
        return self.clock(now_ns) < self.lease.until_ns + SILENCE_NS


class Simulation:
    def __init__(self, seed: int, world: World | None = None) -> None:
        self.random = random.Random(seed)
        self.world = world or World()
        self.now_ns = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._cut: set[tuple[int, int]] = set()
        self._leaders: dict[int, int] = {}
        self._written: dict[tuple[int, int], tuple[int, Entry]] = {}
        self._committed: dict[int, Entry] = {}
        self.owners: list[int] = []
        """In the order of their reigns"""
        self.crashes = self.commits = self.snapshots = self.changes = 0
        voters = frozenset(range(1, self.world.nodes + 1))
        first = Snapshot(1, 1, Configuration(Voters(voters)))
        self.hosts: dict[int, Host] = {}
        for id_ in range(1, self.world.nodes + self.world.spares + 1):
            snapshot = first if id_ in voters else Snapshot()
            rate = 1 + self.random.uniform(-MAX_DRIFT, MAX_DRIFT)
            self.hosts[id_] = Host(id_, MemoryStorage(snapshot), rate)
            self.hosts[id_].applied = snapshot
            self.start(self.hosts[id_])
        self._later(self.world.trouble_every_ns, self._trouble)
        self._later(self.world.work_every_ns, self._work)

    # -- time

    def _later(self, delay_ns: int, act: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self.now_ns + delay_ns, self._sequence, act))

    def run(self, duration_ns: int) -> None:
        """Raises Violation."""
        end = self.now_ns + duration_ns
        while self._events[0][0] <= end:
            self.now_ns, _, act = heapq.heappop(self._events)
            act()
            self._check_owners()
        self.now_ns = end

    # -- hosts

    def start(self, host: Host) -> None:
        """What is on the disk survives; the state machine is rebuilt from its snapshot."""
        host.starts += 1
        settings = Settings(
            id=host.id,
            election_ticks=ELECTION_TICKS,
            heartbeat_ticks=HEARTBEAT_TICKS,
            max_inflight_messages=8,
            max_message_size=200,
        )
        snapshot = host.storage.initial_state()[1]
        host.applied = snapshot
        host.node = Node(settings, host.storage, self.random.randrange, applied=snapshot.index)
        times = LeaseTimes.of_ticks(ELECTION_TICKS, TICK_NS, SILENCE_NS)
        host.lease = Lease(times)
        # A factor above 1 is what `Lease` refuses: two owners become possible.
        host.lease._lease_ns = int(times.longest_ns * self.world.lease_factor)
        host.paused_until_ns = self.now_ns
        starts = host.starts
        self._later(self.random.randrange(TICK_NS), lambda: self._tick(host, starts))

    def crash(self, host: Host) -> None:
        """The addresses stay until the kernel takes them, at the end of the lease."""
        if host.node is None:
            return
        self.crashes += 1
        host.node = None
        self._later(self.random.randrange(5 * MS, 500 * MS), lambda: self.start(host))

    def _tick(self, host: Host, starts: int) -> None:
        if host.node is None or host.starts != starts:
            return
        if self.now_ns < host.paused_until_ns:  # ticks that were missed are not made up for
            self._later(host.paused_until_ns - self.now_ns, lambda: self._tick(host, starts))
            return
        host.node.tick()
        self._turn(host)
        self._later(int(TICK_NS / host.rate), lambda: self._tick(host, starts))

    def _receive(self, message: Message) -> None:
        host = self.hosts[message.to]
        if host.node is None:
            return
        if self.now_ns < host.paused_until_ns:  # it waits in the socket
            self._later(host.paused_until_ns - self.now_ns, lambda: self._receive(message))
            return
        try:
            host.node.step(message)
        except (PeerUnknown, ProposalDropped):
            return
        self._turn(host)

    # -- one turn of a driver: lease, write, send, apply

    def _turn(self, host: Host) -> None:
        while host.node is not None:
            node, lease = host.node, host.lease
            assert lease is not None
            lease.observe(node.standing, host.clock(self.now_ns))
            if not node.has_ready():
                break
            ready = node.ready()
            self._note_leader(node)
            self._send(ready.messages)
            if not self._write(host, ready):
                self.crash(host)
                return
            if not self.world.send_before_write:
                self._send(message for message in ready.messages_after_sync if message.to != node.id)
            self._apply(host, ready)
            node.advance()

    def _write(self, host: Host, ready: Ready) -> bool:
        """False: it crashed before."""
        if self.world.send_before_write:
            self._send(message for message in ready.messages_after_sync if message.to != host.id)
        if self.random.random() < self.world.crash_while_writing:
            return False
        if ready.hard_state is not None:
            host.storage.set_hard_state(ready.hard_state)
        if ready.snapshot is not None:
            self.snapshots += 1
            host.storage.restore(ready.snapshot)
            host.applied = ready.snapshot
        host.storage.append(ready.entries)
        for entry in ready.entries:
            self._note_written(host, entry)
        return True

    def _apply(self, host: Host, ready: Ready) -> None:
        assert host.node is not None
        for entry in ready.committed:
            self._note_committed(entry)
            configuration = host.applied.configuration
            if entry.change is not None:
                self.changes += 1
                configuration = host.node.apply_change(entry.change)
            host.applied = Snapshot(entry.index, entry.term, configuration, host.applied.data + entry.data)

    def _send(self, messages: object) -> None:
        for message in messages:  # type: ignore[attr-defined]
            copies = 1 + (self.random.random() < self.world.duplicate)
            for _ in range(copies):
                if self.random.random() < self.world.lose or (message.sender, message.to) in self._cut:
                    continue
                delay = self.random.randrange(100_000, self.world.longest_delay_ns)
                if self.random.random() < 0.8:
                    delay //= 10
                self._later(delay, lambda message=message: self._receive(message))  # type: ignore[misc]

    # -- troubles and work

    def _trouble(self) -> None:
        host = self.random.choice(list(self.hosts.values()))
        others = [other for other in self.hosts if other != host.id]
        match self.random.randrange(8):
            case 0:
                self.crash(host)
            case 1:
                host.paused_until_ns = self.now_ns + self.random.randrange(10 * MS, 1000 * MS)
            case 2:
                self._cut = {(host.id, other) for other in others} | {(other, host.id) for other in others}
            case 3:
                other = self.random.choice(others)
                self._cut = {(host.id, other), (other, host.id)} if self.random.random() < 0.5 else {(host.id, other)}
            case 4:
                self._cut = set()
            case 5 | 6:
                side = {id_ for id_ in self.hosts if self.random.random() < 0.5}
                self._cut = {(a, b) for a in self.hosts for b in self.hosts if (a in side) != (b in side)}
            case _:
                leader = self._leader()
                if leader is not None:
                    self._cut = {(leader.id, other) for other in self.hosts}  # it hears, and is not heard
        self._later(int(self.random.expovariate(1 / self.world.trouble_every_ns)) + 1, self._trouble)

    def _leader(self) -> Host | None:
        for host in self.hosts.values():
            if host.node is not None and host.node.raft.role is Role.LEADER and self.now_ns >= host.paused_until_ns:
                return host
        return None

    def _work(self) -> None:
        leader = self._leader()
        if leader is not None and leader.node is not None:
            try:
                self._command(leader, leader.node)
            except ProposalDropped:
                pass
            else:
                self._turn(leader)
        self._later(int(self.random.expovariate(1 / self.world.work_every_ns)) + 1, self._work)

    def _command(self, leader: Host, node: Node) -> None:
        someone = self.random.randrange(1, len(self.hosts) + 1)
        match self.random.randrange(20):
            case 0:
                node.transfer(someone)
            case 1:
                node.propose_change(self._some_change(node))
            case 2:
                self._compact(self.random.choice(list(self.hosts.values())))
            case 3 if node.raft.tracker.configuration.joint:
                node.propose_change(ConfChange())
            case 4 if node.raft.transferee == 0:
                node.stand_again()
            case _:
                node.propose(b"%d " % self.random.randrange(10**6))

    def _some_change(self, node: Node) -> ConfChange:
        """One member more or less, or another set of voters altogether; as many voters as at first, or more."""
        configuration = node.raft.tracker.configuration
        voters = configuration.voters.incoming
        newcomers = sorted(set(self.hosts) - voters)
        leaving = sorted(voters)[: max(0, len(voters) - self.world.nodes)]
        match self.random.randrange(3):
            case 0 if newcomers:
                kind = self.random.choice([ChangeKind.ADD_VOTER, ChangeKind.ADD_LEARNER])
                return ConfChange((Change(kind, self.random.choice(newcomers)),))
            case 1 if leaving:
                kind = self.random.choice([ChangeKind.REMOVE, ChangeKind.ADD_LEARNER])
                return ConfChange((Change(kind, self.random.choice(leaving)),))
            case _:
                chosen = set(self.random.sample(sorted(self.hosts), self.world.nodes))
                added = [Change(ChangeKind.ADD_VOTER, id_) for id_ in sorted(chosen - voters)]
                removed = [Change(ChangeKind.REMOVE, id_) for id_ in sorted(voters - chosen)]
                transition = self.random.choice([Transition.IMPLICIT, Transition.EXPLICIT])
                return ConfChange((*added, *removed), transition)

    def _compact(self, host: Host) -> None:
        if host.node is not None:
            host.storage.compact(host.applied.index, host.applied)

    # -- what must hold

    def _note_leader(self, node: Node) -> None:
        """Election Safety (paper, 5.2): one leader a term. Leader Completeness (5.4): it has everything committed."""
        raft = node.raft
        if raft.role is not Role.LEADER:
            return
        known = self._leaders.setdefault(raft.term, node.id)
        if known != node.id:
            raise Violation(f"election safety: {known} and {node.id} lead term {raft.term}")
        for index, entry in self._committed.items():
            term = raft.log.term(index) if index >= raft.log.first_index else entry.term
            if entry.term < raft.term and term != entry.term:
                raise Violation(f"leader completeness: {node.id} leads term {raft.term} without entry {index}")

    def _note_written(self, host: Host, entry: Entry) -> None:
        """Log Matching: the same index and term, the same entry and the same one before it (paper, 5.3)."""
        before = host.storage.term(entry.index - 1) or 0
        known = self._written.setdefault((entry.term, entry.index), (before, entry))
        if known != (before, entry):
            raise Violation(f"log matching: {host.id} wrote {entry} after term {before}, another wrote {known}")

    def _note_committed(self, entry: Entry) -> None:
        """State Machine Safety: nobody applies another entry at the same index (paper, 5.4.3)."""
        self.commits += entry.index not in self._committed
        known = self._committed.setdefault(entry.index, entry)
        if known != entry:
            raise Violation(f"state machine safety: {entry} and {known} at {entry.index}")

    def _check_owners(self) -> None:
        """At most one owner, in true time."""
        owners = [host.id for host in self.hosts.values() if host.owns(self.now_ns)]
        if len(owners) > 1:
            raise Violation(f"two owners at {self.now_ns} ns: {owners}")
        if owners and owners != self.owners[-1:]:
            self.owners += owners
