"""Sync groups in the engine: members report, the group decides, members move."""

from __future__ import annotations

from typing import Any

from alived.config.model import Config, SyncGroup
from alived.daemon.engine.groups import Groups
from alived.vrrp.config import State, VrrpSyncGroup
from alived.vrrp.events import GroupDecided, MemberReport
from alived.vrrp.group_events import GroupChanged


class World:
    """Members that report what they were told, as instances do."""

    def __init__(self, *names: str) -> None:
        self.moved: list[tuple[str, State]] = []
        self.changes: list[tuple[State, State]] = []
        self.obedient = True
        routers: dict[str, Any] = {name: name for name in names}
        self.groups = Groups(routers, self._feed, self._changed)

    def configure(self, **members: str) -> None:
        """Groups by name with their members."""
        groups = tuple(SyncGroup(vrrp=VrrpSyncGroup(name=name, members=tuple(who))) for name, who in members.items())
        self.groups.configure(Config(sync_groups=groups))
        self.groups.settle(0)

    def report(self, name: str, state: State, wanted: State | None = None, group: str = "G") -> None:
        self.groups.report(MemberReport(name, group, state, wanted or state, 100, "said so"), 0)

    def _feed(self, router: Any, event: Any, now: int, /) -> None:
        assert isinstance(event, GroupDecided)
        self.moved.append((router, event.state))
        if self.obedient:
            self.report(router, event.state)

    def _changed(self, change: GroupChanged) -> None:
        self.changes.append((change.old, change.new))


def test_all_that_want_it_are_moved_when_the_last_one_wants_it() -> None:
    world = World("A", "B")
    world.configure(G="AB")
    world.report("A", State.BACKUP)
    world.report("B", State.BACKUP)
    world.report("A", State.BACKUP, State.MASTER)
    assert world.moved == []
    world.report("B", State.BACKUP, State.MASTER)
    assert world.moved == [("A", State.MASTER), ("B", State.MASTER)]
    assert world.changes == [(State.INIT, State.BACKUP), (State.BACKUP, State.MASTER)]
    assert [(shown.name, shown.state, shown.members) for shown in world.groups.snapshots()] == [
        ("G", State.MASTER, ("A", "B"))
    ]


def test_one_that_falls_takes_the_others_along() -> None:
    world = World("A", "B")
    world.configure(G="AB")
    for state in (State.BACKUP, State.MASTER):
        world.report("A", state)
        world.report("B", state)
    world.moved.clear()
    world.report("A", State.FAULT)
    assert world.moved == [("B", State.FAULT)]


def test_groups_do_not_know_each_other() -> None:
    world = World("A", "B")
    world.configure(G="A", H="B")
    world.report("A", State.MASTER)
    world.report("B", State.FAULT, group="H")
    assert [shown.state for shown in world.groups.snapshots()] == [State.MASTER, State.FAULT]
    assert world.moved == []


def test_a_reload_keeps_the_state_of_a_group_and_takes_in_its_new_members() -> None:
    world = World("A", "B")
    world.configure(G="A")
    world.report("A", State.MASTER)
    world.configure(G="A")
    assert world.changes == [(State.INIT, State.MASTER)]
    world.configure(G="AB")
    world.report("B", State.BACKUP)
    assert ("A", State.BACKUP) in world.moved
    assert world.groups.of("G") is not None
    assert world.groups.of("H") is None


def test_a_member_that_was_taken_out_and_one_of_no_group_are_not_listened_to() -> None:
    """A reload reconfigures the groups first and stops the instance after that: its last report comes too late."""
    world = World("A", "B")
    world.configure(G="AB")
    world.report("A", State.MASTER)
    world.report("B", State.MASTER)
    world.configure(G="B")
    world.changes.clear()
    world.report("A", State.INIT)
    world.report("A", State.INIT, group="gone")
    assert world.changes == []
    assert world.groups.snapshots()[0].state is State.MASTER


def test_a_member_that_does_not_exist_yet_is_not_moved() -> None:
    world = World("A")
    world.configure(G="AB")
    world.report("A", State.FAULT)
    world.report("B", State.FAULT)
    assert all(name == "A" for name, _ in world.moved)


def test_members_that_do_not_obey_are_not_asked_for_ever() -> None:
    world = World("A", "B")
    world.obedient = False
    world.configure(G="AB")
    world.report("A", State.FAULT)
    world.report("B", State.MASTER)
    world.report("A", State.FAULT)
    assert world.moved.count(("B", State.FAULT)) == 1


def test_without_members_nothing_happens() -> None:
    world = World()
    world.configure(G="")
    assert world.groups.snapshots()[0].state is State.INIT
