"""What the hook queue hears (events), what it wants (effects) and what it shows (snapshots)."""

from __future__ import annotations

import enum

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.hooks.config import NotifyScripts, Script


class Kind(enum.StrEnum):
    """First argument of the generic script: whose state it is."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


class Word(enum.StrEnum):
    """Third argument of the generic script: keepalived's words for what happened."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    DELETED = "DELETED"


class StateReached(Event, frozen=True, tag=True):
    """An object reached a state; these are its scripts."""

    kind: Kind
    name: str
    word: Word
    priority: int
    """Effective priority at that moment."""
    reason: str
    scripts: NotifyScripts
    time_ns: int
    """When it reached the state; comes back in `StateDone`."""


class ScriptEnded(Event, frozen=True, tag=True):
    """status: 0 .. 255 of exit(2), or the negative number of the signal that killed it."""

    run: int
    status: int


class ScriptNotStarted(Event, frozen=True, tag=True):
    """The script could not be started; `error` is a sentence."""

    run: int
    error: str


class Close(Event, frozen=True, tag=True):
    """No more states will come: finish what is queued, then say `Drained`."""


HookEvent = StateReached | ScriptEnded | ScriptNotStarted | Close | DeadlineReached


class RunScript(Effect, frozen=True, tag=True):
    """Start a script. `environment` is added to the bare one that every script gets."""

    run: int
    script: Script
    arguments: tuple[str, ...]
    environment: dict[str, str]
    name: str
    """Of the instance or group."""
    label: str
    """The keyword: "notify_master"."""


class TerminateScript(Effect, frozen=True, tag=True):
    """SIGTERM to its process group: its time is over."""

    run: int


class KillScript(Effect, frozen=True, tag=True):
    """SIGKILL to its process group."""

    run: int


class HookNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    name: str
    level: str
    code: str
    message: str


class StateDone(Effect, frozen=True, tag=True):
    """All scripts of this state have ended, or it was left out."""

    kind: Kind
    name: str
    time_ns: int


class Drained(Effect, frozen=True, tag=True):
    """After `Close`: nothing runs and nothing waits."""


HookEffect = RunScript | TerminateScript | KillScript | HookNoticed | StateDone | Drained


class ScriptSnapshot(msgspec.Struct, frozen=True):
    """A script that runs now."""

    name: str
    label: str
    since_ns: int


class HookSnapshot(msgspec.Struct, frozen=True):
    running: tuple[ScriptSnapshot, ...]
    waiting: int
    """States whose scripts have not begun."""
