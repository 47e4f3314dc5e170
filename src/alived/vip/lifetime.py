"""How long an address outlives its last renewal (`valid_lft`), and when it is renewed (ADR 0003)."""

from __future__ import annotations

from alived.base import NS_PER_S, Family
from alived.vip.config import VipGroup

SHORTEST_LIFETIME_S = 3
"""A renewal each second, of which one may be missed. The kernel counts whole seconds."""
IPV4_PER_SECOND = 16
IPV6_SQUARED_PER_SECOND = 800
RENEWALS_PER_LIFETIME = 3
EXPIRY_MARGIN_NS = NS_PER_S
"""A renewal this close to the end (or later) may have come too late for some addresses: they are sent in slices.
Never more than one renewal interval."""
EXPIRY_ECHO_NS = 2 * NS_PER_S
"""So long after a late renewal the kernel may still tell of addresses that had expired before it: it removes expired
addresses up to 0.9 s late, and the monitor has a queue."""


def lifetime_s(count: int, ipv6: int = 0) -> int:
    """Seconds of `valid_lft` for this many addresses, `ipv6` of which are IPv6.

    max(3, ceil(count / 16), ceil(ipv6^2 / 800)): it grows so that renewing three times per lifetime takes 0.05 to
    0.15 % of a processor at any count. An IPv4 address is renewed in 5 to 10 us up to 1000 of them and in 20 us
    at 5000; for each IPv6 address the kernel walks through all of them (0.4 us each).
    """
    return max(SHORTEST_LIFETIME_S, -(-count // IPV4_PER_SECOND), -(-ipv6 * ipv6 // IPV6_SQUARED_PER_SECOND))


def lifetime_of(*groups: VipGroup) -> int:
    """The lifetime that suits all addresses of these groups together: a thousand groups of one address are renewed as
    seldom as one group of a thousand."""
    addresses = [va for group in groups for va in group.addresses]
    return lifetime_s(len(addresses), sum(va.family is Family.IPV6 for va in addresses))


class Lifetime:
    """The clock of the addresses of one group; valid_s 0: they never expire and `due_ns` stays None."""

    def __init__(self, config: VipGroup) -> None:
        self.valid_s = self._valid_s(config)
        self.due_ns: int | None = None
        """When to renew; None while nothing is bound."""
        self._running = False
        self._too_late_ns: int | None = None
        self._late_ns = 0
        self._echo_until_ns = 0

    @staticmethod
    def _valid_s(config: VipGroup) -> int:
        return lifetime_of(config) if config.lifetime_s is None else config.lifetime_s

    @property
    def _interval_ns(self) -> int:
        return self.valid_s * NS_PER_S // RENEWALS_PER_LIFETIME

    def start(self, now_ns: int) -> None:
        """All addresses are bound (or renewed) now."""
        self._running = True
        self.due_ns = self._too_late_ns = None
        if self.valid_s:
            self.due_ns = now_ns + self._interval_ns
            self._too_late_ns = now_ns + self.valid_s * NS_PER_S - min(EXPIRY_MARGIN_NS, self._interval_ns)

    def stop(self) -> None:
        self._running = False
        self.due_ns = self._too_late_ns = None
        self._echo_until_ns = 0

    def renew(self, now_ns: int) -> bool:
        """As `start`. False: this is so late that addresses may have expired."""
        too_late = self._is_too_late(now_ns)
        if too_late:
            self._late_ns = self.late_ns(now_ns)
            self._echo_until_ns = now_ns + EXPIRY_ECHO_NS
        self.start(now_ns)
        return not too_late

    def change(self, config: VipGroup, now_ns: int) -> None:
        """A reload: the next renewal gives addresses the new lifetime, at once if the old or the new one is forever."""
        old_s, self.valid_s = self.valid_s, self._valid_s(config)
        if self._running and self.valid_s != old_s:
            forever = not (old_s and self.valid_s)
            self.due_ns = now_ns if self.due_ns is None or forever else min(self.due_ns, now_ns + self._interval_ns)

    def may_have_expired(self, now_ns: int) -> bool:
        """Is the end of its lifetime a likely reason for the absence of an address?"""
        return now_ns < self._echo_until_ns or self._is_too_late(now_ns)

    def _is_too_late(self, now_ns: int) -> bool:
        """Would a renewal now be too late for some of the addresses?"""
        return self._too_late_ns is not None and now_ns >= self._too_late_ns

    def late_ns(self, now_ns: int) -> int:
        """How late the renewal is now or, if it is done, was."""
        return self._late_ns if self.due_ns is None or now_ns < self.due_ns else now_ns - self.due_ns
