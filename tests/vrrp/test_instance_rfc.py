"""Each row of the state machine of RFC 9568 section 6.4 (S1 to S18), and what section 6.1 says about its timers.

Quotations are of the RFC; "Active" is MASTER here.
"""

from __future__ import annotations

import itertools

import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State
from alived.vrrp.events import (
    AdvertisementReceived,
    FaultCleared,
    FaultRaised,
    PrimaryAddressChanged,
    Shutdown,
    Startup,
    StateChanged,
)
from tests.vrrp.playbook import (
    HIGHER,
    LOWER,
    OWN,
    Expected,
    Playbook,
    advert,
    heard,
    lower_heard,
    noticed,
    reannounce,
    to,
)

SKEW_100_NS = 609_375_000
DOWN_100_NS = 3_609_375_000


def test_s1_startup_of_an_owner_makes_it_master_at_once() -> None:
    """6.4.1: "If the Priority = 255 [...] Send an ADVERTISEMENT [...] Set the Adver_Timer to Advertisement_Interval
    [...] Transition to the {Active} state"."""
    play = Playbook(priority=255)
    play.at(0) >> Startup() << [advert(255), to(State.MASTER, "owner")]
    assert play.due_in_ns == NS_PER_S


def test_s2_startup_of_everybody_else_listens_for_master_down_interval() -> None:
    """6.4.1: "Set the Active_Down_Timer to Active_Down_Interval [...] Transition to the {Backup} state"."""
    play = Playbook(priority=100)
    play.at(7) >> Startup() << [to(State.BACKUP, "started")]
    assert play.due_in_ns == DOWN_100_NS


def test_s2_a_second_startup_changes_nothing() -> None:
    play = Playbook.backup()
    play.after(s=1) >> Startup() << []
    assert play.due_in_ns == DOWN_100_NS - NS_PER_S


@pytest.mark.parametrize("event", [heard(0), heard(50), heard(100), heard(200), heard(255)])
def test_s3_a_backup_sends_nothing(event: AdvertisementReceived) -> None:
    """6.4.2: a Backup "MUST NOT" answer for the addresses; none of its steps but the takeover has an effect."""
    play = Playbook.backup()
    play.after(s=1) >> event << []
    assert play.state is State.BACKUP


def test_s4_shutdown_of_a_backup_is_silent() -> None:
    """6.4.2: "Cancel the Active_Down_Timer, then Transition to the {Initialize} state"."""
    play = Playbook.backup()
    play.after(s=1) >> Shutdown("asked to") << [to(State.INIT, "asked to")]
    assert play.instance.deadline_ns is None


def test_s5_master_down_timer_makes_a_backup_master() -> None:
    """6.4.2: "If the Active_Down_Timer fires, then: Send an ADVERTISEMENT [...] Set the Adver_Timer to
    Advertisement_Interval, then Transition to the {Active} state"."""
    play = Playbook.backup()
    play.at(DOWN_100_NS) >> DeadlineReached() << [advert(100), to(State.MASTER, "no advert heard for 3.609 s")]
    assert play.due_in_ns == NS_PER_S


def test_s5_the_reason_names_who_was_heard_last() -> None:
    play = Playbook.backup()
    play.at(NS_PER_S) >> heard(150, LOWER) << []
    reason = f"no advert from {LOWER} for 3.609 s (Master_Down_Interval), the last one had priority 150"
    play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, reason)]


def test_s6_priority_zero_shortens_the_wait_to_skew_time() -> None:
    """6.4.2: "If the Priority in the ADVERTISEMENT is zero, then: Set the Active_Down_Timer to Skew_Time"."""
    play = Playbook.backup()
    play.at(NS_PER_S) >> heard(150) << []
    play.after(ms=300) >> heard(0) << []
    assert play.due_in_ns == SKEW_100_NS
    reason = f"{LOWER} stopped being MASTER (priority 0) 0.609 s ago"
    play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, reason)]


@pytest.mark.parametrize("priority", [100, 101, 254, 255])
def test_s7_an_advert_that_is_not_worse_restarts_master_down_timer(priority: int) -> None:
    """6.4.2: "If Preempt_Mode is False, or if the Priority in the ADVERTISEMENT is greater than or equal to the local
    Priority, then [...] Reset the Active_Down_Timer to Active_Down_Interval"."""
    play = Playbook.backup()
    for _ in range(3):
        play.after(s=1) >> heard(priority) << []
        assert play.due_in_ns == DOWN_100_NS


def test_s7_without_preempt_mode_a_worse_advert_restarts_it_too() -> None:
    play = Playbook.backup(nopreempt=True)
    for _ in range(3):
        play.after(s=1) >> heard(1) << []
        assert play.due_in_ns == DOWN_100_NS


