"""What the checker of one check hears (events), what it wants (effects) and what it shows (snapshots)."""

from __future__ import annotations

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.health.config import MiscCheck, NetworkCheck
from alived.health.dialogue import Verdict

ProbedCheck = NetworkCheck | MiscCheck
"""A check that asks again and again; one of a file or a BFD session is told."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe saw besides its verdict."""

    exit_status: int | None = None
    """Of a command: 0..255, or the negative number of a signal"""
    output: tuple[str, ...] = ()
    """Of a command: its last lines"""
    certificate_until_s: int | None = None
    """When the certificate of the server runs out, seconds since 1970"""
    certificate_days: int | None = None
    """Whole days until then; negative: it has run out"""


NOTHING_SEEN = Sight()


class ProbeEnded(Event, frozen=True, tag=True):
    run: int
    verdict: Verdict
    took_ns: int
    sight: Sight = NOTHING_SEEN


class ProbeUndecided(Event, frozen=True, tag=True):
    """The probe says nothing about the server: we had no socket, no port, no process. reason: a sentence."""

    run: int
    reason: str


class CheckReconfigured(Event, frozen=True, tag=True):
    """A reload changed the check."""

    config: ProbedCheck


class CheckSuspended(Event, frozen=True, tag=True):
    """`ha_suspend`: whether the address that the server serves is elsewhere. Then nobody is asked, and what was known
    holds."""

    suspended: bool


class CheckDropped(Event, frozen=True, tag=True):
    """It is not configured any more."""


CheckEvent = ProbeEnded | ProbeUndecided | CheckReconfigured | CheckSuspended | CheckDropped | DeadlineReached


class StartProbe(Effect, frozen=True, tag=True):
    """Ask, by `Checker.config`. stage: which of its URLs, from 0; other checks have one stage."""

    run: int
    stage: int


class AbandonProbe(Effect, frozen=True, tag=True):
    """Nobody wants to know any more what this run says."""

    run: int


class CheckJudged(Effect, frozen=True, tag=True):
    """The verdict and why. `news`: it was another one before; else a verdict of earlier is confirmed, or only the
    weight has changed."""

    up: bool
    reason: str
    news: bool
    weight: int | None = None
    """Of the real server, by misc_dynamic; None: nothing is said about it"""
    asked: bool = True
    """False: it counts as failed before anything was asked (`alpha`)"""


class CheckNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


CheckEffect = StartProbe | AbandonProbe | CheckJudged | CheckNoticed


class CheckResult(msgspec.Struct, frozen=True, array_like=True):
    """One probe of the past. array_like: thousands of them are on their way when somebody asks for the status."""

    ok: bool
    reason: str
    at_ns: int
    """CLOCK_BOOTTIME, its end"""
    took_ns: int
    stage: int


class CheckSnapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A check as it is now. Times are CLOCK_BOOTTIME."""

    subject: str
    up: bool | None
    """None: no verdict yet"""
    since_ns: int | None
    """When the verdict changed, as far as this process knows; None: not in its time"""
    weight: int | None
    streak: int
    """Probes in a row that ended like the last one"""
    failed_tries: int
    """Of the `retry` + 1 that it takes for a failure"""
    retry: int
    rise: int
    fall: int
    stage: int
    """That is asked next, or now"""
    stages: int
    runs: int
    running_since_ns: int | None
    next_run_ns: int | None
    """None while one runs"""
    undecided: str
    """Why the last probe said nothing; "": it did"""
    sight: Sight
    history: tuple[CheckResult, ...]
    """The last results, oldest first"""
    suspended: bool = False
    """Nobody is asked, by `ha_suspend`"""
