"""The checker of one check: when it asks, when it asks again, and what the answers mean. keepalived's rules.

A *probe* asks one stage (a URL of an HTTP check; others have one stage only). A *run* succeeds when all its stages do,
and fails when one of them fails `retry` times after its first failure. The counter of `rise` and `fall` makes a verdict
of runs. What is down is not retried: its failed stage alone is asked each `delay_loop`, and when that works again all
stages are, before it is up.

The time between runs counts from the end of the last probe, as in keepalived; with `start_to_start` (MISC_CHECK, and
our own checks) from its start, on a grid that our own lateness does not shift. Checks that begin together, without
`warmup`, do not stay together: the second run comes early, at a random place of its own. There is never a second probe
beside the first; whoever asks sees to it that each one ends.

A probe that could not ask, because we lack a socket or an address, says nothing: it is asked again after `delay_loop`.
With `expires`, what is up and could not be asked PATIENCE times in a row is down: nothing stays green that nobody asks.
"""

from __future__ import annotations

import collections
from typing import assert_never

import msgspec

from alived.base import DeadlineReached
from alived.health.check_events import (
    NOTHING_SEEN,
    AbandonProbe,
    CheckDropped,
    CheckEffect,
    CheckEvent,
    CheckJudged,
    CheckNoticed,
    CheckReconfigured,
    CheckResult,
    CheckSnapshot,
    CheckSuspended,
    ProbedCheck,
    ProbeEnded,
    ProbeUndecided,
    Sight,
    StartProbe,
)
from alived.health.config import HttpCheck, SecuredCheck
from alived.health.dialogue import Verdict
from alived.health.rise_fall import RiseFall

KEPT_RESULTS = 10
PATIENCE = 10
"""Probes in a row that could not ask."""


class _Probe(msgspec.Struct, frozen=True):
    """A probe that has not ended."""

    number: int
    since_ns: int
    planned_ns: int
    """On the grid: `since_ns` without our lateness"""


