"""What a sync group hears (events), what it wants (effects) and what it shows (snapshot).

The wiring, for whoever runs instances and groups (order matters, nothing else does):

    effect of a member                     event of the group
    MemberReport(instance, group, ...) --> MemberChanged(instance, state, wanted, priority, reason)

    effect of the group                    event of the member
    MoveMember(instance, state, reason) -> GroupDecided(state, reason)
"""

from __future__ import annotations

import msgspec

from alived.base import Effect, Event
from alived.vrrp.config import State, VrrpSyncGroup


class MemberChanged(Event, frozen=True, tag=True):
    """A member's `MemberReport`: the state it is in, and the one it would be in without the group."""

    instance: str
    state: State
    wanted: State
    priority: int
    reason: str


class GroupReconfigured(Event, frozen=True, tag=True):
    """A start or a reload: members, options, and what it did to the members, decided on at once."""

    config: VrrpSyncGroup
    reports: tuple[MemberChanged, ...] = ()


GroupEvent = MemberChanged | GroupReconfigured


class MoveMember(Effect, frozen=True, tag=True):
    """Becomes `GroupDecided` for that instance."""

    instance: str
    state: State
    reason: str


class GroupChanged(Effect, frozen=True, tag=True):
    """The group changed its state: whoever runs the group's scripts or keeps history acts on this."""

    group: str
    old: State
    new: State
    priority: int
    """0: a group has none (what keepalived gives its scripts)."""
    reason: str


GroupEffect = MoveMember | GroupChanged


class SyncGroupSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a group as a value."""

    name: str
    state: State
    since_ns: int
    reason: str
    members: tuple[str, ...]
