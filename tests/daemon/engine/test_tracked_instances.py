"""Instances and sync groups that depend on scripts, in an engine: what verdicts do to them."""

from __future__ import annotations

import msgspec

from alived.config.model import Config, Instance, SyncGroup
from alived.daemon.shared.messages import LogLine, TrackerVerdict, TrackerVerdicts
from alived.health.trackers_config import TrackerKind, Tracking
from alived.vrrp.config import State, VrrpSyncGroup
from tests.daemon.engine.engine_play import Play, config, instance, playing
from tests.daemon.tracked_scripts import shell, tracking
from tests.segment import Segment

UP = TrackerVerdict(TrackerKind.SCRIPT, "chk", True, "script chk succeeded", 1)
DOWN = TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "script chk failed: exit 1", 2)


def tracks(known: Instance, scripts: Tracking) -> Instance:
    return msgspec.structs.replace(known, tracking=scripts)


def say(play: Play, *verdicts: TrackerVerdict) -> None:
    play.engine.handle(TrackerVerdicts(verdicts))


CONDITION = tracks(instance("A", 51), tracking("chk"))
WEIGHTED = tracks(instance("A", 51, priority=100), tracking("chk", weight=-20))


def test_an_instance_waits_for_the_first_result(segment: Segment) -> None:
    with playing(CONDITION) as play:
        play.turn_for(0.3)
        shown = play.show("A")
        assert (shown.state, shown.reason) == (State.INIT, "waits for the first result of script chk")
        assert play.moves("A") == []
        say(play, UP)
        play.until_state("A", State.MASTER)


def test_who_waits_for_many_results_names_some(segment: Segment) -> None:
    many = tracks(instance("A", 51), tracking(*(f"chk{number}" for number in range(8))))
    with playing(many) as play:
        play.turn_for(0.1)
        names = "script chk0, script chk1, script chk2, script chk3, script chk4"
        assert play.show("A").reason == f"waits for the first result of {names} and 3 more"


def test_a_first_failure_is_a_fault(segment: Segment) -> None:
    with playing(CONDITION) as play:
        say(play, DOWN)
        play.until_state("A", State.FAULT)
        assert play.show("A").reason == "script chk failed: exit 1"
        say(play, UP)
        play.until_state("A", State.MASTER)


def test_a_script_that_fails_takes_the_master_down_at_once(segment: Segment) -> None:
    with playing(CONDITION) as play:
        say(play, UP)
        play.until_state("A", State.MASTER)
        say(play, DOWN)
        assert play.state("A") is State.FAULT
        assert play.show("A").faults == (("script chk", "script chk failed: exit 1"),)


def test_a_weight_moves_the_priority_and_waits_for_nobody(segment: Segment) -> None:
    with playing(WEIGHTED) as play:
        assert play.state("A") is State.BACKUP
        say(play, DOWN)
        assert play.show("A").priority == 80
        say(play, UP)
        assert play.show("A").priority == 100
        reasons = [m.message for m in play.sent if isinstance(m, LogLine) and m.code == "priority-changed"]
        assert reasons == [
            "priority 100 -> 80: script chk failed: exit 1 (weight -20)",
            "priority 80 -> 100: script chk succeeded (weight -20)",
        ]


def test_reverse_is_a_fault_while_it_is_up(segment: Segment) -> None:
    with playing(tracks(instance("A", 51), tracking("chk", reverse=True))) as play:
        say(play, UP)
        assert play.state("A") is State.FAULT
        say(play, DOWN)
        play.until_state("A", State.MASTER)


def test_what_a_group_tracks_counts_for_all_its_members(segment: Segment) -> None:
    members = [instance(name, vrid, sync_group="G") for name, vrid in (("A", 51), ("B", 52))]
    group = SyncGroup(vrrp=VrrpSyncGroup(name="G", members=("A", "B")), tracking=tracking("chk"))
    wanted = msgspec.structs.replace(config(*members), sync_groups=(group,))
    play = Play(wanted)
    try:
        play.turn_for(0.3)
        assert {play.state("A"), play.state("B")} == {State.INIT}
        say(play, UP)
        play.until_state("A", State.MASTER)
        play.until_state("B", State.MASTER)
        say(play, DOWN)
        assert {play.state("A"), play.state("B")} == {State.FAULT}
        say(play, UP)
        play.until_state("A", State.MASTER)
        play.until_state("B", State.MASTER)
    finally:
        play.stop()
        play.loop.close()


def with_script(*instances: Instance) -> Config:
    return msgspec.structs.replace(config(*instances), vrrp_scripts=(shell("true"),))


def test_a_reload_that_adds_a_script_waits_for_its_result(segment: Segment) -> None:
    plain = instance("A", 51)
    with playing(plain) as play:
        play.until_state("A", State.MASTER)
        play.reload(with_script(CONDITION))
        play.turn_for(0.2)
        assert play.state("A") is State.MASTER
        say(play, DOWN)
        assert play.state("A") is State.FAULT
        play.reload(with_script(plain))
        play.until_state("A", State.MASTER)


def test_a_reload_keeps_what_is_known(segment: Segment) -> None:
    play = Play(with_script(WEIGHTED))
    try:
        say(play, DOWN)
        other = instance("B", 52, priority=100)
        play.reload(with_script(tracks(WEIGHTED, tracking("chk", weight=-30)), tracks(other, tracking("chk"))))
        assert play.show("A").priority == 70
        assert play.state("B") is State.FAULT
    finally:
        play.stop()
        play.loop.close()


def test_a_waiting_instance_stops_without_a_word(segment: Segment) -> None:
    with playing(CONDITION) as play:
        play.stop()
        say(play, UP)
        assert play.moves("A") == []
