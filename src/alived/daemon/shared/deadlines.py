"""The deadlines of many cores behind one timer of the loop.

A core only *has* a deadline. One that moves later (an advert was heard) costs nothing here: the entry is looked at
when its old time comes. Only one that moves earlier is told with `changed()`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from alived.adapters.loop import Loop, Timer, now_ns
from alived.base import NS_PER_MS, DeadlineReached, Effect

REACHED = DeadlineReached()
NEVER_NS = 1 << 63
SLACK_MAX_NS = NS_PER_MS
REHEARSAL_NS = 2 * NS_PER_MS
"""A rehearsal takes half a millisecond with cold caches."""


class Timed(Protocol):
    """What a core looks like from here."""

    @property
    def deadline_ns(self) -> int | None: ...

    def step(self, event: Any, now_ns: int) -> Sequence[Effect]: ...


Apply = Callable[[Sequence[Any], int], None]
Begin = Callable[[Sequence[Any]], Sequence[Any]]


def _begin_nothing(effects: Sequence[Any]) -> Sequence[Any]:
    return effects


class Entry:
    """A core, and who carries out its effects: `begin` does what must not wait for the effects of other cores and
    returns the rest, which `apply` does."""

    __slots__ = ("apply", "armed_ns", "begin", "core", "rehearse", "rehearsed_ns", "slack_ns")

    def __init__(
        self, core: Timed, apply: Apply, begin: Begin = _begin_nothing, rehearse: Callable[[], None] | None = None
    ) -> None:
        self.core, self.apply, self.begin = core, apply, begin
        self.rehearse = rehearse
        """Goes through the motions of what the deadline brings, without doing it: called once, REHEARSAL_NS before an
        exact deadline that nothing has moved, so that the real thing finds its code and data in the CPU's caches."""
        self.rehearsed_ns = 0
        """The deadline that was last rehearsed."""
        self.slack_ns = 0
        """So much before its deadline the core may be stepped, if others are due: adverts that are due in the same
        millisecond leave together. 0 where the deadline means something (Master_Down_Interval)."""
        self.armed_ns = NEVER_NS
        """When this entry is looked at next; its deadline is never before that."""


class Deadlines:
    """Steps each core with `DeadlineReached` when its deadline has come.

    All cores that are due are stepped first and their effects carried out after that, adverts before everything
    else: those of a thousand instances leave together, before the first address is bound or the first line logged.
    """

    def __init__(self, loop: Loop, after: Callable[[], None]) -> None:
        """after: called when all cores have begun, and again when all effects of a moment have been carried out (sends
        what was queued)."""
        self._loop, self._after = loop, after
        self._heap: list[tuple[int, int, Entry]] = []
        self._count = itertools.count()
        self._timer: Timer | None = None
        self._running = False

    def changed(self, entry: Entry) -> None:
        """The core was stepped by somebody: look whether its deadline is earlier now."""
        due = entry.core.deadline_ns
        if due is not None and due < entry.armed_ns:
            entry.armed_ns = due
            heapq.heappush(self._heap, (due, next(self._count), entry))
            if not self._running:
                self._arm()

    def look(self) -> None:
        """Somebody is awake anyway: what is next may have moved later, then nobody has to wake for it in vain."""
        heap = self._heap
        while heap:
            when, number, entry = heap[0]
            due = entry.core.deadline_ns
            if entry.armed_ns != when or due is None or due <= when:
                break
            heapq.heapreplace(heap, (due, number, entry))
            entry.armed_ns = due
        self._arm()

    def forget(self, entry: Entry) -> None:
        """The core is gone."""
        entry.armed_ns = NEVER_NS

    def _arm(self) -> None:
        due = None
        if self._heap:
            due, _, entry = self._heap[0]
            if entry.rehearse and not entry.slack_ns and entry.rehearsed_ns != due:
                due -= REHEARSAL_NS
        timer = self._timer
        if timer is not None:
            if timer.deadline_ns == due:
                return
            timer.cancel()
        self._timer = self._loop.call_at(due, self._run) if due is not None else None

    def _run(self) -> None:
        self._timer = None
        self._running = True
        now = now_ns()
        self._look_ahead(now)
        pending = [(entry, rest) for entry, effects in self._step_due(now) if (rest := entry.begin(effects))]
        self._after()
        for entry, effects in pending:
            entry.apply(effects, now)
        self._after()
        self._running = False
        self._arm()

    def _look_ahead(self, now: int) -> None:
        """Rehearses if the next thing to come is an exact deadline that is due within REHEARSAL_NS."""
        heap = self._heap
        while heap and heap[0][0] - REHEARSAL_NS <= now < heap[0][0]:
            when, number, entry = heap[0]
            if entry.rehearse is None or entry.slack_ns or entry.rehearsed_ns == when:
                return
            due = entry.core.deadline_ns
            if entry.armed_ns != when or due is None:
                heapq.heappop(heap)
                if entry.armed_ns == when:
                    entry.armed_ns = NEVER_NS
            elif due > when:
                heapq.heapreplace(heap, (due, number, entry))
                entry.armed_ns = due
            else:
                entry.rehearsed_ns = when
                entry.rehearse()
                self._loop.stay_awake(when)
                return

    def _step_due(self, now: int) -> list[tuple[Entry, Sequence[Effect]]]:
        heap, pending, exact = self._heap, [], []
        limit = now + SLACK_MAX_NS
        while heap and heap[0][0] <= limit:
            when, number, entry = heap[0]
            if entry.armed_ns != when:  # superseded by an earlier one, or forgotten
                heapq.heappop(heap)
                continue
            core = entry.core
            due = core.deadline_ns
            if due is not None and due <= now + entry.slack_ns:
                # A core knows no slack: what is a little early happens, for it, at its deadline.
                effects = core.step(REACHED, due if due > now else now)
                if effects:
                    pending.append((entry, effects))
                reached, due = due, core.deadline_ns
                assert due is None or due > reached, f"{core} does not move its deadline"
            elif due is not None and due <= limit:
                heapq.heappop(heap)
                entry.armed_ns = due
                exact.append((due, number, entry))
                continue
            if due is None:
                heapq.heappop(heap)
                entry.armed_ns = NEVER_NS
            else:
                heapq.heapreplace(heap, (due, number, entry))
                entry.armed_ns = due
        for item in exact:
            heapq.heappush(heap, item)
        return pending