def test_s7_v3_adopts_the_interval_of_the_master() -> None:
    """T5. 6.4.2: "Set Active_Adver_Interval to Max Advertise Interval contained in the ADVERTISEMENT [...] Recompute
    the Active_Down_Interval"."""
    play = Playbook.backup(advert_interval_cs=50)
    play.after(ms=200) >> heard(150, interval_cs=150) << [noticed("interval-differs", "every 1500 ms")]
    assert play.due_in_ns == 4_500 * NS_PER_MS + 914_062_500
    play.after(ms=1500) >> heard(150, interval_cs=150) << []
    play.after(ms=1500) >> heard(150, interval_cs=50) << []
    assert play.due_in_ns == 1_804_687_500


def test_s7_v2_uses_its_own_interval() -> None:
    """T5. RFC 3768 section 6.1: Master_Down_Interval is computed from the configured Advertisement_Interval."""
    play = Playbook.backup(version=2)
    play.after(ms=200) >> heard(150, interval_cs=700) << []
    assert play.due_in_ns == DOWN_100_NS


def test_s8_a_worse_advert_does_not_stop_the_timer() -> None:
    """6.4.2: "If Preempt_Mode is True and the Priority in the ADVERTISEMENT is less than the local Priority, then:
    Discard the ADVERTISEMENT"."""
    play = Playbook.backup()
    for _ in range(3):
        play.after(s=1) >> heard(99) << []
    assert play.due_in_ns == DOWN_100_NS - 3 * NS_PER_S
    play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, f"priority 100 > 99 of {LOWER}: preempt")]


def test_s9_a_master_says_for_whom_the_addresses_are() -> None:
    """6.4.3: what an Active router does for the addresses hangs on the change of state; the next router hears it."""
    play = Playbook.backup()
    change = Expected(StateChanged, instance="VI_1", old=State.BACKUP, new=State.MASTER, priority=100)
    play.at_deadline() >> DeadlineReached() << [advert(100), change]


def test_s10_accept_mode_is_not_the_state_machines() -> None:
    """6.4.3: Accept_Mode changes no transition."""
    for accept in (False, True):
        play = Playbook.master(accept=accept)
        play.at_deadline() >> DeadlineReached() << [advert(100)]


def test_s11_shutdown_of_a_master_sends_priority_zero() -> None:
    """6.4.3: "Cancel the Adver_Timer, then Send an ADVERTISEMENT with Priority = 0, then Transition to the {Initialize}
    state"."""
    play = Playbook.master()
    play.after(ms=10) >> Shutdown() << [advert(0), to(State.INIT, "the daemon stops")]
    assert play.instance.deadline_ns is None
    play.after(ms=10) >> Shutdown() << []


def test_s12_adver_timer_sends_and_keeps_its_grid() -> None:
    """6.4.3: "If the Adver_Timer fires, then: Send an ADVERTISEMENT, then Reset the Adver_Timer"."""
    play = Playbook.master()
    first_ns = play.now_ns
    for number in range(1, 20):
        play.at_deadline().after(ms=number % 7) >> DeadlineReached() << [advert(100)]
        assert play.instance.deadline_ns == first_ns + (number + 1) * NS_PER_S


def test_s12_adverts_of_the_steady_state_are_one_prebuilt_effect() -> None:
    play = Playbook.master()
    steps = [play.instance.step(DeadlineReached(), play.at_deadline().now_ns) for _ in range(3)]
    assert steps[0] is steps[1] is steps[2]


def test_s12_after_a_stall_of_several_intervals_there_is_no_burst() -> None:
    play = Playbook.master()
    play.at_deadline().after(s=5, ms=300) >> DeadlineReached() << [advert(100)]
    assert play.due_in_ns == NS_PER_S


def test_s12_a_step_before_the_deadline_is_our_own_error() -> None:
    for play in (Playbook.master(), Playbook.backup()):
        with pytest.raises(AssertionError, match="before the deadline"):
            play.at_deadline().after(ns=-1) >> DeadlineReached()


def test_s13_a_master_answers_priority_zero_and_restarts_its_timer() -> None:
    """6.4.3: "If the Priority in the ADVERTISEMENT is zero, then: Send an ADVERTISEMENT, then Reset the Adver_Timer to
    Advertisement_Interval"."""
    play = Playbook.master()
    play.after(ms=400) >> heard(0) << [advert(100), reannounce(f"{LOWER} was MASTER beside us")]
    assert play.due_in_ns == NS_PER_S
    play.at_deadline() >> DeadlineReached() << [advert(100), reannounce("the last word")]


