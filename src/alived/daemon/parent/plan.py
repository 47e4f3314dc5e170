"""What `alived plan` says: the changes from one configuration to another and what becomes of the addresses, as plain
values. Pure; the decisions are those of `alived.config.change`, which the engine carries out in a reload."""

from __future__ import annotations

from typing import Any

from alived.config.change import Change, Kind, compare, instance_changes
from alived.config.model import Config
from alived.config.outlook import Outlook, outlook
from alived.config.outlook_leases import outlook_of_leases
from alived.daemon.shared.messages import EngineSnapshot

Json = dict[str, Any]


def make_plan(old: Config, new: Config, snapshot: EngineSnapshot | None) -> Json:
    """snapshot: the instances as they are now; None: nobody knows, so the addresses are told for a MASTER."""
    changes = compare(old, new)
    known = {instance.name: instance for instance in snapshot.instances} if snapshot else None
    groups = {group.name: group for group in snapshot.raft_groups} if snapshot else None
    return {
        "states_known": snapshot is not None,
        "changes": [_change(change) for change in changes],
        "unchanged": _unchanged(new, changes),
        "addresses": [
            *(_address(one) for one in outlook(old, new, changes, known)),
            *(_address(one) for one in outlook_of_leases(old, new, groups)),
        ],
    }


def _change(change: Change) -> Json:
    return {
        "kind": str(change.kind),
        "subject": str(change.subject),
        "name": change.name,
        "runs": change.runs,
        "differences": [{"field": d.field, "old": d.old, "new": d.new} for d in change.differences],
        "sentence": str(change),
    }


def _unchanged(new: Config, changes: tuple[Change, ...]) -> list[str]:
    """Instances that stay as they are, by name."""
    touched = {change.name for change in instance_changes(changes) if change.kind is not Kind.REMOVED}
    return [instance.vrrp.name for instance in new.instances if instance.vrrp.name not in touched]


def _address(one: Outlook) -> Json:
    return {"address": one.address, "instance": one.instance, "fate": str(one.fate), "sentence": one.sentence}
