"""How long addresses live, and when a renewal was too late."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, NS_PER_S
from alived.vip.lifetime import Lifetime, lifetime_of, lifetime_s
from tests.vip.playbook import SIX, A, B, group, ipv4, ipv6

S = NS_PER_S


@pytest.mark.parametrize(
    ("count", "ipv6", "expected"),
    [(0, 0, 3), (1, 1, 3), (48, 0, 3), (49, 0, 4), (1000, 0, 63), (5000, 0, 313), (48, 48, 3), (1000, 1000, 1250)],
)
def test_lifetime_by_count(count: int, ipv6: int, expected: int) -> None:
    assert lifetime_s(count, ipv6) == expected


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_renewing_costs_at_most_two_thousandths_of_a_processor(ipv4_count: int, ipv6_count: int) -> None:
    """By the measured costs: 10 us (20 us above 1000) for IPv4, 15 + 0.4 n us for IPv6."""
    round_us = ipv4_count * (10 if ipv4_count <= 1000 else 20) + ipv6_count * (15 + 0.4 * ipv6_count)
    interval_us = lifetime_s(ipv4_count + ipv6_count, ipv6_count) * 1e6 / 3
    assert round_us <= 0.003 * interval_us


def test_a_thousand_groups_of_one_address_live_as_long_as_one_group_of_a_thousand() -> None:
    groups = [group(ipv4(number % 250 + 1, interface=f"eth{number}")) for number in range(1000)]
    assert lifetime_of(*groups) == 63


def test_both_families_count() -> None:
    assert lifetime_of(group(*(ipv6(f"{number:x}") for number in range(1, 101)))) == 13
    assert lifetime_of(group(A, SIX), group(B)) == 3


def test_renewal_is_due_every_third_of_the_lifetime() -> None:
    clock = Lifetime(group(A, lifetime_s=30))
    assert clock.due_ns is None
    clock.start(100 * S)
    assert clock.due_ns == 110 * S
    assert clock.renew(110 * S + 5)
    assert clock.due_ns == 120 * S + 5
    clock.stop()
    assert clock.due_ns is None


def test_forever_is_never_renewed() -> None:
    clock = Lifetime(group(A, lifetime_s=0))
    clock.start(S)
    assert clock.due_ns is None
    assert not clock.may_have_expired(10**18)
    assert clock.late_ns(10**18) == 0


def test_expiry_is_plausible_from_a_second_before_the_end() -> None:
    clock = Lifetime(group(A, lifetime_s=30))
    clock.start(0)
    assert not clock.may_have_expired(29 * S - 1)
    assert clock.may_have_expired(29 * S)
    assert clock.late_ns(29 * S) == 19 * S


def test_short_lifetimes_have_a_shorter_margin() -> None:
    clock = Lifetime(group(A, lifetime_s=1))
    clock.start(0)
    assert not clock.may_have_expired(600 * NS_PER_MS)
    assert clock.may_have_expired(700 * NS_PER_MS)


def test_after_a_late_renewal_expired_addresses_are_still_reported_for_a_while() -> None:
    clock = Lifetime(group(A))
    clock.start(0)
    assert not clock.renew(5 * S)
    assert clock.due_ns == 6 * S
    assert clock.may_have_expired(5 * S + 1)
    assert clock.late_ns(5 * S + 1) == 4 * S, "how late the renewal was"
    assert clock.renew(6 * S)
    assert clock.renew(7 * S)
    assert not clock.may_have_expired(7 * S)


@pytest.mark.parametrize(
    ("old_s", "new_s", "due_s"),
    [(30, 30, 10), (30, 60, 10), (30, 3, 6), (30, 0, 5), (0, 30, 5), (0, 0, None)],
    ids=["same", "longer", "shorter", "to forever", "from forever", "always forever"],
)
def test_a_reload_changes_the_lifetime(old_s: int, new_s: int, due_s: int | None) -> None:
    config = group(A, lifetime_s=old_s)
    clock = Lifetime(config)
    clock.start(0)
    clock.change(msgspec.structs.replace(config, lifetime_s=new_s), 5 * S)
    assert clock.valid_s == new_s
    assert clock.due_ns == (None if due_s is None else due_s * S)


def test_a_reload_while_nothing_is_bound_arms_nothing() -> None:
    clock = Lifetime(group(A, lifetime_s=0))
    clock.change(group(A), 5 * S)
    assert clock.valid_s == 3
    assert clock.due_ns is None


def test_a_shorter_lifetime_does_not_make_the_next_renewal_late() -> None:
    """What the kernel has still lives as long as it was told before the reload."""
    config = group(A, lifetime_s=30)
    clock = Lifetime(config)
    clock.start(0)
    clock.change(msgspec.structs.replace(config, lifetime_s=3), 5 * S)
    assert clock.renew(6 * S)
    assert not clock.may_have_expired(6 * S)
