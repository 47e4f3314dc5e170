"""A sync group: instances that are MASTER, BACKUP or in FAULT together.

The group's state is a function of what its members *want*, and of nothing else:

    a member wants ...                         group     what follows
    INIT   (one has not started, or stopped)   INIT      nobody is moved; nobody becomes MASTER
    FAULT  (one has a fault of its own)        FAULT     all are in FAULT until no member has a fault of its own
    MASTER, every one of them                  MASTER    all become MASTER at once
    anything else                              BACKUP    all are BACKUP; those that want MASTER wait

Members move down by themselves and at once (a fault, a better advert); the group takes the others along. They never
move up by themselves: a member whose Master_Down_Timer fired *wants* MASTER and gets it when all others want it too
(keepalived since 2.0: "only sync to master if everyone wants to"). Taking all along when the first one wants it would
make a group of which one network is broken swing between BACKUP and MASTER for ever, each swing with addresses moved
twice. And since being moved by the group changes what a member wants only in the direction of the move, members cannot
push each other to and fro.
"""

from __future__ import annotations

from typing import assert_never

from alived.vrrp.config import State, VrrpSyncGroup
from alived.vrrp.group_events import (
    GroupChanged,
    GroupEffect,
    GroupEvent,
    GroupReconfigured,
    MemberChanged,
    MoveMember,
    SyncGroupSnapshot,
)


class SyncGroup:
    """A core without a timer: `step`, `deadline_ns` (always None), `snapshot`."""

    def __init__(self, config: VrrpSyncGroup) -> None:
        self.config = config
        self.state = State.INIT
        self.deadline_ns: int | None = None
        self._since_ns = 0
        self._reason = "not started"
        self._members = {name: _unheard(name) for name in config.members}
        self._told: dict[str, State] = {}
        """What a member was told since its last report."""

    def step(self, event: GroupEvent, now_ns: int) -> list[GroupEffect]:
        """First the members that have to move, then what became of the group."""
        match event:
            case MemberChanged(instance):
                assert instance in self._members, f"{instance} is no member of {self.config.name}"
                self._members[instance] = event
                self._told.pop(instance, None)
            case GroupReconfigured(config, reports):
                self.config = config
                known = self._members | {report.instance: report for report in reports}
                self._members = {name: known.get(name) or _unheard(name) for name in config.members}
                self._told.clear()
            case _:
                assert_never(event)
        new, reason = self._decide(event)
        moves = self._moves(new, reason)
        return [*moves, *self._change(new, reason, now_ns)]

    def snapshot(self) -> SyncGroupSnapshot:
        return SyncGroupSnapshot(
            name=self.config.name,
            state=self.state,
            since_ns=self._since_ns,
            reason=self._reason,
            members=self.config.members,
        )

    def _decide(self, event: GroupEvent) -> tuple[State, str]:
        """The table at the top of this file; the event only helps to say why."""
        members = self._members.values()
        if not members:
            return State.INIT, "nobody is a member"
        for state, sentence in ((State.INIT, "is not running"), (State.FAULT, "is in FAULT"), (State.BACKUP, "")):
            member = next((member for member in members if member.wanted is state), None)
            if member is not None:
                return state, f"{member.instance} {sentence or 'is BACKUP'}: {member.reason}"
        last = event if isinstance(event, MemberChanged) else next(reversed(members))
        return State.MASTER, f"all members want to be MASTER, the last one {last.instance}: {last.reason}"

    def _moves(self, new: State, reason: str) -> list[MoveMember]:
        if new is State.INIT:
            return []
        movable = [m.instance for m in self._members.values() if self._told.get(m.instance, m.state) is not new]
        for instance in movable:
            self._told[instance] = new
        return [MoveMember(instance, new, f"sync group {self.config.name}: {reason}") for instance in movable]

    def _change(self, new: State, reason: str, now_ns: int) -> list[GroupChanged]:
        old = self.state
        if new is old:
            return []
        self.state, self._reason, self._since_ns = new, reason, now_ns
        return [GroupChanged(self.config.name, old, new, 0, reason)]


def _unheard(name: str) -> MemberChanged:
    return MemberChanged(name, State.INIT, State.INIT, 0, "has not started")
