"""Checks in the worker: each has a checker that decides, and here is what it decides about."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from typing import assert_never

from alived.adapters.beat import Beat
from alived.adapters.loop import Timer, now_ns
from alived.adapters.probe import Undecided
from alived.base import NS_PER_MS, DeadlineReached
from alived.config.model import Config
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.configured_checks import ConfiguredCheck, configured_checks
from alived.daemon.shared.messages import CheckAsked, CheckReported, TrackerVerdict, TrackerVerdicts
from alived.daemon.worker.asking import Asked, Asking
from alived.daemon.worker.check_run import CheckRun, NoSuchCheck, choose
from alived.daemon.worker.suspension import Suspension
from alived.health.check_events import (
    AbandonProbe,
    CheckDropped,
    CheckEffect,
    CheckEvent,
    CheckJudged,
    CheckNoticed,
    CheckReconfigured,
    CheckSnapshot,
    CheckSuspended,
    ProbeEnded,
    ProbeUndecided,
    Sight,
    StartProbe,
)
from alived.health.check_report import CheckReport
from alived.health.checker import Checker
from alived.health.config import MiscCheck
from alived.health.dialogue import Verdict
from alived.health.trackers_config import TrackerKind

STAGGER_NS = NS_PER_MS // 2
"""Between the first runs of checks that begin together without `warmup`: to ask takes 0.3 ms, and meanwhile nothing
else in this process is heard."""


class Checks:
    """All checks, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._config = context.config
        self._asking = Asking(context.scripts, context.config)
        self._beat = Beat(context.loop)
        self._suspension = Suspension(context, self._suspend)
        self._checks: dict[str, _Check] = {}
        self._configured: dict[str, ConfiguredCheck] = {}
        self._begun = False

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: verdicts of a former worker; they hold until the results say otherwise."""
        self._begun = True
        self._take(config, {verdict.name: verdict.up for verdict in known if verdict.kind is TrackerKind.CHECK})

    def configure(self, config: Config) -> None:
        """A reload: a check that stays the same goes on."""
        if self._begun:
            self._take(config, {})

    def snapshots(self) -> dict[str, CheckSnapshot]:
        return {name: check.checker.snapshot() for name, check in self._checks.items()}

    def perform(self, asked: CheckAsked) -> None:
        """Now, for an operator; the verdicts do not change by it."""
        try:
            configured = choose(self._configured, asked.name, self._config)
        except NoSuchCheck as error:
            self._context.send(CheckReported(request_id=asked.request_id, error=str(error)))
            return

        def done(report: CheckReport) -> None:
            self._context.send(CheckReported(request_id=asked.request_id, report=report))

        CheckRun(self._asking, configured, self._checks[configured.name].checker, done)

    def close(self) -> None:
        """Asks nobody any more."""
        self._begun = False
        for check in self._checks.values():
            check.close()
        self._checks.clear()
        self._configured.clear()
        self._asking.close()
        self._suspension.close()

    def _take(self, config: Config, known: Mapping[str, bool]) -> None:
        self._config = config
        self._asking.configure(config)
        self._suspension.configure(config)
        wanted = self._configured = configured_checks(config)
        for name in self._checks.keys() - wanted.keys():
            self._checks.pop(name).close()
        begin_ns = now_ns()
        for name, configured in wanted.items():
            if check := self._checks.get(name):
                check.configure(configured)
            else:
                parts = self._context, self._asking, self._beat
                self._checks[name] = _Check(*parts, configured, begin_ns, known.get(name))
                begin_ns += 0 if configured.check.warmup_ns else STAGGER_NS
        self._suspend()

    def _suspend(self) -> None:
        """`ha_suspend`: those of servers that serve an address which is not here."""
        for name, check in self._checks.items():
            server = self._configured[name].server
            check.suspend(server is not None and self._suspension.is_suspended(server[0]))


class _Check:
    """A checker, its timer and its probe."""

    def __init__(
        self,
        context: ChildContext,
        asking: Asking,
        beat: Beat,
        configured: ConfiguredCheck,
        begin_ns: int,
        known: bool | None,
    ) -> None:
        self._context, self._asking, self._beat, self._name = context, asking, beat, configured.name
        self.checker = Checker(
            configured.subject, configured.check, begin_ns, random.random(), known, expires=configured.expires
        )
        self._of_server = configured.server is not None
        self._suspended = False
        self._asked: Asked | None = None
        """The probe that runs, or the last one."""
        self._timer: Timer | None = None
        self._closed = False
        self._arm()

    def configure(self, configured: ConfiguredCheck) -> None:
        if configured.check != self.checker.config:
            self._feed(CheckReconfigured(configured.check))

    def suspend(self, suspended: bool) -> None:
        if suspended is not self._suspended:
            self._suspended = suspended
            self._feed(CheckSuspended(suspended))

    def close(self) -> None:
        self._feed(CheckDropped())
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _feed(self, event: CheckEvent) -> None:
        if self._closed:
            return
        for effect in self.checker.step(event, now_ns()):
            self._apply(effect)
        self._arm()

    def _arm(self) -> None:
        deadline_ns = self.checker.deadline_ns
        if self._timer is not None:
            if self._timer.deadline_ns == deadline_ns:
                return
            self._timer.cancel()
        if deadline_ns is None:
            self._timer = None
        elif isinstance(config := self.checker.config, MiscCheck):  # programs that begin together are slower
            self._timer = self._context.loop.call_at(deadline_ns, self._deadline)
        else:
            self._timer = self._beat.call_at(deadline_ns, config.delay_loop_ns, self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self._feed(DeadlineReached())

    def _apply(self, effect: CheckEffect) -> None:
        match effect:
            case StartProbe(run, stage):
                done = functools.partial(self._ended, run)
                self._asked = self._asking.ask(self.checker.config, stage, done, self._asked)
            case AbandonProbe():
                assert self._asked is not None
                self._asked.cancel()
                self._asked = None
            case CheckJudged():
                self._judged(effect)
            case CheckNoticed(level, code, message):
                self._context.log(level, code, message)
            case _:
                assert_never(effect)

    def _ended(self, run: int, outcome: Verdict | Undecided, took_ns: int, sight: Sight) -> None:
        match outcome:
            case Verdict():
                self._feed(ProbeEnded(run, outcome, took_ns, sight))
            case Undecided(reason):
                self._feed(ProbeUndecided(run, reason))
            case _:
                assert_never(outcome)

    def _judged(self, verdict: CheckJudged) -> None:
        if self._of_server and not verdict.asked:
            return  # what a real server counts for before that is known to its pool
        judged = TrackerVerdict(
            kind=TrackerKind.CHECK,
            name=self._name,
            up=verdict.up,
            reason=verdict.reason,
            at_ns=now_ns(),
            value=verdict.weight if self._of_server else None,
        )
        self._context.send(TrackerVerdicts((judged,)))
        if verdict.news:
            output = " | ".join(self.checker.snapshot().sight.output)
            said = f"; it said: {output}" if output and not verdict.up else ""
            level, code = ("info", "check-up") if verdict.up else ("warning", "check-down")
            self._context.log(level, code, verdict.reason + said)
