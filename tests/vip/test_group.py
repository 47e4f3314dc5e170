"""The holder and the election: claim, release, reload, and the kernel's answers in whatever order."""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached
from alived.vip.config import GarpPolicy
from alived.vip.events import Announce, BindFailed, Claim, Release, VipReconfigured
from alived.vip.group import VipHolder
from tests.vip.playbook import DETECTED, QUIET, SIX, A, B, C, Playbook, gone, group, holding, ipv4, line, there

CLAIM, RELEASE, TICK = Claim("elected"), Release("lost"), DeadlineReached()


def new(*addresses, **fields) -> Playbook:  # type: ignore[no-untyped-def]
    return Playbook(VipHolder(group(*addresses, **fields)))


def reload(play: Playbook, *addresses, **fields) -> Playbook:  # type: ignore[no-untyped-def]
    return play >> VipReconfigured(group(*addresses, **fields))


# -- claim and release --


def test_claim_binds_then_announces_round_by_round_then_probes() -> None:
    play = new(A, B, SIX, garp=GarpPolicy(master_repeat=3, master_delay_ns=0))
    (
        play
        >> CLAIM
        << [
            "add 100 101 a for 3 s",
            "announce 100 101 a (0)",
            "announce 100 101 a (1)",
            "announce 100 101 a (2)",
            "probe 100 101",
        ]
    )
    assert play.holder.claimed
    assert play.holder.snapshot().wanted == (
        "192.0.2.100/32 dev eth0",
        "192.0.2.101/32 dev eth0",
        "2001:db8::a/128 dev eth0",
    )
    assert play.holder.snapshot().present == ()
    assert play.holder.snapshot().announced == 9


def test_what_is_added_and_what_is_announced_is_the_same_tuple() -> None:
    """So that the engine can announce each slice as soon as it is bound."""
    add, announcement, _ = new(A, B).holder.step(CLAIM, 0)
    assert add.addresses is announcement.addresses  # type: ignore[union-attr]


def test_it_holds_exactly_what_it_has_asked_for() -> None:
    assert not new(A).holder.holds(A)
    play = holding(A)
    assert play.holder.holds(A)
    assert not play.holder.holds(msgspec.structs.replace(A, label="eth0:1")) and not play.holder.holds(B)
    play >> RELEASE << ["remove 100"]
    assert not play.holder.holds(A)


def test_the_second_burst_comes_after_garp_master_delay() -> None:
    play = holding(A, lifetime_s=0, garp=GarpPolicy(master_repeat=1))
    play.at(4.9) >> TICK << []
    play.at(5) >> TICK << ["announce 100 (0)"]


def test_claim_while_claimed_and_release_while_released_do_nothing() -> None:
    play = holding(A)
    play >> CLAIM << []
    play >> RELEASE << ["remove 100"]
    play >> RELEASE << []
    assert not play.holder.claimed


def test_release_removes_once_last_in_first_out_and_announces_no_more() -> None:
    play = holding(A, B, garp=GarpPolicy(master_refresh_ns=1))
    play.at(1) >> RELEASE << ["remove 101 100"]
    play >> there(A) << []
    play >> Announce("late") << []
    play >> gone(A) << []
    play >> gone(B) << []
    play.at(1000) >> TICK << []
    assert play.holder.deadline_ns is None
    assert play.holder.snapshot().present == ()


def test_release_removes_what_may_be_there_though_the_kernel_has_not_said_so() -> None:
    play = new(A, B)
    play.holder.step(CLAIM, 0)
    play >> there(A) << []
    play >> RELEASE << ["remove 101 100"]


def test_a_group_without_addresses() -> None:
    play = new()
    play >> CLAIM << []
    play.at(1) >> TICK << []
    play >> RELEASE << []


# -- level-triggered: what should not be there --


def test_leftovers_of_an_earlier_run_are_removed_together() -> None:
    play = new(A, B, C)
    play >> there(A) << []
    play >> there(C) << []
    play >> there(ipv4(7)) << []
    play.at_deadline() << [
        "remove 102 100",
        "notice address-surplus: 192.0.2.102/32 dev eth0 and 1 more should...",
    ]
    play >> gone(A) << []
    play >> gone(C) << []
    play.at_deadline() << []
    assert play.holder.deadline_ns is None


