"""For how long the engine asks the kernel to let a group speak."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS
from alived.config.model import Config
from alived.daemon.engine import fence
from alived.daemon.engine.fence import Fence
from alived.daemon.engine.reports import Reports
from alived.raft.config import Profile
from alived.raft.profiles import TIMERS
from tests.daemon.engine.owned_play import group, owned_config

WANTED = owned_config(group("web", "192.0.2.100"))
TIMEOUTS_NS = TIMERS[Profile.LAN].kernel_leases_ns


class Hand:
    """In the place of `KernelLease`: the kernel takes all, and this is what it was asked for."""

    def __init__(self, key: bytes) -> None:
        self.asked_ns: list[int] = []

    def enforced(self) -> bool:
        return True

    def renew(self, group: str, place: int) -> bool:
        self.asked_ns.append(TIMEOUTS_NS[place])
        return True


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand(b"")
    monkeypatch.setattr(fence, "KernelLease", lambda key: hand)
    return hand


def at(monkeypatch: pytest.MonkeyPatch, now_ns: int) -> None:
    monkeypatch.setattr(fence, "now_ns", lambda: now_ns)


def reports() -> Reports:
    return Reports(lambda message: None)  # type: ignore[arg-type]


def test_the_kernel_lease_ends_with_the_lease_or_less_than_a_tick_before(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Fence(b"key", reports())
    one.configure(WANTED)
    until_ns = 10_000 * NS_PER_MS
    for left_ns in range(0, TIMERS[Profile.LAN].lease_times.longest_ns, NS_PER_MS // 2):
        at(monkeypatch, until_ns - left_ns)
        hand.asked_ns.clear()
        one.renew("web", until_ns)
        if left_ns < TIMEOUTS_NS[0]:
            assert hand.asked_ns == [], "one that ends before the kernel can end it is none"
        else:
            (asked_ns,) = hand.asked_ns
            assert left_ns - TIMEOUTS_NS[0] < asked_ns <= left_ns


def test_a_lease_that_has_ended_renews_nothing(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Fence(b"key", reports())
    one.configure(WANTED)
    at(monkeypatch, 1_000 * NS_PER_MS)
    one.renew("web", 900 * NS_PER_MS)
    assert hand.asked_ns == []


def test_without_a_cluster_nobody_is_asked(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Fence(b"key", reports())
    one.configure(Config())
    assert not one.asked
    at(monkeypatch, 0)
    one.renew("web", 1_000 * NS_PER_MS)
    assert hand.asked_ns == []
