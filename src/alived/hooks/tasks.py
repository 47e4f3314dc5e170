"""What a state or an event means in scripts: a task, whose jobs run one after the other."""

from __future__ import annotations

import enum

import msgspec

from alived.hooks.config import Hook, HookEvent, NotifyScripts, OnFailure, Script
from alived.hooks.environment import hook_environment
from alived.hooks.events import HooksDone, HooksDue, Kind, StateDone, StateReached, Word


class Lane(enum.Enum):
    """Who waits for whom: notify scripts and hooks of the same object do not wait for each other, since owners wait for
    hooks, and nobody waits for notify scripts."""

    NOTIFY = enum.auto()
    HOOKS = enum.auto()


Key = tuple[Lane, Kind, str]
"""Lane, kind and name of an object."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One script to run."""

    label: str
    script: Script
    arguments: tuple[str, ...] = ()
    environment: dict[str, str]
    on_failure: OnFailure = OnFailure.CONTINUE
    hook: Hook | None = None


class Task(msgspec.Struct, frozen=True):
    """The scripts of one state or event of an object."""

    source: StateReached | HooksDue
    jobs: tuple[Job, ...]

    @property
    def key(self) -> Key:
        lane = Lane.HOOKS if isinstance(self.source, HooksDue) else Lane.NOTIFY
        return lane, self.source.kind, self.source.name

    @property
    def title(self) -> str:
        """What the log calls it."""
        return str(self.source.event if isinstance(self.source, HooksDue) else self.source.word)

    @property
    def by_hand(self) -> bool:
        return isinstance(self.source, HooksDue) and self.source.by_hand

    @property
    def event_id(self) -> str:
        return self.source.event_id if isinstance(self.source, HooksDue) else ""

    @property
    def reason(self) -> str:
        """Why the state or event came."""
        return self.source.facts.reason if isinstance(self.source, HooksDue) else self.source.reason

    def ended(self, failure: str = "", *, superseded: bool = False) -> StateDone | HooksDone:
        """What is said when all its scripts have ended, or will not run."""
        source = self.source
        if isinstance(source, StateReached):
            return StateDone(source.kind, source.name, source.time_ns)
        return HooksDone(
            kind=source.kind,
            name=source.name,
            event=source.event,
            event_id=source.event_id,
            ok=not failure,
            reason=failure,
            superseded=superseded,
        )


def task_of_event(due: HooksDue) -> Task:
    """By hand a hook runs once, and whoever runs it sees how it ends."""
    jobs = (
        Job(
            label=str(hook.event),
            script=hook.script,
            environment=hook_environment(due, hook),
            on_failure=OnFailure.ABORT if due.by_hand else hook.on_failure,
            hook=hook,
        )
        for hook in due.hooks
    )
    return Task(due, tuple(jobs))


_TAKES = frozenset({HookEvent.TO_READY, HookEvent.BEFORE_BIND, HookEvent.AFTER_BIND, HookEvent.TO_MASTER})


def takes(event: HookEvent) -> bool:
    """Whether it is on the way to owning; the others are on the way to letting go."""
    return event in _TAKES


def makes_stale(later: HookEvent, earlier: HookEvent) -> bool:
    """Whether the hooks of `earlier`, if they have not run, would say what is no longer so: the object has gone the
    other way since, or to the same place once more."""
    return later is earlier or takes(later) is not takes(earlier)


def overtakes(new: Task, old: Task) -> bool:
    """Whether `new` makes `old` stale. Notify scripts all run: keepalived's users count on it."""
    match new.source, old.source:
        case HooksDue() as later, HooksDue() as earlier if not later.by_hand:
            return makes_stale(later.event, earlier.event)
        case _:
            return False


def cuts_short(new: Task, old: Task) -> bool:
    """Whether a script of `old` that runs is ended for the sake of `new`: what takes does not hold up what lets go.
    What lets go is never cut short, so that nothing stays behind half undone."""
    match new.source, old.source:
        case HooksDue() as later, HooksDue() as earlier if new.jobs and not later.by_hand:
            return takes(earlier.event) and not takes(later.event)
        case _:
            return False


def task_of_state(event: StateReached) -> Task:
    """The specific script, then `notify` with keepalived's four arguments."""
    word = reported(event.word, event.scripts)
    environment = {
        "ALIVED_KIND": str(event.kind),
        "ALIVED_NAME": event.name,
        "ALIVED_STATE": str(word),
        "ALIVED_PRIORITY": str(event.priority),
        "ALIVED_REASON": event.reason,
    } | dict(event.environment)
    specific, generic = _specific(word, event.scripts), event.scripts.notify
    jobs = []
    if specific is not None:
        prefix = "quorum" if event.kind is Kind.VIRTUAL_SERVER else "notify"
        jobs.append(Job(label=f"{prefix}_{word.lower()}", script=specific, environment=environment))
    if generic is not None and word in _STATES:
        arguments = (str(event.kind), event.name, str(word), str(event.priority))
        jobs.append(Job(label="notify", script=generic, arguments=arguments, environment=environment))
    return Task(event, tuple(jobs))


_STATES = frozenset({Word.MASTER, Word.BACKUP, Word.FAULT, Word.STOP, Word.DELETED})


def reported(word: Word, scripts: NotifyScripts) -> Word:
    """keepalived.conf(5), notify_deleted: without it a deleted instance is reported as FAULT."""
    return Word.FAULT if word is Word.DELETED and not scripts.says_deleted else word


def _specific(word: Word, scripts: NotifyScripts) -> Script | None:
    return {
        Word.MASTER: scripts.master,
        Word.BACKUP: scripts.backup,
        Word.FAULT: scripts.fault,
        Word.STOP: scripts.stop,
        Word.DELETED: scripts.deleted,
        Word.MASTER_RX_LOWER_PRI: scripts.master_rx_lower_pri,
        Word.UP: scripts.up,
        Word.DOWN: scripts.down,
    }.get(word)
