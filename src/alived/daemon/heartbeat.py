"""Heartbeats without messages: a child writes the time into memory that it shares with the parent (ADR 0004).

A beat is one store of eight bytes from a timer of the child's loop, so it proves that the loop turns. The parent looks
as often as the child beats. Nothing is sent, so nothing can pile up in front of a parent that was stopped, and a beat
never wakes the parent.
"""

from __future__ import annotations

import mmap

from alived.base import NS_PER_S
from alived.config.model import Config

BEATS_IN_LIMIT = 4
"""A child beats this often within the time after which it counts as hung."""
BUSY_LIMIT_NS = 10 * NS_PER_S
"""Silence that is allowed to a child that starts or takes a configuration: thousands of instances in one turn."""
_MIN_ENGINE_LIMIT_NS = NS_PER_S
_MAX_ENGINE_LIMIT_NS = 3 * NS_PER_S
_WORKER_LIMIT_NS = 10 * NS_PER_S


def hang_limit_ns(role: str, config: Config) -> int:
    """Silence after which a child counts as hung.

    Engine: three of the shortest advert intervals, when the other routers stop waiting for it as well (RFC 9568
    section 6.1, Active_Down_Interval), but at least 1 s, because a busy machine may withhold the CPU for that long,
    and at most 3 s. Others: 10 s; a stuck name service may hold up a worker for some seconds and nobody is hurt.
    """
    if role != "engine":
        return _WORKER_LIMIT_NS
    shortest = min((i.vrrp.advert_interval_ns for i in config.instances), default=NS_PER_S)
    return min(max(3 * shortest, _MIN_ENGINE_LIMIT_NS), _MAX_ENGINE_LIMIT_NS)


def beat_interval_ns(role: str, config: Config) -> int:
    return hang_limit_ns(role, config) // BEATS_IN_LIMIT


class Pulse:
    """Eight shared bytes: the time of the child's last beat (CLOCK_BOOTTIME, ns). Made before the fork."""

    def __init__(self, now_ns: int) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._cell = memoryview(self._memory).cast("q")
        self._cell[0] = now_ns

    def beat(self, now_ns: int) -> None:
        self._cell[0] = now_ns  # one aligned store: the reader never sees half of it

    @property
    def last_ns(self) -> int:
        return self._cell[0]

    def close(self) -> None:
        self._cell.release()
        self._memory.close()


class Watch:
    """Decides when a child is hung, from its beats and from when we looked.

    A parent that was itself stopped, starved or suspended with the machine must not blame its children: after a gap
    in its own looks they get their whole limit again.
    """

    def __init__(self, limit_ns: int, now_ns: int) -> None:
        self.limit_ns = limit_ns
        self._looked_ns = now_ns
        self._excused_until_ns = now_ns + limit_ns

    def is_hung(self, last_beat_ns: int, now_ns: int, *, busy: bool) -> bool:
        """To be asked every `limit_ns / BEATS_IN_LIMIT`. busy: it starts, or takes a new configuration."""
        limit_ns = max(self.limit_ns, BUSY_LIMIT_NS) if busy else self.limit_ns
        if now_ns - self._looked_ns > 2 * self.limit_ns // BEATS_IN_LIMIT:
            self._excused_until_ns = now_ns + self.limit_ns
        self._looked_ns = now_ns
        return now_ns - last_beat_ns > limit_ns and now_ns > self._excused_until_ns


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
