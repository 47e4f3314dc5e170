"""Tracked scripts in the worker: each has a tracker that decides, and here is what it decides about."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import assert_never

from alived.adapters.loop import Timer, now_ns
from alived.adapters.scripts import ScriptRunner
from alived.adapters.starters import Failure
from alived.base import DeadlineReached
from alived.config.model import Config, GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict, TrackerVerdicts
from alived.daemon.shared.tracked import tracked_scripts
from alived.daemon.worker.script_start import start_script
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
from alived.health.script_tracker import ScriptTracker, phase_ns
from alived.health.trackers_config import TrackerKind, VrrpScript

KEPT_LINES = 5
"""Of the output of a run: the last ones that were read (adapters.scripts.MAX_LINES)."""


class ScriptChecks:
    """All tracked scripts, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._checks: dict[str, _Check] = {}
        self._begun = False

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: verdicts of a former worker; they hold until the results say otherwise."""
        self._begun = True
        self._take(config, {verdict.name: verdict.up for verdict in known if verdict.kind is TrackerKind.SCRIPT})

    def configure(self, config: Config) -> None:
        """A reload: a script that stays the same runs on."""
        if self._begun:
            self._take(config, {})

    def snapshots(self) -> tuple[ScriptSnapshot, ...]:
        return tuple(check.tracker.snapshot() for check in self._checks.values())

    def close(self) -> None:
        """Kills what runs and starts nothing any more."""
        self._begun = False
        for check in self._checks.values():
            check.close()
        self._checks.clear()

    def _take(self, config: Config, known: Mapping[str, bool]) -> None:
        wanted = tracked_scripts(config)
        for name in self._checks.keys() - wanted.keys():
            self._checks.pop(name).close()
        for number, (name, script) in enumerate(wanted.items()):
            if check := self._checks.get(name):
                check.configure(script, config.global_defs)
            else:
                self._checks[name] = _Check(self._context, number, script, config.global_defs, known.get(name))


class _Check:
    """A tracker, its timer and its runs."""

    def __init__(
        self, context: ChildContext, number: int, script: VrrpScript, defaults: GlobalDefs, known: bool | None
    ) -> None:
        self._context, self._defaults = context, defaults
        self.tracker = ScriptTracker(script, now_ns(), known, phase_ns(number, script.interval_ns))
        self._runner = ScriptRunner(context.scripts, self._run_ended, self._run_failed, self._run_said)
        self._tails: dict[int, collections.deque[str]] = {}
        self._timer: Timer | None = None
        self._closed = False
        self._arm()

    def configure(self, script: VrrpScript, defaults: GlobalDefs) -> None:
        self._defaults = defaults
        if script != self.tracker.config:
            self._feed(ScriptReconfigured(script))

    def close(self) -> None:
        self._feed(ScriptDropped())
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _feed(self, event: ScriptEvent) -> None:
        if self._closed:
            return
        for effect in self.tracker.step(event, now_ns()):
            self._apply(effect)
        self._arm()

    def _arm(self) -> None:
        deadline = self.tracker.deadline_ns
        if self._timer is None or self._timer.deadline_ns != deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._context.loop.call_at(deadline, self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self._feed(DeadlineReached())

    def _apply(self, effect: ScriptEffect) -> None:
        match effect:
            case StartRun(run):
                self._start(run)
            case TerminateRun(run):
                self._runner.terminate(run)
            case KillRun(run):
                self._runner.kill(run)
            case Judged():
                self._judged(effect)
            case ScriptNoticed(level, code, message):
                self._context.log(level, code, message)
            case _:
                assert_never(effect)

    def _judged(self, verdict: Judged) -> None:
        name = self.tracker.config.name
        judged = TrackerVerdict(TrackerKind.SCRIPT, name, verdict.up, verdict.reason, now_ns())
        self._context.send(TrackerVerdicts((judged,)))
        if verdict.news:
            output = " | ".join(self.tracker.snapshot().output)
            said = f"; it said: {output}" if output and not verdict.up else ""
            level, code = ("info", "script-up") if verdict.up else ("warning", "script-down")
            self._context.log(level, code, verdict.reason + said)

    def _start(self, run: int) -> None:
        script = self.tracker.config
        self._tails[run] = collections.deque(maxlen=KEPT_LINES)
        start_script(self._runner, run, script.argv, (script.user, script.group), {}, self._defaults)

    def _run_said(self, run: int, line: str) -> None:
        self._tails[run].append(line)

    def _run_ended(self, run: int, status: int) -> None:
        self._feed(RunEnded(run, status, tuple(self._tails.pop(run))))

    def _run_failed(self, run: int, failure: Failure) -> None:
        del self._tails[run]
        self._feed(RunNotStarted(run, failure.why, failure.ours))
