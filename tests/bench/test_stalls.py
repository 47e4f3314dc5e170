"""The watchers that tell a stall of the machine from one of a daemon."""

from __future__ import annotations

import os

import pytest

from bench.stalls import Stall, StallWatch


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
