"""Groups elected by Raft in an engine, on a kernel: leases in, addresses bound or gone, reports out."""

from __future__ import annotations

import msgspec
import pytest

from alived.adapters.loop import now_ns
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Instance, RaftGroup
from alived.daemon.parent.plan import make_plan
from alived.daemon.shared.messages import HookDue, TrackerVerdict, TrackerVerdicts, Transition
from alived.health.trackers_config import TrackerKind
from alived.hooks.config import HookEvent
from alived.raft.config import Role
from alived.vip.config import VanishPolicy
from alived.vip.ownership_events import OpenKernelLease
from alived.vrrp.config import State, TrackedInterface
from tests.daemon.engine.engine_play import address, instance
from tests.daemon.engine.owned_play import OwnedPlay, by_hooks, group, hook, outcome, owned_config, owning, tracks
from tests.daemon.engine.test_engine import claims_in
from tests.daemon.tracked_scripts import tracking
from tests.segment import Segment, addresses_of, drain, ip

pytestmark = pytest.mark.lab

VIP, OTHER_VIP, THIRD_VIP = "192.0.2.100", "192.0.2.101", "192.0.2.102"
WEB, DB = group("web", VIP), group("db", OTHER_VIP)
SHORT_MS = 3_000
"""Of leases that end while the test looks on, on a busy machine too."""
NOBODY = "started: waits for a lease"


# -- leases --


def test_it_begins_with_nothing_and_says_so(segment: Segment) -> None:
    with owning(WEB, DB, priority=70) as play:
        first = play.until_answered(0)
        assert [(one.name, one.able, one.priority, one.holds, one.held_ns) for one in first.groups] == [
            ("web", True, 70, False, None),
            ("db", True, 70, False, None),
        ]
        shown = play.owner("web")
        assert (shown.state, shown.reason, shown.lease_until_ns) == (State.BACKUP, NOBODY, None)


def test_a_lease_binds_and_announces(segment: Segment) -> None:
    heard = segment.other_frames()
    with owning(WEB, DB) as play:
        number = play.lease("web")
        play.until_bound(f"{VIP}/32")
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or claims_in(frames)), "a gratuitous ARP")
        assert set(claims_in(frames)) == {VIP}
        assert f"{OTHER_VIP}/32" not in addresses_of("eth0")
        play.until_answered(number)
        assert play.until_reported("web", holds=True).held_ns == 0
        assert not play.report("db").holds
        change = next(change for change in play.of(Transition) if change.new is State.MASTER)
        assert (change.kind, change.name, change.reason) == ("RAFT", "web", "node a leads in term 7")
        assert change.term == 7


def test_when_renewals_stop_it_lets_go_by_itself_and_not_before(segment: Segment) -> None:
    with owning(WEB) as play:
        began_ns = now_ns()
        play.lease("web", ms=SHORT_MS)
        play.until_bound(f"{VIP}/32")
        play.until_gone(f"{VIP}/32")
        assert play.moves("web")[-1] == (State.MASTER, State.BACKUP)
        lost = play.of(Transition)[-1]
        assert lost.time_ns - began_ns >= SHORT_MS * NS_PER_MS
        assert "has ended without a renewal" in lost.reason
        assert play.until_reported("web", holds=False).held_ns is not None


def test_that_a_renewal_was_carried_out_is_seen_without_an_answer(segment: Segment) -> None:
    with owning(WEB) as play:
        play.until_answered(play.lease("web"))
        play.until_reported("web", holds=True)
        said = len(play.reports)
        number = play.lease("web", answer=False)
        assert play.carried_out() == number - 1
        play.until(lambda: play.carried_out() == number, "it is carried out")
        assert len(play.reports) == said


