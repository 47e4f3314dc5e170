"""An engine of the simulated cluster: binds, renews and lets go, each a little late; a fence ends what it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from alived.base import NS_PER_MS as MS
from alived.raft.member_events import EngineReported, Leases
from alived.raft.packets import GroupReport
from tests.raft.simulated_parts import Driver

if TYPE_CHECKING:
    from tests.raft.simulated_machine import Machine

LINE_LENGTH = 64
"""Datagrams that wait for an engine that does not read; more are lost"""


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
        self.carried_out = 0
        """Number of the newest leases; the raft process sees it"""
        self._held_before: list[bool] = []
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
        self.carried_out = 0
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
        assert leases.number > self.carried_out, f"leases {leases.number} after {self.carried_out}"
        self.carried_out = leases.number
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
        reports = self._reports()
        if leases.answer or [report.holds for report in reports] != self._held_before:
            self._held_before = [report.holds for report in reports]
            self._say(EngineReported(number=self.carried_out, groups=reports))
        self._go_on()

    def _bind(self, group: str, until_clock: int) -> None:
        clock = self._machine.clock_ns
        bound = self.bound.setdefault(group, Bound(until_clock))
        bound.until_clock = until_clock
        bound.leaving = False
        if not self._driver.world.kernel_lease:
            silence_ns = self._machine.settings.timers.silence_ns
            bound.fence_clock = until_clock + silence_ns
        elif lasting := [one for one in self._machine.settings.timers.kernel_leases_ns if one <= until_clock - clock]:
            bound.fence_clock = clock + lasting[-1]
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
            self._say(EngineReported(number=self.carried_out, groups=self._reports()))

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