class Checker:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(
        self,
        subject: str,
        config: ProbedCheck,
        now_ns: int,
        share: float,
        known: bool | None = None,
        *,
        expires: bool = False,
    ) -> None:
        """subject: begins sentences, "check web". share: 0..1, random: which part of `warmup` the first run waits.
        known: the verdict of a former worker, which holds until the results say otherwise. expires: whether what is up
        and cannot be asked is down some day; real servers of keepalived stay up."""
        self._subject = subject
        self._expires = expires
        self.config = config
        self._counter = RiseFall(config.rise, config.fall, init_fail=config.alpha, known=known)
        self._alpha_unsaid = config.alpha and known is None
        """`alpha`: the first verdict needs no probe."""
        self._said: bool | None = None
        """The last verdict that was told."""
        self._since_ns: int | None = None
        self._weight: int | None = None
        self._due_ns = now_ns + int(share * config.warmup_ns)
        self._early_ns = 0 if config.warmup_ns else int((1 - share) * config.delay_loop_ns)
        """By which the second run comes earlier, so that the runs of many checks spread over their `delay_loop`."""
        self._suspended = False
        self._probe: _Probe | None = None
        self._stage = 0
        self._repairing = False
        """Only the stage that failed is asked."""
        self._failed_tries = self._runs = self._streak = self._unasked = 0
        self._undecided = ""
        self._sight = NOTHING_SEEN
        self._expiry_said: int | None = None
        """Days that the certificate had when that was told."""
        self._history: collections.deque[CheckResult] = collections.deque(maxlen=KEPT_RESULTS)

    @property
    def deadline_ns(self) -> int | None:
        """The next probe, or at once if there is something to say. None: it waits for the end of a probe."""
        if self._alpha_unsaid:
            return 0
        return self._due_ns if self._probe is None else None

    def step(self, event: CheckEvent, now_ns: int) -> list[CheckEffect]:
        """What follows from `event`, in the order in which it must happen."""
        match event:
            case DeadlineReached():
                return [*self._begin(now_ns), *self._due(now_ns)]
            case ProbeEnded(run, verdict, took_ns, sight):
                return self._ended(run, verdict, took_ns, sight, now_ns)
            case ProbeUndecided(run, reason):
                return self._could_not_ask(run, reason, now_ns)
            case CheckReconfigured(config):
                return self._reconfigured(config, now_ns)
            case CheckSuspended(suspended):
                self._suspended = suspended
                return []
            case CheckDropped():
                return self._abandon()
            case _:
                assert_never(event)

    # The time

    def _begin(self, now_ns: int) -> list[CheckEffect]:
        if not self._alpha_unsaid:
            return []
        self._alpha_unsaid = False
        self._since_ns = now_ns
        return [CheckJudged(False, f"{self._subject} has not succeeded yet (alpha)", news=True, asked=False)]

    def _due(self, now_ns: int) -> list[CheckEffect]:
        if self._probe is not None or now_ns < self._due_ns:
            return []
        late_ns, delay_ns = now_ns - self._due_ns, self.config.delay_loop_ns
        if self._suspended:
            self._due_ns += (late_ns // delay_ns + 1) * delay_ns
            return []
        self._runs += 1
        self._probe = _Probe(self._runs, now_ns, self._due_ns + late_ns // delay_ns * delay_ns)
        return [StartProbe(self._runs, self._stage)]

    def _again(self, probe: _Probe, delay_ns: int, now_ns: int) -> None:
        """The next probe, this long after this one."""
        counts_from_ns = probe.planned_ns if self.config.start_to_start else now_ns
        self._due_ns = max(counts_from_ns + delay_ns, now_ns)

    def _next_run(self, probe: _Probe, now_ns: int, at_least_ns: int = 0) -> None:
        early_ns, self._early_ns = self._early_ns, 0
        self._again(probe, max(self.config.delay_loop_ns, at_least_ns) - early_ns, now_ns)

    # What probes say

    def _ended(self, run: int, verdict: Verdict, took_ns: int, sight: Sight, now_ns: int) -> list[CheckEffect]:
        probe = self._probe
        if probe is None or probe.number != run:
            return []  # given up, or of a check that a reload has replaced
        self._probe = None
        self._undecided, self._unasked, self._sight = "", 0, sight
        last = self._history[-1] if self._history else None
        self._streak = self._streak + 1 if last is not None and last.ok is verdict.ok else 1
        self._history.append(CheckResult(verdict.ok, verdict.reason, now_ns, took_ns, self._stage))
        expiry = self._notice_expiry(sight)
        if verdict.ok:
            return [*expiry, *self._succeeded(probe, verdict, now_ns)]
        return [*expiry, *self._failed(probe, verdict, now_ns)]

    def _notice_expiry(self, sight: Sight) -> list[CheckEffect]:
        """Of the certificate of the server, within the last `tls_expiry_days`: once for each day less that it has."""
        limit = self.config.tls_expiry_days if isinstance(self.config, SecuredCheck) else 0
        days = sight.certificate_days
        if days is None:
            return []
        if days > limit or not limit:
            self._expiry_said = None
            return []
        if self._expiry_said is not None and days >= self._expiry_said:
            return []
        self._expiry_said = days
        when = f"expires in {days} days" if days >= 0 else "has expired"
        return [CheckNoticed("warning", "certificate-expires", f"{self._subject}: the server's certificate {when}")]

    def _succeeded(self, probe: _Probe, verdict: Verdict, now_ns: int) -> list[CheckEffect]:
        self._failed_tries = 0
        stage, config = self._stage, self.config
        is_last = stage + 1 == config.stages
        repaired, self._repairing = self._repairing, False
        self._stage = 0 if repaired or is_last else stage + 1
        if is_last and not repaired:
            self._next_run(probe, now_ns)
            return self._result(verdict, stage, now_ns)
        is_fast = isinstance(config, HttpCheck) and config.fast_recovery and not self._counter.up
        self._again(probe, 0 if is_fast else config.delay_loop_ns, now_ns)
        return []

    def _failed(self, probe: _Probe, verdict: Verdict, now_ns: int) -> list[CheckEffect]:
        config = self.config
        self._failed_tries += 1
        if self._may_retry and self._failed_tries <= config.retry:
            self._again(probe, config.delay_before_retry_ns, now_ns)
            return self._notice(verdict)
        self._failed_tries = 0
        said = self._result(verdict, self._stage, now_ns)
        self._repairing = config.stages > 1 and self._counter.up is False
        is_slow = isinstance(config, HttpCheck) and self._counter.up is False
        self._next_run(probe, now_ns, config.delay_before_retry_ns if is_slow else 0)
        return said or self._notice(verdict)

    @property
    def _may_retry(self) -> bool:
        """What is up is, and what is not known yet if it says so."""
        return self.config.first_run_retry if self._counter.up is None else self._counter.up

    def _could_not_ask(self, run: int, reason: str, now_ns: int) -> list[CheckEffect]:
        probe = self._probe
        if probe is None or probe.number != run:
            return []
        self._probe = None
        self._next_run(probe, now_ns)
        self._unasked += 1
        is_new, self._undecided = reason != self._undecided, reason
        if self._expires and self._counter.up and self._unasked >= PATIENCE:
            return [self._expire(now_ns)]
        if not is_new:
            return []
        message = f"{self._subject} could not ask, its verdict stays: {reason}"
        return [CheckNoticed("warning", "check-undecided", message)]

    def _expire(self, now_ns: int) -> CheckEffect:
        self._counter = RiseFall(self.config.rise, self.config.fall, known=False)
        why = f"could not ask {self._unasked} times in a row: {self._undecided}"
        return self._judge(why, news=True, now_ns=now_ns)

    # What it means

    def _result(self, verdict: Verdict, stage: int, now_ns: int) -> list[CheckEffect]:
        """Of a whole run."""
        news = self._counter.hear(verdict.ok)
        weighed = verdict.ok and verdict.weight != self._weight
        if verdict.ok:
            self._weight = verdict.weight
        if not news and not weighed and (self._said is not None or verdict.ok is not self._counter.up):
            return []
        return [self._judge(self._sentence(verdict, stage), news=news, now_ns=now_ns)]

    def _judge(self, what: str, *, news: bool, now_ns: int) -> CheckEffect:
        """news: else it confirms what was known from before."""
        self._said = self._counter.up
        assert self._said is not None
        if news:
            self._since_ns = now_ns
        return CheckJudged(self._said, f"{self._subject} {what}", news, self._weight)

    def _notice(self, verdict: Verdict) -> list[CheckEffect]:
        if not self.config.log_all_failures:
            return []
        return [CheckNoticed("info", "check-failure", f"{self._subject} {self._sentence(verdict, self._stage)}")]

    def _sentence(self, verdict: Verdict, stage: int) -> str:
        times = f" {self._streak} times in a row" if self._streak > 1 and self.config.stages == 1 else ""
        name = self.config.stage_name(stage)
        where = f" at {name}" if name and not verdict.ok else ""
        return f"{'succeeded' if verdict.ok else 'failed'}{where}{times}: {verdict.reason}"

    def left(self, ok: bool) -> int | None:
        """How many runs in a row (and for a failure: tries) that end like this change the verdict; None: they agree."""
        if ok is self._counter.up:
            return None
        if not ok and self._may_retry:
            return self._counter.left * (self.config.retry + 1) - self._failed_tries
        return self._counter.left

    def outlook(self, ok: bool | None) -> str:
        """What a result means for the verdict, a sentence. None: the server could not be asked."""
        up = self._counter.up
        is_so = "has no verdict yet" if up is None else "is up" if up else "is down"
        if ok is None:
            return f"the check {is_so}, and stays so while it cannot ask"
        if (left := self.left(ok)) is None:
            return f"the check {is_so}, which agrees"
        then = "bring it up" if ok else "take it down"
        if left == 1:
            return f"the check {is_so}: the next result like this of its own would {then}"
        return f"the check {is_so}: {left} results in a row like this of its own would {then}"

    # Reloads

    def _reconfigured(self, config: ProbedCheck, now_ns: int) -> list[CheckEffect]:
        """The verdict stays until results say otherwise; one that asks something else asks at once."""
        old, self.config = self.config, config
        known = None if self._alpha_unsaid else self._counter.up
        self._alpha_unsaid = config.alpha and known is None
        self._counter = RiseFall(config.rise, config.fall, init_fail=config.alpha, known=known)
        self._failed_tries = 0
        if _what_is_asked(old) == _what_is_asked(config):
            self._due_ns = min(self._due_ns, now_ns + config.delay_loop_ns)
            return []
        self._stage, self._repairing, self._undecided, self._sight = 0, False, "", NOTHING_SEEN
        self._due_ns = now_ns
        return self._abandon()

    def _abandon(self) -> list[CheckEffect]:
        probe, self._probe = self._probe, None
        return [AbandonProbe(probe.number)] if probe else []

    def snapshot(self) -> CheckSnapshot:
        config = self.config
        return CheckSnapshot(
            subject=self._subject,
            up=self._counter.up,
            since_ns=self._since_ns,
            weight=self._weight,
            streak=self._streak,
            failed_tries=self._failed_tries,
            retry=config.retry,
            rise=config.rise,
            fall=config.fall,
            stage=self._stage,
            stages=config.stages,
            runs=self._runs,
            running_since_ns=self._probe.since_ns if self._probe else None,
            next_run_ns=None if self._probe else self._due_ns,
            undecided=self._undecided,
            sight=self._sight,
            history=tuple(self._history),
            suspended=self._suspended,
        )


_SCHEDULE = {
    "alpha": False,
    "delay_loop_ns": 1,
    "start_to_start": False,
    "retry": 0,
    "delay_before_retry_ns": 0,
    "first_run_retry": False,
    "rise": 1,
    "fall": 1,
    "warmup_ns": 0,
    "log_all_failures": False,
}


def _what_is_asked(config: ProbedCheck) -> ProbedCheck:
    """Without what only says when, and what follows."""
    return msgspec.structs.replace(config, **_SCHEDULE)