def test_a_renewal_keeps_it(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web", ms=SHORT_MS)
        play.until_bound(f"{VIP}/32")
        play.until_answered(play.lease("web"))
        play.turn_for(SHORT_MS / 1000)
        assert play.moves("web") == [(State.INIT, State.BACKUP), (State.BACKUP, State.MASTER)]
        assert f"{VIP}/32" in addresses_of("eth0")


def test_that_everything_was_let_go_is_said_when_the_kernel_has_confirmed_it(segment: Segment) -> None:
    vips = [address(f"198.51.100.{number}") for number in range(1, 201)]
    with owning(group("web", *vips)) as play:
        play.lease("web")
        play.until(lambda: len(play.snapshot().vips[0].present) == 200, "all are there")
        number = play.withdraw()
        bound_when_said: list[int] = []

        def said() -> bool:
            if play.reports[-1].number == number and not play.report("web").holds:
                bound_when_said.append(len([a for a in addresses_of("eth0") if a.startswith("198.51.100.")]))
            return bool(bound_when_said)

        play.until(said, "it is let go")
        assert bound_when_said == [0]
        first = next(report for report in play.reports if report.number == number)
        assert first.groups[0].holds, "the answer must not say more than is true"


def test_a_claim_that_is_taken_back_at_once_is_let_go_at_once(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of addresses that were never bound the kernel's monitor has nothing to say, and nobody waits for it to."""
    monkeypatch.setattr("alived.vip.bindings.CONFIRM_NS", 3_600 * NS_PER_S)
    vips = [address(f"198.51.100.{number}") for number in range(1, 101)]
    with owning(group("web", *vips)) as play:
        play.lease("web")
        play.until(lambda: play.owner("web").state is State.MASTER, "the owner")
        number = play.withdraw()
        play.until(lambda: play.reports[-1].number == number and not play.report("web").holds, "it is let go")
        assert play.owner("web").released_master == 1
        assert not any(bound.startswith("198.51.100.") for bound in addresses_of("eth0"))


def test_only_the_newest_leases_count(segment: Segment) -> None:
    """What the engine had no time to read may be about leases that have ended since."""
    with owning(WEB, DB) as play:
        play.lease("web", ms=1)
        play.lease("web", "db", ms=1)
        number = play.lease("db")
        play.until_bound(f"{OTHER_VIP}/32")
        play.until_answered(number)
        assert play.moves("web") == [(State.INIT, State.BACKUP)]


def test_a_lease_for_a_group_that_is_not_here_changes_nothing(segment: Segment) -> None:
    with owning(WEB) as play:
        play.until_answered(play.lease("somebody else's"))
        assert play.owner("web").state is State.BACKUP


def test_it_goes_elsewhere_after_its_hooks(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.BEFORE_UNBIND)]) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        play.lease("web", leaving=["web"])
        play.due(HookEvent.BEFORE_UNBIND)
        play.turn_for(0.1)
        assert f"{VIP}/32" in addresses_of("eth0")
        play.end(HookEvent.BEFORE_UNBIND)
        play.until_gone(f"{VIP}/32")
        play.until_reported("web", holds=False, able=True)


def test_an_end_leaves_nothing(segment: Segment) -> None:
    before = addresses_of("eth0")
    with owning(WEB, DB) as play:
        play.lease("web", "db")
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.stop()
        assert addresses_of("eth0") == before
        assert {change.new for change in play.of(Transition) if change.stopping} == {State.INIT}


# -- what it depends on --


def test_a_pulled_cable_is_told_to_the_elector(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        segment.plug(False)
        report = play.until_reported("web", able=False)
        assert report.reason.startswith("interface eth0 is down")
        assert play.owner("web").state is State.FAULT
        play.until_gone(f"{VIP}/32")
        segment.plug(True)
        play.until_reported("web", able=True)


def test_an_interface_that_is_not_there_is_waited_for(segment: Segment) -> None:
    segment.remove_interface(1)
    with owning(group("web", "192.0.3.100", interface="eth1")) as play:
        assert play.until_reported("web", able=False).reason == "interface eth1 is not there"
        segment.restore_interface(1)
        play.until_reported("web", able=True)


def test_it_owns_nothing_before_to_ready_has_ended(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.TO_READY), hook(HookEvent.TO_SLAVE)]) as play:
        assert play.until_reported("web", able=False).reason == "waits for the end of the hook ToReady"
        play.until_answered(play.lease("web"))
        assert (play.owner("web").state, play.of(HookDue)) == (State.INIT, [])
        play.ready_ended()
        play.until_reported("web", able=True)
        play.lease("web")
        play.until_bound(f"{VIP}/32")


def test_after_to_ready_a_tracker_is_still_waited_for(segment: Segment) -> None:
    with owning(msgspec.structs.replace(WEB, tracking=tracking("chk")), hooks=[hook(HookEvent.TO_READY)]) as play:
        play.ready_ended()
        play.until_answered(play.lease())
        report = play.report("web")
        assert (report.able, report.reason) == (False, "waits for the first result of script chk")


