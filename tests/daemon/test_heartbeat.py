"""When a child counts as hung, and how fast it comes back."""

from __future__ import annotations

import os

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, Instance
from alived.daemon.heartbeat import (
    BEATS_IN_LIMIT,
    BUSY_LIMIT_NS,
    Backoff,
    Pulse,
    Watch,
    beat_interval_ns,
    hang_limit_ns,
)
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance

LIMIT = NS_PER_S
STEP = LIMIT // BEATS_IN_LIMIT


def config(*intervals_cs: int) -> Config:
    return Config(
        instances=tuple(
            Instance(
                vrrp=VrrpInstance(name=str(n), interface="x", virtual_router_id=1, advert_interval_cs=interval),
                vips=VipGroup(name=str(n)),
            )
            for n, interval in enumerate(intervals_cs)
        )
    )


@pytest.mark.parametrize(
    ("intervals_cs", "limit_ns"),
    [
        ((), 3 * NS_PER_S),
        ((100,), 3 * NS_PER_S),
        ((100, 50), 1500 * NS_PER_MS),
        ((1,), NS_PER_S),
        ((4095,), 3 * NS_PER_S),
    ],
)
def test_the_engine_may_be_silent_as_long_as_others_wait(intervals_cs: tuple[int, ...], limit_ns: int) -> None:
    assert hang_limit_ns("engine", config(*intervals_cs)) == limit_ns
    assert beat_interval_ns("engine", config(*intervals_cs)) == limit_ns // 4


def test_the_worker_may_take_its_time() -> None:
    assert hang_limit_ns("worker", config(1)) == 10 * NS_PER_S


def looks(watch: Watch, beats_until: int, until: int, start: int = 0, busy: bool = False) -> int | None:
    """Looks at the right pace; the first moment at which the child counts as hung."""
    for now in range(start, until, STEP):
        if watch.is_hung(min(now, beats_until), now, busy=busy):
            return now
    return None


def test_a_child_that_beats_is_not_hung() -> None:
    assert looks(Watch(LIMIT, 0), beats_until=100 * LIMIT, until=20 * LIMIT) is None


def test_a_child_that_stops_beating_is_hung_after_the_limit() -> None:
    hung = looks(Watch(LIMIT, 0), beats_until=5 * LIMIT, until=20 * LIMIT)
    assert hung is not None
    assert 6 * LIMIT < hung <= 6 * LIMIT + STEP


def test_a_busy_child_has_longer() -> None:
    hung = looks(Watch(LIMIT, 0), beats_until=0, until=20 * LIMIT, busy=True)
    assert hung is not None and hung > BUSY_LIMIT_NS


def test_after_a_gap_in_our_own_looks_a_child_has_its_whole_limit_again() -> None:
    """A stopped parent or a suspended machine: the beats look old, and nobody is to blame."""
    watch = Watch(LIMIT, 0)
    assert looks(watch, beats_until=LIMIT, until=LIMIT) is None
    resumed = 1000 * LIMIT
    assert not watch.is_hung(LIMIT, resumed, busy=False)
    hung = looks(watch, beats_until=LIMIT, until=resumed + 3 * LIMIT, start=resumed + STEP)
    assert hung is not None
    assert resumed + LIMIT < hung <= resumed + LIMIT + 2 * STEP


def test_a_pulse_crosses_a_fork() -> None:
    pulse = Pulse(5)
    assert pulse.last_ns == 5
    pid = os.fork()
    if pid == 0:
        pulse.beat(2**62)
        os._exit(0)
    os.waitpid(pid, 0)
    assert pulse.last_ns == 2**62
    pulse.close()


def test_restarts_slow_down_and_a_minute_of_health_forgives() -> None:
    backoff = Backoff()
    assert [backoff.delay_ns(0) // NS_PER_S for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.delay_ns(60 * NS_PER_S) == 0
    assert backoff.delay_ns(59 * NS_PER_S) == NS_PER_S