def test_a_removal_that_was_not_carried_out_is_tried_again() -> None:
    play = holding(A)
    play.at(1) >> RELEASE << ["remove 100"]
    play.at_deadline() << ["remove 100", "notice address-surplus: 192.0.2.100/32 dev eth0 should not be here: removed"]
    play >> gone(A) << []
    play.at_deadline() << []


def test_a_removal_that_nobody_answers_is_forgotten_if_nothing_was_there() -> None:
    play = new(A)
    play.holder.step(CLAIM, 0)
    play >> RELEASE << ["remove 100"]
    play.at_deadline() << []
    assert play.holder.deadline_ns is None
    play >> there(A) << []
    play.at_deadline() << ["remove 100", "notice address-surplus..."]


def test_somebody_binds_our_address_while_another_node_is_the_owner() -> None:
    play = holding(A)
    play.at(1) >> RELEASE << ["remove 100"]
    play >> gone(A) << []
    play.at(5) >> TICK << []
    play.at(20) >> there(A) << []
    play.at_deadline() << ["remove 100", "notice address-surplus..."]


def test_a_claim_before_leftovers_are_removed_takes_them_over() -> None:
    """Their lifetime is unknown, so they are added again."""
    play = new(A)
    play >> there(A) << []
    play >> CLAIM << ["add 100 for 3 s", "announce 100 (0)", "probe 100"]
    play >> there(A) << []
    play.at_deadline() << ["renew 100 for 3 s"]


def test_foreign_addresses_are_none_of_our_business() -> None:
    play = holding(A)
    play >> there(ipv4(7)) << []
    play >> gone(ipv4(7)) << []
    play >> there(ipv4(7), tentative=True) << []
    play >> BindFailed("eth0", "192.0.2.7", "no") << []
    assert play.holder.snapshot().present == ("192.0.2.100/32 dev eth0",)


# -- what somebody else bound --


def test_an_address_that_somebody_else_bound_is_shown_and_left_alone_while_we_do_not_own_it() -> None:
    """It may be the operator's own: only what carries our mark, or what we asked for, is removed."""
    play = new(A)
    left_alone = "although this node does not own it; somebody else bound it: left alone"
    play >> there(A, foreign=True) << [f"notice address-foreign: 192.0.2.100/32 dev eth0 is here {left_alone}"]
    play >> there(A, foreign=True) << []
    assert play.holder.deadline_ns is None
    assert play.holder.snapshot().present == ("192.0.2.100/32 dev eth0",)
    play >> gone(A) << []
    assert play.holder.snapshot().present == ()


def test_a_claim_takes_a_foreign_address_over_and_the_release_removes_it() -> None:
    play = new(A)
    play >> there(A, foreign=True) << ["notice address-foreign..."]
    play >> CLAIM << ["add 100 for 3 s", "announce 100 (0)", "probe 100"]
    play >> there(A) << []
    assert play.holder.snapshot().present == ("192.0.2.100/32 dev eth0",)
    play.at(0.5) >> RELEASE << ["remove 100"]


def test_what_we_asked_for_is_ours_even_if_the_kernel_does_not_keep_marks() -> None:
    """Kernels before 5.18 have no IFA_PROTO."""
    play = holding(A)
    play.at(0.1) >> there(A, foreign=True) << []
    play >> RELEASE << ["remove 100"]
    play >> there(A, foreign=True) << []
    play.at_deadline() << ["remove 100", "notice address-surplus..."]


def test_a_reload_forgets_foreign_addresses_that_are_not_configured_any_more() -> None:
    play = new(A)
    play >> there(A, foreign=True) << ["notice address-foreign..."]
    reload(play, B) << []
    play >> there(ipv4(7), foreign=True) << []
    assert play.holder.snapshot().present == ()


def test_a_foreign_address_while_we_own_it_is_used() -> None:
    play = new(A)
    play.holder.step(CLAIM, 0)
    play >> BindFailed("eth0", "192.0.2.100", "no") << ["failed bind..."]
    play.at(0.5) >> there(A, foreign=True) << ["announce 100 (0)"]


# -- level-triggered: what should be there --


def test_an_unanswered_request_is_made_and_announced_again() -> None:
    play = new(A, B, lifetime_s=0)
    play.holder.step(CLAIM, 0)
    play >> there(A) << []
    play.at_deadline() << ["add 101 forever", "announce 101 (0)"]
    assert play.now_s == 2.002
    play >> there(B) << []
    play.at_deadline() << []
    play.at_deadline() << []
    assert play.now_s > 30


