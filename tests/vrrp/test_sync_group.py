"""Sync groups: the pure decision, then real instances around it."""

from __future__ import annotations

import collections

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.base import NS_PER_MS, DeadlineReached
from alived.vrrp.config import State, VrrpSyncGroup
from alived.vrrp.events import (
    FaultCleared,
    FaultRaised,
    GroupDecided,
    InstanceEvent,
    MemberReport,
    PriorityChanged,
    Shutdown,
    Startup,
    StateChanged,
)
from alived.vrrp.group_events import (
    GroupChanged,
    GroupEffect,
    GroupReconfigured,
    MemberChanged,
    MoveMember,
    SyncGroupSnapshot,
)
from alived.vrrp.sync_group import SyncGroup
from tests.vrrp.playbook import an_instance, heard

INIT, BACKUP, MASTER, FAULT = State.INIT, State.BACKUP, State.MASTER, State.FAULT


def says(instance: str, state: State, wanted: State | None = None, reason: str = "because") -> MemberChanged:
    return MemberChanged(instance, state, wanted or state, 100, reason)


def short(effects: list[GroupEffect]) -> list[tuple[str, State]]:
    """(name, state) for each move and, with the group's name, its own change."""
    return [
        (effect.instance, effect.state) if isinstance(effect, MoveMember) else (effect.group, effect.new)
        for effect in effects
    ]


def a_group(*states: State, members: str = "AB") -> SyncGroup:
    """Its members are in these states and want to be."""
    group = SyncGroup(VrrpSyncGroup(name="G", members=tuple(members)))
    for member, state in zip(members, states):
        group.step(says(member, state), 0)
    return group


class TestDecision:
    def test_nobody_is_moved_before_all_have_started(self) -> None:
        group = SyncGroup(VrrpSyncGroup(name="G", members=("A", "B")))
        assert short(group.step(says("A", BACKUP, MASTER), 0)) == []
        assert group.state is INIT
        assert short(group.step(says("B", BACKUP), 1)) == [("G", BACKUP)]

    def test_master_when_all_want_it_and_all_at_once(self) -> None:
        group = a_group(BACKUP, BACKUP)
        assert short(group.step(says("A", BACKUP, MASTER), 1)) == []
        effects = group.step(says("B", BACKUP, MASTER, "no advert heard"), 2)
        assert short(effects) == [("A", MASTER), ("B", MASTER), ("G", MASTER)]
        reason = "all members want to be MASTER, the last one B: no advert heard"
        assert effects[0] == MoveMember("A", MASTER, f"sync group G: {reason}")
        assert effects[-1] == GroupChanged("G", BACKUP, MASTER, 0, reason)

    def test_one_that_gives_way_takes_all_along(self) -> None:
        group = a_group(MASTER, MASTER)
        assert short(group.step(says("B", BACKUP), 1)) == [("A", BACKUP), ("G", BACKUP)]

    def test_one_fault_faults_all(self) -> None:
        group = a_group(MASTER, MASTER)
        effects = group.step(says("A", FAULT, reason="interface eth0 is down"), 1)
        assert short(effects) == [("B", FAULT), ("G", FAULT)]
        assert effects[0] == MoveMember("B", FAULT, "sync group G: A is in FAULT: interface eth0 is down")

    def test_recovery_only_when_the_last_fault_is_gone(self) -> None:
        group = a_group(FAULT, FAULT)
        assert short(group.step(says("A", FAULT, BACKUP), 1)) == []
        assert short(group.step(says("B", FAULT, BACKUP), 2)) == [("A", BACKUP), ("B", BACKUP), ("G", BACKUP)]

    def test_nobody_becomes_master_while_one_is_faulty(self) -> None:
        group = a_group(BACKUP, FAULT)
        assert short(group.step(says("A", FAULT, MASTER), 1)) == []
        assert group.state is FAULT

    def test_a_member_that_stops_moves_nobody(self) -> None:
        group = a_group(MASTER, MASTER)
        assert short(group.step(says("A", INIT), 1)) == [("G", INIT)]

    def test_a_member_is_told_once(self) -> None:
        group = a_group(BACKUP, BACKUP, BACKUP, members="ABC")
        group.step(says("A", BACKUP, MASTER), 1)
        group.step(says("B", BACKUP, MASTER), 1)
        assert short(group.step(says("C", BACKUP, MASTER), 1))[:3] == [("A", MASTER), ("B", MASTER), ("C", MASTER)]
        assert short(group.step(says("A", MASTER), 1)) == []
        assert short(group.step(says("B", MASTER), 1)) == []

    def test_a_member_that_did_not_move_is_told_again(self) -> None:
        group = a_group(MASTER, MASTER)
        group.step(says("B", BACKUP), 1)
        assert short(group.step(says("A", MASTER, BACKUP), 2)) == [("A", BACKUP)]

    def test_a_stranger_is_our_own_error(self) -> None:
        with pytest.raises(AssertionError, match="X is no member of G"):
            a_group(BACKUP, BACKUP).step(says("X", BACKUP), 1)

    def test_a_reload_may_change_the_members(self) -> None:
        group = a_group(BACKUP, BACKUP)
        group.step(says("A", BACKUP, MASTER), 1)
        alone = VrrpSyncGroup(name="G", members=("A",))
        assert short(group.step(GroupReconfigured(alone), 2)) == [("A", MASTER), ("G", MASTER)]
        more = VrrpSyncGroup(name="G", members=("A", "C"))
        assert short(group.step(GroupReconfigured(more), 3)) == [("G", INIT)]
        assert group.config == more

    def test_snapshot(self) -> None:
        group = a_group(BACKUP, BACKUP)
        group.step(says("B", FAULT, reason="interface eth1 is down"), 77)
        assert group.deadline_ns is None
        assert group.snapshot() == SyncGroupSnapshot(
            name="G", state=FAULT, since_ns=77, reason="B is in FAULT: interface eth1 is down", members=("A", "B")
        )


