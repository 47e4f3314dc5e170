"""Interval arithmetic of VRRP in whole nanoseconds, and an allowance for what may happen only so often.

    Skew_Time             (256 - priority) x Advertisement_Interval / 256      v3, RFC 9568 section 6.1
                          (256 - priority) / 256 s                             v2, RFC 3768 section 6.1
    Master_Down_Interval  3 x Advertisement_Interval + Skew_Time               keepalived: `down_timer_adverts` x ...

The interval is the current master's in v3 (learned from its adverts) and our own in v2. A centisecond is 10^7 ns and
10^7 / 256 = 39062.5, so every value is exact except for at most half a nanosecond, which is rounded up: Skew_Time is
never 0 (78125 ns for priority 254 and 1 cs, where an implementation that counts centiseconds gets 0 and two routers
of different priority take over at the same moment).
"""

from __future__ import annotations

from alived.base import NS_PER_CS, NS_PER_S

PRIORITY_LEVELS = 256


def skew_time_ns(version: int, priority: int, interval_cs: int) -> int:
    """Skew_Time of a router with this priority (1..255) under a master with this interval."""
    unit_ns = interval_cs * NS_PER_CS if version == 3 else NS_PER_S
    return -(-(PRIORITY_LEVELS - priority) * unit_ns // PRIORITY_LEVELS)


def master_down_interval_ns(version: int, priority: int, interval_cs: int, down_timer_adverts: int = 3) -> int:
    """How long a BACKUP waits for an advert before it takes over (RFC 9568: Active_Down_Interval)."""
    return down_timer_adverts * interval_cs * NS_PER_CS + skew_time_ns(version, priority, interval_cs)


def seconds(duration_ns: int) -> str:
    """A duration as an operator reads it: "3.609 s"."""
    return f"{duration_ns / NS_PER_S:.3f} s"


class Allowance:
    """At most `limit` times in a window of `window_ns`, counted from the first time in it.

    Bounds what others can make us do: a flood of adverts must not become a flood of answers.
    """

    __slots__ = ("_start_ns", "_used", "limit", "window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit = limit
        self.window_ns = window_ns
        self._start_ns = -window_ns
        self._used = 0

    def take(self, now_ns: int) -> bool:
        """True, and one less left in this window; or False."""
        if now_ns - self._start_ns >= self.window_ns:
            self._start_ns = now_ns
            self._used = 0
        if self._used >= self.limit:
            return False
        self._used += 1
        return True
