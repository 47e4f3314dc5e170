"""Tracked interfaces become faults (weight 0) and priority (other weights), keepalived's arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.vrrp.config import TrackedInterface, VrrpInstance
from alived.vrrp.events import FaultCleared, FaultRaised, PriorityChanged
from alived.vrrp.tracking import TrackedThing, Tracking, tracking_of


def tracking(*interfaces: TrackedInterface, priority: int = 100, track_primary: bool = True) -> Tracking:
    return tracking_of(
        VrrpInstance(
            name="VI_1",
            interface="eth0",
            virtual_router_id=1,
            priority=priority,
            track_interfaces=interfaces,
            track_primary=track_primary,
        )
    )


def test_the_instances_own_interface_is_a_condition() -> None:
    core = tracking()
    assert core.set_interface("eth0", True) == []
    assert core.set_interface("eth0", False) == [FaultRaised("interface eth0", "interface eth0 is down")]
    assert core.set_interface("eth0", False) == []
    assert core.set_interface("eth0", True) == [FaultCleared("interface eth0")]


def test_an_interface_that_is_not_there_counts_as_down() -> None:
    assert tracking().set_interface("eth0", None) == [FaultRaised("interface eth0", "interface eth0 is not there")]


def test_dont_track_primary() -> None:
    assert tracking(track_primary=False).set_interface("eth0", False) == []


def test_an_instance_without_an_interface_tracks_none() -> None:
    core = tracking_of(VrrpInstance(name="VI_1", interface="", virtual_router_id=1))
    assert core.set_interface("", False) == []


def test_an_interface_that_nobody_tracks_changes_nothing() -> None:
    assert tracking().set_interface("eth9", False) == []


@pytest.mark.parametrize(
    ("weight", "reverse", "up", "priority"),
    [
        (20, False, True, 120),
        (20, False, False, 100),
        (-20, False, True, 100),
        (-20, False, False, 80),
        (20, True, True, 80),
        (20, True, False, 100),
        (-20, True, True, 100),
        (-20, True, False, 120),
    ],
)
def test_a_positive_weight_counts_while_up_a_negative_one_while_down(
    weight: int, reverse: bool, up: bool, priority: int
) -> None:
    """ "its priority will be increased by the weight when the interface is up (for positive weights), or decreased by
    the weight's absolute value when the interface is down (for negative weights), unless reverse is specified, in
    which case the direction of adjustment of the priority is reversed" (keepalived.conf(5))."""
    core = tracking(TrackedInterface("eth1", weight, reverse))
    core.set_interface("eth1", up)
    assert core.priority == priority


def test_a_change_of_priority_says_why() -> None:
    core = tracking(TrackedInterface("eth1", -20))
    assert core.set_interface("eth1", True) == []
    reason = "priority 100 -> 80: interface eth1 is down (weight -20)"
    assert core.set_interface("eth1", False) == [PriorityChanged(80, reason)]
    reason = "priority 80 -> 100: interface eth1 is up (weight -20)"
    assert core.set_interface("eth1", True) == [PriorityChanged(100, reason)]


def test_weight_0_reverse_is_a_fault_while_up() -> None:
    core = tracking(TrackedInterface("eth1", 0, True))
    assert core.set_interface("eth1", False) == []
    assert core.set_interface("eth1", True) == [FaultRaised("interface eth1", "interface eth1 is up")]


def test_priority_stays_within_1_and_254_and_the_sum_is_not_forgotten() -> None:
    core = tracking(TrackedInterface("eth1", 200), TrackedInterface("eth2", -253))
    core.set_interface("eth1", True)
    assert core.priority == 254
    core.set_interface("eth2", False)
    assert core.priority == 100 + 200 - 253
    core.set_interface("eth1", False)
    assert core.priority == 1


def test_an_owner_keeps_its_priority_but_not_its_faults() -> None:
    core = tracking(TrackedInterface("eth1", -20), priority=255)
    assert core.set_interface("eth1", False) == []
    assert core.priority == 255
    assert core.set_interface("eth0", False) == [FaultRaised("interface eth0", "interface eth0 is down")]


def test_the_interface_may_have_a_weight_as_well() -> None:
    core = tracking(TrackedInterface("eth0", -30), TrackedInterface("eth0", 5))
    assert core.set_interface("eth0", True) == [
        PriorityChanged(105, "priority 100 -> 105: interface eth0 is up (weight -30, +5)")
    ]
    assert core.set_interface("eth0", False) == [
        FaultRaised("interface eth0", "interface eth0 is down (weight -30, +5)"),
        PriorityChanged(70, "priority 105 -> 70: interface eth0 is down (weight -30, +5)"),
    ]


