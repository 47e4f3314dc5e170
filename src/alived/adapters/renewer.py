"""Renews address lifetimes in a thread of its own, so that waiting for the kernel's rtnl lock delays no advert.

Whoever changes a link or an address anywhere on the machine holds that lock, now and then for 100 ms (a container
host that removes namespaces); a renewal each second would meet it sooner or later, and it can wait, but an advert
cannot. Only renewals are done here. What must not happen is that one is carried out *after* its address was removed:
`forget()` waits for the one under way and drops those that have not begun.
"""

from __future__ import annotations

import collections
import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence

from alived.adapters.netlink import Requests

Job = tuple[str, int, Sequence[bytes]]
"""(group, how often it had been forgotten, requests for its addresses)"""
BATCH = 64
STEP_ASIDE_S = 0.0001


class Renewer:
    """A queue of renewals and the thread that works through it. It dies with the process, whatever it waits for."""

    def __init__(self) -> None:
        self._jobs: collections.deque[Job] = collections.deque()
        self._forgotten: collections.Counter[str] = collections.Counter()
        self._wake = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._requests = Requests()
        self._started = False
        self._wanted = False
        """Whether the engine waits for the lock."""

    def renew(self, group: str, messages: Sequence[bytes]) -> None:
        """Queues RTM_NEWADDR requests. A refusal is not reported: the monitor sees the loss of an address."""
        if not self._started:
            self._started = True
            scheduling = os.sched_getscheduler(0), os.sched_getparam(0)
            threading.Thread(target=self._run, args=scheduling, name="alived: renewer", daemon=True).start()
        for start in range(0, len(messages), BATCH):
            self._jobs.append((group, self._forgotten[group], messages[start : start + BATCH]))
            self._wake.release()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """No renewal runs meanwhile: neither before a removal is through nor in the middle of a batch."""
        self._wanted = True
        with self._lock:
            self._wanted = False
            yield

    def forget(self, group: str) -> None:
        """No renewal of this group runs from now on, and none is under way when this returns."""
        with self.exclusive():
            self._forgotten[group] += 1

    def _run(self, policy: int, parameters: os.sched_param) -> None:
        # Real-time scheduling is not inherited. Without it a busy machine would stop this thread in the middle of a
        # batch, with the lock that the engine wants.
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, policy, parameters)
        while True:
            self._wake.acquire()
            while self._wanted:
                # A lock is not fair: who gives it back and wants it again is first, and the engine would wait for all.
                time.sleep(STEP_ASIDE_S)
            with self._lock:
                group, forgotten, messages = self._jobs.popleft()
                if forgotten == self._forgotten[group]:
                    with contextlib.suppress(OSError):  # no buffers: the next renewal comes within the lifetime
                        self._requests.transact(messages)
