"""The owner of a group under leases: what it does with a lease, without one, with faults and hooks."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.owner import FaultCleared, FaultRaised, HookEvent, PriorityChanged, Shutdown, Startup, State
from alived.vip.ownership import Ownership
from alived.vip.ownership_events import (
    FenceChanged,
    HolderEmpty,
    OwnershipChanged,
    OwnershipReconfigured,
)
from tests.vip.ownership_play import NO_LEASE, REASON, OwnershipPlay, ended, lease, owner, owning, started

LINK = FaultRaised("interface eth0", "interface eth0 is down")
LINK_AGAIN = FaultCleared("interface eth0")
TAKE = ["open", "claim", f"BACKUP -> MASTER: {REASON}", "report able 100 holds"]


# -- leases --


def test_it_starts_as_backup_and_says_that_it_is_able() -> None:
    play = OwnershipPlay(owner())
    assert (play.core.able, play.core.ability_reason) == (False, "not started")
    play >> Startup() << ["INIT -> BACKUP: started: waits for a lease", "report able 100"]
    assert (play.core.able, play.core.ability_reason) == (True, "priority 100")
    play >> Startup() << []


def test_a_lease_opens_the_fence_before_it_binds() -> None:
    play = started()
    play.at(0.05) >> lease(0.2) << TAKE
    assert play.core.deadline_ns == 0.2 * NS_PER_S
    shown = play.core.snapshot()
    assert (shown.state, shown.term, shown.lease_until_ns, shown.holds) == (State.MASTER, 7, 200 * NS_PER_MS, True)


def test_without_a_renewal_it_lets_go_when_the_lease_ends_the_fence_first() -> None:
    play = owning()
    play.at_deadline() << [
        "close",
        "release",
        "MASTER -> BACKUP: the lease of term 7 has ended without a renewal",
    ]
    assert play.now_s == 0.2
    assert play.core.holds
    assert play.core.held_ago_ns(play.now_ns) == 0
    play.at(0.21) >> HolderEmpty() << ["report able 100"]
    assert play.core.deadline_ns is None
    assert play.core.held_ago_ns(round(0.31 * NS_PER_S)) == 100 * NS_PER_MS


def test_a_renewal_moves_the_end_and_renews_the_fence() -> None:
    play = owning()
    play.at(0.05) >> lease(0.25) << ["renew"]
    assert play.core.deadline_ns == 250 * NS_PER_MS


def test_who_owns_is_renewed_by_the_shortest_lease() -> None:
    play = owning()
    play.at(0.19) >> lease(0.21) << ["renew"]
    assert play.core.deadline_ns == play.core.lease_until_ns == 210 * NS_PER_MS


def test_a_lease_that_may_end_before_the_next_one_comes_binds_nothing() -> None:
    play = started()
    play.at(0) >> lease(0.08) << []
    assert play.core.state is State.BACKUP
    assert play.core.snapshot().reason.endswith("may end before it can be renewed: waits for the next one")
    play.at(0.02) >> lease(0.13) << TAKE


def test_a_short_lease_that_is_not_followed_by_another_leaves_nothing() -> None:
    play = started()
    play.at(0) >> lease(0.08) << []
    play.at_deadline() << []
    assert (play.core.deadline_ns, play.core.snapshot().lease_until_ns) == (None, None)


def test_without_a_fence_nobody_is_asked_to_open_it() -> None:
    play = started(fenced=False)
    play.at(0.1) >> lease(0.2) << ["claim", f"BACKUP -> MASTER: {REASON}", "report able 100 holds"]
    play >> lease(0.3) << []
    play >> NO_LEASE << ["release", "MASTER -> BACKUP: node-b leads in term 8"]
    assert not play.core.snapshot().fenced


def test_a_lease_that_comes_after_its_end_is_none() -> None:
    play = started()
    play.at(0.3) >> lease(0.2) << []
    assert play.core.snapshot().lease_until_ns is None


def test_taken_back_it_lets_go_at_once() -> None:
    play = owning()
    play.at(0.1) >> NO_LEASE << ["close", "release", "MASTER -> BACKUP: node-b leads in term 8"]
    play >> NO_LEASE << []
    assert play.core.snapshot().lease_reason == "node-b leads in term 8"
    play >> HolderEmpty() << ["report able 100"]
    play >> HolderEmpty() << []


def test_a_lease_of_another_term_goes_on() -> None:
    play = owning()
    play.at(0.1) >> lease(0.3, term=8) << ["renew"]
    assert play.core.snapshot().term == 8


@pytest.mark.parametrize("term", [7, 9])
def test_after_a_lease_that_has_ended_the_neighbours_are_told_again(term: int) -> None:
    """The process did not run for a while. Another may have owned meanwhile: so it is let go of, and taken again."""
    play = owning()
    (
        play.at(1)
        >> lease(1.2, term=term)
        << [
            "close",
            "release",
            "MASTER -> BACKUP: the lease of term 7 has ended without a renewal (noticed 800 ms late)",
            "open",
            "claim",
            f"BACKUP -> MASTER: {REASON}",
        ]
    )
    play >> HolderEmpty() << []
    assert play.core.holds


def test_it_goes_elsewhere_when_the_elector_wants_it() -> None:
    play = owning()
    (
        play.at(0.1)
        >> lease(0.3, leaving=True, reason="web moves to node-b")
        << [
            "close",
            "release",
            "MASTER -> BACKUP: web moves to node-b",
        ]
    )
    play >> lease(0.3, leaving=True) << []
    play >> HolderEmpty() << ["report able 100"]
    play >> lease(0.3) << TAKE


def test_the_evidence_says_what_was_known() -> None:
    play = started()
    play.core.step(PriorityChanged(80, "priority 100 -> 80: script chk failed (weight -20)"), 0)
    changes = [effect for effect in play.core.step(lease(0.15), 0) if isinstance(effect, OwnershipChanged)]
    assert [change.evidence for change in changes] == [("lease of term 7: 150 ms left", "priority 80 (base 100)")]
    changes = [effect for effect in play.core.step(LINK, 0) if isinstance(effect, OwnershipChanged)]
    assert changes[0].evidence[2:] == ("fault: interface eth0: interface eth0 is down",)


# -- faults and priority --


def test_a_fault_lets_go_and_the_group_is_for_others_for_a_while() -> None:
    play = owning()
    (
        play.at(0.1)
        >> LINK
        << [
            "close",
            "release",
            "MASTER -> FAULT: interface eth0 is down",
            "report unable 100 holds",
        ]
    )
    assert play.core.ability_reason == "interface eth0 is down; stepped down: no candidate for 1 s"
    play >> HolderEmpty() << ["report unable 100"]
    play.at(0.2) >> LINK_AGAIN << []
    play >> lease(0.4) << []
    (
        play.at(1.1)
        >> DeadlineReached()
        << [
            "FAULT -> BACKUP: others had their chance: waits for a lease",
            "report able 100",
        ]
    )
    play >> lease(1.3) << TAKE


def test_a_fault_of_a_backup_goes_as_it_came() -> None:
    play = started()
    play >> LINK << ["BACKUP -> FAULT: interface eth0 is down", "report unable 100"]
    play >> FaultRaised("script chk", "script chk failed") << []
    assert play.core.ability_reason == "interface eth0 is down; script chk failed"
    play >> LINK_AGAIN << []
    play >> LINK_AGAIN << []
    (
        play
        >> FaultCleared("script chk")
        << [
            "FAULT -> BACKUP: script chk is no fault any more: waits for a lease",
            "report able 100",
        ]
    )


def test_a_lease_for_one_in_fault_is_taken_when_the_fault_goes() -> None:
    play = started()
    play >> LINK << ["BACKUP -> FAULT: ...", "report unable 100"]
    play >> lease(0.2) << []
    assert play.core.deadline_ns is None
    play.at(0.05) >> LINK_AGAIN << ["open", "claim", f"FAULT -> MASTER: {REASON}", "report able 100 holds"]


def test_another_priority_is_reported() -> None:
    play = started()
    play >> PriorityChanged(80, "priority 100 -> 80: chk failed") << ["report able 80"]
    assert play.core.ability_reason == "priority 100 -> 80: chk failed"
    play >> PriorityChanged(80, "again") << []


def test_what_is_not_known_yet_is_waited_for() -> None:
    play = OwnershipPlay(owner())
    play >> Startup("waits for the first result of script chk") << ["report unable 100"]
    assert play.core.ability_reason == "waits for the first result of script chk"
    play >> lease(0.2) << []
    play >> Startup() << ["INIT -> BACKUP: started: waits for a lease", *TAKE]


def test_a_fault_of_before_the_start_still_holds() -> None:
    play = OwnershipPlay(owner())
    play >> LINK << ["report unable 100"]
    play >> Startup() << ["INIT -> FAULT: interface eth0 is down"]


# -- life --


def test_it_ends_with_nothing_held() -> None:
    play = owning()
    (
        play.at(0.1)
        >> Shutdown()
        << [
            "close",
            "release",
            "MASTER -> INIT: the daemon stops",
            "report unable 100 holds",
        ]
    )
    play >> HolderEmpty() << ["report unable 100"]
    play >> lease(0.3) << []
    play >> Shutdown() << []


def test_a_reload_gives_another_priority_and_keeps_the_group() -> None:
    play = owning()
    play.at(0.1) >> OwnershipReconfigured(owner(priority=50)) << ["report able 50 holds"]
    assert play.core.ability_reason == "priority 50"
    play >> PriorityChanged(40, "chk failed") << ["report able 40 holds"]
    play >> OwnershipReconfigured(owner({HookEvent.TO_SLAVE: 1}, priority=50)) << []
    assert play.core.priority == 40
    (
        play
        >> NO_LEASE
        << [
            "close",
            "release",
            "MASTER -> BACKUP: node-b leads in term 8",
            "hooks ToSlave 1: MASTER -> BACKUP",
        ]
    )


# -- hooks --

AROUND = dict.fromkeys(HookEvent, 10.0)


def test_hooks_run_in_the_order_of_what_they_stand_around() -> None:
    play = OwnershipPlay(owner(AROUND))
    (
        play
        >> Startup()
        << [
            "INIT -> BACKUP: started: waits for a lease",
            "hooks ToSlave 1: INIT -> BACKUP",
            "report able 100",
        ]
    )
    play >> lease(0.2) << ["hooks before_bind 2: BACKUP -> MASTER"]
    assert play.core.snapshot().reason.endswith("a lease of term 7 is here, its before_bind hooks have not ended")
    play.at(0.05) >> lease(0.25) << []
    (
        play.at(0.1)
        >> ended(HookEvent.BEFORE_BIND, 2)
        << [
            "open",
            "claim",
            f"BACKUP -> MASTER: {REASON}",
            "hooks after_bind 3: BACKUP -> MASTER",
            "hooks ToMaster 4: BACKUP -> MASTER",
            "report able 100 holds",
        ]
    )
    play >> ended(HookEvent.AFTER_BIND, 3) << []
    play >> ended(HookEvent.TO_MASTER, 4) << []
    (
        play.at(0.2)
        >> NO_LEASE
        << [
            "close",
            "release",
            "MASTER -> BACKUP: node-b leads in term 8",
            "hooks before_unbind 5: MASTER -> BACKUP",
            "hooks ToSlave 6: MASTER -> BACKUP",
        ]
    )
    play >> HolderEmpty() << ["hooks after_unbind 7: MASTER -> BACKUP", "report able 100"]


def test_a_lease_that_ends_while_hooks_are_asked_binds_nothing() -> None:
    play = started({HookEvent.BEFORE_BIND: 10})
    play >> lease(0.2) << ["hooks before_bind 1: BACKUP -> MASTER"]
    play.at_deadline() << []
    assert play.now_s == 0.2
    play >> ended(HookEvent.BEFORE_BIND, 1) << []
    assert (play.core.state, play.core.deadline_ns) == (State.BACKUP, None)


def test_a_veto_leaves_the_group_to_others() -> None:
    play = started({HookEvent.BEFORE_BIND: 10})
    play >> lease(0.2) << ["hooks before_bind 1: BACKUP -> MASTER"]
    (
        play.at(0.1)
        >> ended(HookEvent.BEFORE_BIND, 1, "check.sh ended with status 1")
        << [
            "BACKUP -> FAULT: before_bind hooks: check.sh ended with status 1; no candidate for 5 s",
            "report unable 100",
        ]
    )
    play >> lease(0.3) << []
    play.at_deadline() << ["FAULT -> BACKUP: hooks is no fault any more: waits for a lease", "report able 100"]
    assert play.now_s == 5.1


@pytest.mark.parametrize("event", [HookEvent.TO_MASTER, HookEvent.AFTER_BIND])
def test_hooks_that_fail_after_binding_make_it_step_down(event: HookEvent) -> None:
    play = owning({event: 10, HookEvent.TO_SLAVE: 10})
    (
        play.at(0.1)
        >> ended(event, 2, "on-master.sh ended with status 1")
        << [
            "close",
            "release",
            f"MASTER -> FAULT: {event} hooks: on-master.sh ended with status 1; no candidate for 5 s",
            "hooks ToSlave 3: MASTER -> FAULT",
            "report unable 100 holds",
        ]
    )


def test_a_planned_loss_waits_for_the_hooks_before_it() -> None:
    play = owning({HookEvent.BEFORE_UNBIND: 10})
    (
        play.at(0.1)
        >> lease(0.3, leaving=True, reason="web moves to node-b")
        << [
            "hooks before_unbind 1: MASTER -> BACKUP",
            "renew",
        ]
    )
    assert play.core.snapshot().reason.endswith("goes elsewhere when its before_unbind hooks have ended")
    play.at(0.15) >> lease(0.35, leaving=True, reason="web moves to node-b") << ["renew"]
    (
        play.at(0.2)
        >> ended(HookEvent.BEFORE_UNBIND, 1)
        << [
            "close",
            "release",
            "MASTER -> BACKUP: web moves to node-b",
        ]
    )


def test_a_planned_loss_waits_no_longer_than_the_lease_lasts() -> None:
    play = owning({HookEvent.BEFORE_UNBIND: 10})
    play.at(0.1) >> lease(0.3, leaving=True) << ["hooks before_unbind 1: MASTER -> BACKUP", "renew"]
    play.at_deadline() << [
        "close",
        "release",
        "MASTER -> BACKUP: the lease of term 7 has ended without a renewal",
    ]
    assert play.now_s == 0.3


def test_a_fault_waits_for_no_hook() -> None:
    play = owning({HookEvent.BEFORE_UNBIND: 10})
    play.at(0.1) >> lease(0.3, leaving=True) << ["hooks before_unbind 1: MASTER -> BACKUP", "renew"]
    play >> LINK << ["close", "release", "MASTER -> FAULT: interface eth0 is down", "report unable 100 holds"]


# -- addresses that hooks bind --

BY_HOOKS = {HookEvent.TO_MASTER: 10.0, HookEvent.TO_SLAVE: 10.0}


def test_addresses_of_hooks_are_fenced_and_not_claimed() -> None:
    play = started(BY_HOOKS, bound_by_hooks=True)
    (
        play
        >> lease(0.2)
        << [
            "open",
            f"BACKUP -> MASTER: {REASON}",
            "hooks ToMaster 2: BACKUP -> MASTER",
            "report able 100 holds",
        ]
    )
    (
        play
        >> NO_LEASE
        << [
            "close",
            "MASTER -> BACKUP: node-b leads in term 8",
            "hooks ToSlave 3: MASTER -> BACKUP",
            "report able 100",
        ]
    )


def test_without_a_fence_the_hooks_have_to_end_before_the_group_counts_as_let_go() -> None:
    play = owning(BY_HOOKS | {HookEvent.AFTER_UNBIND: 1}, bound_by_hooks=True, fenced=False)
    play >> NO_LEASE << ["MASTER -> BACKUP: node-b leads in term 8", "hooks ToSlave 3: MASTER -> BACKUP"]
    assert play.core.holds
    play >> ended(HookEvent.TO_SLAVE, 3) << ["hooks after_unbind 4: MASTER -> BACKUP", "report able 100"]


def test_a_fence_that_the_kernel_has_lost_does_not_count() -> None:
    play = owning(BY_HOOKS, bound_by_hooks=True)
    play >> FenceChanged(False) << []
    assert not play.core.snapshot().fenced
    play >> NO_LEASE << ["close", "MASTER -> BACKUP: ...", "hooks ToSlave 3: MASTER -> BACKUP"]
    assert play.core.holds
    play >> FenceChanged(True) << ["report able 100"]


def test_a_fence_for_others_does_not_count() -> None:
    play = owning(BY_HOOKS, bound_by_hooks=True, fenced=False)
    play >> FenceChanged(True) << []
    assert not play.core.snapshot().fenced


def test_hooks_that_cannot_let_go_are_a_fault_and_no_reason_to_wait_for_ever() -> None:
    play = owning(BY_HOOKS, bound_by_hooks=True, fenced=False)
    play >> NO_LEASE << ["MASTER -> BACKUP: node-b leads in term 8", "hooks ToSlave 3: MASTER -> BACKUP"]
    play.at_deadline() << [
        "BACKUP -> FAULT: ToSlave hooks: did not end within 10 s; no candidate for 5 s",
        "report unable 100",
    ]


def test_the_snapshot_is_a_value() -> None:
    play = owning(BY_HOOKS, bound_by_hooks=True)
    shown = msgspec.to_builtins(play.core.snapshot())
    assert shown["name"] == "web"
    assert (shown["became_master"], shown["released_master"], shown["bound_by_hooks"]) == (1, 0, True)


def test_a_change_says_the_term_of_the_newest_lease() -> None:
    """Also the one that ended: whose term it was is what an operator looks for."""
    play, told = started(), []
    for event, now_s in ((lease(0.2), 0.0), (NO_LEASE, 0.1)):
        changes = play.core.step(event, round(now_s * NS_PER_S))
        told += [(change.new, change.term) for change in changes if isinstance(change, OwnershipChanged)]
    assert told == [(State.MASTER, 7), (State.BACKUP, 7)]
    (first,) = (each for each in Ownership(play.core.config).step(Startup(), 0) if isinstance(each, OwnershipChanged))
    assert (first.new, first.term) == (State.BACKUP, 0)
