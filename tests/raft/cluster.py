"""Members on a simulated clock and network, each with a disk and an engine: a cluster in one process.

Nothing is random but the draws of the members, which a seed reproduces. What goes wrong is said by the test: cut links,
stopped hosts, engines that hang.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from alived.base import NS_PER_MS, DeadlineReached
from alived.raft.config import Cluster as ClusterConfig
from alived.raft.config import Member as ConfiguredMember
from alived.raft.config import RaftInstance
from alived.raft.directory import node_number
from alived.raft.member import Member
from alived.raft.member_events import (
    Arrived,
    Compact,
    EngineLost,
    EngineReported,
    Finished,
    Leases,
    MemberEffect,
    MemberEvent,
    MemberNoticed,
    Outcome,
    PeersChanged,
    Save,
    Saved,
    Send,
)
from alived.raft.member_settings import MemberSettings
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Role
from alived.raft.packets import GroupReport, Packet, decode, encode

MS = NS_PER_MS
NETWORK_NS = MS // 2
ENGINE_NS = MS


def members(*names: str, **values: Any) -> tuple[ConfiguredMember, ...]:
    """Nodes with the addresses 10.0.0.1 and so on; `values` may say priority or role by name."""
    return tuple(
        ConfiguredMember(id=name, address=f"10.0.0.{place}", **values.get(name, {}))
        for place, name in enumerate(names, 1)
    )


class Engine:
    """Carries out leases a little later, and lets go by itself."""

    def __init__(self, groups: Iterable[str]) -> None:
        self.number = 0
        self.until_ns: dict[str, int] = {}
        self.able = dict.fromkeys(groups, True)
        self.priority = 100
        self.hangs = False
        self.heard: list[Leases] = []

    def carry_out(self, leases: Leases) -> None:
        self.heard.append(leases)
        if leases.number > self.number:
            self.number = leases.number
            self.until_ns = {held.group: held.until_ns for held in leases.held if not held.leaving}

    def holds(self, group: str, now_ns: int) -> bool:
        return now_ns < self.until_ns.get(group, 0)

    def report(self, now_ns: int) -> EngineReported:
        groups = tuple(
            GroupReport(name=name, able=able, priority=self.priority, holds=self.holds(name, now_ns))
            for name, able in self.able.items()
        )
        return EngineReported(number=self.number, groups=groups)


class Host:
    """A machine: disk, engine, and a member that may be down."""

    def __init__(self, settings: MemberSettings) -> None:
        self.settings = settings
        self.name = settings.cluster.node_id
        self.number = node_number(self.name)
        self.storage = MemoryStorage()
        self.engine = Engine(group.name for group in settings.groups)
        self.member: Member | None = None
        self.starts = 0
        self.finished = False
        self.peers: dict[int, ConfiguredMember] = {}
        self.notices: list[MemberNoticed] = []
        self.outcomes: list[Outcome] = []
        self.saves: list[Save] = []
        self.reached_ns, self.turns = -1, 0
        """When it was last due, and how often in a row at that moment"""

    def said(self, code: str) -> list[str]:
        return [notice.message for notice in self.notices if notice.code == code]


class Cluster:
    """`groups` are the names of groups, or whole ones."""

    def __init__(
        self,
        nodes: Iterable[ConfiguredMember],
        groups: Iterable[str | RaftInstance] = ("web",),
        seed: int = 1,
        **values: Any,
    ) -> None:
        self.random = random.Random(seed)
        self.now_ns = 1_000 * MS
        self.sent: list[tuple[int, int, Packet]] = []
        """From, to"""
        self.cut: set[tuple[str, str]] = set()
        """From, to: nothing arrives"""
        self.loses: Callable[[str, str, Packet], bool] = lambda sender, to, packet: False
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._members = tuple(nodes)
        self._groups = tuple(group if isinstance(group, RaftInstance) else RaftInstance(name=group) for group in groups)
        self._values = values
        self.hosts: dict[str, Host] = {}
        for node in self._members:
            self.add(node.id)

    def add(self, name: str, nodes: Iterable[ConfiguredMember] | None = None) -> Host:
        """A machine with nothing on its disk; it is not started."""
        config = ClusterConfig(
            node_id=name, data_dir="/d", members=tuple(nodes or self._members), cluster_id="test", **self._values
        )
        host = self.hosts[name] = Host(MemberSettings.of(config, self._groups))
        return host

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def member(self, name: str) -> Member:
        member = self.hosts[name].member
        assert member is not None
        return member

    # -- the life of hosts

    def start(self, *names: str) -> None:
        for name in names or self.hosts:
            host = self.hosts[name]
            host.starts += 1
            host.finished = False
            host.member = Member(
                host.settings, host.storage, self.random.randrange, self.now_ns, partial(getattr, host.engine, "number")
            )
            host.peers = {}
            host.engine.number = 0
            self._schedule(host)
            self.engine_reports(name)

    def kill(self, *names: str) -> None:
        """The process is gone; its engine lets go by itself."""
        for name in names:
            self.hosts[name].member = None
            self.hosts[name].starts += 1

    def isolate(self, name: str) -> None:
        for other in self.hosts:
            self.cut |= {(name, other), (other, name)}

    def heal(self) -> None:
        self.cut.clear()

    def engine_reports(self, name: str) -> None:
        """Something has changed."""
        self.step(name, self.hosts[name].engine.report(self.now_ns))

    def engine_returns(self, name: str) -> None:
        """A new one, which knows nothing."""
        self.hosts[name].engine.hangs = False
        self.hosts[name].engine.number = 0
        self.engine_reports(name)

    def engine_dies(self, name: str) -> None:
        self.hosts[name].engine.until_ns = {}
        self.hosts[name].engine.hangs = True
        self.step(name, EngineLost())

    # -- time

    def later(self, delay_ns: int, act: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self.now_ns + delay_ns, self._sequence, act))

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        while self._events and self._events[0][0] <= end_ns:
            self.now_ns, _, act = heapq.heappop(self._events)
            act()
            self.check()
        self.now_ns = end_ns

    def until(self, true: Callable[[], bool], limit_ns: int = 5_000 * MS) -> int:
        """Run until it is so; how long it took."""
        began_ns = self.now_ns
        while not true():
            assert self.now_ns - began_ns < limit_ns, "it never came true"
            self.run(MS)
        return self.now_ns - began_ns

    def check(self) -> None:
        """At most one owner of each group, in true time."""
        for group in self._groups:
            owners = self.owners(group.name)
            assert len(owners) <= 1, f"{owners} own {group.name}"

    def owners(self, group: str = "web") -> list[str]:
        return [name for name, host in self.hosts.items() if host.engine.holds(group, self.now_ns)]

    def owner(self, group: str = "web") -> str:
        return next(iter(self.owners(group)), "")

    def leader(self) -> str:
        """Of the newest term."""
        leaders = [
            (host.member.consensus.node.raft.term, name)
            for name, host in self.hosts.items()
            if host.member and host.member.consensus and host.member.consensus.node.raft.role is Role.LEADER
        ]
        return max(leaders, default=(0, ""))[1]

    def settle(self) -> str:
        """Form, elect, own; the owner of the first group."""
        self.until(lambda: bool(self.owner(self._groups[0].name)))
        self.run(200 * MS)
        return self.owner(self._groups[0].name)

    # -- events and effects

    def step(self, name: str, event: MemberEvent) -> None:
        host = self.hosts[name]
        if host.member is None or host.finished:
            return
        effects = host.member.step(event, self.now_ns)
        self._waits(host, event)
        for place, effect in enumerate(effects, 1):
            if isinstance(effect, Save):
                assert place == len(effects), "something follows a Save"
                self._save(host, effect)
            else:
                self._carry_out(host, effect)
        self._schedule(host)

    def _waits(self, host: Host, event: MemberEvent) -> None:
        """A member that is due again and again at one moment keeps a CPU busy, with real-time priority."""
        again = isinstance(event, DeadlineReached) and host.reached_ns == self.now_ns
        host.turns = host.turns + 1 if again else 0
        assert host.turns < 10, f"{host.name} turns without end, due since {host.member and host.member.deadline_ns}"
        if isinstance(event, DeadlineReached):
            host.reached_ns = self.now_ns

    def _save(self, host: Host, effect: Save) -> None:
        host.saves.append(effect)
        if effect.snapshot:
            host.storage.restore(effect.snapshot)
        if effect.hard_state:
            host.storage.set_hard_state(effect.hard_state)
        host.storage.append(effect.entries)
        self.step(host.name, Saved())

    def _carry_out(self, host: Host, effect: MemberEffect) -> None:
        match effect:
            case Send(to, packet):
                self._send(host, to, packet)
            case Leases():
                self.later(ENGINE_NS, lambda: self._engine(host, effect))
            case PeersChanged(peers):
                host.peers = peers
            case MemberNoticed():
                host.notices.append(effect)
            case Outcome():
                host.outcomes.append(effect)
            case Compact(snapshot):
                host.storage.compact(snapshot.index, snapshot)
            case Finished():
                host.finished = True
            case _:
                raise AssertionError(effect)

    def _send(self, host: Host, to: int, packet: Packet) -> None:
        self.sent.append((host.number, to, packet))
        target = next((other for other in self.hosts.values() if other.number == to), None)
        if target is None or self.loses(host.name, target.name, packet):
            return
        data = encode(packet)
        self.later(NETWORK_NS, lambda: self._deliver(host, target, data))

    def _deliver(self, host: Host, target: Host, data: bytes) -> None:
        if (host.name, target.name) not in self.cut:
            self.step(target.name, Arrived(host.number, decode(data)))

    def _engine(self, host: Host, leases: Leases) -> None:
        if host.engine.hangs:
            return
        before = host.engine.report(self.now_ns).groups
        host.engine.carry_out(leases)
        if leases.answer or host.engine.report(self.now_ns).groups != before:
            self.engine_reports(host.name)

    def _schedule(self, host: Host) -> None:
        assert host.member is not None
        deadline_ns = host.member.deadline_ns
        if deadline_ns is None or host.finished:
            return
        starts, member = host.starts, host.member
        self.later(max(0, deadline_ns - self.now_ns), lambda: self._due(host, member, starts))

    def _due(self, host: Host, member: Member, starts: int) -> None:
        if host.starts == starts and member.deadline_ns is not None and member.deadline_ns <= self.now_ns:
            self.step(host.name, DeadlineReached())
