"""`vrrp_sync_group`: its own words, and what belonging together means for the members."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.config.findings import Findings
from alived.config.instances.complete import notify_scripts
from alived.config.instances.plan import GroupPlan, InstancePlan
from alived.config.instances.tracking import unique
from alived.config.keywords.definitions import Definition
from alived.config.keywords.tracking import TrackEntry
from alived.config.model import Instance, SyncGroup
from alived.vrrp.config import State, TrackedInterface, VrrpInstance, VrrpSyncGroup


def plan_group(definition: Definition, findings: Findings) -> GroupPlan:
    name, settings = definition.name, definition.settings
    members = tuple(word for line in settings.get("group", ()) for word in line)
    entries: tuple[TrackEntry, ...] = settings.get("track_interface", ())
    group = VrrpSyncGroup(
        name=name,
        members=tuple(dict.fromkeys(word.text for word in members)),
        track_interfaces=tuple(entry.tracked for entry in unique(entries, name, findings)),
        sync_group_tracking_weight="sync_group_tracking_weight" in settings,
    )
    return GroupPlan(group, settings, members)


def sync_groups(
    groups: Iterable[GroupPlan], instances: Iterable[InstancePlan], findings: Findings
) -> tuple[SyncGroup, ...]:
    """The groups that have members."""
    owners = {one.name for one in instances if one.instance.vrrp.is_owner}
    return tuple(
        SyncGroup(vrrp=_without_weights(group, owners, findings), notify=notify_scripts(group.settings))
        for group in groups
        if group.vrrp.members
    )


def _without_weights(group: GroupPlan, owners: set[str], findings: Findings) -> VrrpSyncGroup:
    """A weight cannot change the priority of an owner: with one among the members it is 0, as in keepalived."""
    tracked = group.vrrp.track_interfaces
    if owners.isdisjoint(group.vrrp.members) or not any(one.weight for one in tracked):
        return group.vrrp
    message = f"{group.name}: a member has priority 255: weights are 0, such a link down means FAULT"
    findings.warning(group.settings.place("track_interface"), "owner-weight", message, "no weights, or no owner")
    unweighted = tuple(TrackedInterface(one.name, 0, one.reverse) for one in tracked)
    return msgspec.structs.replace(group.vrrp, track_interfaces=unweighted)


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
