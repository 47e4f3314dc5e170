"""What an instance tracks, and with which weights: not all that it says can count."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.config.findings import Findings
from alived.config.instances.draft import Draft
from alived.config.instances.trackers import Tracker, tracking
from alived.config.keywords.tracking import TrackEntry
from alived.health.trackers_config import Tracking
from alived.vrrp.config import TrackedInterface


def tracked(draft: Draft, interface: str) -> tuple[TrackedInterface, ...]:
    """Interfaces that an instance tracks. Weights count neither in a sync group nor for an owner (as keepalived)."""
    kept: list[TrackedInterface] = []
    for entry in unique(draft.settings.get("track_interface", ()), draft.name, draft.findings):
        value = entry.tracked
        if value.name == interface:
            message = f"{draft.name}: {value.name} is the interface of the instance and tracked anyway: skipped"
            draft.findings.warning(entry.location, "own-interface", message, "dont_track_primary would stop that")
            continue
        if value.weight and draft.group is not None and not draft.group.vrrp.sync_group_tracking_weight:
            message = f"{draft.name}: weight of {value.name} is 0 in a sync group: the link down means FAULT"
            hint = "sync_group_tracking_weight in the group, the same weights on all members"
            draft.findings.warning(entry.location, "group-weight", message, hint)
            value = msgspec.structs.replace(value, weight=0)
        elif value.weight and draft.is_owner:
            message = f"{draft.name}: a weight cannot change priority 255: {value.name} is not tracked"
            draft.findings.warning(entry.location, "owner-weight", message, "a priority below 255, or no weight")
            continue
        kept.append(value)
    return tuple(kept)


def trackers(draft: Draft) -> Tracking:
    """Scripts, processes, files and sessions that an instance tracks; weights count as those of interfaces do."""
    unweighted = None
    if draft.group is not None and not draft.group.vrrp.sync_group_tracking_weight:
        unweighted = "group-weight", "in a sync group"
    elif draft.is_owner:
        unweighted = "owner-weight", "with priority 255"
    return tracking(Tracker(draft.name, draft.settings, unweighted), draft.known, draft.findings)


def unique(entries: Iterable[TrackEntry], name: str, findings: Findings) -> list[TrackEntry]:
    """Each interface once; the first one counts."""
    seen: dict[str, TrackEntry] = {}
    for entry in entries:
        if seen.setdefault(entry.tracked.name, entry) is not entry:
            message = f"{name}: {entry.tracked.name} is tracked twice: the first one counts"
            findings.warning(entry.location, "duplicate-entry", message, "remove one of them")
    return list(seen.values())
