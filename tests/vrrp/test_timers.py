"""T: the intervals of RFC 9568 section 6.1 (v3) and RFC 3768 section 6.1 (v2), exact to the nanosecond."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, NS_PER_S
from alived.vrrp.timers import Allowance, master_down_interval_ns, seconds, skew_time_ns

V3 = [  # priority, interval cs, Skew_Time ms, Master_Down_Interval ms
    (100, 100, "609.375", "3609.375"),
    (200, 100, "218.750", "3218.750"),
    (254, 100, "7.8125", "3007.8125"),
    (1, 100, "996.09375", "3996.09375"),
    (100, 50, "304.6875", "1804.6875"),
    (200, 50, "109.375", "1609.375"),
    (100, 10, "60.9375", "360.9375"),
    (100, 1, "6.09375", "36.09375"),
    (254, 1, "0.078125", "30.078125"),
    (100, 4095, "24953.90625", "147803.90625"),
]
V2 = [  # priority, Skew_Time ms, Master_Down_Interval ms; interval 1 s
    (1, "996.09375", "3996.09375"),
    (50, "804.6875", "3804.6875"),
    (100, "609.375", "3609.375"),
    (150, "414.0625", "3414.0625"),
    (200, "218.75", "3218.75"),
    (254, "7.8125", "3007.8125"),
]


@pytest.mark.parametrize(("priority", "interval_cs", "skew_ms", "down_ms"), V3)
def test_t1_v3_skew_time_and_master_down_interval(priority: int, interval_cs: int, skew_ms: str, down_ms: str) -> None:
    """Section 6.1: Skew_Time = (((256 - priority) * Active_Adver_Interval) / 256)."""
    assert Fraction(skew_time_ns(3, priority, interval_cs), NS_PER_MS) == Fraction(skew_ms)
    assert Fraction(master_down_interval_ns(3, priority, interval_cs), NS_PER_MS) == Fraction(down_ms)


@pytest.mark.parametrize(("priority", "skew_ms", "down_ms"), V2)
def test_t2_v2_skew_time_and_master_down_interval(priority: int, skew_ms: str, down_ms: str) -> None:
    """RFC 3768 section 6.1: Skew_Time = ((256 - Priority) / 256) s."""
    assert Fraction(skew_time_ns(2, priority, 100), NS_PER_MS) == Fraction(skew_ms)
    assert Fraction(master_down_interval_ns(2, priority, 100), NS_PER_MS) == Fraction(down_ms)


def test_t2_v2_skew_time_does_not_depend_on_the_interval() -> None:
    assert skew_time_ns(2, 100, 25500) == skew_time_ns(2, 100, 100)
    assert master_down_interval_ns(2, 100, 25500) == 3 * 255 * NS_PER_S + skew_time_ns(2, 100, 100)


def test_t3_down_timer_adverts_replaces_the_three() -> None:
    assert master_down_interval_ns(3, 100, 100, 5) == 5 * NS_PER_S + skew_time_ns(3, 100, 100)


@given(priority=st.integers(1, 255), interval_cs=st.integers(1, 4095))
def test_t4_skew_time_is_never_zero_and_off_by_less_than_a_nanosecond(priority: int, interval_cs: int) -> None:
    exact = Fraction((256 - priority) * interval_cs * 10_000_000, 256)
    assert skew_time_ns(3, priority, interval_cs) > 0
    assert 0 <= skew_time_ns(3, priority, interval_cs) - exact < 1


@given(interval_cs=st.integers(1, 4095), version=st.sampled_from([2, 3]))
def test_t4_each_priority_has_its_own_skew_time(interval_cs: int, version: int) -> None:
    skews = [skew_time_ns(version, priority, interval_cs) for priority in range(1, 256)]
    assert skews == sorted(set(skews), reverse=True)


def test_seconds_reads_as_an_operator_expects() -> None:
    assert seconds(3_609_375_000) == "3.609 s"


def test_an_allowance_is_used_up_and_comes_back_with_the_next_window() -> None:
    allowance = Allowance(2, NS_PER_S)
    assert [allowance.take(at) for at in (0, 1, 2, NS_PER_S - 1)] == [True, True, False, False]
    assert [allowance.take(NS_PER_S + at) for at in (0, 1, 2)] == [True, True, False]


@given(st.lists(st.integers(0, 3 * NS_PER_S), max_size=60), st.integers(1, 4))
def test_an_allowance_never_gives_more_than_twice_its_limit_within_a_window(times: list[int], limit: int) -> None:
    """Twice: the end of one window and the start of the next."""
    allowance = Allowance(limit, NS_PER_S)
    taken = [at for at in sorted(times) if allowance.take(at)]
    assert all(sum(start <= at < start + NS_PER_S for at in taken) <= 2 * limit for start in taken)
