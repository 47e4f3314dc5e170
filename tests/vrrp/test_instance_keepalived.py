"""What keepalived adds to RFC 9568's state machine: FAULT, delays, priorities that change, reloads, sync groups."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State
from alived.vrrp.events import (
    AddressListDiffers,
    FaultCleared,
    FaultRaised,
    GroupDecided,
    PriorityChanged,
    Reconfigured,
    Shutdown,
    Startup,
)
from tests.vrrp.playbook import HIGHER, LOWER, OWN, VIPS, Playbook, advert, heard, noticed, report, taken, to

SKEW_100_NS = 609_375_000
DOWN_100_NS = 3_609_375_000
LINK = FaultRaised("interface eth0", "interface eth0 is down")
DISK = FaultRaised("script check_disk", "script check_disk failed")
LINK_WELL = FaultCleared("interface eth0")
DISK_WELL = FaultCleared("script check_disk")


class TestFaults:
    def test_faults_add_up_and_the_last_one_cleared_starts_anew(self) -> None:
        play = Playbook.master()
        play.after(ms=1) >> LINK << [advert(0), to(State.FAULT, "interface eth0 is down")]
        play.after(ms=1) >> DISK << []
        play.after(ms=1) >> LINK_WELL << []
        play.after(ms=1) >> LINK_WELL << []
        assert play.instance.snapshot().faults == (("script check_disk", "script check_disk failed"),)
        play.after(ms=1) >> DISK_WELL << [to(State.BACKUP, "script check_disk is no fault any more")]
        assert play.due_in_ns == DOWN_100_NS

    def test_faults_known_before_the_start_hold(self) -> None:
        play = Playbook()
        play >> LINK << []
        play >> DISK << []
        play >> DISK_WELL << []
        play >> Startup() << [to(State.FAULT, "interface eth0 is down")]
        assert play.instance.deadline_ns is None

    def test_it_waits_for_what_must_be_known_before(self) -> None:
        play = Playbook()
        play.at(7) >> Startup("waits for the first result of script chk") << []
        shown = play.instance.snapshot()
        assert (shown.state, shown.reason) == (State.INIT, "waits for the first result of script chk")
        assert shown.deadline_ns is None
        play >> Startup() << [to(State.BACKUP)]

    def test_a_fault_that_went_before_the_start_does_not(self) -> None:
        play = Playbook()
        play >> LINK << []
        play >> LINK_WELL << []
        play >> Startup() << [to(State.BACKUP)]

    def test_an_owner_is_master_again_at_once(self) -> None:
        play = Playbook(priority=255)
        play >> Startup() << [advert(255), to(State.MASTER)]
        play >> LINK << [advert(0), to(State.FAULT)]
        play.after(s=1) >> LINK_WELL << [advert(255), to(State.MASTER, "owner")]

    def test_after_a_fault_the_higher_priority_preempts(self) -> None:
        play = Playbook.backup()
        play >> LINK << [to(State.FAULT)]
        play.after(s=9) >> LINK_WELL << [to(State.BACKUP)]
        for _ in range(3):
            play.after(s=1) >> heard(90) << []
        play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, "preempt")]

    def test_shutdown_while_in_fault(self) -> None:
        play = Playbook.backup()
        play >> LINK << [to(State.FAULT)]
        play >> Shutdown("bye") << [to(State.INIT, "bye")]

    def test_adverts_are_heard_and_remembered_in_fault(self) -> None:
        play = Playbook.backup()
        play >> LINK << [to(State.FAULT)]
        play.after(s=1) >> heard(200) << []
        snapshot = play.instance.snapshot()
        assert [peer.address for peer in snapshot.peers] == [LOWER]
        assert (snapshot.master, snapshot.state) == ("", State.FAULT)


@pytest.mark.parametrize("state", [State.BACKUP, State.MASTER])
def test_the_initial_state_changes_nothing(state: State) -> None:
    """keepalived 2.2.7 waits Master_Down_Interval with `state MASTER` too (capture v2-equal-priority)."""
    play = Playbook(initial_state=state)
    play.at(5) >> Startup() << [to(State.BACKUP)]
    assert play.due_in_ns == DOWN_100_NS


class TestStartupDelay:
    def test_it_delays_the_whole_wait(self) -> None:
        play = Playbook(startup_delay_ns=5 * NS_PER_S)
        play.at(NS_PER_S) >> Startup() << [to(State.BACKUP)]
        assert play.due_in_ns == 5 * NS_PER_S + DOWN_100_NS

    def test_nothing_makes_it_take_over_earlier(self) -> None:
        play = Playbook(startup_delay_ns=60 * NS_PER_S)
        play >> Startup() << [to(State.BACKUP)]
        for event in (heard(150), heard(0), heard(90)):
            play.after(s=1) >> event << []
            assert play.instance.deadline_ns == 60 * NS_PER_S

    def test_once_over_adverts_count_as_usual(self) -> None:
        play = Playbook(startup_delay_ns=2 * NS_PER_S)
        play >> Startup() << [to(State.BACKUP)]
        for at_s in (1, 2, 3):
            play.at(at_s * NS_PER_S) >> heard(150) << []
        assert play.due_in_ns == DOWN_100_NS

    def test_an_owner_waits_too(self) -> None:
        play = Playbook(startup_delay_ns=NS_PER_S, priority=255)
        play >> Startup() << [to(State.BACKUP, "start-up delay")]
        assert play.due_in_ns == NS_PER_S
        play >> Reconfigured(msgspec.structs.replace(play.instance.config, advert_interval_cs=10)) << []
        assert play.due_in_ns == NS_PER_S


class TestPreemptDelay:
    """ "preempt_delay [...] to delay preempting [...] when seeing a lower priority master" (keepalived.conf(5))."""

    def test_a_worse_master_is_followed_until_the_delay_is_over(self) -> None:
        play = Playbook.backup(preempt_delay_ns=10 * NS_PER_S)
        start_ns = play.after(s=1).now_ns
        for _ in range(10):
            play >> heard(90) << []
            assert play.due_in_ns == DOWN_100_NS
            play.after(s=1)
        play >> heard(90) << []
        assert play.due_in_ns == DOWN_100_NS - NS_PER_S
        play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, "preempt")]
        assert play.now_ns == start_ns + 9 * NS_PER_S + DOWN_100_NS

    def test_a_better_master_in_between_starts_it_anew(self) -> None:
        play = Playbook.backup(preempt_delay_ns=2 * NS_PER_S)
        for priority in (90, 90, 150, 90, 90):
            play.after(s=1) >> heard(priority) << []
            assert play.due_in_ns == DOWN_100_NS

    def test_nobody_heard_no_delay(self) -> None:
        play = Playbook.backup(preempt_delay_ns=300 * NS_PER_S)
        assert play.due_in_ns == DOWN_100_NS

    def test_a_worse_master_that_dies_is_replaced_without_delay(self) -> None:
        play = Playbook.backup(preempt_delay_ns=300 * NS_PER_S)
        play.after(s=1) >> heard(90) << []
        play.at_deadline() >> DeadlineReached() << [advert(100), to(State.MASTER, "no advert from")]

    def test_an_owner_knows_no_delay(self) -> None:
        play = Playbook(priority=255, preempt_delay_ns=9 * NS_PER_S, startup_delay_ns=NS_PER_S)
        play >> Startup() << [to(State.BACKUP)]
        play.at(NS_PER_S // 2) >> heard(90) << []
        assert play.instance.deadline_ns == NS_PER_S


class TestPriority:
    def test_a_master_carries_it_in_its_next_advert(self) -> None:
        play = Playbook.master()
        due_ns = play.instance.deadline_ns
        play.after(ms=100) >> PriorityChanged(80, "interface eth1 is down") << [taken(80, State.MASTER, "eth1")]
        play >> PriorityChanged(80, "again") << []
        assert (play.state, play.instance.deadline_ns) == (State.MASTER, due_ns)
        play.at_deadline() >> DeadlineReached() << [advert(80)]

    def test_a_backups_running_timer_takes_the_new_skew_time(self) -> None:
        play = Playbook.backup()
        play.after(s=1) >> heard(150) << []
        play.after(s=1) >> PriorityChanged(200, "up") << [taken(200, State.BACKUP)]
        assert play.due_in_ns == 2 * NS_PER_S + 218_750_000
        play.after(ms=0) >> PriorityChanged(100, "down") << [taken(100, State.BACKUP)]
        assert play.due_in_ns == 2 * NS_PER_S + SKEW_100_NS

    def test_raised_above_the_master_it_preempts_when_the_timer_runs_out(self) -> None:
        play = Playbook.backup()
        play.after(s=1) >> heard(150) << []
        play.after(s=1) >> PriorityChanged(200, "up") << [taken(200, State.BACKUP)]
        play.after(ms=0) >> heard(150) << []
        assert play.due_in_ns == 2 * NS_PER_S + 218_750_000

    def test_in_init_and_fault_it_is_noted(self) -> None:
        play = Playbook()
        play >> PriorityChanged(200, "up") << [taken(200, State.INIT)]
        assert play.instance.deadline_ns is None
        play >> Startup() << [to(State.BACKUP)]
        assert play.due_in_ns == 3_218_750_000

    def test_an_owners_priority_is_never_changed(self) -> None:
        with pytest.raises(AssertionError, match="owner"):
            Playbook(priority=255) >> PriorityChanged(254, "")


class TestReload:
    def changed(self, play: Playbook, **fields: object) -> Reconfigured:
        return Reconfigured(msgspec.structs.replace(play.instance.config, **fields))

    def test_a_master_stays_master_and_uses_the_new_priority(self) -> None:
        play = Playbook.master()
        due_ns = play.instance.deadline_ns
        play.after(ms=10) >> self.changed(play, priority=120, addresses=("192.0.2.101",)) << []
        assert (play.state, play.instance.deadline_ns) == (State.MASTER, due_ns)
        play.at_deadline() >> DeadlineReached() << [advert(120)]
        assert play.instance.snapshot().base_priority == 120

    def test_a_master_with_a_shorter_interval_does_not_wait_for_the_old_one(self) -> None:
        play = Playbook.master()
        play.after(ms=10) >> self.changed(play, advert_interval_cs=10) << []
        assert play.due_in_ns == 100 * NS_PER_MS
        play.at_deadline() >> DeadlineReached() << [advert(100)]
        assert play.due_in_ns == 100 * NS_PER_MS

    def test_a_master_with_a_longer_interval_keeps_its_next_advert(self) -> None:
        play = Playbook.master()
        play.after(ms=10) >> self.changed(play, advert_interval_cs=1000) << []
        assert play.due_in_ns == 990 * NS_PER_MS

    def test_a_backup_without_a_master_waits_by_the_new_interval(self) -> None:
        play = Playbook.backup()
        play.after(s=1) >> self.changed(play, advert_interval_cs=200) << []
        assert play.due_in_ns == 2 * DOWN_100_NS - NS_PER_S

    def test_a_v3_backup_goes_on_with_the_interval_of_its_master(self) -> None:
        play = Playbook.backup()
        play.after(s=1) >> heard(150) << []
        play.after(s=1) >> self.changed(play, advert_interval_cs=200) << []
        assert play.due_in_ns == DOWN_100_NS - NS_PER_S

    def test_a_v2_backup_uses_the_new_interval(self) -> None:
        play = Playbook.backup(version=2)
        play.after(s=1) >> heard(150) << []
        play.after(s=1) >> self.changed(play, advert_interval_cs=200) << []
        assert play.due_in_ns == DOWN_100_NS + 2 * NS_PER_S

    def test_preemption_can_be_switched(self) -> None:
        play = Playbook.backup()
        play.after(s=1) >> self.changed(play, nopreempt=True) << []
        play >> heard(90) << []
        assert play.due_in_ns == DOWN_100_NS

    def test_before_the_start_it_is_just_taken(self) -> None:
        play = Playbook()
        play >> self.changed(play, priority=200) << []
        play >> Startup() << [to(State.BACKUP)]
        assert play.due_in_ns == 3_218_750_000

    def test_what_trackers_made_of_the_priority_survives_a_reload_of_something_else(self) -> None:
        play = Playbook.master()
        play >> PriorityChanged(80, "down") << [taken(80, State.MASTER)]
        play >> self.changed(play, nopreempt=True) << []
        assert play.priority == 80


class TestSyncGroupMember:
    def test_a_backup_asks_and_waits(self) -> None:
        play = Playbook(sync_group="G")
        play >> Startup() << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        play.at_deadline() >> DeadlineReached() << [report(State.BACKUP, State.MASTER)]
        assert play.due_in_ns == DOWN_100_NS
        assert play.instance.snapshot().reason == "no advert heard for 3.609 s; waits for sync group G"
        play.at_deadline() >> DeadlineReached() << []
        decision = GroupDecided(State.MASTER, "sync group G: all members want to be MASTER")
        (
            play.after(ms=1)
            >> decision
            << [
                advert(100),
                to(State.MASTER, "all members want"),
                report(State.MASTER, State.MASTER),
            ]
        )

    def test_hearing_a_better_master_takes_the_wish_back(self) -> None:
        play = Playbook(sync_group="G")
        play >> Startup() << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        play.at_deadline() >> DeadlineReached() << [report(State.BACKUP, State.MASTER)]
        play.after(ms=1) >> heard(150) << [report(State.BACKUP, State.BACKUP)]

    def test_hearing_a_worse_master_does_not(self) -> None:
        play = Playbook(sync_group="G")
        play >> Startup() << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        play.at_deadline() >> DeadlineReached() << [report(State.BACKUP, State.MASTER)]
        play.after(ms=1) >> heard(90) << []

    def master(self) -> Playbook:
        play = Playbook(sync_group="G")
        play >> Startup() << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        play >> GroupDecided(State.MASTER, "all") << [advert(100), to(State.MASTER), report(State.MASTER, State.MASTER)]
        return play

    def test_downward_it_never_asks(self) -> None:
        play = self.master()
        play.after(ms=1) >> heard(150) << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        play = self.master()
        play.after(ms=1) >> LINK << [advert(0), to(State.FAULT), report(State.FAULT, State.FAULT)]

    def test_taken_along_to_backup_it_says_so_to_its_network(self) -> None:
        play = self.master()
        (
            play.after(ms=1)
            >> GroupDecided(State.BACKUP, "VI_2 is BACKUP")
            << [
                advert(0),
                to(State.BACKUP, "VI_2"),
                report(State.BACKUP, State.BACKUP),
            ]
        )
        assert play.due_in_ns == DOWN_100_NS

    def test_taken_along_to_fault_it_wants_to_be_backup(self) -> None:
        play = self.master()
        (
            play.after(ms=1)
            >> GroupDecided(State.FAULT, "VI_2 is in FAULT")
            << [
                advert(0),
                to(State.FAULT, "VI_2"),
                report(State.FAULT, State.BACKUP),
            ]
        )
        assert play.instance.snapshot().faults == (("sync group G", "VI_2 is in FAULT"),)
        (
            play.after(ms=1)
            >> GroupDecided(State.BACKUP, "all are well")
            << [
                to(State.BACKUP, "all are well"),
                report(State.BACKUP, State.BACKUP),
            ]
        )

    def test_from_its_own_fault_it_returns_when_the_group_says_so(self) -> None:
        play = self.master()
        play >> LINK << [advert(0), to(State.FAULT), report(State.FAULT, State.FAULT)]
        play >> GroupDecided(State.BACKUP, "too early") << []
        play >> LINK_WELL << [report(State.FAULT, State.BACKUP)]
        assert play.state is State.FAULT
        play >> GroupDecided(State.BACKUP, "now") << [to(State.BACKUP, "now"), report(State.BACKUP, State.BACKUP)]

    def test_an_owner_asks_at_once(self) -> None:
        play = Playbook(sync_group="G", priority=255)
        play >> Startup() << [to(State.BACKUP), report(State.BACKUP, State.BACKUP)]
        assert play.due_in_ns == 0
        play >> DeadlineReached() << [report(State.BACKUP, State.MASTER)]

    def test_decisions_that_say_what_is_so_already_change_nothing(self) -> None:
        play = self.master()
        play >> GroupDecided(State.MASTER, "") << []
        play >> GroupDecided(State.INIT, "") << []
        play >> GroupDecided(State.FAULT, "x") << [advert(0), to(State.FAULT), report(State.FAULT, State.BACKUP)]
        play >> GroupDecided(State.FAULT, "y") << []

    def test_a_member_that_does_not_run_is_not_moved(self) -> None:
        for state in State:
            play = Playbook(sync_group="G")
            play >> GroupDecided(state, "") << []
            assert (play.state, play.instance.snapshot().faults) == (State.INIT, ())

    def test_leaving_the_group_in_a_reload_frees_from_its_fault(self) -> None:
        play = self.master()
        play >> GroupDecided(State.FAULT, "VI_2") << [advert(0), to(State.FAULT), report(State.FAULT, State.BACKUP)]
        config = msgspec.structs.replace(play.instance.config, sync_group="")
        play >> Reconfigured(config) << [to(State.BACKUP, "sync group G is no fault any more")]

    def test_joining_a_group_in_a_reload_reports_to_it(self) -> None:
        play = Playbook.master()
        config = msgspec.structs.replace(play.instance.config, sync_group="H")
        play >> Reconfigured(config) << [report(State.MASTER, State.MASTER)]


class TestSnapshot:
    def test_of_a_master(self) -> None:
        play = Playbook.master()
        snapshot = play.instance.snapshot()
        assert (snapshot.state, snapshot.since_ns, snapshot.master) == (State.MASTER, DOWN_100_NS, OWN)
        assert (snapshot.became_master, snapshot.released_master, snapshot.adverts_sent) == (1, 0, 1)
        play.at_deadline() >> DeadlineReached() << [advert(100)]
        play >> Shutdown() << [advert(0), to(State.INIT)]
        snapshot = play.instance.snapshot()
        assert (snapshot.became_master, snapshot.released_master, snapshot.adverts_sent) == (1, 1, 3)
        assert (snapshot.priority_zero_sent, snapshot.master) == (1, "")

    def test_of_a_backup_with_its_master(self) -> None:
        play = Playbook.backup()
        for _ in range(5):
            play.after(s=1) >> heard(150) << []
        snapshot = play.instance.snapshot()
        assert (snapshot.master, snapshot.adverts_received) == (LOWER, 5)
        (peer,) = snapshot.peers
        assert (peer.priority, peer.adverts, peer.missed, peer.last_heard_ns) == (150, 5, 0, 5 * NS_PER_S)
        play.after(s=1) >> heard(0) << []
        snapshot = play.instance.snapshot()
        assert (snapshot.master, snapshot.priority_zero_received) == ("", 1)

    def test_two_masters_take_turns(self) -> None:
        play = Playbook.backup()
        for source in (LOWER, HIGHER, HIGHER, LOWER, LOWER):
            play.after(s=1) >> heard(150, source) << []
            assert play.instance.snapshot().master == source
        assert [peer.adverts for peer in play.instance.snapshot().peers] == [3, 2]

    def test_the_evidence_of_a_change(self) -> None:
        play = Playbook.backup()
        play.at(NS_PER_S) >> heard(150) << []
        _, change = play.instance.step(DeadlineReached(), play.at_deadline().now_ns)
        assert change.evidence == (
            "own priority 100 (base 100), Master_Down_Interval 3.609 s = 3 x 1000 ms + Skew_Time 0.609 s",
            f"{LOWER}: priority 150, interval 1000 ms, last heard 3609.4 ms ago, 1 adverts, 0 missed",
        )
        (_, change) = play.instance.step(LINK, play.now_ns)
        assert change.evidence[-1] == "fault: interface eth0: interface eth0 is down"


def test_other_addresses_are_noticed_with_both_lists() -> None:
    """One forgotten address must never make two masters: the advert counts, the difference is said."""
    play = Playbook.backup()
    event = AddressListDiffers(LOWER, ("192.0.2.100", "192.0.2.101"))
    text = f"{LOWER} advertises the addresses 192.0.2.100 192.0.2.101; ours are {VIPS[0]}"
    play >> event << [noticed("address-list-differs", text)]
    play = Playbook.backup(addresses=())
    play >> AddressListDiffers(LOWER, ()) << [noticed("address-list-differs", "addresses none; ours are none")]
