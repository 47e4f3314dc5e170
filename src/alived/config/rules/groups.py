"""Sync groups: members that exist, belong together and can move together."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import GroupPlan, Plan
from alived.config.keywords.table import did_you_mean
from alived.config.rules.report import error, warning


def group_members(plan: Plan) -> Iterator[Diagnostic]:
    """Members exist, belong to one group, and there are two at least."""
    names = {one.name for one in plan.instances}
    owner: dict[str, str] = {}
    for group in plan.groups:
        for word in group.members:
            if word.text not in names:
                message = f"{group.name}: there is no vrrp_instance {word.text!r}"
                yield error(word.location, "unknown-member", message, did_you_mean(word.text, names))
            elif owner.setdefault(word.text, group.name) != group.name:
                message = f"{group.name}: {word.text!r} is already in sync group {owner[word.text]!r}"
                yield error(word.location, "two-groups", message, "an instance can be in one group only")
        if len(group.vrrp.members) < 2:
            yield _small_group(group)


def _small_group(group: GroupPlan) -> Diagnostic:
    place = group.settings.place("group")
    if not group.vrrp.members:
        message = f"{group.name}: the group has no member and no effect"
        return warning(place, "empty-group", message, "group { INSTANCE ... }")
    message = f"{group.name}: the group has one member only: it moves alone"
    return warning(place, "small-group", message, "remove the group or add the other instance")


def mixed_owners(plan: Plan) -> Iterator[Diagnostic]:
    """Owners become MASTER at once, whoever the others' master is."""
    by_name = {one.name: one.instance.vrrp for one in plan.instances}
    for group in plan.groups:
        owners = {by_name[name].is_owner for name in group.vrrp.members if name in by_name}
        if len(owners) == 2:
            message = f"{group.name}: some members have priority 255, others do not: they cannot move together"
            yield warning(group.settings.place("group"), "mixed-owners", message, "the same priority on all members")


def mixed_preemption(plan: Plan) -> Iterator[Diagnostic]:
    """A group moves when its first member moves: one that preempts takes those along that must not."""
    by_name = {one.name: one.instance.vrrp for one in plan.instances}
    for group in plan.groups:
        members = [by_name[name] for name in group.vrrp.members if name in by_name]
        stay = [member.name for member in members if member.nopreempt]
        if stay and len(stay) < len(members):
            message = f"{group.name}: nopreempt is said by {', '.join(stay)} only: the other members preempt for all"
            yield warning(
                group.settings.place("group"), "mixed-preemption", message, "nopreempt in all members, or none"
            )
