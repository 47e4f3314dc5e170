"""A machine of the simulated cluster: clock, disk, engine, and the process with the member."""

from __future__ import annotations

from collections import deque

import msgspec

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.base import DeadlineReached
from alived.raft.consensus import Consensus
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
from tests.raft.simulated_engine import Engine
from tests.raft.simulated_parts import Clock, Disk, Driver

NEVER_NS = 1 << 62


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
        self._armed_ns = NEVER_NS
        self._waking = False
        self._turns = 0
        """In a row that were due already when they ended"""

    @property
    def clock_ns(self) -> int:
        return self.clock.read(self.driver.now_ns)

    @property
    def consensus(self) -> Consensus:
        """Of a member that runs."""
        assert self.member is not None and self.member.consensus is not None, f"{self.name} does not run"
        return self.member.consensus

    @property
    def leads(self) -> bool:
        return self.member is not None and self.member.consensus is not None and self.member.consensus.leads

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
        self.member = Member(self.settings, self.disk.memory, draw, self.clock_ns, lambda: self.engine.carried_out)
        self.driver.stepped(self)
        self._arm()
        self.engine.report()

    def kill(self) -> None:
        """The process is gone. A save that was on its way may have reached the page cache, or not."""
        self.life += 1
        self.member = None
        self._inbox.clear()
        self.saving = False
        self._armed_ns = NEVER_NS
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
            event = self._inbox.popleft()
            if isinstance(event, Arrived) and self._inbox and isinstance(self._inbox[0], Arrived):
                event = msgspec.structs.replace(event, more=True)
            self._step(event)

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
            self._armed_ns = NEVER_NS
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
            self._waits()
        else:
            self._arm()

    def _waits(self) -> None:
        """One that is due again and again keeps a CPU busy, with real-time priority."""
        due_ns = None if self.member is None or self.saving else self.member.deadline_ns
        self._turns = self._turns + 1 if due_ns is not None and due_ns <= self.clock_ns else 0
        assert self._turns < 10, f"{self.name} turns without end"
