"""What the hook queue hears (events), what it wants (effects) and what it shows (snapshots)."""

from __future__ import annotations

import enum

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.hooks.config import Hook, HookEvent, NotifyScripts, Script


class Kind(enum.StrEnum):
    """Whose state it is; first argument of the generic script."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"
    RAFT = "RAFT"
    """A group of addresses whose owner is elected by Raft."""
    REAL_SERVER = "RS"
    VIRTUAL_SERVER = "VS"
    DAEMON = ""
    """The daemon itself: ToReady and ToDestroy."""


class Word(enum.StrEnum):
    """What happened, in keepalived's words: third argument of the generic script, third word of a line in a pipe."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    DELETED = "DELETED"
    MASTER_RX_LOWER_PRI = "MASTER_RX_LOWER_PRI"
    """A MASTER heard an advert of a lower priority; no state, so the generic script does not run"""
    MASTER_PRIORITY = "MASTER_PRIORITY"
    """Another effective priority, as MASTER; no script runs"""
    BACKUP_PRIORITY = "BACKUP_PRIORITY"
    """Likewise in any other state"""
    UP = "UP"
    """Of real servers; of virtual servers: the quorum is there"""
    DOWN = "DOWN"
    TEST = "TEST"
    """Nothing happened: an operator tries whether a message arrives"""


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
    environment: tuple[tuple[str, str], ...] = ()
    """What its scripts find there in addition, or instead"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook is told besides the event: the state of its object, and which node this is."""

    node_id: str = ""
    raft_addr: str = ""
    """HOST:PORT where this node hears its peers; "" without a cluster"""
    old: str = ""
    new: str = ""
    """States, MASTER and the like; "" for events of the daemon"""
    reason: str = ""
    priority: int = 0
    term: int = 0
    vips: tuple[str, ...] = ()
    """ADDRESS/LENGTH"""
    interface: str = ""
    peers: tuple[str, ...] = ()


class HooksDue(Event, frozen=True, tag=True, kw_only=True):
    """An event of an owner, with its hooks in their order. Each of these events is answered by one `HooksDone`."""

    kind: Kind
    name: str
    event: HookEvent
    event_id: str
    hooks: tuple[Hook, ...]
    facts: Facts = Facts()
    by_hand: bool = False
    """Somebody wants to see it run; nothing has happened, so it makes nothing else stale and is not repeated."""


class ScriptEnded(Event, frozen=True, tag=True):
    """status: 0 .. 255 of exit(2), or the negative number of the signal that killed it."""

    run: int
    status: int


class ScriptNotStarted(Event, frozen=True, tag=True):
    """The script could not be started; `error` is a sentence."""

    run: int
    error: str


class Close(Event, frozen=True, tag=True):
    """No more states will come: finish what is queued, then ToDestroy if it is due, then say `Drained`."""


QueueEvent = StateReached | HooksDue | ScriptEnded | ScriptNotStarted | Close | DeadlineReached


class RunScript(Effect, frozen=True, tag=True, kw_only=True):
    """Start a script. `environment` is added to the bare one that every script gets."""

    run: int
    script: Script
    arguments: tuple[str, ...]
    environment: dict[str, str]
    name: str
    """Of the instance or group."""
    label: str
    """The keyword: "notify_master", "ToMaster"."""
    hook: Hook | None = None
    """What else must be looked at before it runs; None: a notify script"""


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


class ScriptRan(Effect, frozen=True, tag=True, kw_only=True):
    """A run has ended, or was given up: for the history and the counters."""

    run: int
    kind: Kind
    name: str
    label: str
    program: str
    event_id: str
    """"" for notify scripts"""
    trigger: str
    """Why: the reason of the change of state"""
    by_hand: bool
    attempt: int
    """From 1"""
    since_ns: int
    duration_ns: int
    status: int | None
    """As in `ScriptEnded`; None: it was not started, or was given up"""
    failure: str
    """"": it did what it should"""


class StateDone(Effect, frozen=True, tag=True):
    """All scripts of this state have ended, or it was left out."""

    kind: Kind
    name: str
    time_ns: int


class HooksDone(Effect, frozen=True, tag=True, kw_only=True):
    """All hooks of an event have ended, or they do not run. Not ok: one failed and that means abort, or a newer event
    made them stale (`superseded`)."""

    kind: Kind
    name: str
    event: HookEvent
    event_id: str
    ok: bool
    reason: str = ""
    superseded: bool = False


class Drained(Effect, frozen=True, tag=True):
    """After `Close`: nothing runs and nothing waits."""


QueueEffect = RunScript | TerminateScript | KillScript | HookNoticed | ScriptRan | StateDone | HooksDone | Drained


class RunningSnapshot(msgspec.Struct, frozen=True):
    """A script that runs now."""

    name: str
    label: str
    since_ns: int


class QueueSnapshot(msgspec.Struct, frozen=True):
    running: tuple[RunningSnapshot, ...]
    waiting: int
    """States and events whose scripts have not begun."""