def test_a_sync_groups_interfaces_count_for_its_members() -> None:
    config = VrrpInstance(name="VI_1", interface="eth0", virtual_router_id=1)
    core = tracking_of(config, [TrackedInterface("eth5", 0), TrackedInterface("eth6", 7)])
    assert core.set_interface("eth5", False) == [FaultRaised("interface eth5", "interface eth5 is down")]
    core.set_interface("eth6", True)
    assert core.priority == 107


def test_other_trackers_plug_in() -> None:
    core = tracking()
    core.add(TrackedThing("script check_http", 0))
    core.add(TrackedThing("file load", -10))
    assert core.set("script check_http", None) == [FaultRaised("script check_http", "script check_http is not there")]
    assert core.set("script check_http", True) == [FaultCleared("script check_http")]
    assert core.set("file load", False) == [PriorityChanged(90, "priority 100 -> 90: file load is down (weight -10)")]


def test_a_script_counts_when_its_first_result_is_there() -> None:
    core = tracking(track_primary=False)
    core.add(TrackedThing("script a"))
    core.add(TrackedThing("script b", 20))
    assert (list(core.unanswered), core.faults, core.priority) == (["script a"], frozenset(), 100)
    reason = "script a failed: exit 1"
    assert core.set("script a", False, reason) == [FaultRaised("script a", reason)]
    assert core.set("script b", True, "script b succeeded") == [
        PriorityChanged(120, "priority 100 -> 120: script b succeeded (weight +20)")
    ]
    assert core.set("script c", False, "of somebody else") == []
    assert core.set("script a", True, "script a succeeded") == [FaultCleared("script a")]
    assert list(core.unanswered) == []


_THINGS = st.lists(st.builds(TrackedThing, st.sampled_from("abcd"), st.integers(-253, 253), st.booleans()), max_size=6)


@given(
    _THINGS,
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([True, False, None])), max_size=20),
    st.sampled_from([None, 20]),
)
def test_it_is_level_triggered(
    things: list[TrackedThing], story: list[tuple[str, bool | None]], last_resort: int | None
) -> None:
    """What is told in the end depends on what is so in the end, not on the way there."""
    by_story = Tracking(100, last_resort=last_resort)
    at_once = Tracking(100, last_resort=last_resort)
    for thing in things:
        by_story.add(thing)
        at_once.add(thing)
    events = [event for key, up in story for event in by_story.set(key, up)]
    final = dict(story)
    summary = [event for key, up in final.items() for event in at_once.set(key, up)]
    assert by_story.priority == at_once.priority
    raised = {event.cause for event in summary if isinstance(event, FaultRaised)}
    standing: set[str] = set()
    for event in events:
        if isinstance(event, FaultRaised):
            standing.add(event.cause)
        elif isinstance(event, FaultCleared):
            standing.remove(event.cause)
    assert standing == raised == by_story.faults
    last = [event.priority for event in events if isinstance(event, PriorityChanged)]
    assert (last or [100])[-1] == by_story.priority


def test_a_node_elected_by_raft_may_have_the_highest_priority() -> None:
    core = Tracking(250, highest=255)
    core.add_condition("eth0")
    core.add(TrackedThing("script chk", 20))
    assert core.set_interface("eth0", True) == []
    assert [event.priority for event in core.set("script chk", True, "chk succeeded")] == [255]  # type: ignore[union-attr]


def test_one_that_owns_only_if_there_is_no_other_stays_so() -> None:
    core = Tracking(0, highest=255)
    core.add(TrackedThing("script chk", 20))
    assert core.set("script chk", True, "chk succeeded") == []
    assert core.priority == 0


@pytest.mark.parametrize(
    ("weight", "reverse", "value", "priority"),
    [
        (1, False, 7, 107),
        (-2, False, 7, 86),
        (2, True, 7, 86),
        (1, False, 0, 100),
        (1, False, 1 << 31, 254),
        (1, False, -99, 1),
        (-1, False, 253, 1),
    ],
)
def test_a_value_weighs_as_often_as_it_is_large(weight: int, reverse: bool, value: int, priority: int) -> None:
    core = tracking(track_primary=False)
    core.add(TrackedThing("file load", weight, reverse))
    core.set("file load", True, "file load says it", value)
    assert (core.priority, core.faults) == (priority, frozenset())