def test_s13_a_flood_of_priority_zero_neither_multiplies_nor_silences_us() -> None:
    play = Playbook.master()
    start_ns = play.now_ns
    sent = []
    for _ in range(10_000):
        play.after(ns=700_000)
        if play.instance.deadline_ns is not None and play.now_ns >= play.instance.deadline_ns:
            sent += [(play.now_ns, effect) for effect in play.instance.step(DeadlineReached(), play.now_ns)]
        sent += [(play.now_ns, effect) for effect in play.instance.step(heard(0), play.now_ns)]
    times_ns = [start_ns, *(at for at, effect in sent if advert(100).matches(effect))]
    assert 7 <= len(times_ns) <= 7 * 4
    assert sum(reannounce().matches(effect) for _, effect in sent) <= 7 * 2 + 2
    assert max(later - earlier for earlier, later in itertools.pairwise(times_ns)) < 1.01 * NS_PER_S


@pytest.mark.parametrize("priority", [101, 255])
def test_s14_a_master_gives_way_to_a_higher_priority(priority: int) -> None:
    """6.4.3: "If the Priority in the ADVERTISEMENT is greater than the local Priority [...] Cancel Adver_Timer [...]
    Set the Active_Down_Timer to the Active_Down_Interval, then Transition to the {Backup} state"."""
    play = Playbook.master()
    play.after(ms=10) >> heard(priority) << [to(State.BACKUP, f"priority 100 < {priority} of {LOWER}: give way")]
    assert play.due_in_ns == DOWN_100_NS


def test_s14_among_equals_the_higher_address_wins_as_a_number() -> None:
    """6.4.3: "If the Priority in the ADVERTISEMENT is equal to the local Priority and the primary IPvX address of the
    sender is greater than the local primary IPvX address, then"."""
    play = Playbook.master()
    reason = f"same priority 100, our address {OWN} < {HIGHER}: give way"
    play.after(ms=10) >> heard(100, HIGHER) << [to(State.BACKUP, reason)]


def test_s14_among_equals_ipv6_compares_the_link_local_addresses() -> None:
    play = Playbook.master()
    play >> PrimaryAddressChanged("fe80::9") << []
    play >> heard(100, "fe80::8") << [advert(100), reannounce(), lower_heard(), noticed("losing-advert")]
    play >> heard(100, "fe80::a") << [to(State.BACKUP, "our address fe80::9 < fe80::a")]


def test_s14_v3_adopts_the_interval_of_the_winner() -> None:
    play = Playbook.master()
    play.after(ms=10) >> heard(150, interval_cs=50) << [to(State.BACKUP), noticed("interval-differs")]
    assert play.due_in_ns == 1_804_687_500


def test_s14_with_higher_prio_send_advert_the_loser_is_heard_once_more() -> None:
    play = Playbook.master(higher_prio_send_advert=True)
    play.after(ms=10) >> heard(150) << [advert(100), to(State.BACKUP)]


def test_s14_a_master_without_an_address_loses_every_tie() -> None:
    play = Playbook.master()
    play >> PrimaryAddressChanged("") << []
    play.after(ms=10) >> heard(100, LOWER) << [to(State.BACKUP, "our address none <")]


def test_s15_a_losing_advert_is_answered_at_once_and_the_neighbours_are_told() -> None:
    """6.4.3: "Discard the ADVERTISEMENT; Send an ADVERTISEMENT immediately to assert Active state to the sending VRRP
    Router and to any learning bridges"."""
    play = Playbook.master()
    due_ns = play.instance.deadline_ns
    claim = f"{LOWER} claims to be MASTER with priority 99, ours is 100"
    (
        play.after(ms=400)
        >> heard(99)
        << [advert(100), reannounce(claim), lower_heard(claim), noticed("losing-advert", claim)]
    )
    assert play.instance.deadline_ns == due_ns


def test_s15_the_last_gratuitous_arp_is_ours() -> None:
    """A router that has just become MASTER advertises first and sends its gratuitous ARPs after that."""
    play = Playbook.master()
    play.after(ms=400) >> heard(99) << [advert(100), reannounce(), lower_heard(), noticed("losing-advert")]
    play.at_deadline() >> DeadlineReached() << [advert(100), reannounce("the last word")]
    play.at_deadline() >> DeadlineReached() << [advert(100)]


def test_s15_of_equals_the_lower_address_loses() -> None:
    play = Playbook.master()
    claim = f"with priority 100, as we have, our address {OWN} > {LOWER}"
    (
        play.after(ms=400)
        >> heard(100, LOWER)
        << [
            advert(100),
            reannounce(claim),
            lower_heard(),
            noticed("losing-advert", claim),
        ]
    )


