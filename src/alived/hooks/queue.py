"""The order of scripts: for each object one after the other, the oldest state first, never two at a time.

keepalived starts the script of a new state while that of the old one still runs; "backup" may then finish after
"master" and leave the machine in the wrong role (keepalived#996). Here a state waits for the scripts of the one before
it, and within a state the specific script (`notify_master`) runs before the generic one (`notify`). Objects do not
wait for each other, except that at most `max_running` scripts run at once.

A script that outlives its timeout gets SIGTERM, and SIGKILL after a grace; one that even then does not end (it hangs
in the kernel) is given up, so that the next state is not lost with it.

States that pile up behind a slow script are bounded: of more than `MAX_WAITING` the oldest that has not begun is left
out, with a notice. The newest state is never left out: what the scripts leave behind is right in the end.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import assert_never

import msgspec

from alived.base import NS_PER_S, DeadlineReached
from alived.hooks.config import NotifyScripts, Script
from alived.hooks.events import (
    Close,
    Drained,
    HookEffect,
    HookEvent,
    HookNoticed,
    HookSnapshot,
    KillScript,
    RunScript,
    ScriptEnded,
    ScriptNotStarted,
    ScriptSnapshot,
    StateDone,
    StateReached,
    TerminateScript,
    Word,
)

KILL_GRACE_NS = 2 * NS_PER_S
"""From SIGTERM to SIGKILL, and from SIGKILL to giving the script up."""
MAX_WAITING = 16
"""States of one object that wait for the scripts of an earlier one."""
MAX_RUNNING = 64

Key = tuple[str, str]
"""Kind and name of an object."""


class Job(msgspec.Struct, frozen=True):
    """One script to run."""

    key: Key
    label: str
    script: Script
    arguments: tuple[str, ...]
    environment: dict[str, str]


class Running(msgspec.Struct):
    """A script that was started and has not ended."""

    job: Job
    since_ns: int
    deadline_ns: int
    signals: int = 0
    """0, then 1 after SIGTERM, 2 after SIGKILL"""


class _Object(msgspec.Struct):
    """An instance or group: the state whose scripts run, what is left of them, and the states behind it."""

    jobs: collections.deque[Job]
    states: collections.deque[StateReached]
    current: StateReached | None = None
    busy: bool = False


def jobs_of(event: StateReached) -> list[Job]:
    """The scripts of a state in their order: the specific one, then `notify` with keepalived's four arguments."""
    word, specific, keyword = _scripts_for(event.word, event.scripts)
    environment = {
        "ALIVED_KIND": str(event.kind),
        "ALIVED_NAME": event.name,
        "ALIVED_STATE": str(word),
        "ALIVED_PRIORITY": str(event.priority),
        "ALIVED_REASON": event.reason,
    }
    key = (str(event.kind), event.name)
    jobs = []
    if specific is not None:
        jobs.append(Job(key, keyword, specific, (), environment))
    if event.scripts.notify is not None:
        arguments = (str(event.kind), event.name, str(word), str(event.priority))
        jobs.append(Job(key, "notify", event.scripts.notify, arguments, environment))
    return jobs


def _scripts_for(word: Word, scripts: NotifyScripts) -> tuple[Word, Script | None, str]:
    """The word that the generic script hears, the specific script and its keyword."""
    match word:
        case Word.MASTER:
            return word, scripts.master, "notify_master"
        case Word.BACKUP:
            return word, scripts.backup, "notify_backup"
        case Word.FAULT:
            return word, scripts.fault, "notify_fault"
        case Word.STOP:
            return word, scripts.stop, "notify_stop"
        case Word.DELETED if scripts.deleted is not None:
            return word, scripts.deleted, "notify_deleted"
        case Word.DELETED:
            # keepalived.conf(5), notify_deleted: without it a deleted instance is reported as FAULT.
            return Word.FAULT, scripts.fault, "notify_fault"
        case _:
            assert_never(word)


