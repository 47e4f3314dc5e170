"""The watchers that tell a stall of the machine from one of a daemon."""

from __future__ import annotations

import os
import time

import pytest

from bench.stalls import BareTimer, Stall, StallWatch


def test_what_touches_a_stall() -> None:
    watch = StallWatch()
    watch.stalls = [Stall(0, 10, 20), Stall(1, 100, 2_000_100)]
    assert watch.touches(5, 11)
    assert watch.touches(12, 13)
    assert not watch.touches(20, 100)
    assert watch.longest_ms() == 2.0


@pytest.mark.lab
def test_every_cpu_is_watched_and_what_is_late_is_told() -> None:
    with StallWatch() as watch:
        os.sched_yield()
    cpus = os.sched_getaffinity(0)
    assert all(stall.cpu in cpus and stall.end_ns > stall.begin_ns for stall in watch.stalls)


@pytest.mark.lab
def test_a_bare_timer_tells_of_the_gaps_that_it_had() -> None:
    with BareTimer(interval_ns=1_000_000, limit_ns=1_000_000) as timer:
        time.sleep(0.05)
    assert timer.stalls, "no timer is on time to the nanosecond"
    assert timer.gap_max_ms() == 1 + max(stall.end_ns - stall.begin_ns for stall in timer.stalls) / 1e6


def test_a_bare_timer_that_was_never_late_had_its_interval() -> None:
    assert BareTimer(10_000_000, 15_000_000).gap_max_ms() == 10