@pytest.mark.parametrize(
    ("weight", "reverse", "value", "fault"),
    [
        (0, False, 0, False),
        (0, False, -1, True),
        (0, True, 0, True),
        (0, True, 5, False),
        (-1, False, 253, False),
        (-1, False, 254, True),
        (127, True, 2, True),
        (127, False, 2, False),
    ],
)
def test_a_value_may_be_a_fault(weight: int, reverse: bool, value: int, fault: bool) -> None:
    core = tracking(track_primary=False)
    core.add(TrackedThing("file load", weight, reverse))
    core.set("file load", True, "file load says it", value)
    assert bool(core.faults) is fault
    if fault:
        assert core.priority == 100
    core.set("file load", True, "file load says it", 1 if reverse and not weight else 0)
    assert core.faults == frozenset()


def test_a_value_that_nobody_confirms_is_no_longer_in_favour() -> None:
    core = tracking(track_primary=False)
    core.add(TrackedThing("file load", 1))
    core.add(TrackedThing("file state", 0))
    assert set(core.keys) == {"file load", "file state"}
    core.set("file load", True, "file load says 20", 20)
    core.set("file state", True, "file state says 0", 0)
    assert (core.priority, core.faults) == (120, frozenset())
    core.set("file load", False, "file load was not checked", 20)
    core.set("file state", False, "file state was not checked", 0)
    assert (core.priority, core.faults) == (100, frozenset({"file state"}))
    core.set("file load", True, "file load says -20", -20)
    core.set("file load", False, "file load was not checked", -20)
    assert core.priority == 80


class TestLastResort:
    """`all_unhealthy best`: a condition other than a link costs the priority instead of the candidacy."""

    def core(self, last_resort: int = 9, priority: int = 100, highest: int = 254) -> Tracking:
        core = Tracking(priority, highest, last_resort)
        core.add_condition("eth0")
        for name in ("a", "b"):
            core.add(TrackedThing(f"check {name}"))
        core.add(TrackedThing("check weighed", -95))
        core.add(TrackedThing("file load", 1))
        return core

    def test_the_more_fails_the_lower_it_is_and_the_reason_says_it(self) -> None:
        core = self.core()
        (event,) = core.set("check a", False, "check a refused")
        sentence = "priority 100 -> 9: check a refused: owner only if nobody is well (all_unhealthy best)"
        assert event == PriorityChanged(9, sentence)
        assert core.set("check b", False) == [
            PriorityChanged(8, "priority 9 -> 8: check b is down: owner only if nobody is well (all_unhealthy best)")
        ]
        assert core.faults == frozenset()
        core.set("check a", True)
        (event,) = core.set("check b", True)
        assert event == PriorityChanged(100, "priority 9 -> 100: check b is up")

    def test_a_link_is_a_fault_as_ever(self) -> None:
        core = self.core()
        assert core.set_interface("eth0", False) == [FaultRaised("interface eth0", "interface eth0 is down")]

    def test_a_value_that_would_be_a_fault_is_none(self) -> None:
        core = self.core()
        core.set("file load", True, "file load says -254", -254)
        assert (core.priority, core.faults) == (9, frozenset())

    def test_weights_alone_make_nobody_a_last_resort(self) -> None:
        core = self.core()
        core.set("check weighed", False)
        assert core.priority == 10

    def test_however_much_fails_there_is_a_priority(self) -> None:
        core = Tracking(100, last_resort=9)
        for number in range(20):
            core.add(TrackedThing(f"check {number}"))
            core.set(f"check {number}", False)
        assert core.priority == 1

    def test_in_a_cluster_it_is_priority_0(self) -> None:
        core = self.core(last_resort=0, highest=255)
        core.set("check a", False)
        core.set("check b", False)
        assert (core.priority, core.faults) == (0, frozenset())
        core.set("check a", True)
        core.set("check b", True)
        assert core.priority == 100

    def test_a_node_of_a_cluster_that_is_one_anyway_stays_it(self) -> None:
        core = self.core(last_resort=0, priority=0, highest=255)
        assert core.set("check a", False) == [] and (core.priority, core.faults) == (0, frozenset())

    def test_an_owner_of_vrrp_has_no_other_priority(self) -> None:
        core = self.core(priority=255)
        core.set("check a", False)
        assert (core.priority, core.faults) == (255, frozenset({"check a"}))

    @given(st.lists(st.tuples(st.sampled_from(["check a", "check b", "check weighed"]), st.booleans()), max_size=20))
    def test_who_is_well_is_always_above_who_is_not(self, said: list[tuple[str, bool]]) -> None:
        core, state = self.core(), dict[str, bool]()
        for key, up in said:
            core.set(key, up)
            state[key] = up
            failed = sum(state.get(f"check {name}") is False for name in ("a", "b"))
            assert core.priority == (10 - failed if failed else 10 if state.get("check weighed") is False else 100)
            assert core.faults == frozenset()
