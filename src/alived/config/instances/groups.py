"""`vrrp_sync_group`: its own words, and what belonging together means for the members."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.config.findings import Findings
from alived.config.instances.complete import notify_scripts, smtp_alert
from alived.config.instances.plan import GroupPlan, InstancePlan
from alived.config.instances.trackers import KINDS, Known, Tracker, tracking, without_weights
from alived.config.instances.tracking import unique
from alived.config.keywords.definitions import Definition
from alived.config.keywords.table import Settings
from alived.config.keywords.tracking import TrackEntry
from alived.config.model import Instance, SyncGroup
from alived.vrrp.config import State, TrackedInterface, VrrpInstance, VrrpSyncGroup


def plan_group(definition: Definition, known: Known, findings: Findings) -> GroupPlan:
    name, settings = definition.name, definition.settings
    members = tuple(word for line in settings.get("group", ()) for word in line)
    entries: tuple[TrackEntry, ...] = settings.get("track_interface", ())
    group = VrrpSyncGroup(
        name=name,
        members=tuple(dict.fromkeys(word.text for word in members)),
        track_interfaces=tuple(entry.tracked for entry in unique(entries, name, findings)),
        sync_group_tracking_weight="sync_group_tracking_weight" in settings,
    )
    return GroupPlan(group, settings, members, tracking(Tracker(name, settings), known, findings))


def sync_groups(
    groups: Iterable[GroupPlan], instances: Iterable[InstancePlan], defaults: Settings, findings: Findings
) -> tuple[SyncGroup, ...]:
    """The groups that have members."""
    owners = {one.name for one in instances if one.instance.vrrp.is_owner}
    return tuple(_sync_group(group, owners, defaults, findings) for group in groups if group.vrrp.members)


def _sync_group(group: GroupPlan, owners: set[str], defaults: Settings, findings: Findings) -> SyncGroup:
    """A weight cannot change the priority of an owner: with one among the members it is 0, as in keepalived."""
    vrrp, tracked = group.vrrp, group.tracking
    places = _weighing(group)
    if places and not owners.isdisjoint(vrrp.members):
        message = f"{group.name}: a member has priority 255: weights are 0, whatever goes down means FAULT"
        findings.warning(group.settings.place(*places), "owner-weight", message, "no weights, or no owner")
        unweighted = tuple(TrackedInterface(one.name, 0, one.reverse) for one in vrrp.track_interfaces)
        vrrp, tracked = msgspec.structs.replace(vrrp, track_interfaces=unweighted), without_weights(tracked)
    return SyncGroup(
        vrrp=vrrp,
        tracking=tracked,
        notify=notify_scripts(group.settings),
        smtp_alert=smtp_alert(group.settings, defaults),
    )


def _weighing(group: GroupPlan) -> list[str]:
    """The keywords of a group under which something has a weight."""
    interfaces = ["track_interface"] if any(one.weight for one in group.vrrp.track_interfaces) else []
    others = (kind for kind in KINDS if any(one.weight.value for one in getattr(group.tracking, kind.field)))
    return [*interfaces, *(kind.keyword for kind in others)]


def with_first_states(groups: Iterable[GroupPlan], instances: Iterable[InstancePlan]) -> tuple[Instance, ...]:
    """Members begin alike: `state MASTER` counts only if all members say so and are owners (as keepalived).

    Not reported: the state is a hint for the first seconds, and most files say MASTER on one node.
    """
    by_name = {one.name: one.instance for one in instances}
    for group in groups:
        members = [by_name[name] for name in group.vrrp.members if name in by_name]
        if not all(_begins_as_master(member.vrrp) for member in members):
            by_name.update({member.vrrp.name: _as_backup(member) for member in members})
    return tuple(by_name.values())


def _begins_as_master(vrrp: VrrpInstance) -> bool:
    return vrrp.is_owner and vrrp.initial_state is State.MASTER


def _as_backup(instance: Instance) -> Instance:
    if instance.vrrp.initial_state is State.BACKUP:
        return instance
    vrrp = msgspec.structs.replace(instance.vrrp, initial_state=State.BACKUP)
    return msgspec.structs.replace(instance, vrrp=vrrp)