def test_a_weight_moves_the_priority(segment: Segment) -> None:
    with owning(tracks(WEB, TrackedInterface("eth1", -30))) as play:
        play.until_reported("web", priority=100)
        segment.plug(False, 1)
        assert "weight -30" in play.until_reported("web", priority=70, able=True).reason
        assert play.notices("priority-changed") == ["priority 100 -> 70: interface eth1 is down (weight -30)"]


def test_a_tracked_script_is_waited_for_and_then_believed(segment: Segment) -> None:
    with owning(msgspec.structs.replace(WEB, tracking=tracking("chk"))) as play:
        assert play.until_reported("web", able=False).reason == "waits for the first result of script chk"
        play.engine.handle(
            TrackerVerdicts((TrackerVerdict(TrackerKind.SCRIPT, "chk", True, "script chk succeeded", 1),))
        )
        play.until_reported("web", able=True)
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        play.engine.handle(
            TrackerVerdicts((TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "script chk failed: exit 1", 2),))
        )
        play.until_gone(f"{VIP}/32")
        assert play.until_reported("web", able=False).reason.startswith("script chk failed: exit 1")


def test_a_weighted_script_changes_the_priority_in_the_log_too(segment: Segment) -> None:
    with owning(msgspec.structs.replace(WEB, tracking=tracking("chk", weight=-20))) as play:
        play.engine.handle(
            TrackerVerdicts((TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "script chk failed: exit 1", 2),))
        )
        play.until_reported("web", priority=80)
        assert play.notices("priority-changed") == ["priority 100 -> 80: script chk failed: exit 1 (weight -20)"]


def test_an_address_that_is_taken_away_is_a_reason_to_give_others_the_chance(segment: Segment) -> None:
    with owning(group("web", VIP, vanish=VanishPolicy.FAIL_OVER)) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        play.until(lambda: bool(play.snapshot().vips[0].present), "the kernel has confirmed it")
        ip(f"addr del {VIP}/32 dev eth0")
        report = play.until_reported("web", able=False, holds=False)
        assert "stepped down" in report.reason
        assert play.owner("web").state is State.FAULT
        play.until_reported("web", able=True)
        play.until(lambda: play.owner("web").state is State.MASTER, "the lease is still there, so it owns again")


def test_a_witness_has_no_groups(segment: Segment) -> None:
    with owning(group("web", "192.0.3.100", interface="eth7"), role=Role.WITNESS) as play:
        assert play.until_answered(0).groups == ()
        assert play.snapshot().raft_groups == ()


# -- hooks --

ALL = [hook(event) for event in HookEvent if event not in (HookEvent.TO_READY, HookEvent.TO_DESTROY)]


def test_hooks_stand_around_the_addresses(segment: Segment) -> None:
    with owning(WEB, hooks=ALL) as play:
        first = play.due(HookEvent.TO_SLAVE)
        assert (first.kind, first.name, first.old, first.new) == ("RAFT", "web", State.INIT, State.BACKUP)
        assert (first.vips, first.interface, first.peers) == ((f"{VIP}/32",), "eth0", ("b", "c"))
        play.lease("web")
        assert play.due(HookEvent.BEFORE_BIND).number > first.number
        play.turn_for(0.1)
        assert f"{VIP}/32" not in addresses_of("eth0")
        play.end(HookEvent.BEFORE_BIND)
        play.until_bound(f"{VIP}/32")
        due = play.due(HookEvent.TO_MASTER)
        assert (due.term, due.reason, due.new) == (7, "node a leads in term 7", State.MASTER)
        play.end(HookEvent.AFTER_BIND)
        play.end(HookEvent.TO_MASTER)
        play.withdraw()
        play.due(HookEvent.AFTER_UNBIND)
        assert f"{VIP}/32" not in addresses_of("eth0")
        assert [due.event for due in play.of(HookDue)] == [
            HookEvent.TO_SLAVE,
            HookEvent.BEFORE_BIND,
            HookEvent.AFTER_BIND,
            HookEvent.TO_MASTER,
            HookEvent.BEFORE_UNBIND,
            HookEvent.TO_SLAVE,
            HookEvent.AFTER_UNBIND,
        ]


