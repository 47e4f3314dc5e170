"""The holder in trouble: theft, conflicts, links that go, duplicate address detection, a kernel that says no."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S, DeadlineReached
from alived.vip.config import ConflictPolicy, GarpPolicy, VanishPolicy
from alived.vip.events import BindFailed, Claim, ConflictSeen, InterfaceDown, InterfaceUp, Release, VipReconfigured
from alived.vip.group import VipHolder
from tests.vip.playbook import DETECTED, SIX, A, B, C, Playbook, gone, group, holding, ipv4, ipv6, there

CLAIM, RELEASE, TICK = Claim("elected"), Release("lost"), DeadlineReached()
MAC = "02:00:00:00:00:07"
RESTORED_A = [
    "add 100 for 600 s",
    "announce 100 (0)",
    "notice address-vanished: 192.0.2.100/32 dev eth0 was...",
]


def steal(play: Playbook, at_s: float) -> Playbook:
    return play.at(at_s) >> gone(A)


def aborting(*addresses, **fields) -> Playbook:  # type: ignore[no-untyped-def]
    return Playbook(VipHolder(group(*addresses, conflict=ConflictPolicy.ABORT, **fields)))


# -- somebody removes our address --


def test_a_stolen_address_is_restored_at_once_and_named() -> None:
    play = holding(A, B)
    (
        play.at(0.5)
        >> gone(A)
        << [
            "add 100 for 3 s",
            "announce 100 (0)",
            "notice address-vanished: 192.0.2.100/32 dev eth0 was removed by somebody else: bound and announced again",
        ]
    )
    assert play.holder.snapshot().restored == 1
    assert play.holder.snapshot().present == ("192.0.2.101/32 dev eth0",)


def test_the_fourth_theft_within_ten_seconds_is_given_up_until_the_back_off_is_over() -> None:
    play = holding(A, lifetime_s=600)
    for at_s in (1, 2, 3):
        steal(play, at_s) << RESTORED_A
        play >> there(A) << []
    steal(play, 4) << [
        "failed vip: 192.0.2.100/32 dev eth0 was removed by somebody else; addresses of this group vanished more than "
        "3 times within 10 s"
    ]
    play >> gone(A) << []
    play >> RELEASE << []
    play.at(33.9) >> TICK << []
    play.at(34) >> TICK << ["possible vip"]


def test_if_nobody_takes_over_the_group_is_restored_after_the_back_off() -> None:
    play = holding(A, B, lifetime_s=600)
    for at_s in (1, 2, 3):
        steal(play, at_s) << RESTORED_A
        play >> there(A) << []
    steal(play, 4) << ["failed vip..."]
    play.at(5) >> gone(B) << []
    play.at(34) >> TICK << ["possible vip", "add 100 101 for 600 s", "announce 100 101 (0)"]


def test_thefts_are_forgotten_between_ownerships() -> None:
    play = holding(A, lifetime_s=600)
    for at_s in (1, 2, 3):
        steal(play, at_s) << RESTORED_A
        play >> there(A) << []
    play >> RELEASE << ["remove 100"]
    play >> gone(A) << []
    play >> CLAIM << ["add 100 for 600 s", "announce 100 (0)", "probe 100"]
    play >> there(A) << []
    steal(play, 4) << RESTORED_A


def test_a_flush_of_all_addresses_is_one_theft() -> None:
    addresses = [ipv4(number) for number in range(1, 9)]
    play = holding(*addresses)
    for va in addresses:
        play.holder.step(gone(va), NS_PER_S // 2)
    assert play.holder.snapshot().restored == 8


def test_fail_over_policy_gives_up_at_once_and_may_return_after_the_release() -> None:
    play = holding(A, B, vanish=VanishPolicy.FAIL_OVER)
    play.at(0.5) >> gone(A) << ["failed vip: 192.0.2.100/32 dev eth0 was removed by somebody else"]
    play.at(0.6) >> gone(B) << []
    play.at(0.7) >> RELEASE << ["possible vip"]


def test_what_is_not_tracked_is_restored_whatever_the_policy_and_never_counted() -> None:
    untracked = ipv4(100, no_track=True)
    play = holding(untracked, lifetime_s=600, vanish=VanishPolicy.FAIL_OVER)
    for tenths in range(10, 60):
        steal(play, tenths / 10) << RESTORED_A
        play >> there(A) << []


# -- links --


def test_addresses_that_vanish_with_their_link_were_not_stolen() -> None:
    """An IPv6 address goes when its link is set down; the kernel tells of the link first."""
    play = holding(A, SIX, lifetime_s=600)
    play.at(1) >> InterfaceDown("eth0") << []
    play >> gone(SIX) << []
    play.at(31) >> TICK << []
    play.at(40) >> InterfaceUp("eth0") << ["add a for 600 s", "announce 100 a (0)"]
    assert play.holder.snapshot().restored == 0


def test_a_deleted_device_comes_back() -> None:
    play = holding(A, SIX, lifetime_s=600)
    play >> InterfaceDown("eth0") << []
    play >> gone(SIX) << []
    play >> gone(A) << []
    play.at(40) >> InterfaceUp("eth0") << ["add 100 a for 600 s", "announce 100 a (0)"]


def test_thefts_reported_just_before_the_link_are_forgiven() -> None:
    play = holding(A, lifetime_s=600)
    for at_s in (1, 2, 3):
        steal(play, at_s) << RESTORED_A
        play >> there(A) << []
    play >> InterfaceDown("eth0") << []
    play >> InterfaceUp("eth0") << ["announce 100 (0)"]
    steal(play, 4) << RESTORED_A


def test_addresses_of_a_device_without_link_are_bound_when_it_is_up() -> None:
    other = ipv4(7, interface="eth1")
    play = Playbook(VipHolder(group(A, other, lifetime_s=600)))
    play >> InterfaceDown("eth1") << []
    play >> CLAIM << ["add 100 for 600 s", "announce 100 (0)", "probe 100 7"]
    play >> there(A) << []
    play.at(3) >> TICK << []
    play.at(30) >> TICK << []
    play.at(31) >> InterfaceUp("eth1") << ["add 7 for 600 s", "announce 7 (0)"]


def test_nothing_is_bound_if_all_links_are_down() -> None:
    play = Playbook(VipHolder(group(A)))
    play >> InterfaceDown("eth0") << []
    play >> CLAIM << ["probe 100"]
    play >> InterfaceUp("eth0") << ["add 100 for 3 s", "announce 100 (0)"]


def test_a_link_that_was_not_down_is_no_news_and_none_matters_to_others() -> None:
    play = holding(A)
    play >> InterfaceUp("eth0") << []
    play >> InterfaceDown("eth9") << []
    play >> InterfaceUp("eth9") << []
    play >> RELEASE << ["remove 100"]
    play >> InterfaceDown("eth0") << []
    play >> InterfaceUp("eth0") << []


def test_what_was_given_up_is_not_restored_by_a_link() -> None:
    play = holding(A, SIX, vanish=VanishPolicy.FAIL_OVER)
    play.at(0.1) >> gone(A) << ["failed vip..."]
    play >> InterfaceDown("eth0") << []
    play >> InterfaceUp("eth0") << ["announce a (0)"]


# -- the kernel says no --


def test_a_refused_address_gives_the_group_up_for_five_seconds() -> None:
    play = Playbook(VipHolder(group(A, B)))
    play.holder.step(CLAIM, 0)
    (
        play
        >> BindFailed("eth0", "192.0.2.100", "No such device (19)")
        << ["failed bind: 192.0.2.100/32 dev eth0 cannot be bound: No such device (19)"]
    )
    play >> BindFailed("eth0", "192.0.2.101", "No such device (19)") << []
    play >> RELEASE << ["remove 100 101"]
    play.at(5) >> TICK << ["possible bind"]


def test_the_release_removes_the_refused_address_too_to_be_sure() -> None:
    """An earlier request for it may have been carried out without our having heard of it yet."""
    play = Playbook(VipHolder(group(A, B)))
    play.holder.step(CLAIM, 0)
    play >> BindFailed("eth0", "192.0.2.100", "no") << ["failed bind..."]
    play >> there(B) << []
    play >> RELEASE << ["remove 101 100"]


def test_a_late_refusal_after_the_release_is_no_news() -> None:
    play = holding(A)
    play >> RELEASE << ["remove 100"]
    play >> gone(A) << []
    play >> BindFailed("eth0", "192.0.2.100", "no") << []


def test_a_refused_removal_is_told_and_tried_again() -> None:
    play = holding(A)
    play >> RELEASE << ["remove 100"]
    (
        play
        >> BindFailed("eth0", "192.0.2.100", "Operation not permitted (1)")
        << ["notice removal-failed: 192.0.2.100/32 dev eth0 cannot be removed: Operation not permitted (1)"]
    )
    play.at_deadline() << ["remove 100", "notice address-surplus..."]


def test_a_refusal_of_what_is_not_tracked_or_has_no_link_is_only_told() -> None:
    play = Playbook(VipHolder(group(ipv4(100, no_track=True), B)))
    play.holder.step(CLAIM, 0)
    (play >> BindFailed("eth0", "192.0.2.100", "no") << ["notice bind-failed: 192.0.2.100/32 dev eth0..."])
    play >> InterfaceDown("eth0") << []
    play >> BindFailed("eth0", "192.0.2.101", "no") << ["notice bind-failed..."]


def test_the_same_address_on_two_devices_is_told_apart() -> None:
    twin = ipv4(100, interface="eth1")
    play = Playbook(VipHolder(group(A, twin)))
    play.holder.step(CLAIM, 0)
    play >> BindFailed("eth1", "192.0.2.100", "no") << ["failed bind: 192.0.2.100/32 dev eth1 cannot be bound: no"]
    play >> there(A) << []
    play >> ConflictSeen("192.0.2.100", MAC) << ["announce 100 (0)", "notice address-conflict..."]


# -- somebody else has the address --


def test_take_binds_at_once_and_reports_who_else_answers() -> None:
    play = holding(A)
    claimed_by = f"notice address-conflict: 192.0.2.100 is also claimed by {MAC}: announced again"
    play.at(0.2) >> ConflictSeen("192.0.2.100", MAC) << ["announce 100 (0)", claimed_by]
    play.at(0.3) >> ConflictSeen("192.0.2.100", MAC) << []
    play.at(0.9) >> ConflictSeen("192.0.2.100", MAC) << []
    play >> there(A) << []
    play.at(1.2) >> TICK << ["renew 100 for 3 s"]
    play.at(1.2) >> ConflictSeen("192.0.2.100", MAC) << ["announce 100 (0)", claimed_by]


def test_take_probes_at_most_sixteen() -> None:
    play = Playbook(VipHolder(group(*(ipv4(number) for number in range(1, 31)))))
    assert len(play.holder.step(CLAIM, 0)[-1].addresses) == 16  # type: ignore[union-attr]


def test_a_conflict_about_another_address_or_while_another_node_owns_is_no_news() -> None:
    play = holding(A)
    play >> ConflictSeen("192.0.2.7", MAC) << []
    play >> RELEASE << ["remove 100"]
    play >> ConflictSeen("192.0.2.100", MAC) << []


def test_a_defence_names_only_what_can_be_announced() -> None:
    play = holding(A)
    play >> InterfaceDown("eth0") << []
    play >> ConflictSeen("192.0.2.100", MAC) << ["notice address-conflict..."]


def test_abort_probes_first_and_binds_if_nobody_answers() -> None:
    play = aborting(A, B)
    play >> CLAIM << ["probe 100 101"]
    assert play.holder.claimed
    assert play.holder.snapshot().wanted == ()
    play.at(0.1) >> TICK << []
    play.at_deadline() << ["add 100 101 for 3 s", "announce 100 101 (0)"]
    assert play.now_s == 0.2


def test_abort_does_not_bind_what_somebody_answers_for() -> None:
    play = aborting(A)
    play >> CLAIM << ["probe 100"]
    play.at(0.1) >> ConflictSeen("192.0.2.7", MAC) << []
    play.at(0.1) >> ConflictSeen("192.0.2.100", MAC) << [f"failed conflict: 192.0.2.100 is answered by {MAC}"]
    play.at(0.11) >> ConflictSeen("192.0.2.100", MAC) << []
    play.at(0.5) >> RELEASE << []
    play.at(30.1) >> TICK << ["possible conflict"]


def test_abort_without_another_owner_probes_again_after_the_back_off() -> None:
    play = aborting(A)
    play >> CLAIM << ["probe 100"]
    play >> ConflictSeen("192.0.2.100", MAC) << ["failed conflict..."]
    play >> VipReconfigured(group(A, B, conflict=ConflictPolicy.ABORT)) << []
    play.at(30) >> TICK << ["possible conflict", "probe 100 101"]
    play.at(30.2) >> TICK << ["add 100 101 for 3 s", "announce 100 101 (0)"]


def test_a_release_ends_the_probe() -> None:
    play = aborting(A)
    play >> CLAIM << ["probe 100"]
    play >> RELEASE << []
    play.at(10) >> TICK << []
    assert play.holder.deadline_ns is None


def test_a_reload_while_probing_probes_the_new_addresses_or_binds() -> None:
    play = aborting(A)
    play >> CLAIM << ["probe 100"]
    play.at(0.1) >> VipReconfigured(group(B, conflict=ConflictPolicy.ABORT)) << ["probe 101"]
    play.at(0.2) >> TICK << []
    play.at(0.25) >> VipReconfigured(group(C)) << ["add 102 for 3 s", "announce 102 (0)", "probe 102"]


# -- IPv6 duplicate address detection --


def test_a_tentative_address_is_announced_when_it_is_usable() -> None:
    play = Playbook(VipHolder(group(A, DETECTED, lifetime_s=600, garp=GarpPolicy(master_repeat=1))))
    play >> CLAIM << ["add 100 d for 600 s", "announce 100 (0)", "probe 100"]
    play >> there(A) << []
    play >> there(DETECTED, tentative=True) << []
    assert "2001:db8::d/128 dev eth0" in play.holder.snapshot().present
    play.at(1.5) >> there(DETECTED) << ["announce d (0)"]
    play >> there(DETECTED) << []
    play.at(5) >> TICK << ["announce 100 d (0)"]


def test_an_address_whose_detection_is_over_before_we_hear_of_it() -> None:
    play = Playbook(VipHolder(group(DETECTED, lifetime_s=600)))
    play >> CLAIM << ["add d for 600 s"]
    play.at(1) >> there(DETECTED) << ["announce d (0)"]


def test_a_link_that_was_away_makes_an_address_tentative_again() -> None:
    play = holding(SIX, lifetime_s=600)
    play.at(1) >> there(SIX, tentative=True) << []
    play >> ConflictSeen("2001:db8::a", MAC) << ["notice address-conflict..."]
    play.at(2) >> there(SIX) << ["announce a (0)"]


def test_a_claim_over_an_address_that_is_tentative_after_the_release() -> None:
    play = holding(DETECTED)
    play >> RELEASE << ["remove d"]
    play >> there(DETECTED, tentative=True) << []
    play >> gone(DETECTED) << []
    assert play.holder.snapshot().present == ()


def failing(tries: int) -> Playbook:
    play = holding(A, DETECTED, lifetime_s=600)
    for number in range(1, tries + 1):
        (
            play.at(number)
            >> there(DETECTED, dadfailed=True)
            << [
                "remove d",
                "add d for 600 s",
                "announce d (0)",
                "notice dad-failed: 2001:db8::d/128 dev eth0 is used by another node (duplicate address...",
            ]
        )
        play >> gone(DETECTED) << []
        play >> there(DETECTED) << []
    return play


def test_take_binds_again_without_detection() -> None:
    play = failing(1)
    (bound,) = [va for va in play.holder._bindings.all if va.address == DETECTED.address]
    assert bound.nodad
    play >> VipReconfigured(group(A, DETECTED, lifetime_s=600)) << []
    play >> RELEASE << ["remove d 100"]
    play >> CLAIM << ["add 100 d for 600 s", "announce 100 (0)", "probe 100"]


def test_take_gives_up_after_three_tries() -> None:
    play = failing(3)
    reason = "2001:db8::d/128 dev eth0 is used by another node (duplicate address detection)"
    play.at(4) >> there(DETECTED, dadfailed=True) << [f"failed dadfailed: {reason}"]
    play >> there(DETECTED, dadfailed=True) << []
    play.at(34) >> TICK << ["possible dadfailed"]


def test_abort_gives_up_at_once_and_detects_even_with_nodad() -> None:
    play = aborting(SIX)
    play >> CLAIM << ["add a for 3 s"]
    play >> there(SIX, tentative=True) << []
    (play.at(0.5) >> there(SIX, dadfailed=True) << ["failed dadfailed: 2001:db8::a/128 dev eth0 is used..."])


@pytest.mark.parametrize("flags", [{"tentative": True}, {"dadfailed": True}])
def test_a_leftover_in_any_condition_is_removed(flags: dict[str, bool]) -> None:
    play = Playbook(VipHolder(group(SIX)))
    play >> there(SIX, **flags) << []
    play.at_deadline() << ["remove a", "notice address-surplus..."]


def test_two_causes_at_once_and_detection_fails_while_given_up() -> None:
    play = holding(ipv6("e", nodad=False), A, vanish=VanishPolicy.FAIL_OVER, lifetime_s=600)
    play.at(1) >> gone(A) << ["failed vip..."]
    play.at(1) >> there(ipv6("e"), dadfailed=True) << ["failed dadfailed..."]
    play.at(31) >> TICK << ["possible dadfailed"]
    play.at(32) >> RELEASE << ["remove e", "possible vip"]
