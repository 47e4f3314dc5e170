"""The schedule of gratuitous ARPs and neighbour advertisements: keepalived's garp_* words on a clock."""

from __future__ import annotations

from collections.abc import Sequence

from alived.base import NS_PER_MS, NS_PER_S
from alived.vip.announce import AnnounceSchedule
from alived.vip.config import GarpPolicy, VirtualAddress
from tests.vip.playbook import SIX, A, B, C, ipv4, line

S = NS_PER_S


class Neighbourhood:
    """A schedule, and which addresses may be announced."""

    def __init__(self, policy: GarpPolicy, *addresses: VirtualAddress) -> None:
        self.schedule = AnnounceSchedule("VI_1", policy)
        self.addresses = addresses

    def usable(self, chosen: Sequence[VirtualAddress] | None) -> tuple[VirtualAddress, ...]:
        return self.addresses if chosen is None else tuple(va for va in chosen if va in self.addresses)

    def due(self, now_ns: int) -> list[str]:
        return [line(effect) for effect in self.schedule.due(now_ns, self.usable)]

    def run(self, until_ns: int) -> list[tuple[float, str]]:
        """Everything that is said until then, with the second at which it is said."""
        said = []
        while (deadline_ns := self.schedule.deadline_ns) is not None and deadline_ns <= until_ns:
            said += [(deadline_ns / S, words) for words in self.due(deadline_ns)]
        return said


def test_default_two_bursts_of_five_at_a_distance_of_five_seconds() -> None:
    """keepalived's defaults: garp_master_repeat 5, garp_master_delay 5, no refresh."""
    net = Neighbourhood(GarpPolicy(), A, B)
    net.schedule.start(S)
    rounds = [f"announce 100 101 ({number})" for number in range(5)]
    assert net.run(S) == [(1, words) for words in rounds]
    assert net.run(100 * S) == [(6, words) for words in rounds]
    assert net.schedule.deadline_ns is None
    assert net.schedule.sent == 20


def test_no_second_burst_without_a_delay() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=1), A)
    net.schedule.start(0)
    net.schedule.extra((A,), 0)
    assert net.due(0) == ["announce 100 (0)", "announce 100 (0)"]
    assert net.schedule.deadline_ns is None


def test_refresh_goes_on() -> None:
    policy = GarpPolicy(master_delay_ns=0, master_repeat=1, master_refresh_ns=10 * S, master_refresh_repeat=2)
    net = Neighbourhood(policy, A)
    net.schedule.start(0)
    refresh = ["announce 100 (0)", "announce 100 (1)"]
    assert net.run(20 * S) == [
        (0, "announce 100 (0)"),
        *((10, words) for words in refresh),
        *((20, w) for w in refresh),
    ]


def test_moments_that_coincide_make_one_burst() -> None:
    net = Neighbourhood(GarpPolicy(master_repeat=3, master_refresh_ns=5 * S), A)
    net.schedule.start(0)
    net.due(0)
    assert net.due(5 * S) == [f"announce 100 ({number})" for number in range(3)]
    assert net.schedule.deadline_ns == 10 * S


def test_nothing_is_said_for_nobody() -> None:
    net = Neighbourhood(GarpPolicy())
    net.schedule.start(0)
    net.schedule.extra((), 0)
    assert net.run(100 * S) == []
    assert net.schedule.once((A,), net.usable) == []


def test_an_announcement_at_once() -> None:
    net = Neighbourhood(GarpPolicy(), A, B)
    assert [line(effect) for effect in net.schedule.once((B, C), net.usable)] == ["announce 101 (0)"]
    assert net.schedule.sent == 1


def test_single_addresses_have_their_own_second_burst_and_share_it() -> None:
    net = Neighbourhood(GarpPolicy(master_repeat=1), A, B, C)
    net.schedule.extra((A,), 0)
    assert net.due(0) == ["announce 100 (0)"]
    net.schedule.extra((B, A), 50 * NS_PER_MS)
    assert net.due(50 * NS_PER_MS) == ["announce 101 100 (0)"]
    net.schedule.extra((C,), S)
    assert net.due(S) == ["announce 102 (0)"]
    assert net.run(100 * S) == [(5, "announce 100 101 (0)"), (6, "announce 102 (0)")]


def test_what_left_meanwhile_is_not_announced() -> None:
    net = Neighbourhood(GarpPolicy(master_repeat=1), A, B)
    net.schedule.start(0)
    net.due(0)
    net.addresses = (B,)
    assert net.due(5 * S) == ["announce 101 (0)"]


