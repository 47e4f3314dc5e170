"""When a child hangs: it says in shared memory how long it sleeps, and owes a sign of life after that (ADR 0004).

Nothing is sent and nobody wakes up for it: the child's loop notes when it turned and until when it sleeps, as it goes
to sleep anyway, and the parent looks no earlier than the child could be late.
"""

from __future__ import annotations

import mmap

from alived.adapters.loop import FOREVER
from alived.base import NS_PER_S
from alived.config.model import Config

BUSY_LIMIT_NS = 10 * NS_PER_S
"""For a child that starts or takes a configuration: thousands of instances in one turn."""
_MIN_ENGINE_LIMIT_NS = NS_PER_S
_MAX_ENGINE_LIMIT_NS = 2 * NS_PER_S
_WORKER_LIMIT_NS = 10 * NS_PER_S


def hang_limit_ns(role: str, config: Config) -> int:
    """How late a child may be with a sign of life.

    Engine: two of the shortest advert intervals. A master owes a sign when its next advert is due, so a frozen one is
    seen three intervals after its last advert, when the other routers stop waiting as well (RFC 9568 section 6.1,
    Active_Down_Interval). At least 1 s, because a busy machine may withhold the CPU for that long; at most 2 s.
    Others: 10 s; a slow name service may hold up a worker for some seconds and nobody is hurt.
    """
    if role != "engine":
        return _WORKER_LIMIT_NS
    shortest = min((i.vrrp.advert_interval_ns for i in config.instances), default=NS_PER_S)
    return min(max(2 * shortest, _MIN_ENGINE_LIMIT_NS), _MAX_ENGINE_LIMIT_NS)


class Pulse:
    """The `vitals` of a child's loop in memory that is shared with the parent. Made before the fork."""

    def __init__(self, now_ns: int) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        # Aligned stores of eight bytes: the reader never sees half of one.
        self.cells = memoryview(self._memory)[:16].cast("q")
        self.cells[0] = now_ns

    @property
    def turned_ns(self) -> int:
        return self.cells[0]

    @property
    def sleeps_until_ns(self) -> int:
        """0: it is awake."""
        return self.cells[1]

    def close(self) -> None:
        self.cells.release()
        self._memory.close()


class Watch:
    """Decides when a child is hung. It owes a sign of life

    - when the sleep that it announced is over,
    - when it is awake, from the moment at which we first saw it in that turn,
    - when we sent it something,

    and is hung if the sign is later than the limit. A parent that is late itself, because it was stopped, starved or
    suspended with the machine, blames nobody before it has waited for the limit once more.
    """

    def __init__(self, limit_ns: int, now_ns: int) -> None:
        self.limit_ns = limit_ns
        self.due_ns: int | None = now_ns + limit_ns
        """When to look next; None: not before something is sent."""
        self._seen = (0, 0)
        self._seen_ns = now_ns
        self._sent_ns = 0
        self._excused_until_ns = 0

    def sent(self, turned_ns: int, now_ns: int) -> None:
        """The child was sent a message that must wake it."""
        if self._sent_ns <= turned_ns:  # else it owes a sign for an earlier one
            self._sent_ns = now_ns
        if self.due_ns is None:
            self.due_ns = now_ns + self.limit_ns

    def is_hung(self, turned_ns: int, sleeps_until_ns: int, now_ns: int, *, busy: bool = False) -> bool:
        """To be asked at `due_ns`, which it moves. busy: it starts, or takes a new configuration."""
        limit_ns = max(self.limit_ns, BUSY_LIMIT_NS) if busy else self.limit_ns
        if self.due_ns is not None and now_ns - self.due_ns > limit_ns // 4:
            self._excused_until_ns = now_ns + limit_ns
        if self._seen != (turned_ns, sleeps_until_ns):
            self._seen = turned_ns, sleeps_until_ns
            self._seen_ns = now_ns
        owed_ns = sleeps_until_ns or self._seen_ns
        if turned_ns < self._sent_ns:
            owed_ns = min(owed_ns, self._sent_ns)
        late_ns = max(owed_ns + limit_ns, self._excused_until_ns)
        self.due_ns = None if owed_ns >= FOREVER else max(late_ns, now_ns + limit_ns // 4)
        return now_ns >= late_ns


class Backoff:
    """How long to wait before a dead child is started again: 0 s, then 1, 2, 4 .. 30 s; 0 s again after a minute of
    health."""

    FIRST_NS = NS_PER_S
    MAX_NS = 30 * NS_PER_S
    HEALTHY_NS = 60 * NS_PER_S

    def __init__(self) -> None:
        self._next_ns = 0

    def delay_ns(self, lived_ns: int) -> int:
        """The delay after a death; lived_ns: how long the child had lived."""
        if lived_ns >= self.HEALTHY_NS:
            self._next_ns = 0
        delay = self._next_ns
        self._next_ns = min(max(2 * delay, self.FIRST_NS), self.MAX_NS)
        return delay
