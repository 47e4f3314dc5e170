"""`track_script` and its like: names become trackers that exist, with the weights that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.table import Settings, did_you_mean
from alived.config.keywords.tracking import TrackerEntry
from alived.health.trackers_config import BfdInstance, Tracked, TrackFile, Tracking, Weight


class Kind(NamedTuple):
    """keyword: who tracks; field: of Tracking; defined: field of the top level; block: what defines them."""

    keyword: str
    field: str
    defined: str
    block: str


KINDS = (
    Kind("track_script", "scripts", "vrrp_scripts", "vrrp_script"),
    Kind("track_process", "processes", "track_processes", "vrrp_track_process"),
    Kind("track_file", "files", "track_files", "track_file"),
    Kind("track_check", "checks", "checks", "check"),
    Kind("track_gateway", "gateways", "gateways", "gateway"),
    Kind("track_unit", "units", "units", "unit"),
    Kind("track_bfd", "bfd", "bfd_instances", "bfd_instance"),
)

Known = Mapping[str, Mapping[str, Definition]]
"""Field of the top level -> name -> what is defined there."""


def known_trackers(said: Settings, checks: Mapping[str, Definition], findings: Findings) -> Known:
    """All trackers by name; a name twice is reported. checks: those with a name, complete."""
    others = (kind for kind in KINDS if kind.defined != "checks")
    return {"checks": checks} | {
        kind.defined: unique(kind.block, said.get(kind.defined, ()), findings) for kind in others
    }


class Tracker(NamedTuple):
    """Who tracks. unweighted: (code, reason) if weights cannot count there."""

    name: str
    settings: Settings
    unweighted: tuple[str, str] | None = None


def tracking(tracker: Tracker, known: Known, findings: Findings) -> Tracking:
    """What an instance or a group tracks, as it says it and as the trackers say it."""
    return Tracking(**{kind.field: tuple(_kind(kind, tracker, known[kind.defined], findings)) for kind in KINDS})


def _kind(kind: Kind, tracker: Tracker, defined: Mapping[str, Definition], findings: Findings) -> Iterator[Tracked]:
    entries: tuple[TrackerEntry, ...] = tracker.settings.get(kind.keyword, ())
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            message = f"{tracker.name}: {entry.name} is tracked twice: the first one counts"
            findings.warning(entry.location, "duplicate-entry", message, "remove one of them")
            continue
        seen.add(entry.name)
        definition = defined.get(entry.name)
        if definition is None:
            message = f"{tracker.name}: there is no {kind.block} {entry.name!r}"
            hint = did_you_mean(entry.name, defined) or f"{kind.block} {entry.name} {{ ... }}"
            findings.error(entry.location, "unknown-tracker", message, hint)
        elif isinstance(definition.value, BfdInstance) and not definition.value.for_vrrp:
            message = f"{tracker.name}: bfd_instance {entry.name!r} is for checkers only"
            findings.error(entry.location, "unknown-tracker", message, f"add 'vrrp' to bfd_instance {entry.name}")
        elif definition.value is not None:
            weight = _weight(kind, tracker, entry, definition, findings)
            if weight is not None:
                yield Tracked(entry.name, weight)


def _weight(
    kind: Kind, tracker: Tracker, entry: TrackerEntry, definition: Definition, findings: Findings
) -> Weight | None:
    """The weight that counts; None: a weighted tracker that cannot weigh here is not tracked, as in keepalived."""
    default: Weight = definition.value.weight
    value = default.value if entry.weight is None else entry.weight
    weight = Weight(value, default.reverse if entry.reverse is None else entry.reverse)
    if tracker.unweighted is None or not value:
        return weight
    code, reason = tracker.unweighted
    said = entry.weight is not None or "weight" in definition.settings
    if isinstance(definition.value, TrackFile) and not said:
        return Weight(0, weight.reverse)
    message = f"{tracker.name}: weight {value} of {kind.block} {entry.name} cannot count {reason}: it is not tracked"
    findings.warning(entry.location, code, message, "weight 0: FAULT while it is down")
    return None


def without_weights(tracking: Tracking) -> Tracking:
    """The same things, each with weight 0."""
    return Tracking(
        **{
            kind.field: tuple(
                Tracked(one.name, msgspec.structs.replace(one.weight, value=0)) for one in getattr(tracking, kind.field)
            )
            for kind in KINDS
        }
    )
