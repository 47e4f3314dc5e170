"""The timers fit together."""

from __future__ import annotations

import itertools

import pytest

from alived.base import NS_PER_MS
from alived.raft.config import Profile
from alived.raft.lease import Lease
from alived.raft.profiles import KERNEL_LEASES, TIMERS
from alived.raft.state import Settings


@pytest.mark.parametrize("profile", list(Profile))
def test_a_lease_is_possible_and_outlives_a_lost_round(profile: Profile) -> None:
    timers = TIMERS[profile]
    Settings(
        id=1,
        election_ticks=timers.election_ticks,
        heartbeat_ticks=timers.heartbeat_ticks,
        heartbeat_retry_ticks=timers.retry_ticks,
    )
    Lease(timers.lease_times)
    assert timers.lease_times.longest_ns > timers.heartbeat_ns + timers.repeat_ns + timers.tick_ns
    assert timers.lease_times.longest_ns + timers.silence_ns < timers.election_ns


@pytest.mark.parametrize("profile", list(Profile))
def test_the_kernel_has_a_lease_for_whatever_is_left_of_ours(profile: Profile) -> None:
    timers = TIMERS[profile]
    leases_ns, longest_ns = timers.kernel_leases_ns, timers.lease_times.longest_ns
    (step_ns,) = {after - before for before, after in itertools.pairwise((0, *leases_ns))}
    assert step_ns % NS_PER_MS == 0
    assert longest_ns - step_ns < leases_ns[-1] <= longest_ns
    assert len(leases_ns) <= KERNEL_LEASES


def test_what_the_profiles_promise() -> None:
    assert TIMERS[Profile.LAN].election_ns == 195 * NS_PER_MS
    assert TIMERS[Profile.RELAXED].election_ns == 1000 * NS_PER_MS
    assert TIMERS[Profile.LAN].kernel_leases_ns[-1] == 168 * NS_PER_MS
    # Between sites an answer that takes 100 ms leaves a lease.
    assert TIMERS[Profile.WAN].lease_times.longest_ns - 100 * NS_PER_MS > 2 * TIMERS[Profile.WAN].heartbeat_ns