def test_a_veto_is_told_to_the_elector(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.BEFORE_BIND)]) as play:
        play.lease("web")
        play.end(HookEvent.BEFORE_BIND, "check.sh ended with status 1")
        report = play.until_reported("web", able=False)
        assert report.reason == "before_bind hooks: check.sh ended with status 1; no candidate for 5 s"
        assert f"{VIP}/32" not in addresses_of("eth0")


def test_a_failed_hook_makes_the_owner_step_down(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.TO_MASTER)]) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        play.end(HookEvent.TO_MASTER, "on-master.sh was killed by signal 9")
        play.until_gone(f"{VIP}/32")
        assert play.moves("web")[-1] == (State.MASTER, State.FAULT)


def test_what_newer_hooks_made_superfluous_is_no_failure(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.TO_MASTER)]) as play:
        play.lease("web")
        due = play.due(HookEvent.TO_MASTER)
        play.engine.handle(msgspec.structs.replace(outcome(due, "made superfluous"), superseded=True))
        assert play.owner("web").state is State.MASTER


def test_addresses_that_hooks_bind_are_theirs(segment: Segment) -> None:
    with owning(by_hooks(WEB), hooks=[hook(HookEvent.TO_MASTER), hook(HookEvent.TO_SLAVE)]) as play:
        play.lease("web")
        assert play.due(HookEvent.TO_MASTER).vips == (f"{VIP}/32",)
        play.end(HookEvent.TO_MASTER)
        assert play.owner("web").state is State.MASTER
        assert f"{VIP}/32" not in addresses_of("eth0")
        assert play.snapshot().bound_by_hooks == {"web": ()}
        ip(f"address add {VIP}/24 dev eth0")
        play.until(lambda: play.snapshot().bound_by_hooks == {"web": (f"{VIP}/32 dev eth0",)}, "it is seen")
        play.withdraw()
        play.until(lambda: len([d for d in play.of(HookDue) if d.event is HookEvent.TO_SLAVE]) == 2, "ToSlave is due")
        assert play.until_reported("web", holds=True)
        play.end(HookEvent.TO_SLAVE)
        play.until_reported("web", holds=False)


def test_the_last_hooks_are_due_before_the_engine_ends(segment: Segment) -> None:
    with owning(WEB, hooks=[hook(HookEvent.AFTER_UNBIND)]) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        play.stop()
        assert [due.event for due in play.of(HookDue)] == [HookEvent.AFTER_UNBIND]


def test_the_last_hooks_of_a_group_that_goes_are_due_when_its_addresses_are_gone(segment: Segment) -> None:
    vips = [address(f"198.51.100.{number}") for number in range(1, 201)]
    with owning(group("web", *vips), hooks=[hook(HookEvent.AFTER_UNBIND)]) as play:
        play.lease("web")
        play.until(lambda: len(play.snapshot().vips[0].present) == 200, "all are there")
        reloaded(play, DB, hooks=[hook(HookEvent.AFTER_UNBIND)])
        play.due(HookEvent.AFTER_UNBIND)
        assert not any(bound.startswith("198.51.100.") for bound in addresses_of("eth0"))


# -- reloads --


def reloaded(play: OwnedPlay, *groups: RaftGroup, **fields: object) -> tuple[str, ...]:
    return play.reload(owned_config(*groups, **fields))  # type: ignore[arg-type]


