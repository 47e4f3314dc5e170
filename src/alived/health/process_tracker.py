"""The tracker of one `vrrp_track_process`: up while the number of matching processes is within its quorum.

A fork makes a second process that looks like the first one until it executes something else, and a server that
restarts itself is gone for a moment. So what a fork changes counts after `fork_delay`, what an end changes after
`terminate_delay`; a program that is executed, or a new name, counts at once. Whatever restores the old count within
that time, the change has never been. (keepalived 2.2.7, but for its counting a process twice that executes itself.)

What is seen by looking at all processes is treated as if they had forked and ended, except the very first time.
"""

from __future__ import annotations

from typing import assert_never

from alived.base import DeadlineReached
from alived.health.process_events import (
    ProcessEffect,
    ProcessesSeen,
    ProcessEvent,
    ProcessExecuted,
    ProcessExited,
    ProcessForked,
    ProcessReconfigured,
    ProcessRenamed,
)
from alived.health.process_match import matches
from alived.health.tracker_events import TrackerJudged, TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackProcess

SHOWN_PIDS = 8


class ProcessTracker:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(self, config: TrackProcess, known: bool | None = None) -> None:
        """known: the verdict of a former worker, which holds until processes say otherwise."""
        self.config = config
        self._up = known
        self._confirmed = False
        """Whether the verdict has been said by this tracker."""
        self._pids: set[int] = set()
        self._seen = False
        """Whether it has looked at all processes; before that there is no verdict."""
        self.deadline_ns: int | None = None
        """When a change counts that was not undone until then."""
        self._changes = 0
        self._changed_ns: int | None = None

    def step(self, event: ProcessEvent, now_ns: int) -> list[ProcessEffect]:
        """What follows from `event`."""
        effects: list[ProcessEffect] = []
        match event:
            case ProcessForked(parent, pid):
                # One that matches, of a parent that does not, was seen after it forked, before that was heard of.
                if parent in self._pids:
                    effects = self._count(pid, True, self.config.fork_delay_ns, now_ns)
            case ProcessExecuted(pid, process):
                effects = self._count(pid, matches(self.config, process), 0, now_ns)
            case ProcessRenamed(pid, comm):
                if not self.config.full_command:
                    effects = self._count(pid, comm == self.config.process, 0, now_ns)
            case ProcessExited(pid):
                effects = self._count(pid, False, self.config.terminate_delay_ns, now_ns)
            case ProcessesSeen():
                effects = self._look(event, now_ns)
            case ProcessReconfigured(config):
                self.config, self._seen, self.deadline_ns = config, False, None
                self._pids.clear()
            case DeadlineReached():
                effects = self._deadline(now_ns)
            case _:
                assert_never(event)
        return effects

    def _count(self, pid: int, match: bool, delay_ns: int, now_ns: int) -> list[ProcessEffect]:
        if match == (pid in self._pids):
            return []
        if match:
            self._pids.add(pid)
        else:
            self._pids.discard(pid)
        return self._changed(delay_ns, now_ns)

    def _look(self, event: ProcessesSeen, now_ns: int) -> list[ProcessEffect]:
        found = {pid for pid, process in event.processes.items() if matches(self.config, process)}
        if found == self._pids and self._seen:
            return []
        self._seen, self._pids = True, found
        return self._changed(
            self.config.fork_delay_ns if self._within_quorum else self.config.terminate_delay_ns, now_ns
        )

    def _changed(self, delay_ns: int, now_ns: int) -> list[ProcessEffect]:
        """The number of processes is another one."""
        self._changes += 1
        self._changed_ns = now_ns
        if not self._seen:
            return []
        if self._within_quorum == self._up:
            self.deadline_ns = None
            return [] if self._confirmed else [self._judge(news=False)]
        if delay_ns and self._up is not None:
            self.deadline_ns = self.deadline_ns or now_ns + delay_ns
            return []
        return [self._judge(news=True)]

    def _deadline(self, now_ns: int) -> list[ProcessEffect]:
        if self.deadline_ns is None or now_ns < self.deadline_ns:
            return []
        return [self._judge(news=True)]

    @property
    def _within_quorum(self) -> bool:
        count, most = len(self._pids), self.config.quorum_max
        return self.config.quorum <= count and (most is None or count <= most)

    def _judge(self, *, news: bool) -> ProcessEffect:
        self._up, self._confirmed, self.deadline_ns = self._within_quorum, True, None
        return TrackerJudged(self._up, f"process {self.config.name}: {self._sentence()}", news)

    def _sentence(self) -> str:
        """2 processes nginx, at least 1 wanted"""
        count, config = len(self._pids), self.config
        plural = "" if count == 1 else "es"
        if config.quorum_max is None:
            wanted = f"at least {config.quorum}"
        elif config.quorum_max == config.quorum:
            wanted = f"exactly {config.quorum}" if config.quorum else "none"
        else:
            wanted = f"{config.quorum} to {config.quorum_max}"
        return f"{count or 'no'} process{plural} {config.process}, {wanted} wanted"

    def snapshot(self) -> TrackerSnapshot:
        pids = sorted(self._pids)
        details = []
        if pids:
            more = f" and {len(pids) - SHOWN_PIDS} more" if len(pids) > SHOWN_PIDS else ""
            details.append("pid " + ", ".join(map(str, pids[:SHOWN_PIDS])) + more)
        if self.deadline_ns is not None:
            details.append("counts if it stays so for the delay")
        return TrackerSnapshot(
            kind=TrackerKind.PROCESS,
            name=self.config.name,
            up=self._up,
            result=self._sentence() if self._seen else "",
            details=tuple(details),
            results=self._changes,
            looked_ns=self._changed_ns,
            next_run_ns=self.deadline_ns,
        )
