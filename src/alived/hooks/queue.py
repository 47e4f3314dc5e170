"""The order of scripts: for each object one after the other, the oldest first, never two at a time.

keepalived starts the script of a new state while that of the old one still runs; "backup" may then finish after
"master" and leave the machine in the wrong role (keepalived#996). Here a state waits for the scripts of the one before
it, and within a state the specific script (`notify_master`) runs before the generic one (`notify`). Hooks of owners
(ToMaster, before_bind) use the same mechanism in a lane of their own, because the owner may wait for them. Objects do
not wait for each other, except that at most `max_running` scripts of a lane run at once.

What piles up behind a slow script is bounded, and the newest is never lost: what the scripts leave behind is right in
the end. Notify scripts keep `MAX_WAITING` states. Of hooks a newer event drops what it makes stale (`tasks.overtakes`):
after MASTER, BACKUP, MASTER, BACKUP within one slow hook it is ToSlave that runs next, and all others are answered as
superseded. A hook on the way to owning that still runs when the object must let go is ended (`tasks.cuts_short`).
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import assert_never

from alived.base import NS_PER_S, DeadlineReached
from alived.hooks.config import HookEvent, OnFailure
from alived.hooks.events import (
    Close,
    Drained,
    HookNoticed,
    HooksDue,
    QueueEffect,
    QueueEvent,
    QueueSnapshot,
    RunScript,
    ScriptEnded,
    ScriptNotStarted,
    StateReached,
)
from alived.hooks.line import MAX_WAITING, Line, Standing, pause_ns
from alived.hooks.runs import Run, Runs, took
from alived.hooks.tasks import Key, Lane, Task, cuts_short, overtakes, task_of_event, task_of_state

MAX_RUNNING = 64


class HookQueue:
    """The core; its effects are carried out by the worker."""

    def __init__(self, max_running: int = MAX_RUNNING) -> None:
        self._max_running = max_running
        self._lines: dict[Key, Line] = {}
        """Of objects that have something to run."""
        self._ready: dict[Lane, collections.deque[Line]] = {lane: collections.deque() for lane in Lane}
        """In the order in which they became ready."""
        self._runs = Runs()
        self._pausing: dict[Key, Line] = {}
        self._closing = False
        self._drained = False

    @property
    def deadline_ns(self) -> int | None:
        ends = (self._runs.deadline_ns, *(line.resumes_ns for line in self._pausing.values()))
        return min((end for end in ends if end is not None), default=None)

    def step(self, event: QueueEvent, now_ns: int) -> Sequence[QueueEffect]:
        effects: list[QueueEffect] = []
        match event:
            case StateReached():
                self._state_reached(task_of_state(event), effects)
            case HooksDue():
                self._event_due(task_of_event(event), now_ns, effects)
            case ScriptEnded(run, status):
                self._ended(run, status, "" if status == 0 else _describe(status), now_ns, effects)
            case ScriptNotStarted(run, error):
                self._ended(run, None, f"could not be started: {error}", now_ns, effects)
            case Close():
                self._closing = True
            case DeadlineReached():
                self._deadline(now_ns, effects)
            case _:
                assert_never(event)
        self._begin_last(effects)
        self._start_ready(now_ns, effects)
        if self._closing and not self._lines and not self._drained:
            self._drained = True
            effects.append(Drained())
        return effects

    def snapshot(self) -> QueueSnapshot:
        return QueueSnapshot(self._runs.snapshot(), sum(len(line.waiting) for line in self._lines.values()))

    # -- what comes --

    def _state_reached(self, task: Task, effects: list[QueueEffect]) -> None:
        line = self._queue(task, effects)
        if len(line.waiting) > MAX_WAITING:
            left_out = line.waiting.popleft()
            effects.append(left_out.ended())
            message = f"the scripts of {left_out.title} are left out: {MAX_WAITING} newer states wait for a slow script"
            effects.append(HookNoticed(task.source.name, "warning", "hook-left-out", message))

    def _queue(self, task: Task, effects: list[QueueEffect]) -> Line:
        """Behind what its object has to run already."""
        line = self._lines.setdefault(task.key, Line(task.key))
        line.waiting.append(task)
        if line.standing is Standing.IDLE:
            self._advance(line, effects)
        return line

    def _event_due(self, task: Task, now_ns: int, effects: list[QueueEffect]) -> None:
        line = self._lines.get(task.key)
        if line is not None:
            self._overtake(line, task, now_ns, effects)
        if not task.jobs:
            effects.append(task.ended())
        elif line is not None and task.by_hand and len(line.waiting) >= MAX_WAITING:
            effects.append(task.ended(f"{MAX_WAITING} others wait for a slow script already"))
        else:
            self._queue(task, effects)

    def _overtake(self, line: Line, new: Task, now_ns: int, effects: list[QueueEffect]) -> None:
        """Drops what `new` makes stale."""
        for task in line.remove_stale(new):
            self._left_out(task, new, effects)
        if line.task is None or not overtakes(new, line.task):
            return
        if line.standing is not Standing.RUNNING:
            if line.standing is Standing.READY:
                self._ready[line.key[0]].remove(line)
            self._pausing.pop(line.key, None)
            self._left_out(line.end(), new, effects)
            self._advance(line, effects)
        elif cuts_short(new, line.task):
            line.overtaken_by = new.title
            self._runs.cut_short(self._runs.of(line), f"is in the way of {new.title}", now_ns, effects)

    def _left_out(self, task: Task, new: Task, effects: list[QueueEffect]) -> None:
        effects.append(task.ended(f"superseded by {new.title}", superseded=True))
        message = f"{task.title} is left out: it is superseded by {new.title}"
        effects.append(HookNoticed(task.source.name, "info", "hook-left-out", message))

    # -- what starts --

    def _advance(self, line: Line, effects: list[QueueEffect]) -> None:
        """Puts the next job of a line that runs nothing among those that may start; forgets a line that has none."""
        while not line.jobs:
            if line.task is not None:
                effects.append(line.end().ended())
            if not line.waiting:
                del self._lines[line.key]
                return
            if self._is_held(line):
                line.standing = Standing.IDLE
                return
            line.begin()
        line.standing = Standing.READY
        self._ready[line.key[0]].append(line)

    def _is_held(self, line: Line) -> bool:
        """ToDestroy comes after everything else."""
        return _is_last(line.waiting[0]) and not (self._closing and len(self._lines) == 1)

    def _begin_last(self, effects: list[QueueEffect]) -> None:
        if self._closing and len(self._lines) == 1:
            (line,) = self._lines.values()
            if line.standing is Standing.IDLE:
                self._advance(line, effects)

    def _start_ready(self, now_ns: int, effects: list[QueueEffect]) -> None:
        for lane, ready in self._ready.items():
            running = sum(run.line.key[0] is lane for run in self._runs)
            free = min(len(ready), self._max_running - running)
            effects += [self._start(ready.popleft(), now_ns) for _ in range(free)]

    def _start(self, line: Line, now_ns: int) -> RunScript:
        assert line.task is not None
        line.standing = Standing.RUNNING
        run = self._runs.start(line, line.task, now_ns)
        job = run.job
        return RunScript(
            run=run.number,
            script=job.script,
            arguments=job.arguments,
            environment=job.environment,
            name=line.task.source.name,
            label=job.label,
            hook=job.hook,
        )

    # -- what ends --

    def _ended(self, number: int, status: int | None, failure: str, now_ns: int, effects: list[QueueEffect]) -> None:
        run = self._runs.ended(number)
        if run is None:
            return
        if run.ended_because:
            failure = f"was ended, because it {run.ended_because}"
        effects.append(run.record(status, failure, now_ns))
        if not failure:
            self._notice(run, "debug", "hook-done", f"done {took(run, now_ns)}", effects)
        self._go_on(run, f"{failure} {took(run, now_ns)}" if failure else "", now_ns, effects)

    def _go_on(self, run: Run, failure: str, now_ns: int, effects: list[QueueEffect]) -> None:
        """What the end of a job means for its task."""
        line = run.line
        assert line.task is not None
        newer = line.newer_than_task()
        if line.overtaken_by:
            effects.append(line.end().ended(f"superseded by {line.overtaken_by}", superseded=True))
        elif not failure or run.job.on_failure is OnFailure.CONTINUE:
            self._notice_failure(run, "warning", failure, effects)
            line.next_job()
        elif newer is not None:
            self._notice_failure(run, "warning", f"{failure}; superseded by {newer.title}", effects)
            effects.append(line.end().ended(f"superseded by {newer.title}", superseded=True))
        elif run.may_be_repeated:
            self._pause(run, failure, now_ns, effects)
            return
        else:
            self._notice_failure(run, "error", failure, effects)
            effects.append(line.end().ended(f"{run.job.label} {failure}"))
        self._advance(line, effects)

    def _pause(self, run: Run, failure: str, now_ns: int, effects: list[QueueEffect]) -> None:
        line, hook = run.line, run.job.hook
        assert hook is not None
        pause = pause_ns(hook, line.attempt)
        again = f"{failure}; again in {pause / NS_PER_S:g} s ({line.attempt} of {hook.retries})"
        self._notice_failure(run, "warning", again, effects)
        line.attempt += 1
        line.standing, line.resumes_ns = Standing.PAUSING, now_ns + pause
        self._pausing[line.key] = line

    def _deadline(self, now_ns: int, effects: list[QueueEffect]) -> None:
        for line in [line for line in self._pausing.values() if line.resumes_ns <= now_ns]:
            del self._pausing[line.key]
            self._advance(line, effects)
        for run in self._runs.overdue(now_ns, effects):
            failure = "does not even end by SIGKILL: given up"
            effects.append(run.record(None, failure, now_ns))
            self._go_on(run, failure, now_ns, effects)

    def _notice_failure(self, run: Run, level: str, failure: str, effects: list[QueueEffect]) -> None:
        if run.given_up:
            self._notice(run, "error", "hook-wedged", failure, effects)
        elif failure:
            self._notice(run, level, "hook-failed", failure, effects)

    def _notice(self, run: Run, level: str, code: str, message: str, effects: list[QueueEffect]) -> None:
        effects.append(HookNoticed(run.task.source.name, level, code, f"{run.job.label} {message}"))


def _is_last(task: Task) -> bool:
    return isinstance(task.source, HooksDue) and task.source.event is HookEvent.TO_DESTROY and not task.by_hand


def _describe(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
