"""The timers of a cluster as a whole: what an operator chooses by one word instead of numbers that must fit together.

Each satisfies the inequality of `lease`, by construction: the lease is computed from the promise, the kernel's leases
from the lease. A round of heartbeats may be lost without the owner losing its lease.
"""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_MS
from alived.raft.config import Profile
from alived.raft.lease import LeaseTimes

KERNEL_LEASES = 15
"""Of so many lengths at most: a renewal passes a rule for each of them."""


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """Counted in ticks as the consensus counts, and what a tick is."""

    tick_ns: int
    election_ticks: int
    """Silence of the leader after which others ask for votes; a candidate that fails draws anew, from once to
    twice this long"""
    heartbeat_ticks: int
    retry_ticks: int
    """A round of heartbeats that a member has not answered is repeated so soon; 0: it is not, an answer takes longer"""
    margin_ticks: int
    """What voters promised a leader may end so much later than the patience of who campaigns first: a heartbeat does
    not reach all at the same moment"""
    turn_ticks: int
    """When a leader falls silent, members campaign one after the other, the best first: as far apart as an election
    takes, so that votes are not split"""
    silence_ns: int
    """From the end of a lease to silence on the wire: two jiffies at HZ=250, one at HZ=100"""

    @property
    def election_ns(self) -> int:
        return self.election_ticks * self.tick_ns

    @property
    def heartbeat_ns(self) -> int:
        return self.heartbeat_ticks * self.tick_ns

    @property
    def repeat_ns(self) -> int:
        """From a round of heartbeats that is lost to the next."""
        return (self.retry_ticks or self.heartbeat_ticks) * self.tick_ns

    @property
    def kernel_leases_ns(self) -> tuple[int, ...]:
        """How long the kernel may let an owner speak after a renewal, from short to long: as long as the lease lasts,
        to a step. Whole milliseconds."""
        longest_ms = self.lease_times.longest_ns // NS_PER_MS
        step_ms = -(-longest_ms // KERNEL_LEASES)
        return tuple(length_ms * NS_PER_MS for length_ms in range(step_ms, longest_ms + 1, step_ms))

    @property
    def lease_times(self) -> LeaseTimes:
        return LeaseTimes.of_ticks(self.election_ticks, self.tick_ns, self.silence_ns)


TIMERS = {
    # A new owner after 140 to 250 ms. Heartbeats take well under a tick, the process has real-time priority; so a lost
    # one is noticed and repeated at once, and they need not be so many that some may be lost: their rounds are what an
    # idle cluster costs.
    Profile.LAN: Timers(
        tick_ns=5 * NS_PER_MS,
        election_ticks=39,
        heartbeat_ticks=24,
        retry_ticks=4,
        margin_ticks=3,
        turn_ticks=6,
        silence_ns=10 * NS_PER_MS,
    ),
    # An answer may be 100 ms old when it comes: a heartbeat of 100 ms leaves four of them for a lease of 564 ms.
    Profile.WAN: Timers(
        tick_ns=25 * NS_PER_MS,
        election_ticks=24,
        heartbeat_ticks=4,
        retry_ticks=0,
        margin_ticks=2,
        turn_ticks=8,
        silence_ns=10 * NS_PER_MS,
    ),
    # Machines that stall for some hundred milliseconds stay what they are.
    Profile.RELAXED: Timers(
        tick_ns=50 * NS_PER_MS,
        election_ticks=20,
        heartbeat_ticks=4,
        retry_ticks=0,
        margin_ticks=2,
        turn_ticks=2,
        silence_ns=10 * NS_PER_MS,
    ),
}
