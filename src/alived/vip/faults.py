"""Why a group cannot be held here and until when, and how often its addresses vanished lately."""

from __future__ import annotations

import collections

from alived.base import NS_PER_MS, NS_PER_S

VANISH_WINDOW_NS = 10 * NS_PER_S
VANISH_LIMIT = 3
"""More incidents than this within the window: somebody is at war with us, the group is given up."""
INCIDENT_NS = 100 * NS_PER_MS
"""Addresses lost within this time were lost once: a flush, or a primary address that took its secondary ones along."""


class Faults:
    """Causes of failed ownership, each until a moment or (None) until the addresses are released."""

    def __init__(self) -> None:
        self._until: dict[str, int | None] = {}

    def __contains__(self, cause: str) -> bool:
        return cause in self._until

    def add(self, cause: str, until_ns: int | None) -> None:
        self._until[cause] = until_ns

    def take_expired(self, now_ns: int) -> list[str]:
        """Forgets and returns the causes whose back-off is over."""
        return self._take(
            [cause for cause, until_ns in self._until.items() if until_ns is not None and until_ns <= now_ns]
        )

    def take_released(self) -> list[str]:
        """Forgets and returns the causes that lasted until the release."""
        return self._take([cause for cause, until_ns in self._until.items() if until_ns is None])

    def _take(self, causes: list[str]) -> list[str]:
        for cause in causes:
            del self._until[cause]
        return causes

    @property
    def deadline_ns(self) -> int | None:
        return min((until_ns for until_ns in self._until.values() if until_ns is not None), default=None)


class VanishWindow:
    """Counts incidents: moments at which somebody took addresses of the group away."""

    def __init__(self) -> None:
        self._incidents: collections.deque[tuple[int, str]] = collections.deque()

    def lost(self, interface: str, now_ns: int) -> bool:
        """An address of the interface vanished. True: too often."""
        incidents = self._incidents
        while incidents and incidents[0][0] <= now_ns - VANISH_WINDOW_NS:
            incidents.popleft()
        if not incidents or now_ns - incidents[-1][0] >= INCIDENT_NS:
            incidents.append((now_ns, interface))
        return len(incidents) > VANISH_LIMIT

    def forget_interface(self, interface: str) -> None:
        """Its link went down: what vanished there may have vanished because of that."""
        self._incidents = collections.deque(seen for seen in self._incidents if seen[1] != interface)

    def clear(self) -> None:
        self._incidents.clear()