def test_losing_adverts_are_answered_at_most_once_a_second_and_once_more_later() -> None:
    """garp_lower_prio_repeat, garp_lower_prio_delay."""
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=0, lower_prio_repeat=1), A)
    net.schedule.start(0)
    said = []
    for moment in range(0, 2500 * NS_PER_MS, 10 * NS_PER_MS):
        net.schedule.lower_prio(moment)
        said += [moment / S for _ in net.due(moment)]
    assert said == [0, 1, 2]
    assert net.run(100 * S) == [(3, "announce 100 (0)"), (8, "announce 100 (0)")]


def test_an_answer_to_losing_adverts_may_be_switched_off_or_come_once() -> None:
    silent = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=0, lower_prio_repeat=0), A)
    silent.schedule.start(0)
    silent.schedule.lower_prio(0)
    assert silent.run(100 * S) == []
    once = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=0, lower_prio_delay_ns=0, lower_prio_repeat=2), A)
    once.schedule.start(0)
    once.schedule.lower_prio(0)
    assert once.run(100 * S) == [(0, "announce 100 (0)"), (0, "announce 100 (1)")]


def test_after_the_stop_nothing_is_said() -> None:
    net = Neighbourhood(GarpPolicy(master_refresh_ns=S, garp_interval_ns=S), A, B)
    net.schedule.start(0)
    net.due(0)
    net.schedule.extra((A,), 0)
    net.schedule.stop()
    net.schedule.lower_prio(0)
    assert net.schedule.deadline_ns is None
    assert net.due(100 * S) == []


def test_garp_interval_paces_each_interface_and_goes_round_by_round() -> None:
    other = ipv4(100, interface="eth1")
    policy = GarpPolicy(master_delay_ns=0, master_repeat=2, garp_interval_ns=100 * NS_PER_MS)
    net = Neighbourhood(policy, A, B, SIX, other)
    net.schedule.start(0)
    assert net.run(100 * S) == [
        (0, "announce a (0)"),
        (0, "announce a (1)"),
        (0, "announce 100 (0)"),
        (0, "announce 100 (0)"),
        (0.1, "announce 101 (0)"),
        (0.1, "announce 100 (1)"),
        (0.2, "announce 100 (1)"),
        (0.3, "announce 101 (1)"),
    ]


def test_gna_interval_paces_ipv6_only() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=1, gna_interval_ns=S), A, SIX)
    net.schedule.start(0)
    assert net.due(0) == ["announce 100 (0)", "announce a (0)"]


def test_a_late_wake_up_does_not_send_two_at_once() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=1, garp_interval_ns=100 * NS_PER_MS), A, B, C)
    net.schedule.start(0)
    assert net.due(0) == ["announce 100 (0)"]
    assert net.due(S) == ["announce 101 (0)"]
    assert net.schedule.deadline_ns == S + 100 * NS_PER_MS


def test_a_burst_that_outlasts_its_refresh_does_not_pile_up() -> None:
    interval_ns = 400 * NS_PER_MS
    policy = GarpPolicy(master_delay_ns=0, master_repeat=2, master_refresh_ns=S, garp_interval_ns=interval_ns)
    net = Neighbourhood(policy, A, B)
    net.schedule.start(0)
    said = net.run(60 * S)
    assert len(said) <= 60 * S // interval_ns + 1
    assert {words for _, words in said[-4:]} == {"announce 100 (0)", "announce 101 (0)"}


def test_addresses_that_left_do_not_hold_up_a_lane() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=1, garp_interval_ns=S), A, B, C)
    net.schedule.start(0)
    net.due(0)
    net.addresses = (A, C)
    assert net.due(S) == ["announce 102 (0)"]
    net.schedule.start(2 * S)
    net.due(2 * S)
    net.addresses = ()
    assert net.due(3 * S) == []
    assert net.schedule.deadline_ns is None


def test_a_silent_policy_fills_no_lane() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=0, garp_interval_ns=S), A)
    net.schedule.extra((A,), 0)
    assert net.run(100 * S) == []


def test_a_reload_of_the_policy() -> None:
    net = Neighbourhood(GarpPolicy(master_delay_ns=0, master_repeat=1, garp_interval_ns=S), A, B, C)
    net.schedule.repolicy(net.schedule.policy, 0)
    assert net.schedule.deadline_ns is None, "the same policy, nothing started"
    net.schedule.start(0)
    assert net.due(0) == ["announce 100 (0)"]
    net.schedule.repolicy(GarpPolicy(master_delay_ns=0, master_repeat=1, master_refresh_ns=10 * S), S)
    assert net.due(S) == ["announce 101 102 (0)"], "what waited is not lost"
    assert net.schedule.deadline_ns == 11 * S
    net.schedule.repolicy(GarpPolicy(master_delay_ns=0, master_repeat=1), 2 * S)
    assert net.schedule.deadline_ns is None
