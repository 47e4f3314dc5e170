"""What a reload changes, instance by instance: the old configuration against the new one. Pure."""

from __future__ import annotations

import enum

import msgspec

from alived.config.model import Config, Instance
from alived.vrrp.config import TrackedInterface, VrrpInstance


class Kind(enum.StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    """Stopped and started again: it is another virtual router now."""
    CHANGED = "changed"
    """Changed in place: its state, its addresses and its advert timer live on."""


class Change(msgspec.Struct, frozen=True):
    kind: Kind
    name: str
    sentence: str


IDENTITY = ("interface", "virtual_router_id", "family", "version", "vmac")
"""What makes another virtual router of an instance."""


def compare(old: Config, new: Config) -> list[Change]:
    """Removals first, so that an address can move to another instance in one reload."""
    tracked_before, tracked_after = _tracked_by_groups(old), _tracked_by_groups(new)
    before = {instance.vrrp.name: instance for instance in old.instances}
    after = {instance.vrrp.name: instance for instance in new.instances}
    changes = [Change(Kind.REMOVED, name, f"instance {name} removed") for name in before if name not in after]
    later: list[Change] = []
    for name, instance in after.items():
        known = before.get(name)
        if known is None:
            later.append(Change(Kind.ADDED, name, f"instance {name} added"))
        elif differing := _identity_changes(known.vrrp, instance.vrrp):
            sentence = f"instance {name} started anew: {', '.join(differing)} changed"
            changes.append(Change(Kind.REPLACED, name, sentence))
        elif known != instance:
            later.append(Change(Kind.CHANGED, name, f"instance {name} changed: {_differences(known, instance)}"))
        elif tracked_before.get(group := instance.vrrp.sync_group) != tracked_after.get(group):
            later.append(Change(Kind.CHANGED, name, f"instance {name} changed: what sync group {group} tracks"))
    return changes + later


def _tracked_by_groups(config: Config) -> dict[str, tuple[TrackedInterface, ...]]:
    """Its members track it too."""
    return {group.vrrp.name: group.vrrp.track_interfaces for group in config.sync_groups}


def _identity_changes(old: VrrpInstance, new: VrrpInstance) -> list[str]:
    return [field for field in IDENTITY if getattr(old, field) != getattr(new, field)]


def _differences(old: Instance, new: Instance) -> str:
    """Names of the fields that differ, for the operator."""
    fields = [field for field in old.vrrp.__struct_fields__ if getattr(old.vrrp, field) != getattr(new.vrrp, field)]
    if old.vips != new.vips:
        fields.append("virtual addresses or their announcement")
    if old.notify != new.notify:
        fields.append("notify scripts")
    return ", ".join(fields) or "options"
