"""What `alived status` says of tracked processes, files, gateways and units, as plain values. Pure.

As with scripts, two things are told: the verdict that counts (the parent's, on which the instances act), and what is
seen (the worker's, if it answers).
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.config.model import Config
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.shared.tracked import trackers_of
from alived.daemon.status.view import UNKNOWN, Clock, Json
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import TrackerKind, Weight

KINDS = frozenset({TrackerKind.PROCESS, TrackerKind.FILE, TrackerKind.GATEWAY, TrackerKind.UNIT})
"""Scripts and checks have views of their own"""


def trackers(
    config: Config, known: Iterable[TrackerVerdict], snapshot: WorkerSnapshot | None, clock: Clock
) -> list[Json]:
    """snapshot: the answer to this question; None: the worker gave none."""
    verdicts = {verdict.key: verdict for verdict in known}
    seen = {one.kind.key(one.name): one for one in snapshot.trackers} if snapshot else {}
    return [
        {"kind": str(kind), "name": name}
        | verdict_of(verdicts.get(key), clock)
        | {"tracked_by": [tracked_by(owner, weight) for owner, weight in owners]}
        | {"seen": _seen(seen[key], clock) if key in seen else None}
        for (kind, name, key), owners in _tracked(config)
    ]


def _tracked(config: Config) -> list[tuple[tuple[TrackerKind, str, str], list[tuple[str, Weight]]]]:
    found = []
    for key, owners in trackers_of(config).items():
        kind, _, name = key.partition(" ")
        if kind in KINDS:
            found.append(((TrackerKind(kind), name, key), owners))
    return found


def verdict_of(verdict: TrackerVerdict | None, clock: Clock) -> Json:
    if verdict is None:
        return {"result": UNKNOWN, "reason": "no result yet", "value": None, "since": None, "since_s": None}
    return {
        "result": "up" if verdict.up else "down",
        "reason": verdict.reason,
        "value": verdict.value,
        "since": clock.wall(verdict.at_ns),
        "since_s": clock.age_s(verdict.at_ns),
    }


def tracked_by(name: str, weight: Weight) -> Json:
    return {"name": name, "weight": weight.value, "reverse": weight.reverse}


def _seen(shown: TrackerSnapshot, clock: Clock) -> Json:
    return {
        "result": shown.result,
        "details": list(shown.details),
        "results": shown.results,
        "streak": shown.streak,
        "age_s": None if shown.looked_ns is None else clock.age_s(shown.looked_ns),
        "next_run_s": None if shown.next_run_ns is None else -clock.age_s(shown.next_run_ns),
    }
