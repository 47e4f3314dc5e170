"""What the tracker of processes hears."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alived.base import DeadlineReached, Event
from alived.health.tracker_events import TrackerJudged, TrackerNoticed
from alived.health.trackers_config import TrackProcess


class Process(msgspec.Struct, frozen=True):
    """comm: as in /proc/PID/comm, at most 15 octets. cmdline: as in /proc/PID/cmdline, each argument with a NUL behind
    it; the beginning of it is enough if it is longer than everything that it is compared with."""

    comm: str
    cmdline: bytes = b""


class ProcessForked(Event, frozen=True, tag=True):
    """A process made another one, which looks like it until it says otherwise."""

    parent: int
    pid: int


class ProcessExecuted(Event, frozen=True, tag=True):
    """A process executes another program; process: what it looks like now."""

    pid: int
    process: Process


class ProcessRenamed(Event, frozen=True, tag=True):
    """A process has changed its name, not its command line."""

    pid: int
    comm: str


class ProcessExited(Event, frozen=True, tag=True):
    pid: int


class ProcessesSeen(Event, frozen=True, tag=True):
    """All processes that there are."""

    processes: Mapping[int, Process]


class ProcessReconfigured(Event, frozen=True, tag=True):
    """A reload changed the tracker that has this name. `ProcessesSeen` follows."""

    config: TrackProcess


ProcessEvent = (
    ProcessForked
    | ProcessExecuted
    | ProcessRenamed
    | ProcessExited
    | ProcessesSeen
    | ProcessReconfigured
    | DeadlineReached
)
ProcessEffect = TrackerJudged | TrackerNoticed
