"""The tracker of one `vrrp_script`: when it runs, when a run is over, and what its results mean.

The first run starts at once, the others on a grid of `interval`, whatever a run takes; after a pause of ours the grid
goes on without making up for what was missed. Each script has a grid of its own (`phase_ns`), so that hundreds of them
do not all start in the same millisecond of each second. There is never a second run beside the first: an interval that
comes while the script still runs is an *overlap*, counted and shown.

A run that outlives `timeout` has failed at that moment. Its process group gets SIGTERM, and SIGKILL after a grace. If
an interval came meanwhile the next run begins as soon as this one is gone. One that does not even end by SIGKILL (it
hangs in the kernel) is not joined by others; each further interval counts as a failure, because a script that cannot be
run says nothing good.

A run that failed by our own fault, as when the process that starts it is killed, is begun again at once and counts as
nothing; a second such failure counts, because a script that does not run says nothing good.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from alived.base import NS_PER_S, DeadlineReached
from alived.health.misc import described
from alived.health.rise_fall import RiseFall
from alived.health.script_events import (
    Judged,
    KillRun,
    RunEnded,
    RunNotStarted,
    ScriptDropped,
    ScriptEffect,
    ScriptEvent,
    ScriptNoticed,
    ScriptReconfigured,
    ScriptSnapshot,
    StartRun,
    TerminateRun,
)
from alived.health.trackers_config import VrrpScript

KILL_GRACE_NS = 2 * NS_PER_S
"""From SIGTERM to SIGKILL, and from SIGKILL to "it does not end" (keepalived's figures)."""


class _Run(msgspec.Struct):
    """A run that has not ended."""

    number: int
    since_ns: int
    limit_ns: int | None
    """When it is asked to end, or asked louder; None: nothing helps"""
    timed_out_ns: int | None = None
    killed: bool = False
    overlapped: bool = False


class ScriptTracker:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(self, config: VrrpScript, now_ns: int, known: bool | None = None, phase_ns: int = 0) -> None:
        """known: the verdict of a former worker, which holds until the results say otherwise. phase_ns: by how much
        more than an interval the second run follows the first."""
        self.config = config
        self._counter = RiseFall(config.rise, config.fall, init_fail=config.init_fail, known=known)
        self._confirmed = False
        """Whether the verdict has been said by this tracker."""
        self._due_ns = now_ns
        self._phase_ns = self._shift_ns = phase_ns
        self._run: _Run | None = None
        self._runs = self._overlaps = self._streak = 0
        self._slow = False
        """Whether the last run outlived its interval: that is said once, until one does not."""
        self._repeated = False
        """Whether the last run began because the one before failed by our own fault: that does not happen twice."""
        self._last_success: bool | None = None
        self._last_result = ""
        self._last_ns: int | None = None
        self._exit_status: int | None = None
        self._output: tuple[str, ...] = ()
        self._took_ns = 0

    @property
    def deadline_ns(self) -> int:
        """The next run, or the end of patience with this one."""
        limit_ns = self._run.limit_ns if self._run else None
        return self._due_ns if limit_ns is None else min(limit_ns, self._due_ns)

    def step(self, event: ScriptEvent, now_ns: int) -> list[ScriptEffect]:
        """What follows from `event`, in the order in which it must happen."""
        match event:
            case DeadlineReached():
                return [*self._begin(), *self._overdue(now_ns), *self._interval(now_ns)]
            case RunEnded(run, status, output):
                return self._ended(run, status, output, now_ns)
            case RunNotStarted(run, error, ours):
                return self._not_started(run, error, ours, now_ns)
            case ScriptReconfigured(config):
                return self._reconfigured(config, now_ns)
            case ScriptDropped():
                return self._abandon()
            case _:
                assert_never(event)

    # The time

    def _begin(self) -> list[ScriptEffect]:
        """`init_fail`: the first verdict needs no run."""
        if self._runs or self._confirmed or not self.config.init_fail or self._counter.up is not False:
            return []
        return [self._judge("has not succeeded yet (init_fail)", news=True)]

    def _interval(self, now_ns: int) -> list[ScriptEffect]:
        if now_ns < self._due_ns:
            return []
        due_ns, interval_ns = self._due_ns, self.config.interval_ns
        self._due_ns = now_ns + interval_ns - (now_ns - due_ns) % interval_ns + self._shift_ns
        self._shift_ns = 0
        if self._run is None:
            return [self._start(now_ns)]
        return self._overlap(self._run, now_ns)

    def _start(self, now_ns: int) -> ScriptEffect:
        self._runs += 1
        self._run = _Run(self._runs, now_ns, now_ns + self.config.timeout_ns)
        return StartRun(self._runs)

    def _overlap(self, run: _Run, now_ns: int) -> list[ScriptEffect]:
        self._overlaps += 1
        run.overlapped = True
        if run.timed_out_ns is not None:
            if now_ns - run.timed_out_ns < self.config.interval_ns:
                return []
            why = f"hangs: it was to end {_seconds(now_ns - run.timed_out_ns)} ago"
            return self._result(False, why, now_ns)
        if self._slow:
            return []
        self._slow = True
        message = (
            f"still runs after {_seconds(now_ns - run.since_ns)}, longer than its interval: no second one is started"
        )
        return [ScriptNoticed("warning", "script-overlap", f"script {self.config.name} {message}")]

    def _overdue(self, now_ns: int) -> list[ScriptEffect]:
        run = self._run
        if run is None or run.limit_ns is None or now_ns < run.limit_ns:
            return []
        run.limit_ns = now_ns + KILL_GRACE_NS
        if run.timed_out_ns is None:
            run.timed_out_ns = now_ns
            self._exit_status, self._took_ns = None, now_ns - run.since_ns
            why = f"timed out after {_seconds(self.config.timeout_ns)}"
            return [TerminateRun(run.number), *self._result(False, why, now_ns)]
        if not run.killed:
            run.killed = True
            return [KillRun(run.number)]
        run.limit_ns = None
        message = (
            f"script {self.config.name} does not even end by SIGKILL: it hangs in the kernel and cannot be run again"
        )
        return [ScriptNoticed("error", "script-wedged", message)]

    # Ends of runs

    def _ended(self, number: int, status: int, output: tuple[str, ...], now_ns: int) -> list[ScriptEffect]:
        run = self._run
        if run is None or run.number != number:
            return []  # of a script that a reload has replaced
        self._run = None
        self._slow = run.overlapped
        self._repeated = False
        self._exit_status, self._output, self._took_ns = status, output, now_ns - run.since_ns
        if run.timed_out_ns is None:
            return self._result(status == 0, described(status), now_ns)
        return [self._start(now_ns)] if run.overlapped else []

    def _not_started(self, number: int, error: str, ours: bool, now_ns: int) -> list[ScriptEffect]:
        run = self._run
        if run is None or run.number != number:
            return []
        self._run = None
        if run.timed_out_ns is not None:
            self._exit_status = None
            return [self._start(now_ns)] if run.overlapped else []
        if ours and not self._repeated:
            self._repeated = True
            return [self._start(now_ns)]
        self._exit_status, self._output, self._took_ns = None, (), 0
        return self._result(False, f"cannot be started: {error}", now_ns)

    def _result(self, success: bool, result: str, now_ns: int) -> list[ScriptEffect]:
        self._streak = self._streak + 1 if success is self._last_success else 1
        self._last_success, self._last_result, self._last_ns = success, result, now_ns
        news = self._counter.hear(success)
        if not news and (self._confirmed or success is not self._counter.up):
            return []
        return [self._judge(self._sentence(success, result), news=news)]

    def _judge(self, reason: str, *, news: bool) -> ScriptEffect:
        """news: else it confirms what was known from before."""
        assert self._counter.up is not None
        self._confirmed = True
        return Judged(self._counter.up, f"script {self.config.name} {reason}", news)

    def _sentence(self, success: bool, result: str) -> str:
        times = f" {self._streak} times in a row" if self._streak > 1 else ""
        if success:
            return f"succeeded{times}"
        if result.startswith(("exit", "killed")):
            return f"failed{times}: {result}"
        return f"{result}, the {self._streak}. failure in a row" if times else result

    # Reloads

    def _reconfigured(self, config: VrrpScript, now_ns: int) -> list[ScriptEffect]:
        """The verdict stays until the new script says otherwise; it is asked at once."""
        old, self.config = self.config, config
        self._counter = RiseFall(config.rise, config.fall, init_fail=config.init_fail, known=self._counter.up)
        if _what_runs(old) == _what_runs(config):
            self._due_ns = min(self._due_ns, now_ns + config.interval_ns)
            return []
        self._due_ns, self._shift_ns = now_ns, self._phase_ns
        return self._abandon()

    def _abandon(self) -> list[ScriptEffect]:
        run, self._run = self._run, None
        return [KillRun(run.number)] if run else []

    def snapshot(self) -> ScriptSnapshot:
        return ScriptSnapshot(
            name=self.config.name,
            up=self._counter.up,
            last_success=self._last_success,
            last_result=self._last_result,
            last_ns=self._last_ns,
            exit_status=self._exit_status,
            output=self._output,
            took_ns=self._took_ns,
            streak=self._streak,
            rise=self.config.rise,
            fall=self.config.fall,
            runs=self._runs,
            overlaps=self._overlaps,
            running_since_ns=self._run.since_ns if self._run else None,
            next_run_ns=self._due_ns,
        )


def phase_ns(number: int, interval_ns: int) -> int:
    """For the script of this number: wherever the others are, it is far from them (multiples of the golden ratio)."""
    return number * 618_033_989 % NS_PER_S * min(interval_ns, NS_PER_S) // NS_PER_S


def _what_runs(config: VrrpScript) -> tuple[object, ...]:
    return config.argv, config.user, config.group


def _seconds(span_ns: int) -> str:
    return f"{round(span_ns / NS_PER_S, 3):g} s"
