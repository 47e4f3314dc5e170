"""What trackers of processes, files, gateways and units have in common: what they want, and what they show; links."""

from __future__ import annotations

import msgspec

from alived.base import Effect
from alived.health.trackers_config import TrackerKind


class TrackerJudged(Effect, frozen=True, tag=True):
    """The verdict and why. `news`: it was another one before; else a verdict of earlier is confirmed."""

    up: bool
    reason: str
    news: bool
    value: int | None = None
    """As of a verdict"""


class TrackerNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


class TrackerSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A tracker as it is now. Times are CLOCK_BOOTTIME."""

    kind: TrackerKind
    name: str
    up: bool | None
    """None: no result yet"""
    value: int | None = None
    result: str
    """What it saw last, e.g. "3 processes"; "": nothing yet"""
    details: tuple[str, ...] = ()
    """Lines: what it looks at, and how that is"""
    results: int = 0
    """How often it has looked, or was told"""
    streak: int = 0
    """Results in a row that meant the same as the last one"""
    looked_ns: int | None = None
    """When the last result came"""
    next_run_ns: int | None = None
    """When it looks again, whatever happens; None: only if something happens"""


class LinkSnapshot(msgspec.Struct, frozen=True):
    """A tracked link as those that track it see it. usable None: there is none of that name. changes_ns: when it counts
    as otherwise, if it stays as it is now (`interface_up_down_delays`)."""

    name: str
    usable: bool | None
    since_ns: int
    changes_ns: int | None = None
