"""Duplicate address detection of the kernel: when it is asked for, and when no more."""

from __future__ import annotations

import pytest

from alived.base import Family
from alived.vip.config import ConflictPolicy, VirtualAddress
from alived.vip.detection import DAD_TRIES, Detection

IPV4 = VirtualAddress(address="192.0.2.1", prefix_length=32, interface="eth0", nodad=True)
WITH = VirtualAddress(address="2001:db8::1", prefix_length=128, interface="eth0", family=Family.IPV6, nodad=False)
WITHOUT = VirtualAddress(address="2001:db8::1", prefix_length=128, interface="eth0", family=Family.IPV6, nodad=True)


@pytest.mark.parametrize(
    ("wanted", "policy", "applied"),
    [
        (IPV4, ConflictPolicy.ABORT, IPV4),
        (WITH, ConflictPolicy.TAKE, WITH),
        (WITHOUT, ConflictPolicy.TAKE, WITHOUT),
        (WITHOUT, ConflictPolicy.ABORT, WITH),
    ],
)
def test_it_is_the_probe_of_those_who_would_rather_not_bind(
    wanted: VirtualAddress, policy: ConflictPolicy, applied: VirtualAddress
) -> None:
    assert Detection().applied(wanted, policy) == applied


def test_one_that_failed_is_not_tried_again_before_the_next_time() -> None:
    detection = Detection()
    assert [detection.failed(WITH, ConflictPolicy.TAKE) for _ in range(DAD_TRIES + 1)] == [True] * DAD_TRIES + [False]
    assert detection.applied(WITH, ConflictPolicy.TAKE) == WITHOUT
    assert detection.forget()
    assert not detection.forget()
    assert detection.applied(WITH, ConflictPolicy.TAKE) == WITH


def test_who_would_rather_not_bind_gives_up_at_once() -> None:
    detection = Detection()
    assert not detection.failed(WITH, ConflictPolicy.ABORT)
    assert not detection.forget()
