"""How long an address outlives its last renewal (`valid_lft`), and when it is renewed (ADR 0003)."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S
from alived.vip.config import VipGroup

SHORTEST_LIFETIME_S = 3
"""A renewal each second, of which two may be missed. The kernel counts whole seconds."""
ADDRESSES_PER_SECOND = 16
RENEWALS_PER_LIFETIME = 3
EXPIRY_MARGIN_NS = NS_PER_S
"""A renewal this close to the end (or later) may have come too late for some addresses: they are sent in slices.
Never more than one renewal interval."""
EXPIRY_ECHO_NS = 2 * NS_PER_S
"""So long after a late renewal the kernel may still tell of addresses that had expired before it: it reaps expired
addresses up to 0.9 s late, and the monitor has a queue."""


def lifetime_s(count: int) -> int:
    """Seconds of `valid_lft` for a group of this many addresses: max(3, ceil(count / 16)).

    It grows with the count so that renewing (three times per lifetime) has a price per second that does not: 48
    renewals a second at most, 13 us each, are 0.06 % of a processor.
    """
    return max(SHORTEST_LIFETIME_S, -(-count // ADDRESSES_PER_SECOND))


def lifetime_of(config: VipGroup) -> int:
    """The group's lifetime in seconds, 0: forever."""
    return lifetime_s(len(config.addresses)) if config.lifetime_s is None else config.lifetime_s


class Lifetime(msgspec.Struct):
    """The clock of the addresses of one group; `valid_s` 0: they never expire and `due_ns` stays None."""

    valid_s: int
    due_ns: int | None = None
    """When to renew; None while nothing is bound."""
    _running: bool = False
    _renewed_ns: int = 0
    _late_ns: int = 0
    _echo_until_ns: int = 0

    @property
    def interval_ns(self) -> int:
        return self.valid_s * NS_PER_S // RENEWALS_PER_LIFETIME

    def start(self, now_ns: int) -> None:
        """All addresses are bound (or renewed) now."""
        self._running = True
        self._renewed_ns = now_ns
        self.due_ns = now_ns + self.interval_ns if self.valid_s else None

    def stop(self) -> None:
        self._running = False
        self.due_ns = None
        self._echo_until_ns = 0

    def renew(self, now_ns: int) -> None:
        """As `start`, but remembers if this was so late that addresses may have expired."""
        if self.may_have_expired(now_ns):
            self._late_ns = self.late_ns(now_ns)
            self._echo_until_ns = now_ns + EXPIRY_ECHO_NS
        self.start(now_ns)

    def change(self, valid_s: int, now_ns: int) -> None:
        """A reload changed the lifetime: the next renewal gives it to the addresses, at once if one of both is 0."""
        old_s, self.valid_s = self.valid_s, valid_s
        if self._running and valid_s != old_s:
            forever = not (old_s and valid_s)
            self.due_ns = now_ns if forever or self.due_ns is None else min(self.due_ns, now_ns + self.interval_ns)

    def may_have_expired(self, now_ns: int) -> bool:
        """Is the end of its lifetime a likely reason for the absence of an address?"""
        if now_ns < self._echo_until_ns:
            return True
        margin_ns = min(EXPIRY_MARGIN_NS, self.interval_ns)
        return self.due_ns is not None and now_ns >= self._renewed_ns + self.valid_s * NS_PER_S - margin_ns

    def late_ns(self, now_ns: int) -> int:
        """How late the renewal is now, or was if it is done."""
        if self.due_ns is None or now_ns < self.due_ns:
            return self._late_ns
        return now_ns - self.due_ns
