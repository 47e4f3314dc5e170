"""`alived track reset`, and what `alived status` says of combinations and of flap damping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import trackers_of
from alived.daemon.status.tracker_view import tracked_by, verdict_of
from alived.daemon.status.view import Clock, Json
from alived.health.damping import DampingSnapshot
from alived.health.trackers_config import TrackerKind


class Trackers(Protocol):
    """What counts of the verdicts on trackers (`worker_errands`)."""

    @property
    def known(self) -> tuple[TrackerVerdict, ...]: ...

    @property
    def damping(self) -> Mapping[str, DampingSnapshot]: ...

    def reset(self, key: str) -> None: ...


def reset(trackers: Trackers, arguments: Mapping[str, Any]) -> Answer:
    """arguments: "name" of a tracker, with its kind before it if the name alone is that of several."""
    name = arguments.get("name")
    damped = list(trackers.damping)
    found = [key for key in damped if name in (key, key.partition(" ")[2])]
    if len(found) == 1:
        falls = trackers.damping[found[0]].falls
        trackers.reset(found[0])
        return Answer(ok=True, result={"tracker": found[0], "falls": falls})
    if found:
        return Answer(ok=False, error=f"{name!r} is the name of several: {', '.join(found)}")
    have = f"those that have it: {', '.join(damped)}" if damped else "none has"
    return Answer(ok=False, error=f"no tracker {name!r} has flap_damping; {have}")


def combinations(config: Config, known: Iterable[TrackerVerdict], clock: Clock) -> list[Json]:
    """Those that somebody tracks."""
    verdicts = {verdict.key: verdict for verdict in known}
    trackers = trackers_of(config)
    return [
        {"name": check.name, "quorum": check.quorum, "members": [member.key for member in check.members]}
        | verdict_of(verdicts.get(key), clock)
        | {"tracked_by": [tracked_by(*owner) for owner in trackers[key]]}
        for check in config.combined_checks
        if (key := TrackerKind.CHECK.key(check.name)) in trackers
    ]


def damping(damped: Mapping[str, DampingSnapshot], now_ns: int) -> list[Json]:
    """held_s: how long it is held down yet; None: it is not. hold_s: how long it would be if it fell once more."""
    return [
        {
            "tracker": key,
            "falls": one.falls,
            "held_s": None if one.held_until_ns is None else max(one.held_until_ns - now_ns, 0) / NS_PER_S,
            "hold_s": one.hold_ns / NS_PER_S,
        }
        for key, one in damped.items()
    ]
