"""What the tracker of a script hears (events), what it wants (effects) and what it shows (snapshots)."""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.health.trackers_config import VrrpScript


class RunEnded(Event, frozen=True, tag=True):
    """status: 0..255 of exit(2), or the negative number of the signal that killed it. output: its last lines."""

    run: int
    status: int
    output: tuple[str, ...] = ()


class RunNotStarted(Event, frozen=True, tag=True):
    """The script could not be started, or how it ended cannot be known. `error` is a sentence. ours: it says nothing
    about the script."""

    run: int
    error: str
    ours: bool = False


class ScriptReconfigured(Event, frozen=True, tag=True):
    """A reload changed the script that has this name."""

    config: VrrpScript


class ScriptDropped(Event, frozen=True, tag=True):
    """Nobody tracks it any more."""


ScriptEvent = RunEnded | RunNotStarted | ScriptReconfigured | ScriptDropped | DeadlineReached


class StartRun(Effect, frozen=True, tag=True):
    """Run the script of `ScriptTracker.config` in a process group of its own."""

    run: int


class TerminateRun(Effect, frozen=True, tag=True):
    """SIGTERM to its process group: its time is over."""

    run: int


class KillRun(Effect, frozen=True, tag=True):
    """SIGKILL to its process group."""

    run: int


class Judged(Effect, frozen=True, tag=True):
    """The verdict and why. `news`: it was another one before; else a verdict of earlier is confirmed."""

    up: bool
    reason: str
    news: bool


class ScriptNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


ScriptEffect = StartRun | TerminateRun | KillRun | Judged | ScriptNoticed


class ScriptSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A tracked script as it is now. Times are CLOCK_BOOTTIME."""

    name: str
    up: bool | None
    """None: no result yet"""
    last_success: bool | None
    last_result: str
    """Of the last run that has a result: "exit 0", "exit 1", "timed out after 1 s", ..."""
    last_ns: int | None
    """When it was known; None: no result yet"""
    exit_status: int | None
    """Of the last run that ended: 0..255, or the negative number of a signal"""
    output: tuple[str, ...]
    """Its last lines"""
    took_ns: int
    streak: int
    """Results in a row that were like the last one"""
    rise: int
    fall: int
    runs: int
    overlaps: int
    """Intervals that came while the script still ran"""
    running_since_ns: int | None
    next_run_ns: int
