"""A limit on what others can make a node do: so many at once, and one in each interval in the long run."""

from __future__ import annotations


class Ration:
    """Two numbers, whatever is asked of it."""

    __slots__ = ("_at_once", "_interval_ns", "_used_until_ns")

    def __init__(self, interval_ns: int, at_once: int) -> None:
        self._interval_ns = interval_ns
        self._at_once = at_once
        self._used_until_ns = 0
        """Further ahead of now by an interval with each one taken"""

    def take(self, now_ns: int) -> bool:
        """Whether there is one left; it is taken."""
        used_until_ns = max(self._used_until_ns, now_ns)
        if used_until_ns > now_ns + (self._at_once - 1) * self._interval_ns:
            return False
        self._used_until_ns = used_until_ns + self._interval_ns
        return True
