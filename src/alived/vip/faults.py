"""Why a group cannot be held here and until when, and how often its addresses vanished lately.

=========  ==========================================================  ============
cause      why                                                         until
=========  ==========================================================  ============
bind       the kernel refused an address                               5 s later
conflict   somebody answered for an address before we bound it         30 s later
dadfailed  IPv6 duplicate address detection found another owner        30 s later
vip        somebody removed addresses more than 3 times within 10 s    30 s later
vip        somebody removed an address (VanishPolicy.FAIL_OVER)        the release
=========  ==========================================================  ============
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from alived.base import NS_PER_MS, NS_PER_S
from alived.vip.events import OwnershipFailed, OwnershipPossible, VipEffect

BIND_BACK_OFF_NS = 5 * NS_PER_S
BACK_OFF_NS = 30 * NS_PER_S
VANISH_WINDOW_NS = 10 * NS_PER_S
VANISH_LIMIT = 3
"""More incidents than this within the window: somebody is at war with us, the group is given up."""
INCIDENT_NS = 100 * NS_PER_MS
"""Addresses lost within this time were lost once: a flush, or a primary address that took its secondary ones along."""


class Faults:
    """Causes of failed ownership, each until a moment or (None) until the addresses are released."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._until: dict[str, int | None] = {}
        self.gave_up = False
        """`OwnershipFailed` was said and the release is waited for; meanwhile nothing that vanished is restored."""

    def fail(self, cause: str, reason: str, until_ns: int | None) -> Sequence[VipEffect]:
        """Gives the group up. Said once, however many addresses are concerned."""
        if self.gave_up and cause in self._until:
            return ()
        self.gave_up = True
        self._until[cause] = until_ns
        return [OwnershipFailed(self._group, cause, reason)]

    def expired(self, now_ns: int) -> Sequence[VipEffect]:
        """Takes back the causes whose back-off is over."""
        over = [cause for cause, until_ns in self._until.items() if until_ns is not None and until_ns <= now_ns]
        effects = self._take_back(over)
        self.gave_up = self.gave_up and bool(self._until)
        return effects

    def released(self) -> Sequence[VipEffect]:
        """The addresses were let go: takes back the causes that lasted until then."""
        self.gave_up = False
        return self._take_back([cause for cause, until_ns in self._until.items() if until_ns is None])

    def _take_back(self, causes: Iterable[str]) -> Sequence[VipEffect]:
        effects = []
        for cause in causes:
            del self._until[cause]
            effects.append(OwnershipPossible(self._group, cause))
        return effects

    @property
    def deadline_ns(self) -> int | None:
        if not self._until:
            return None
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