def test_a_group_comes_and_another_goes(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        assert reloaded(play, DB) == ("raft_instance web removed", "raft_instance db added")
        play.until_gone(f"{VIP}/32")
        assert [change.name for change in play.of(Transition) if change.deleted] == ["web"]
        play.until(lambda: [report.name for report in play.reports[-1].groups] == ["db"], "the elector knows")
        play.lease("db")
        play.until_bound(f"{OTHER_VIP}/32")


def test_an_address_is_added_in_place(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        reloaded(play, group("web", VIP, OTHER_VIP))
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        assert play.moves("web") == [(State.INIT, State.BACKUP), (State.BACKUP, State.MASTER)]


def test_another_priority_of_the_node_is_told(segment: Segment) -> None:
    with owning(tracks(WEB, TrackedInterface("eth1", -30))) as play:
        segment.plug(False, 1)
        play.until_reported("web", priority=70)
        reloaded(play, tracks(WEB, TrackedInterface("eth1", -30)), priority=200)
        play.until_reported("web", priority=170)


def test_who_binds_the_addresses_makes_another_group(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        changes = reloaded(play, by_hooks(WEB))
        assert changes == ("raft_instance web started anew: bound_by daemon -> hooks",)
        play.until_gone(f"{VIP}/32")


def master(name: str, *vips: str) -> Instance:
    return instance(name, 51, *vips)


def is_bound_all_the_time(play: OwnedPlay, turns: int = 20) -> bool:
    seen = []
    for _ in range(turns):
        seen.append(f"{VIP}/32" in addresses_of("eth0"))
        play.loop.call_later(1_000_000, lambda: None)
        play.loop.turn()
    return all(seen)


def test_an_address_moves_from_an_instance_to_a_group_and_stays_bound(segment: Segment) -> None:
    """The group is the owner already: the address changes hands and is never gone."""
    with owning(DB, instances=[master("A", VIP, THIRD_VIP)]) as play:
        play.lease("db")
        play.until_bound(f"{VIP}/32", f"{THIRD_VIP}/32", f"{OTHER_VIP}/32")
        play.until(lambda: len(play.snapshot().vips[0].present) == 2, "the kernel has confirmed it")
        reloaded(play, group("db", OTHER_VIP, VIP), instances=[master("A", THIRD_VIP)])
        assert is_bound_all_the_time(play)
        vips = {vip.group: vip.wanted for vip in play.snapshot().vips}
        assert vips["raft_instance db"] == (f"{OTHER_VIP}/32 dev eth0", f"{VIP}/32 dev eth0")


def test_an_address_moves_between_groups_as_the_plan_says(segment: Segment) -> None:
    before, after = owned_config(WEB, DB), owned_config(group("web", THIRD_VIP), group("db", OTHER_VIP, VIP))
    with owning(WEB, DB) as play:
        play.lease("web", "db")
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.until(lambda: all(vip.present for vip in play.snapshot().vips), "the kernel has confirmed it")
        planned = make_plan(before, after, play.snapshot())["addresses"]
        assert [(one["address"], one["fate"]) for one in planned] == [
            (f"{VIP}/32 dev eth0", "kept"),
            (f"{THIRD_VIP}/32 dev eth0", "new"),
        ]
        play.reload(after)
        assert is_bound_all_the_time(play)
        play.until_bound(f"{THIRD_VIP}/32")
        play.withdraw()
        play.until_gone(f"{VIP}/32", f"{OTHER_VIP}/32", f"{THIRD_VIP}/32")


def test_an_address_moves_from_a_group_to_an_instance(segment: Segment) -> None:
    with owning(WEB, instances=[master("A", OTHER_VIP)]) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.until(lambda: all(vip.present for vip in play.snapshot().vips), "the kernel has confirmed it")
        reloaded(play, DB, instances=[master("A", OTHER_VIP, VIP)])
        assert is_bound_all_the_time(play)


def test_an_instance_and_a_group_may_have_the_same_name(segment: Segment) -> None:
    with owning(group("same", OTHER_VIP), instances=[master("same", VIP)]) as play:
        play.until_bound(f"{VIP}/32")
        play.lease("same")
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.withdraw()
        play.until_gone(f"{OTHER_VIP}/32")
        assert f"{VIP}/32" in addresses_of("eth0")


def test_hooks_come_with_a_reload_and_run_from_the_next_change(segment: Segment) -> None:
    with owning(WEB) as play:
        play.lease("web")
        play.until_bound(f"{VIP}/32")
        reloaded(play, WEB, hooks=ALL)
        assert play.of(HookDue) == []
        play.withdraw()
        play.due(HookEvent.AFTER_UNBIND)
        assert f"{VIP}/32" not in addresses_of("eth0")


def test_a_lease_that_ended_while_its_opening_waited_opens_nothing(segment: Segment) -> None:
    with owning(WEB) as play:
        groups = play.engine._wiring.owned_groups
        groups._apply(groups.groups["web"], [OpenKernelLease("web")], now_ns())
        assert play.owner("web").lease_until_ns is None
        play.until_answered(play.lease("web"))
        play.until_reported("web", holds=True)
