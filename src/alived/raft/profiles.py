"""The timers of a cluster as a whole: what an operator chooses by one word instead of numbers that must fit together.

Each satisfies the inequality of `lease`, by construction: the lease is computed from the promise. A round of heartbeats
may be lost without the owner losing its lease, or the kernel's lease (100 ms in a local network) lapsing.
"""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_MS
from alived.raft.config import Profile
from alived.raft.lease import LeaseTimes


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """Counted in ticks as the consensus counts, and what a tick is."""

    tick_ns: int
    election_ticks: int
    """Silence of the leader after which others ask for votes; drawn anew from once to twice this long"""
    heartbeat_ticks: int
    retry_ticks: int
    """A round of heartbeats that a member has not answered is repeated so soon; 0: it is not, an answer takes longer"""
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
    def kernel_lease_ns(self) -> int:
        """How long the kernel lets an owner speak after a renewal; renewed only while the lease lasts at least as long
        from then on. A round of heartbeats may be lost, and its repetition take a while."""
        return self.heartbeat_ns + self.repeat_ns + (self.retry_ticks or self.heartbeat_ticks // 2) * self.tick_ns

    @property
    def lease_times(self) -> LeaseTimes:
        return LeaseTimes.of_ticks(self.election_ticks, self.tick_ns, self.silence_ns)


TIMERS = {
    # A new owner after 170 to 210 ms. Heartbeats take well under a tick, the process has real-time priority; so a lost
    # one is noticed and repeated at once, and they need not be so many that some may be lost.
    Profile.LAN: Timers(
        tick_ns=10 * NS_PER_MS,
        election_ticks=15,
        heartbeat_ticks=6,
        retry_ticks=2,
        turn_ticks=3,
        silence_ns=10 * NS_PER_MS,
    ),
    # An answer may be 100 ms old when it comes: a heartbeat of 100 ms leaves four of them for a lease of 564 ms.
    Profile.WAN: Timers(
        tick_ns=25 * NS_PER_MS,
        election_ticks=24,
        heartbeat_ticks=4,
        retry_ticks=0,
        turn_ticks=8,
        silence_ns=10 * NS_PER_MS,
    ),
    # Machines that stall for some hundred milliseconds stay what they are.
    Profile.RELAXED: Timers(
        tick_ns=50 * NS_PER_MS,
        election_ticks=20,
        heartbeat_ticks=4,
        retry_ticks=0,
        turn_ticks=2,
        silence_ns=10 * NS_PER_MS,
    ),
}
