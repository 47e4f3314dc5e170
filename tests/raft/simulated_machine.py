"""A machine of the simulated cluster: a clock that drifts, a disk that forgets, an engine that is late, a process.

Times are true ones unless they are called clock; `World` says how bad the days are.
"""

from __future__ import annotations

import copy
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.base import DeadlineReached
from alived.raft.directory import node_number
from alived.raft.member import Member, MemberSettings
from alived.raft.member_events import (
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
from alived.raft.memory import MemoryStorage
from alived.raft.packets import GroupReport, Packet

KERNEL_LEASE_NS = 100 * MS
LINE_LENGTH = 64
"""Datagrams that wait for an engine that does not read; more are lost"""
EVERYTHING = 1 << 62


class World(NamedTuple):
    """How bad the days are. Probabilities, and mean times between events."""

    nodes: int = 3
    witnesses: int = 0
    """So many of the nodes"""
    spares: int = 0
    """Nodes that are no members at first"""
    groups: int = 2
    hold: bool = False
    """The last group goes on when the quorum is lost"""
    spread: bool = False
    lose: float = 0.02
    duplicate: float = 0.02
    longest_delay_ns: int = 30 * MS
    trouble_every_ns: int = 300 * MS
    drift: float = 1e-3
    kernel_lease: bool = True
    """The fence opens for 100 ms at a time; else it keeps an owner on the air to the last moment of its lease"""
    slow_disk: float = 0.02
    """A sync takes up to 50 ms instead of 2"""


class Driver(Protocol):
    """What a machine needs of the simulation."""

    now_ns: int
    random: random.Random
    world: World
    counts: Counter[str]

    def later(self, delay_ns: int, act: Callable[[], None]) -> None: ...
    def send(self, machine: Machine, to: int, packet: Packet) -> None: ...
    def tell(self, text: str) -> None: ...
    def engine_changed(self, machine: Machine) -> None: ...
    def stepped(self, machine: Machine) -> None: ...
    def written(self, machine: Machine, save: Save) -> None: ...
    def told_operator(self, machine: Machine, outcome: Outcome) -> None: ...


class Clock:
    """CLOCK_BOOTTIME of a machine: too fast or too slow, and from a start of its own."""

    def __init__(self, rate: float, offset_ns: int) -> None:
        self.rate = rate
        self.offset_ns = offset_ns

    def read(self, true_ns: int) -> int:
        return self.offset_ns + int(true_ns * self.rate)

    def true_ns(self, clock_ns: int) -> int:
        """When it will show this, or a little later."""
        return int((clock_ns - self.offset_ns) / self.rate) + 1


class Disk:
    """What is written can be read; what is synced survives a crash of the machine, of the rest a beginning."""

    def __init__(self) -> None:
        self.memory = MemoryStorage()
        self._durable = MemoryStorage()
        self._pending: list[Save] = []
        self.refuses = False

    def write(self, save: Save) -> None:
        """It may reach the disk from now on; nobody knows yet."""
        self._pending.append(save)

    def finish(self, save: Save) -> None:
        _apply(self.memory, save)
        if save.must_sync or save.snapshot is not None:
            self.sync()

    def sync(self) -> None:
        for save in self._pending:
            _apply(self._durable, save)
        self._pending = []

    def compact(self, effect: Compact) -> None:
        self.sync()
        for storage in (self.memory, self._durable):
            storage.compact(effect.snapshot.index, effect.snapshot)

    def crash(self, kept: int) -> None:
        """So many of the writes that were not synced have reached the disk, the next was torn: left out."""
        for save in self._pending[:kept]:
            _apply(self._durable, save)
        self._pending = []
        self.memory = copy.deepcopy(self._durable)
        self.refuses = False

    @property
    def unsynced(self) -> int:
        return len(self._pending)


def _apply(storage: MemoryStorage, save: Save) -> None:
    if save.snapshot is not None:
        storage.restore(save.snapshot)
    if save.hard_state is not None:
        storage.set_hard_state(save.hard_state)
    storage.append(save.entries)


class Bound:
    """A group whose addresses are on the interface."""

    def __init__(self, until_clock: int) -> None:
        self.until_clock = until_clock
        self.fence_clock = 0
        """Until then packets pass"""
        self.leaving = False


class Engine:
    """Binds, renews, lets go, each a little late; a fence ends what it does not end itself."""

    def __init__(self, machine: Machine, driver: Driver) -> None:
        self._machine = machine
        self._driver = driver
        self.line: deque[Leases] = deque()
        """What was sent and not read"""
        self.bound: dict[str, Bound] = {}
        self.up = False
        self.life = 0
        self.stopped_until_ns = 0
        self._busy = False
        self._number = 0
        self._held_ns: dict[str, int] = {}
        """By the machine's clock: when each group was owned last"""
        self.unable: dict[str, str] = {}
        self.priority: int | None = None

    # -- what the world sees

    def owns(self, group: str) -> bool:
        """Whether the machine answers for the group."""
        bound = self.bound.get(group)
        return bound is not None and self._machine.clock_ns < bound.fence_clock

    # -- life

    def start(self) -> None:
        self.up = True
        self.life += 1
        self._busy = False
        self._number = 0
        self.line.clear()
        self._say(EngineReported(number=0, groups=self._reports()))

    def die(self) -> None:
        """What it has bound stays, until the parent or the kernel takes it."""
        self.up = False
        self.life += 1

    def reap(self) -> None:
        """The parent takes away what is left."""
        self.bound.clear()

    def stop(self, until_ns: int) -> None:
        self.stopped_until_ns = max(until_ns, self.stopped_until_ns)

    # -- leases

    def hear(self, leases: Leases) -> None:
        """A datagram on the line."""
        if len(self.line) < LINE_LENGTH:
            self.line.append(leases)
            self._go_on()

    def _later(self, delay_ns: int, act: Callable[[], None]) -> None:
        """In this life, and not before it runs again."""
        life = self.life

        def go() -> None:
            if self.life != life:
                return
            if self._driver.now_ns < self.stopped_until_ns:
                self._driver.later(self.stopped_until_ns - self._driver.now_ns, go)
            else:
                act()

        self._driver.later(delay_ns, go)

    def _delay(self) -> int:
        rare = self._driver.random.random() < 0.02
        return self._driver.random.randrange(50_000, 30 * MS if rare else 2 * MS)

    def _go_on(self) -> None:
        if self.up and self.line and not self._busy:
            self._busy = True
            self._later(self._delay(), self._carry_out)

    def _carry_out(self) -> None:
        leases = self.line.popleft()
        self._busy = False
        assert leases.number > self._number, f"leases {leases.number} after {self._number}"
        self._number = leases.number
        named = {held.group: held for held in leases.held}
        for group in list(self.bound):
            if group not in named:
                self._let_go(group)
        for group, held in named.items():
            if held.leaving:
                self._leave(group)
            elif self._machine.clock_ns < held.until_ns and group not in self.unable:
                self._bind(group, held.until_ns)
        self._driver.engine_changed(self._machine)
        self._say(EngineReported(number=self._number, groups=self._reports()))
        self._go_on()

    def _bind(self, group: str, until_clock: int) -> None:
        clock = self._machine.clock_ns
        bound = self.bound.setdefault(group, Bound(until_clock))
        bound.until_clock = until_clock
        bound.leaving = False
        if not self._driver.world.kernel_lease:
            silence_ns = self._machine.settings.timers.silence_ns
            bound.fence_clock = until_clock + silence_ns
        elif until_clock - clock >= KERNEL_LEASE_NS:
            bound.fence_clock = clock + KERNEL_LEASE_NS
        self._later(max(0, self._machine.clock.true_ns(until_clock) - self._driver.now_ns), lambda: self._expire(group))

    def _expire(self, group: str) -> None:
        bound = self.bound.get(group)
        if bound is not None and self._machine.clock_ns >= bound.until_clock:
            silence_ns = self._machine.settings.timers.silence_ns
            self._later(self._driver.random.randrange(silence_ns), lambda: self._expired(group))

    def _expired(self, group: str) -> None:
        bound = self.bound.get(group)
        if bound is not None and self._machine.clock_ns >= bound.until_clock:
            self._let_go(group)
            self.report()

    def _leave(self, group: str) -> None:
        """Hooks run before."""
        bound = self.bound.get(group)
        if bound is None or bound.leaving:
            return
        bound.leaving = True

        def left() -> None:
            if self.bound.get(group) is bound and bound.leaving:
                self._let_go(group)
                self.report()

        self._later(self._driver.random.randrange(20 * MS), left)

    def _let_go(self, group: str) -> None:
        if group in self.bound:
            self._held_ns[group] = self._machine.clock_ns
            del self.bound[group]
            self._driver.counts["let go"] += 1
            self._driver.engine_changed(self._machine)

    # -- reports

    def report(self) -> None:
        """Something has changed."""
        if self.up and self._driver.now_ns >= self.stopped_until_ns:
            self._say(EngineReported(number=self._number, groups=self._reports()))

    def judge(self, group: str, reason: str) -> None:
        """The group's links and trackers: "" is well."""
        if reason:
            self.unable[group] = reason
            self._let_go(group)
        else:
            self.unable.pop(group, None)
        self.report()

    def _reports(self) -> tuple[GroupReport, ...]:
        own = self._machine.own_priority if self.priority is None else self.priority
        return tuple(
            GroupReport(
                name=group.name,
                able=group.name not in self.unable,
                priority=own,
                reason=self.unable.get(group.name, ""),
                holds=group.name in self.bound,
                held_ns=self._held_age(group.name),
            )
            for group in self._machine.settings.groups
        )

    def _held_age(self, group: str) -> int | None:
        if group in self.bound:
            return 0
        held = self._held_ns.get(group)
        return None if held is None else self._machine.clock_ns - held

    def _say(self, report: EngineReported) -> None:
        """Datagrams on the line keep their order."""
        self._machine.hear_engine(report, self._driver.random.randrange(50_000, MS))


class Machine:
    """Disk, clock, engine, and the process with the member, which may be down, stopped, or busy with the disk."""

    def __init__(self, settings: MemberSettings, driver: Driver, clock: Clock) -> None:
        self.settings = settings
        self.name = settings.cluster.node_id
        self.number = node_number(self.name)
        self.driver = driver
        self.clock = clock
        self.disk = Disk()
        self.engine = Engine(self, driver)
        self.member: Member | None = None
        self.life = 0
        """Of the process: what was meant for an earlier one is lost"""
        self.powered = False
        self.stopped_until_ns = 0
        self.newest_life: dict[str, int] = {}
        """Of the process of each peer that was heard"""
        self.peers: set[int] = set()
        self.finished = False
        self.notices: list[MemberNoticed] = []
        self._inbox: deque[MemberEvent] = deque()
        self._line_free_ns = 0
        self.saving = False
        self._armed_ns = EVERYTHING
        self._waking = False

    @property
    def clock_ns(self) -> int:
        return self.clock.read(self.driver.now_ns)

    @property
    def own_priority(self) -> int:
        return next((member.priority for member in self.settings.cluster.members if member.id == self.name), 100)

    # -- life

    def power_on(self) -> None:
        """A machine boots: its clock begins anew."""
        self.powered = True
        self.clock.offset_ns = self.driver.random.randrange(1, 100) * S - int(self.driver.now_ns * self.clock.rate)
        self.engine.start()
        self.start()

    def power_off(self, kept: int | None = None) -> None:
        """kept: so many of the writes that were not synced are on the disk nevertheless; None: any number."""
        self.powered = False
        self.engine.die()
        self.engine.reap()
        self.kill()
        self.disk.crash(self.driver.random.randrange(self.disk.unsynced + 1) if kept is None else kept)

    def replace_disk(self) -> None:
        """By an empty one; to be powered on again."""
        self.power_off()
        self.disk = Disk()

    def start(self) -> None:
        """The process begins, from what is on the disk."""
        if not self.powered or self.member is not None:
            return
        self.life += 1
        self.finished = False
        self.stopped_until_ns = 0
        draw = self.driver.random.randrange
        self.member = Member(self.settings, self.disk.memory, draw, self.clock_ns)
        self.driver.stepped(self)
        self._arm()
        self.engine.report()

    def kill(self) -> None:
        """The process is gone. A save that was on its way may have reached the page cache, or not."""
        self.life += 1
        self.member = None
        self._inbox.clear()
        self.saving = False
        self._armed_ns = EVERYTHING
        self._waking = False
        self.peers = set()
        if self.disk.unsynced and self.powered:
            self.disk.crash(self.disk.unsynced - self.driver.random.randrange(2))

    def stop(self, until_ns: int) -> None:
        """SIGSTOP, or a machine that has no time for it."""
        self.stopped_until_ns = max(until_ns, self.stopped_until_ns)

    # -- events

    def hear_engine(self, report: EngineReported, delay_ns: int) -> None:
        self._line_free_ns = max(self._line_free_ns + 1, self.driver.now_ns + delay_ns)
        life = self.life
        self.driver.later(self._line_free_ns - self.driver.now_ns, lambda: self.feed(report, life))

    def engine_lost(self, life: int) -> None:
        """The parent says so."""
        self.feed(EngineLost(), life)

    def feed(self, event: MemberEvent, life: int) -> None:
        """It is in a socket of the process."""
        if self.member is not None and life == self.life and not self.finished:
            self._inbox.append(event)
            self._run()

    def _run(self) -> None:
        if self.driver.now_ns < self.stopped_until_ns:
            self._wake_at(self.stopped_until_ns)
            return
        while self._inbox and not self.saving and self.member is not None:
            self._step(self._inbox.popleft())

    def _wake_at(self, moment_ns: int) -> None:
        if self._waking:
            return
        self._waking = True
        life = self.life

        def wake() -> None:
            if self.life == life:
                self._waking = False
                self._run()
                self._due()

        self.driver.later(moment_ns - self.driver.now_ns, wake)

    def _step(self, event: MemberEvent) -> None:
        assert self.member is not None
        effects = self.member.step(event, self.clock_ns)
        for place, effect in enumerate(effects, 1):
            if isinstance(effect, Save):
                assert place == len(effects), f"{effects[place:]} after a Save"
                self._save(effect)
            else:
                self._carry_out(effect)
        self.driver.stepped(self)
        self._arm()

    def _carry_out(self, effect: MemberEffect) -> None:
        match effect:
            case Send(to, packet):
                self.driver.send(self, to, packet)
            case Leases():
                self.engine.hear(effect)
            case PeersChanged(peers):
                self.peers = set(peers)
            case MemberNoticed():
                self.notices.append(effect)
            case Outcome():
                self.driver.told_operator(self, effect)
            case Compact():
                self.disk.compact(effect)
            case Finished():
                self.finished = True
                self.driver.later(0, self._ended)
            case _:
                raise AssertionError(effect)

    def _ended(self) -> None:
        if self.finished:
            self.kill()

    # -- the disk

    def _save(self, save: Save) -> None:
        self.saving = True
        self.disk.write(save)
        slow = self.driver.random.random() < self.driver.world.slow_disk
        life = self.life
        delay_ns = self.driver.random.randrange(100_000, 50 * MS if slow else 2 * MS)
        self.driver.later(delay_ns, lambda: self._saved(save, life))

    def _saved(self, save: Save, life: int) -> None:
        if life != self.life:
            return
        if self.disk.refuses:
            self.driver.tell(f"{self.name}: the disk refuses, the process ends")
            self.kill()
            self.driver.later(self.driver.random.randrange(5 * MS, 500 * MS), self.start)
            return
        self.saving = False
        self.disk.finish(save)
        self.driver.written(self, save)
        self._inbox.appendleft(Saved())
        self._run()

    # -- time

    def _arm(self) -> None:
        """One timer, at the member's deadline; one that is too early asks again."""
        if self.member is None or self.finished or self.member.deadline_ns is None:
            return
        due_ns = max(self.driver.now_ns, self.clock.true_ns(self.member.deadline_ns))
        if due_ns < self._armed_ns:
            self._armed_ns = due_ns
            life = self.life
            late_ns = self.driver.random.randrange(200_000)
            self.driver.later(due_ns - self.driver.now_ns + late_ns, lambda: self._timer(life, due_ns))

    def _timer(self, life: int, due_ns: int) -> None:
        if life == self.life and self._armed_ns == due_ns:
            self._armed_ns = EVERYTHING
            self._due()

    def _due(self) -> None:
        if self.member is None or self.finished or self.saving:
            return  # `Saved` arms it again.
        if self.driver.now_ns < self.stopped_until_ns:
            self._wake_at(self.stopped_until_ns)
            return
        deadline_ns = self.member.deadline_ns
        if deadline_ns is not None and self.clock_ns >= deadline_ns:
            self._step(DeadlineReached())
        else:
            self._arm()
