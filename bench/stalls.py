"""When the machine itself stood still: a process on each CPU that nothing of ours can delay looks at the clock each ms.

On a virtual machine the hypervisor may take a CPU away for longer than an advert interval, and no daemon can send then.
The watchers have the highest real-time priority there is (SCHED_FIFO 99), above alived and keepalived: when they are
late, a gap between adverts at the same moment says nothing about the daemon. A hypervisor that takes many short slices
escapes them: then a bare timer beside the daemon tells how late anybody is on this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

PERIOD_NS = 1_000_000
LATE_NS = 5_000_000
"""Later than this is a stall."""
ENGINE_PRIORITY = 1
"""Of alived's engine with SCHED_RR if no vrrp_rt_priority is configured"""
_SLEEPER = """
import json, os, signal, sys, time
cpu, policy, priority, period_ns, late_ns = map(int, sys.argv[1:])
if cpu >= 0:
    os.sched_setaffinity(0, {cpu})
os.sched_setscheduler(0, policy, os.sched_param(priority))
stalls, going = [], True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
due = time.time_ns() + period_ns
while going:
    time.sleep(max(0, due - time.time_ns()) / 1e9)
    now = time.time_ns()
    if now - due > late_ns:
        stalls.append((due, now))
    due = now + period_ns
json.dump(stalls, sys.stdout)
"""


@contextlib.contextmanager
def undelayed() -> Iterator[None]:
    """Who asks each millisecond is as urgent as the watchers: no daemon with real-time priority makes him late. What he
    starts meanwhile is not."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    urgent = os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO))
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, urgent)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


class Stall(NamedTuple):
    """A process should have run at the first of these moments and did at the second (CLOCK_REALTIME). cpu: the one that
    it had to run on, -1 for any."""

    cpu: int
    begin_ns: int
    end_ns: int


class Sleepers(contextlib.AbstractContextManager["Sleepers"]):
    """Processes that look at the clock each period and do nothing else; `stalls` is there after the block."""

    def __init__(self, cpus: Sequence[int], policy: int, priority: int, period_ns: int, late_ns: int) -> None:
        """cpus: one process for each. late_ns: what is later than this is kept."""
        self.stalls: list[Stall] = []
        self._commands = {
            cpu: [sys.executable, "-c", _SLEEPER, *map(str, (cpu, policy, priority, period_ns, late_ns))]
            for cpu in cpus
        }
        self._processes: dict[int, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        for cpu, command in self._commands.items():
            self._processes[cpu] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for process in self._processes.values():
            assert process.stdout
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a process that watches the clock did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for cpu, process in self._processes.items():
            told, _ = process.communicate(timeout=10)
            self.stalls += [Stall(cpu, begin, end) for begin, end in json.loads(told)]

    def longest_ms(self) -> float:
        return max((stall.end_ns - stall.begin_ns for stall in self.stalls), default=0) / 1e6

    def touches(self, begin_ns: int, end_ns: int) -> bool:
        """Whether any of them was late in this span."""
        return any(stall.begin_ns < end_ns and begin_ns < stall.end_ns for stall in self.stalls)


class StallWatch(Sleepers):
    """Watches all CPUs that we may use."""

    def __init__(self) -> None:
        urgent = os.sched_get_priority_max(os.SCHED_FIFO)
        super().__init__(sorted(os.sched_getaffinity(0)), os.SCHED_FIFO, urgent, PERIOD_NS, LATE_NS)


class BareTimer(Sleepers):
    """What this machine can do at best for a daemon with an interval: a process with the scheduling of alived's engine
    that has nothing to do but be there. A gap of its own above the limit is a stall."""

    def __init__(self, interval_ns: int, limit_ns: int) -> None:
        self._interval_ns = interval_ns
        super().__init__([-1], os.SCHED_RR, ENGINE_PRIORITY, interval_ns, limit_ns - interval_ns)

    def gap_max_ms(self) -> float:
        """Longest time between two moments at which it ran; the interval if it was never late beyond the limit."""
        return self.longest_ms() + self._interval_ns / 1e6
