"""What one object has to run, one script after the other: the task whose scripts run, and the tasks behind it."""

from __future__ import annotations

import collections
import enum

from alived.hooks.config import Hook
from alived.hooks.tasks import Job, Key, Task, overtakes

MAX_WAITING = 16
"""Tasks of one object that wait for the scripts of an earlier one."""
MAX_RETRY_DELAY_NS = 300 * 1_000_000_000
"""The pause between repetitions is doubled up to this."""


class Standing(enum.Enum):
    IDLE = enum.auto()
    """Nothing runs; the next task may begin."""
    READY = enum.auto()
    """Its next job may start as soon as not too many run."""
    RUNNING = enum.auto()
    PAUSING = enum.auto()
    """Until the job that failed is repeated."""


class Line:
    """Of one object."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.standing = Standing.IDLE
        self.task: Task | None = None
        self.jobs: collections.deque[Job] = collections.deque()
        """Of the task, those that have not ended; the first one runs, or is next."""
        self.attempt = 1
        """How often the first one of `jobs` has been tried, this time included"""
        self.resumes_ns = 0
        """With PAUSING"""
        self.overtaken_by = ""
        """The task is stale, and the run of it that is being ended counts for nothing"""
        self.waiting: collections.deque[Task] = collections.deque()

    def begin(self) -> None:
        """The next task is the one to run."""
        self.task = self.waiting.popleft()
        self.jobs.extend(self.task.jobs)
        self.attempt = 1
        self.overtaken_by = ""

    def next_job(self) -> None:
        """The first job has ended for good."""
        self.jobs.popleft()
        self.attempt = 1

    def end(self) -> Task:
        """The task has ended, whatever is left of it."""
        assert self.task is not None
        task, self.task = self.task, None
        self.jobs.clear()
        self.standing = Standing.IDLE
        return task

    def remove_stale(self, new: Task) -> list[Task]:
        """The waiting tasks that `new` overtakes, which wait no longer."""
        stale = [task for task in self.waiting if overtakes(new, task)]
        self.waiting = collections.deque(task for task in self.waiting if task not in stale)
        return stale

    def newer_than_task(self) -> Task | None:
        """A waiting task that makes the present one stale."""
        task = self.task
        assert task is not None
        return next((new for new in self.waiting if overtakes(new, task)), None)


def pause_ns(hook: Hook, attempt: int) -> int:
    """Between this attempt, counted from 1, and the next: doubled each time."""
    return min(hook.retry_delay_ns << (attempt - 1), MAX_RETRY_DELAY_NS)