class HookQueue:
    """The core; its effects are carried out by the worker."""

    def __init__(self, max_running: int = MAX_RUNNING) -> None:
        self._max_running = max_running
        self._objects: dict[Key, _Object] = {}
        self._ready: collections.deque[Key] = collections.deque()
        """Objects with a job that may start, in the order in which they became ready."""
        self._running: dict[int, Running] = {}
        self._runs = 0
        self._closing = False

    @property
    def deadline_ns(self) -> int | None:
        return min((r.deadline_ns for r in self._running.values()), default=None)

    def step(self, event: HookEvent, now_ns: int) -> Sequence[HookEffect]:
        effects: list[HookEffect] = []
        match event:
            case StateReached():
                self._state_reached(event, effects)
            case ScriptEnded(run, status):
                self._ended(run, "" if status == 0 else _describe(status), now_ns, effects)
            case ScriptNotStarted(run, error):
                self._ended(run, f"could not be started: {error}", now_ns, effects)
            case Close():
                self._closing = True
            case DeadlineReached():
                self._deadline(now_ns, effects)
            case _:
                assert_never(event)
        self._start_ready(now_ns, effects)
        if self._closing and not self._objects:
            effects.append(Drained())
        return effects

    def snapshot(self) -> HookSnapshot:
        running = tuple(ScriptSnapshot(r.job.key[1], r.job.label, r.since_ns) for r in self._running.values())
        return HookSnapshot(running, sum(len(o.states) for o in self._objects.values()))

    def _state_reached(self, event: StateReached, effects: list[HookEffect]) -> None:
        key = (str(event.kind), event.name)
        waiting = self._objects.setdefault(key, _Object(collections.deque(), collections.deque()))
        waiting.states.append(event)
        if len(waiting.states) > MAX_WAITING:
            left_out = waiting.states.popleft()
            effects.append(_done(left_out))
            effects.append(
                HookNoticed(
                    event.name,
                    "warning",
                    "hook-left-out",
                    f"the scripts of {left_out.word} are left out: {MAX_WAITING} newer states wait for a slow script",
                )
            )
        if not waiting.busy:
            self._advance(key, waiting, effects)

    def _advance(self, key: Key, waiting: _Object, effects: list[HookEffect]) -> None:
        """Puts the next job of an idle object in line; forgets an object that has none."""
        while not waiting.jobs:
            if waiting.current is not None:
                effects.append(_done(waiting.current))
                waiting.current = None
            if not waiting.states:
                break
            waiting.current = waiting.states.popleft()
            waiting.jobs.extend(jobs_of(waiting.current))
        if waiting.jobs:
            waiting.busy = True
            self._ready.append(key)
        else:
            del self._objects[key]

    def _start_ready(self, now_ns: int, effects: list[HookEffect]) -> None:
        while self._ready and len(self._running) < self._max_running:
            job = self._objects[self._ready.popleft()].jobs.popleft()
            self._runs += 1
            self._running[self._runs] = Running(job, now_ns, now_ns + job.script.timeout_ns)
            effects.append(RunScript(self._runs, job.script, job.arguments, job.environment, job.key[1], job.label))

    def _ended(self, run: int, failure: str, now_ns: int, effects: list[HookEffect]) -> None:
        running = self._running.pop(run, None)
        if running is None:
            return  # given up before: its object has gone on
        job = running.job
        took_ms = (now_ns - running.since_ns) // 1_000_000
        if failure:
            effects.append(HookNoticed(job.key[1], "warning", "hook-failed", f"{job.label} {failure} ({took_ms} ms)"))
        else:
            effects.append(HookNoticed(job.key[1], "debug", "hook-done", f"{job.label} done ({took_ms} ms)"))
        self._release(job.key, effects)

    def _release(self, key: Key, effects: list[HookEffect]) -> None:
        waiting = self._objects[key]
        waiting.busy = False
        self._advance(key, waiting, effects)

    def _deadline(self, now_ns: int, effects: list[HookEffect]) -> None:
        for run, running in list(self._running.items()):
            if running.deadline_ns <= now_ns:
                self._overdue(run, running, now_ns, effects)

    def _overdue(self, run: int, running: Running, now_ns: int, effects: list[HookEffect]) -> None:
        job = running.job
        running.signals += 1
        running.deadline_ns = now_ns + KILL_GRACE_NS
        if running.signals == 1:
            limit_s = job.script.timeout_ns / NS_PER_S
            effects.append(
                HookNoticed(
                    job.key[1], "warning", "hook-timeout", f"{job.label} takes longer than {limit_s:g} s: SIGTERM"
                )
            )
            effects.append(TerminateScript(run))
        elif running.signals == 2:
            effects.append(KillScript(run))
        else:
            del self._running[run]
            effects.append(
                HookNoticed(job.key[1], "error", "hook-wedged", f"{job.label} does not even end by SIGKILL: given up")
            )
            self._release(job.key, effects)


def _done(state: StateReached) -> StateDone:
    return StateDone(state.kind, state.name, state.time_ns)


def _describe(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
