"""Timers that may come a moment late: all that fall into the same beat share one timer of the loop and one wake-up.

A check that wakes the process by itself costs half as much again as one of ten that begin together, and a heap of
thousands of timers is slower than a list for each beat (docs/benchmarks.md).
"""

from __future__ import annotations

import functools

from alived.adapters.loop import Callback, Loop, Timer
from alived.base import NS_PER_MS

BEAT_NS = 10 * NS_PER_MS
LEISURELY = 10
"""What takes fewer beats than these does not wait for one."""


class Beat:
    """Beats are counted from the start of the machine, so what repeats every so many of them is late by always the
    same time, and nothing by more than a tenth of its own."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._timers: dict[int, list[Timer]] = {}
        """By the moment at which they run."""

    def call_at(self, deadline_ns: int, span_ns: int, callback: Callback) -> Timer:
        """Calls at the first beat that is not before `deadline_ns`, those of one beat in the order of their asking.
        span_ns: the time that ends then."""
        if span_ns < LEISURELY * BEAT_NS:
            return self._loop.call_at(deadline_ns, callback)
        beat_ns = -(-deadline_ns // BEAT_NS) * BEAT_NS
        timers = self._timers.get(beat_ns)
        if timers is None:
            timers = self._timers[beat_ns] = []
            self._loop.call_at(beat_ns, functools.partial(self._run, beat_ns))
        timer = Timer(deadline_ns, callback)
        timers.append(timer)
        return timer

    def _run(self, beat_ns: int) -> None:
        for timer in self._timers.pop(beat_ns):
            if timer.callback is not None:
                timer.callback()
