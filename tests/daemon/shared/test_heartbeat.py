"""When a child counts as hung, and how fast it comes back."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.adapters.loop import FOREVER, Loop, now_ns
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, Instance
from alived.daemon.shared.heartbeat import BUSY_LIMIT_NS, Backoff, Pulse, Watch, hang_limit_ns
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance

LIMIT = NS_PER_S


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
        ((), 2 * NS_PER_S),
        ((100,), 2 * NS_PER_S),
        ((100, 75), 1500 * NS_PER_MS),
        ((1,), NS_PER_S),
        ((4095,), 2 * NS_PER_S),
    ],
)
def test_an_engine_may_be_late_as_long_as_others_wait(intervals_cs: tuple[int, ...], limit_ns: int) -> None:
    assert hang_limit_ns("engine", config(*intervals_cs)) == limit_ns


def test_the_worker_may_take_its_time() -> None:
    assert hang_limit_ns("worker", config(1)) == 10 * NS_PER_S


def first_hung(watch: Watch, child: tuple[int, int], until: int) -> int | None:
    """Looks when it should at a child whose vitals do not change; when it counts as hung."""
    while watch.due_ns is not None and watch.due_ns < until:
        if watch.is_hung(*child, now := watch.due_ns):
            return now
    return None


def test_a_frozen_child_is_late_when_its_sleep_is_over() -> None:
    assert first_hung(Watch(LIMIT, 0), (0, 5 * LIMIT), 100 * LIMIT) == 6 * LIMIT


def test_a_child_that_hangs_awake_is_late_from_when_we_saw_it() -> None:
    assert first_hung(Watch(LIMIT, 0), (7, 0), 100 * LIMIT) == 2 * LIMIT


def test_a_child_that_woke_up_just_now_is_not_late() -> None:
    watch = Watch(LIMIT, 0)
    assert not watch.is_hung(7, 50 * LIMIT, LIMIT)
    assert not watch.is_hung(7, 0, 50 * LIMIT), "awake, the same turn as before its long sleep"


def test_an_idle_child_costs_no_looks_until_it_is_sent_something() -> None:
    watch = Watch(LIMIT, 0)
    assert not watch.is_hung(5, FOREVER, LIMIT)
    assert watch.due_ns is None
    watch.sent(5, 90 * LIMIT)
    watch.sent(5, 90 * LIMIT + 5)
    assert first_hung(watch, (5, FOREVER), 100 * LIMIT) == 91 * LIMIT
    watch = Watch(LIMIT, 0)
    watch.sent(5, 90)
    assert first_hung(watch, (91, FOREVER), 100 * LIMIT) is None, "it turned after that"


def test_a_busy_child_has_longer() -> None:
    watch = Watch(LIMIT, 0)
    assert not watch.is_hung(0, 1, LIMIT, busy=True)
    assert watch.due_ns == BUSY_LIMIT_NS + 1


def test_a_parent_that_is_late_itself_blames_nobody_yet() -> None:
    """A stopped parent or a suspended machine: the vitals look old, and nobody is to blame."""
    watch = Watch(LIMIT, 0)
    assert not watch.is_hung(0, LIMIT, LIMIT)
    resumed = 1000 * LIMIT
    assert not watch.is_hung(0, LIMIT, resumed)
    assert watch.due_ns == resumed + LIMIT
    assert watch.is_hung(0, LIMIT, resumed + LIMIT), "a whole limit later it is"


@given(st.lists(st.tuples(st.integers(1, 3 * LIMIT), st.integers(0, LIMIT // 2)), min_size=1, max_size=30))
def test_a_child_that_turns_in_time_is_never_hung(sleeps: list[tuple[int, int]]) -> None:
    """Each item: a sleep as announced, and how late the child turns after it."""
    watch = Watch(LIMIT, 0)
    turned = 0
    for sleep, late in sleeps:
        until = turned + sleep
        while watch.due_ns is not None and watch.due_ns < until + late:
            assert not watch.is_hung(turned, until, watch.due_ns)
        turned = until + late


def test_a_loop_shows_its_vitals_across_a_fork() -> None:
    pulse = Pulse(5)
    assert (pulse.turned_ns, pulse.sleeps_until_ns) == (5, 0)
    pid = os.fork()
    if pid == 0:
        loop = Loop()
        loop.vitals = pulse.cells
        loop.call_later(NS_PER_MS, lambda: loop.call_at(FOREVER - 1, lambda: None))
        while True:
            loop.turn()
    while pulse.sleeps_until_ns != FOREVER - 1:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    assert 5 < pulse.turned_ns <= now_ns()
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pulse.close()


def test_a_loop_without_timers_sleeps_for_ever_and_is_awake_in_its_callbacks() -> None:
    loop = Loop()
    read_fd, write_fd = os.pipe()
    seen: list[int] = []
    loop.add_reader(read_fd, lambda: seen.append(loop.vitals[1]))
    os.write(write_fd, b"x")
    loop.turn()
    assert seen == [0]
    for fd in (read_fd, write_fd):
        os.close(fd)
    loop.close()


def test_restarts_slow_down_and_a_minute_of_health_forgives() -> None:
    backoff = Backoff()
    assert [backoff.delay_ns(0) // NS_PER_S for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.delay_ns(60 * NS_PER_S) == 0
    assert backoff.delay_ns(59 * NS_PER_S) == NS_PER_S