class Node:
    """Real instances and their group, wired as group_events.py says; effects are carried out first in, first out."""

    def __init__(self, *priorities: int) -> None:
        names = [f"VI_{number}" for number in range(len(priorities))]
        self.members = {
            name: an_instance(name=name, priority=priority, sync_group="G") for name, priority in zip(names, priorities)
        }
        self.group = SyncGroup(VrrpSyncGroup(name="G", members=tuple(names)))
        self.now_ns = 0
        self.changes: list[tuple[str, State]] = []
        """Since the last `feed`."""

    def feed(self, name: str, event: InstanceEvent) -> None:
        self.changes.clear()
        work: collections.deque[tuple[str, InstanceEvent]] = collections.deque([(name, event)])
        while work:
            instance, incoming = work.popleft()
            for effect in self.members[instance].step(incoming, self.now_ns):
                if isinstance(effect, StateChanged):
                    self.changes.append((effect.instance, effect.new))
                elif isinstance(effect, MemberReport):
                    news = MemberChanged(instance, effect.state, effect.wanted, effect.priority, effect.reason)
                    moves = [move for move in self.group.step(news, self.now_ns) if isinstance(move, MoveMember)]
                    work.extend((move.instance, GroupDecided(move.state, move.reason)) for move in moves)
            assert len(self.changes) <= 2 * len(self.members), f"ping-pong: {self.changes}"

    def start(self) -> Node:
        for name in self.members:
            self.feed(name, Startup())
        return self

    def run(self, duration_ns: int) -> None:
        """Steps whoever is due, in order."""
        end_ns = self.now_ns + duration_ns
        while True:
            due = [(m.deadline_ns, name) for name, m in self.members.items() if m.deadline_ns is not None]
            if not due or min(due)[0] > end_ns:
                break
            self.now_ns, name = min(due)
            self.feed(name, DeadlineReached())
        self.now_ns = end_ns

    @property
    def states(self) -> set[State]:
        return {member.state for member in self.members.values()}


class TestWithInstances:
    def test_alone_in_the_world_all_become_master(self) -> None:
        node = Node(100, 100, 50).start()
        node.run(5_000 * NS_PER_MS)
        assert node.states == {MASTER}

    def test_one_network_with_a_better_master_keeps_all_back_without_swinging(self) -> None:
        node = Node(100, 100).start()
        for _ in range(60):
            node.run(1_000 * NS_PER_MS)
            node.feed("VI_1", heard(150))
            assert node.changes == []
        assert node.states == {BACKUP}

    def test_a_better_master_on_one_network_takes_all_back(self) -> None:
        node = Node(100, 100).start()
        node.run(5_000 * NS_PER_MS)
        node.feed("VI_0", heard(150))
        assert node.changes == [("VI_0", BACKUP), ("VI_1", BACKUP)]

    def test_two_faults_in_two_members(self) -> None:
        node = Node(100, 100).start()
        node.run(5_000 * NS_PER_MS)
        node.feed("VI_0", FaultRaised("interface eth0", "interface eth0 is down"))
        assert node.changes == [("VI_0", FAULT), ("VI_1", FAULT)]
        node.feed("VI_1", FaultRaised("interface eth1", "interface eth1 is down"))
        node.feed("VI_0", FaultCleared("interface eth0"))
        assert (node.changes, node.states) == ([], {FAULT})
        node.feed("VI_1", FaultCleared("interface eth1"))
        assert sorted(node.changes) == [("VI_0", BACKUP), ("VI_1", BACKUP)]
        node.run(5_000 * NS_PER_MS)
        assert node.states == {MASTER}

    def test_owners_start_together(self) -> None:
        node = Node(255, 255).start()
        node.run(0)
        assert node.states == {MASTER}

    def test_shutdown_one_after_the_other(self) -> None:
        node = Node(100, 100).start()
        node.run(5_000 * NS_PER_MS)
        node.feed("VI_0", Shutdown())
        assert node.changes == [("VI_0", INIT)]
        node.feed("VI_1", Shutdown())
        assert node.changes == [("VI_1", INIT)]


_EVENTS = st.one_of(
    st.builds(heard, st.sampled_from([0, 50, 100, 150, 255]), st.sampled_from(["192.0.2.1", "192.0.2.3"])),
    st.builds(FaultRaised, st.sampled_from(["a", "b"]), st.just("broken")),
    st.builds(FaultCleared, st.sampled_from(["a", "b"])),
    st.builds(PriorityChanged, st.integers(1, 254), st.just("tracked")),
    st.just(Startup()),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 2), _EVENTS, st.integers(0, 4000)), max_size=40))
def test_members_agree_after_every_event_and_move_at_most_once_each(
    story: list[tuple[int, InstanceEvent, int]],
) -> None:
    """No ping-pong: whatever happens to one member, each member changes its state at most once because of it."""
    node = Node(100, 100, 120).start()
    for member, event, pause_ms in story:
        node.run(pause_ms * NS_PER_MS)
        node.feed(f"VI_{member}", event)
        assert len(node.states) == 1, node.states
        assert node.states == {node.group.state}
        moved = [name for name, _ in node.changes]
        assert len(moved) == len(set(moved)), node.changes


def test_a_group_that_loses_all_members_in_a_reload_runs_no_more() -> None:
    group = a_group(MASTER, MASTER)
    assert group.state is MASTER
    effects = group.step(GroupReconfigured(VrrpSyncGroup(name="G", members=())), 1)
    assert short(list(effects)) == [("G", INIT)]
    assert group.snapshot().reason == "nobody is a member"
