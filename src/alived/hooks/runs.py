"""Scripts that run, and their limits: SIGTERM when the time is over, SIGKILL after a grace, given up after one more.

A script that does not even end by SIGKILL hangs in the kernel. It is given up so that what waits behind it is not lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alived.base import NS_PER_MS, NS_PER_S
from alived.hooks.config import OnFailure
from alived.hooks.events import HookNoticed, KillScript, QueueEffect, RunningSnapshot, ScriptRan, TerminateScript
from alived.hooks.line import Line
from alived.hooks.tasks import Job, Task

KILL_GRACE_NS = 2 * NS_PER_S
"""From SIGTERM to SIGKILL, and from SIGKILL to giving the script up."""


class Run(msgspec.Struct):
    """A script that was started and has not ended."""

    number: int
    line: Line
    task: Task
    job: Job
    attempt: int
    since_ns: int
    deadline_ns: int
    signals: int = 0
    """0, then 1 after SIGTERM, 2 after SIGKILL, 3 when it is given up"""
    ended_because: str = ""
    """Why we sent it SIGTERM"""

    @property
    def given_up(self) -> bool:
        return self.signals > 2

    @property
    def may_be_repeated(self) -> bool:
        """Not if it hangs in the kernel: there would be two of it."""
        job = self.job
        wants = job.on_failure is OnFailure.RETRY and job.hook is not None and self.attempt <= job.hook.retries
        return wants and not self.given_up

    def record(self, status: int | None, failure: str, now_ns: int) -> ScriptRan:
        source = self.task.source
        return ScriptRan(
            run=self.number,
            kind=source.kind,
            name=source.name,
            label=self.job.label,
            program=self.job.script.argv[0],
            event_id=self.task.event_id,
            trigger=self.task.reason,
            by_hand=self.task.by_hand,
            attempt=self.attempt,
            since_ns=self.since_ns,
            duration_ns=now_ns - self.since_ns,
            status=status,
            failure=failure,
        )


class Runs:
    """All that run, by the number that the worker knows them by."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._count = 0

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    @property
    def deadline_ns(self) -> int | None:
        return min((run.deadline_ns for run in self), default=None)

    def snapshot(self) -> tuple[RunningSnapshot, ...]:
        return tuple(RunningSnapshot(run.task.source.name, run.job.label, run.since_ns) for run in self)

    def start(self, line: Line, task: Task, now_ns: int) -> Run:
        """The next job of the line's task."""
        self._count += 1
        job = line.jobs[0]
        run = Run(self._count, line, task, job, line.attempt, now_ns, now_ns + job.script.timeout_ns)
        self._runs[run.number] = run
        return run

    def ended(self, number: int) -> Run | None:
        """None: it was given up before, and its line has gone on."""
        return self._runs.pop(number, None)

    def of(self, line: Line) -> Run:
        """The run of a line that runs one."""
        return next(run for run in self if run.line is line)

    def cut_short(self, run: Run, why: str, now_ns: int, effects: list[QueueEffect]) -> None:
        """SIGTERM before its time is over; one whose time was over is about to be killed anyway."""
        if run.signals == 0:
            self._terminate(run, why, "hook-cut-short", now_ns, effects)

    def overdue(self, now_ns: int, effects: list[QueueEffect]) -> list[Run]:
        """Signals what is over its time; gives those back that are given up, which it forgets."""
        given_up = []
        for run in [run for run in self if run.deadline_ns <= now_ns]:
            match run.signals:
                case 0:
                    limit_s = run.job.script.timeout_ns / NS_PER_S
                    self._terminate(run, f"takes longer than {limit_s:g} s", "hook-timeout", now_ns, effects)
                case 1:
                    run.signals, run.deadline_ns = 2, now_ns + KILL_GRACE_NS
                    effects.append(KillScript(run.number))
                case _:
                    run.signals = 3
                    del self._runs[run.number]
                    given_up.append(run)
        return given_up

    def _terminate(self, run: Run, why: str, code: str, now_ns: int, effects: list[QueueEffect]) -> None:
        run.signals, run.deadline_ns, run.ended_because = 1, now_ns + KILL_GRACE_NS, why
        message = f"{run.job.label} {why}: SIGTERM"
        effects.append(HookNoticed(run.task.source.name, "warning", code, message))
        effects.append(TerminateScript(run.number))


def took(run: Run, now_ns: int) -> str:
    return f"({(now_ns - run.since_ns) // NS_PER_MS} ms)"