def test_the_check_every_thirty_seconds_restores_what_nobody_reported() -> None:
    play = holding(A, B, lifetime_s=0)
    play.holder._bindings.present.clear()
    play.at(30) >> TICK << ["add 100 101 forever", "announce 100 101 (0)"]


def test_fast_changes_of_ownership_are_not_theft() -> None:
    """The kernel reports an addition, our removal and the next addition after all three were asked for."""
    play = new(A)
    play.holder.step(CLAIM, 0)
    play.at(0.01) >> RELEASE << ["remove 100"]
    play.at(0.02) >> CLAIM << ["add 100 for 3 s", "announce 100 (0)", "probe 100"]
    play.at(0.03) >> there(A) << []
    play.at(0.03) >> gone(A) << []
    play.at(0.03) >> there(A) << []
    assert play.holder.snapshot().present == ("192.0.2.100/32 dev eth0",)
    assert play.holder.snapshot().restored == 0
    play.at(0.5) >> gone(A) << ["add 100 for 3 s", "announce 100 (0)", "notice address-vanished..."]


def test_the_answer_to_an_old_removal_may_come_before_the_new_addition() -> None:
    play = holding(A)
    play.at(0.1) >> RELEASE << ["remove 100"]
    play.at(0.2) >> CLAIM << ["add 100 for 3 s", "announce 100 (0)", "probe 100"]
    play >> gone(A) << []
    play >> there(A) << []
    play.at(0.5) >> gone(A) << ["add 100 for 3 s", "announce 100 (0)", "notice address-vanished..."]


def test_an_echo_does_not_excuse_a_theft_long_after() -> None:
    play = holding(A, lifetime_s=600)
    play.at(0.1) >> RELEASE << ["remove 100"]
    play.at(0.2) >> CLAIM << ["add 100 for 600 s", "announce 100 (0)", "probe 100"]
    play >> there(A) << []
    play.at(2.2005) >> gone(A) << ["add 100 for 600 s", "announce 100 (0)", "notice address-vanished..."]


# -- lifetimes --


def test_renewal_every_third_of_the_lifetime_without_announcement() -> None:
    play = holding(A, B, lifetime_s=30)
    play.at(2.002) >> TICK << []
    play.at_deadline() << ["renew 100 101 for 30 s"]
    assert play.now_s == 10
    play.at_deadline() << ["renew 100 101 for 30 s"]
    assert play.now_s == 20


def test_only_what_is_there_is_renewed_and_what_is_missing_is_added() -> None:
    play = new(A, B, lifetime_s=30)
    play.holder.step(CLAIM, 0)
    play >> there(B) << []
    play.at(10) >> TICK << ["add 100 for 30 s", "renew 101 for 30 s", "announce 100 (0)"]


def test_nothing_there_nothing_renewed() -> None:
    play = holding(A, lifetime_s=30)
    play >> BindFailed("eth0", "192.0.2.100", "no") << ["failed bind..."]
    play >> gone(A) << []
    play.at(4.9) >> TICK << []
    play.holder._lifetime.due_ns = play.now_ns
    play >> TICK << []


def test_lifetime_zero_is_never_renewed() -> None:
    play = holding(A, lifetime_s=0)
    play.at(100_000) >> TICK << []
    play.at(200_000) >> TICK << []


def test_an_address_that_expired_because_we_were_late_is_restored_and_is_no_theft() -> None:
    """SIGSTOP for five seconds: the renewal was due after one, the kernel took the addresses after three."""
    play = holding(A, B)
    play.at(2.002) >> there(A) << ["add 100 101 for 3 s"]
    late = "expired because its renewal was 6000 ms late: bound and announced again"
    (
        play.at(9.002)
        >> gone(A)
        << [
            "add 100 for 3 s",
            "announce 100 (0)",
            f"notice renewal-late: 192.0.2.100/32 dev eth0 {late}",
            "add 101 for 3 s",
        ]
    )
    play >> gone(B) << ["add 101 for 3 s", "announce 101 (0)", f"notice renewal-late: 192.0.2.101/32 dev eth0 {late}"]
    assert play.holder.snapshot().restored == 2


def test_many_addresses_that_expired_do_not_make_us_give_up() -> None:
    addresses = [ipv4(number) for number in range(1, 20)]
    play = holding(*addresses)
    for va in addresses:
        effects = play.holder.step(gone(va), 9_000_000_000)
        assert not any("failed" in line(effect) for effect in effects)


# -- reload --


