"""The event loop of every process: epoll, one timerfd, a heap of timers, and work in slices.

Our own 200 lines rather than asyncio because the advert path pays for each wake-up (2.6 us here, 5.3 us there) and
because asyncio's timers have a grain of 1 ms, which is a tenth of the shortest advert interval (ADR 0002).

The order in one turn matters: sockets are drained *before* timers are judged, so that an advert that waits in a
buffer is heard before its silence is acted upon; work (slices of long jobs) comes last, one slice a turn.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import heapq
import itertools
import os
import select
import signal
import struct
import time
import types
from collections.abc import Callable

CLOCK_BOOTTIME = 7
TFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
TFD_TIMER_ABSTIME = 1
FOREVER = 1 << 62
"""ns; 146 years of uptime"""
_libc = ctypes.CDLL(None, use_errno=True)
_ITIMERSPEC = struct.Struct("4q")
Callback = Callable[[], None]


def now_ns() -> int:
    """Nanoseconds of CLOCK_BOOTTIME: never set by anybody, and goes on while the machine is suspended."""
    return time.clock_gettime_ns(CLOCK_BOOTTIME)


class Timer:
    """A call at `deadline_ns`; `cancel()` forgets it."""

    __slots__ = ("callback", "deadline_ns")

    def __init__(self, deadline_ns: int, callback: Callback) -> None:
        self.deadline_ns = deadline_ns
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Readers, writers, timers, signals and sliced work of one thread."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._timerfd = _libc.timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK_CLOEXEC)
        if self._timerfd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._armed_ns = 0
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = itertools.count()
        self._readers: dict[int, Callback] = {self._timerfd: self._timer_expired}
        self._writers: dict[int, Callback] = {}
        self._fresh: set[int] = set()
        """Files that came in this turn: what it still has to say about such a number is of a file that was closed."""
        self._soon: collections.deque[Callback] = collections.deque()
        self._work: collections.deque[Callback] = collections.deque()
        self._signals: dict[int, Callback] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._readers[self._wake_read] = self._dispatch_signals
        self._pending_signals: list[int] = []
        self._running = False
        self.lateness_max_ns = 0
        """Latest that a timer ran since somebody set this to 0."""
        self.turn_gap_ns = 0
        """Least time between the beginnings of two turns that wait. With hundreds of packets or timers in a
        millisecond, a short sleep lets a batch come together: a wake-up costs ten times what a packet in a batch does.
        A loop that turns less often never sleeps."""
        self._turned_ns = 0
        self._awake_until_ns = 0
        self.vitals = memoryview(bytearray(16)).cast("q")
        """What somebody who watches this loop from another process needs to see, if it is put into shared memory:
        [0] when the last turn looked at its timers, [1] until when it sleeps: FOREVER without a timer, 0 if awake."""
        self._epoll.register(self._timerfd, select.EPOLLIN | select.EPOLLET)  # an expiration need not be read
        self._epoll.register(self._wake_read, select.EPOLLIN)

    def close(self) -> None:
        for signum in self._signals:
            with contextlib.suppress(ValueError):
                signal.signal(signum, signal.SIG_DFL)
        if self._signals:
            signal.set_wakeup_fd(-1)
        self._epoll.close()
        for fd in (self._timerfd, self._wake_read, self._wake_write):
            os.close(fd)

    # -- what calls back --

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Calls back while fd is readable (level-triggered); the callback should drain it."""
        self.watch(fd, callback, self._writers.get(fd))

    def remove_reader(self, fd: int) -> None:
        self.watch(fd, None, self._writers.get(fd))

    def add_writer(self, fd: int, callback: Callback) -> None:
        self.watch(fd, self._readers.get(fd), callback)

    def remove_writer(self, fd: int) -> None:
        self.watch(fd, self._readers.get(fd), None)

    def watch(self, fd: int, reader: Callback | None, writer: Callback | None) -> None:
        """Calls back while fd is readable, and while it can be written to; None: not for that. Both None forgets it,
        which has to be done before it is closed."""
        before, mask = self._mask(fd), 0
        if reader is not None:
            mask = select.EPOLLIN
            self._readers[fd] = reader
        else:
            self._readers.pop(fd, None)
        if writer is not None:
            mask |= select.EPOLLOUT
            self._writers[fd] = writer
        else:
            self._writers.pop(fd, None)
        if mask == before:
            return
        if not before:
            self._epoll.register(fd, mask)
            self._fresh.add(fd)
        elif mask:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.unregister(fd)

    def _mask(self, fd: int) -> int:
        return (select.EPOLLIN if fd in self._readers else 0) | (select.EPOLLOUT if fd in self._writers else 0)

    def call_at(self, deadline_ns: int, callback: Callback) -> Timer:
        timer = Timer(deadline_ns, callback)
        heapq.heappush(self._heap, (deadline_ns, next(self._count), timer))
        return timer

    def call_later(self, delay_ns: int, callback: Callback) -> Timer:
        return self.call_at(now_ns() + delay_ns, callback)

    def call_soon(self, callback: Callback) -> None:
        """Calls back in this turn or the next, before anything is waited for."""
        self._soon.append(callback)

    def add_work(self, slice_of_work: Callback) -> None:
        """Queues a slice of a long job; one slice runs a turn, after sockets and timers have had theirs."""
        self._work.append(slice_of_work)

    def on_signal(self, signum: int, callback: Callback, at_once: Callback | None = None) -> None:
        """Calls back, in the loop and not in a signal handler, after this signal came.

        at_once is called in the handler, 0.05 ms before: between two bytecodes of whatever runs, so it must not touch
        what others are in the middle of.
        """
        # A Python signal handler does not end epoll_wait; the byte that it writes to the pipe does.
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._signals[signum] = callback

        def came(number: int, _frame: types.FrameType | None) -> None:
            if at_once is not None:
                at_once()
            self._pending_signals.append(number)

        signal.signal(signum, came)

    # -- the turn --

    def run(self) -> None:
        """Turns until `stop()`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        self._running = False

    def turn(self) -> None:
        """One turn: wait, read and write what is ready, run the timers that are due, do one slice of work."""
        timeout_s = self._timeout_s()
        if timeout_s and self.turn_gap_ns:
            self._keep_gap()
        ready = self._epoll.poll(timeout_s)
        self.vitals[1] = 0
        fresh = self._fresh
        fresh.clear()
        for fd, mask in ready:
            if mask & ~select.EPOLLOUT and fd not in fresh and (callback := self._readers.get(fd)):
                callback()
            if (
                mask & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP)
                and fd not in fresh
                and (callback := self._writers.get(fd))
            ):
                callback()
        self._run_timers()
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        if self._work:
            self._work.popleft()()

    def _keep_gap(self) -> None:
        now = now_ns()
        early_ns = self._turned_ns + self.turn_gap_ns - now
        if early_ns > 0:
            time.sleep(early_ns / 1e9)
            now += early_ns
        self._turned_ns = now

    def stay_awake(self, until_ns: int) -> None:
        """Until then the loop turns without a wait: what comes next is heard of without the time of a wake-up, which
        is 0.1 ms. For a millisecond or two, when every tenth of one counts."""
        self._awake_until_ns = until_ns

    def _timeout_s(self) -> float:
        """0 if there is something to do at once, else -1 with the timerfd armed for the next timer."""
        if self._soon or self._work:
            return 0
        if self._awake_until_ns:
            if now_ns() < self._awake_until_ns:
                return 0
            self._awake_until_ns = 0
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
        due = max(heap[0][0], 1) if heap else 0
        if due != self._armed_ns:
            self._armed_ns = due
            spec = _ITIMERSPEC.pack(0, 0, *divmod(due, 1_000_000_000)) if heap else bytes(32)
            _libc.timerfd_settime(self._timerfd, TFD_TIMER_ABSTIME, spec, None)
        self.vitals[1] = due or FOREVER
        return -1

    def _run_timers(self) -> None:
        heap = self._heap
        self.vitals[0] = now = now_ns()
        while heap and heap[0][0] <= now:
            deadline, _, timer = heapq.heappop(heap)
            if timer.callback is not None:
                if now - deadline > self.lateness_max_ns:
                    self.lateness_max_ns = now - deadline
                timer.callback()

    def _timer_expired(self) -> None:
        self._armed_ns = 0

    def _dispatch_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 512)
        pending, self._pending_signals = self._pending_signals, []
        for signum in pending:
            self._signals[signum]()
