"""What is remembered of other routers: loss by the sender's own interval, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.events import AdvertisementReceived
from alived.vrrp.peers import PEERS_MAX, Peers, address_rank
from tests.vrrp.playbook import LOWER, Playbook, heard


def test_the_rank_of_addresses_is_their_order_as_numbers() -> None:
    addresses = ["", "9.0.0.1", "10.0.0.1", "192.0.2.9", "192.0.2.10", "192.0.2.200"]
    assert sorted(addresses, key=address_rank) == addresses
    assert address_rank("fe80::ff") < address_rank("fe80::100")


@given(lost=st.sets(st.integers(1, 99)), jitter_ms=st.lists(st.integers(0, 400), min_size=101, max_size=101))
def test_lost_adverts_are_counted_on_the_fast_path_too(lost: set[int], jitter_ms: list[int]) -> None:
    play = Playbook.backup(down_timer_adverts=100)
    for number in range(101):
        if number not in lost:
            play.at(number * NS_PER_S + jitter_ms[number] * NS_PER_MS) >> heard(150) << []
    (peer,) = play.instance.snapshot().peers
    stretches_with_long_silence = peer.adverts + peer.missed < 101
    longest = max((len(run) for run in "".join("x" if n in lost else " " for n in range(101)).split()), default=0)
    assert peer.missed == len(lost) or (stretches_with_long_silence and longest >= 4)


def test_a_router_that_was_not_master_meanwhile_lost_nothing() -> None:
    peers = Peers()
    for at_s in (0, 1, 2, 60, 61, 63):
        peer = peers.hear(heard(150), at_s * NS_PER_S)
    assert (peer.adverts, peer.missed) == (6, 1)


def test_after_priority_zero_and_with_another_interval_counting_begins_anew() -> None:
    peers = Peers()
    for at_s, priority, interval_cs in (
        (0, 150, 100),
        (2, 150, 100),
        (2, 0, 100),
        (5, 150, 100),
        (6, 150, 300),
        (12, 150, 300),
    ):
        peer = peers.hear(AdvertisementReceived(LOWER, priority, interval_cs), at_s * NS_PER_S)
    assert (peer.adverts, peer.missed, peer.interval_cs) == (6, 2, 300)


def test_forged_senders_do_not_fill_the_memory() -> None:
    peers = Peers()
    peers.hear(heard(100, "192.0.2.1"), 0)
    for number in range(1000):
        peers.hear(heard(100, "192.0.2.2"), number + 1)
        peers.hear(heard(1, f"198.51.{number // 256}.{number % 256}"), number + 1)
    addresses = [peer.address for peer in peers]
    assert len(addresses) == PEERS_MAX
    assert "192.0.2.2" in addresses
    assert "192.0.2.1" not in addresses


def test_a_peer_with_interval_zero_divides_nothing_by_zero() -> None:
    peers = Peers()
    for at_s in (0, 1):
        peer = peers.hear(AdvertisementReceived(LOWER, 100, 0), at_s * NS_PER_S)
    assert peer.snapshot().missed == 0


def test_a_forgotten_master_is_still_followed() -> None:
    """The record may go, the election does not depend on it."""
    play = Playbook.backup()
    play.after(ms=1) >> heard(150) << []
    for number in range(PEERS_MAX + 1):
        play.after(ms=1) >> heard(1, f"198.51.100.{number}") << []
    play.after(ms=1) >> heard(150) << []
    assert play.due_in_ns == 3_609_375_000
    assert isinstance(play.at_deadline().instance.step(DeadlineReached(), play.now_ns), list)