def test_s15_with_lower_prio_no_advert_only_the_neighbours_are_told() -> None:
    play = Playbook.master(lower_prio_no_advert=True)
    play.after(ms=400) >> heard(99) << [reannounce(), lower_heard(), noticed("losing-advert")]


def test_s15_a_flood_of_losing_adverts_is_answered_at_most_three_times_an_interval() -> None:
    play = Playbook.master(advert_interval_cs=10)
    effects = []
    for number in range(2_000):
        play.after(ns=500_000)
        if play.instance.deadline_ns is not None and play.now_ns >= play.instance.deadline_ns:
            effects += play.instance.step(DeadlineReached(), play.now_ns)
        effects += play.instance.step(heard(99, f"198.51.100.{number % 256}"), play.now_ns)
    assert play.state is State.MASTER
    assert 10 <= sum(map(advert(100).matches, effects)) <= 10 + 3 * 10
    assert 1 <= sum(map(reannounce().matches, effects)) <= 4


def test_s15_an_unanswered_claim_is_still_followed_by_an_announcement() -> None:
    """Whatever the flood, once it is over the neighbours hear us last."""
    play = Playbook.master()
    for _ in range(50):
        play.after(ms=10)
        play.instance.step(heard(99), play.now_ns)
    last_claim_ns = play.now_ns
    announced_ns = []
    for _ in range(4):
        play.at_deadline()
        effects = play.instance.step(DeadlineReached(), play.now_ns)
        announced_ns += [play.now_ns for effect in effects if reannounce().matches(effect)]
    assert any(last_claim_ns < at <= last_claim_ns + 2 * NS_PER_S for at in announced_ns)


def test_s16_the_owner_preempts_whatever_preempt_mode_says() -> None:
    """6.1: Preempt_Mode, "the router that owns the IPvX address [...] always preempts, independent of the setting of
    this flag"."""
    play = Playbook(priority=255, nopreempt=True, preempt_delay_ns=60 * NS_PER_S, startup_delay_ns=NS_PER_S)
    play.at(0) >> Startup() << [to(State.BACKUP)]
    play.at(NS_PER_S // 2) >> heard(254) << []
    play.at(NS_PER_S) >> DeadlineReached() << [advert(255), to(State.MASTER)]


def test_s16_of_two_owners_the_higher_address_stays_and_both_complain() -> None:
    play = Playbook(priority=255)
    play.at(0) >> Startup() << [advert(255), to(State.MASTER)]
    (
        play.after(ms=1)
        >> heard(255, LOWER)
        << [noticed("two-owners"), advert(255), reannounce(), lower_heard(), noticed("losing-advert")]
    )
    play.after(ms=1) >> heard(255, HIGHER) << [noticed("two-owners"), to(State.BACKUP, "same priority 255")]


def test_s17_our_own_advert_come_back_changes_nothing() -> None:
    """Equal priority and equal address: the RFC has no rule; a network with a loop must not make us flap."""
    play = Playbook.master()
    due_ns = play.instance.deadline_ns
    for priority in (100, 90, 1):
        play.after(ms=1) >> heard(priority, OWN) << [noticed("duplicate-address", OWN)]
    assert (play.state, play.instance.deadline_ns) == (State.MASTER, due_ns)


def test_s17_a_better_advert_from_our_own_address_is_another_router() -> None:
    play = Playbook.master()
    play.after(ms=1) >> heard(101, OWN) << [noticed("duplicate-address"), to(State.BACKUP)]


def test_s17_an_echo_of_our_farewell_does_not_call_us_back() -> None:
    play = Playbook.backup()
    play.after(ms=1) >> heard(0, OWN) << [noticed("duplicate-address")]
    assert play.due_in_ns == DOWN_100_NS - NS_PER_MS
    play.after(ms=1) >> heard(100, OWN) << [noticed("duplicate-address")]
    assert play.due_in_ns == DOWN_100_NS


@pytest.mark.parametrize("make", [Playbook.backup, Playbook.master])
def test_s18_interface_down_ends_participation(make: type[Playbook]) -> None:
    """Initialize of section 6.4.1 by other means; keepalived's FAULT."""
    play = make()
    farewell = [advert(0)] if play.state is State.MASTER else []
    (
        play.after(ms=5)
        >> FaultRaised("interface eth0", "interface eth0 is down")
        << [
            *farewell,
            to(State.FAULT, "interface eth0 is down"),
        ]
    )
    assert play.instance.deadline_ns is None
    play.after(ms=5) >> heard(0) << []
    play.after(s=9) >> FaultCleared("interface eth0") << [to(State.BACKUP, "interface eth0")]
    assert play.due_in_ns == DOWN_100_NS