def test_a_reload_touches_only_what_changed() -> None:
    play = holding(A, B)
    reload(play, B, C) << ["remove 100", "add 102 for 3 s", "announce 102 (0)", "probe 102"]
    play >> gone(A) << []
    play >> there(C) << []
    assert play.holder.snapshot().present == ("192.0.2.101/32 dev eth0", "192.0.2.102/32 dev eth0")
    play >> RELEASE << ["remove 102 101"]


def test_a_reload_without_change_is_silent() -> None:
    play = holding(A, SIX)
    reload(play, A, SIX) << []


def test_a_changed_attribute_is_a_new_address_and_the_echo_is_no_theft() -> None:
    play = holding(A)
    labelled = msgspec.structs.replace(A, label="eth0:vip")
    reload(play, labelled) << ["remove 100", "add 100 for 3 s", "announce 100 (0)", "probe 100"]
    play >> gone(A) << []
    play >> there(A) << []
    play.at_deadline() << ["renew 100 for 3 s"]


def test_a_reload_while_another_node_owns() -> None:
    play = new(A)
    reload(play, B) << []
    play >> CLAIM << ["add 101 for 3 s", "announce 101 (0)", "probe 101"]


def test_an_address_that_a_reload_dropped_is_removed_even_if_that_fails_at_first() -> None:
    play = holding(A, B, lifetime_s=0)
    reload(play, B, lifetime_s=0) << ["remove 100"]
    play.at_deadline() << ["remove 100", "notice address-surplus..."]


def test_secondary_addresses_that_vanish_with_a_removed_one_are_restored_without_blame() -> None:
    """promote_secondaries is off by default: the kernel removes the secondary addresses with their primary one."""
    play = holding(A, B, lifetime_s=0)
    play.at(1)
    reload(play, B, lifetime_s=0) << ["remove 100"]
    play >> gone(A) << []
    (
        play
        >> gone(B)
        << [
            "add 101 forever",
            "announce 101 (0)",
            "notice address-vanished: 192.0.2.101/32 dev eth0 vanished together with an address that...",
        ]
    )


def test_a_reload_to_forever_makes_addresses_permanent_at_once() -> None:
    play = holding(A)
    reload(play, A, lifetime_s=0) << ["renew 100 forever"]
    reload(play, A, lifetime_s=9) << ["renew 100 for 9 s"]
    play.at(3) >> TICK << ["renew 100 for 9 s"]


def test_a_reload_of_the_announcements() -> None:
    play = holding(A, lifetime_s=0)
    reload(play, A, lifetime_s=0, garp=msgspec.structs.replace(QUIET, master_refresh_ns=10_000_000_000)) << []
    play.at(10) >> TICK << ["announce 100 (0)"]


def test_a_reload_drops_an_address_whose_detection_still_runs() -> None:
    play = holding(A)
    reload(play, A, DETECTED) << ["add d for 3 s"]
    play >> there(DETECTED, tentative=True) << []
    reload(play, A) << ["remove d"]
    play >> there(DETECTED) << []
    play >> gone(DETECTED) << []
    assert play.holder._bindings.mute == set()


# -- the neighbours must hear --


def test_an_operator_or_a_losing_advert_asks_for_announcements() -> None:
    play = holding(A, lifetime_s=0)
    play.at(1) >> Announce("a losing advert") << [f"announce 100 ({number})" for number in range(5)]
    play.at(1.1) >> Announce("another") << []
    play.at(2) >> TICK << [f"announce 100 ({number})" for number in range(5)]


def test_every_step_does_what_is_due() -> None:
    """An event may come before the timer that is late: the deadline is never left in the past."""
    play = holding(A, B, lifetime_s=30)
    play.at(100) >> there(A) << ["add 100 101 for 30 s"]
    assert play.holder.deadline_ns == 110_000_000_000


# -- nothing left --


def test_it_is_empty_when_the_kernel_has_said_of_each_address_that_it_is_gone() -> None:
    play = holding(A, B)
    assert not play.holder.empty
    play.at(1) >> RELEASE << ["remove 101 100"]
    assert not play.holder.empty
    play >> gone(B) << []
    assert not play.holder.empty
    play >> gone(A) << []
    assert play.holder.empty
    play.holder.step(CLAIM, play.now_ns)
    assert not play.holder.empty


def test_what_somebody_else_bound_is_not_ours() -> None:
    play = new(A)
    assert play.holder.empty
    play >> there(A, foreign=True) << ["notice address-foreign ..."]
    assert play.holder.empty
