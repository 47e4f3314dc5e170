"""When the machine itself stood still: a process on each CPU that nothing of ours can delay looks at the clock each ms.

On a virtual machine the hypervisor may take a CPU away for longer than an advert interval, and no daemon can send then.
The watchers have the highest real-time priority there is (SCHED_FIFO 99), above alived and keepalived: when they are
late, a gap between adverts at the same moment says nothing about the daemon.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

PERIOD_NS = 1_000_000
LATE_NS = 5_000_000
"""Later than this is a stall."""
_WATCH = f"""
import json, os, signal, sys, time
os.sched_setaffinity(0, {{int(sys.argv[1])}})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
stalls, going = [], True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
due = time.time_ns() + {PERIOD_NS}
while going:
    time.sleep(max(0, due - time.time_ns()) / 1e9)
    now = time.time_ns()
    if now - due > {LATE_NS}:
        stalls.append((due, now))
    due = now + {PERIOD_NS}
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
    """A CPU did not run its most urgent process between these moments (CLOCK_REALTIME)."""

    cpu: int
    begin_ns: int
    end_ns: int


class StallWatch(contextlib.AbstractContextManager["StallWatch"]):
    """Watches all CPUs that we may use; `stalls` is there after the block."""

    def __init__(self) -> None:
        self.stalls: list[Stall] = []
        self._watchers: dict[int, subprocess.Popen[str]] = {}

    def __enter__(self) -> StallWatch:
        for cpu in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-c", _WATCH, str(cpu)]
            self._watchers[cpu] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for watcher in self._watchers.values():
            assert watcher.stdout
            if watcher.stdout.readline() != "ready\n":
                raise RuntimeError("a watcher for stalls of the machine did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in self._watchers.values():
            watcher.send_signal(signal.SIGTERM)
        for cpu, watcher in self._watchers.items():
            told, _ = watcher.communicate(timeout=10)
            self.stalls += [Stall(cpu, begin, end) for begin, end in json.loads(told)]

    def longest_ms(self) -> float:
        return max((stall.end_ns - stall.begin_ns for stall in self.stalls), default=0) / 1e6

    def touches(self, begin_ns: int, end_ns: int) -> bool:
        """Whether any CPU stood still in this span."""
        return any(stall.begin_ns < end_ns and begin_ns < stall.end_ns for stall in self.stalls)
