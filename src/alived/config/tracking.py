"""`track_interface` of instances and groups."""

from __future__ import annotations

import msgspec

from alived.config.findings import Findings
from alived.config.lists import TrackEntry
from alived.vrrp.config import TrackedInterface


def tracked(
    entries: tuple[TrackEntry, ...], findings: Findings, name: str, interface: str = "", owner: bool = False
) -> tuple[TrackedInterface, ...]:
    """Tracked interfaces without duplicates and without the instance's own; an owner's weight is cleared."""
    kept: dict[str, TrackedInterface] = {}
    for entry in entries:
        value = entry.tracked
        if value.name in kept:
            message = f"{name}: {value.name} is tracked twice: the first one counts"
            findings.warning(entry.location, "duplicate-entry", message, "remove one of them")
            continue
        if value.name == interface:
            message = f"{name}: {value.name} is the interface of the instance and tracked anyway: skipped"
            findings.warning(entry.location, "own-interface", message, "dont_track_primary would stop that")
            continue
        if owner and value.weight:
            message = f"{name}: a weight cannot change priority 255: weight 0 is used, {value.name} down means FAULT"
            findings.warning(entry.location, "owner-weight", message, "a priority below 255")
            value = msgspec.structs.replace(value, weight=0)
        kept[value.name] = value
    return tuple(kept.values())
