"""Plays a check by hand: what its probes say, and what the checker wants for it."""

from __future__ import annotations

from alived.base import NS_PER_MS, DeadlineReached
from alived.health.check_events import (
    NOTHING_SEEN,
    CheckEffect,
    CheckEvent,
    ProbedCheck,
    ProbeEnded,
    ProbeUndecided,
    Sight,
    StartProbe,
)
from alived.health.checker import Checker
from alived.health.config import HttpCheck, TcpCheck, Url
from alived.health.dialogue import Verdict

FIELDS = {"warmup_ns": 0, "connect_ip": "192.0.2.1"}


def ms(**fields: int) -> dict[str, int]:
    """delay_loop=1000 -> delay_loop_ns=..."""
    return {f"{name}_ns": value * NS_PER_MS for name, value in fields.items()}


def tcp(delay_loop: int = 1000, delay_before_retry: int = 100, **fields: object) -> TcpCheck:
    """Times in milliseconds."""
    times = ms(delay_loop=delay_loop, delay_before_retry=delay_before_retry)
    return TcpCheck(**FIELDS | times | fields)  # type: ignore[arg-type]


def http(*paths: str, delay_loop: int = 1000, delay_before_retry: int = 100, **fields: object) -> HttpCheck:
    times = ms(delay_loop=delay_loop, delay_before_retry=delay_before_retry)
    urls = tuple(Url(path=path) for path in paths)
    return HttpCheck(urls=urls, **FIELDS | times | fields)  # type: ignore[arg-type]


class Playbook:
    """Time is in milliseconds and goes on only by `at`. share 1.0: the second run is not early."""

    def __init__(
        self, config: ProbedCheck, known: bool | None = None, share: float = 1.0, expires: bool = False
    ) -> None:
        self.checker = Checker("check web", config, 0, share, known, expires=expires)
        self.now_ms = 0
        self.starts: list[tuple[int, int]] = []
        """Moment in ms, and stage."""

    def feed(self, event: CheckEvent) -> list[CheckEffect]:
        effects = self.checker.step(event, self.now_ms * NS_PER_MS)
        self.starts += [(self.now_ms, effect.stage) for effect in effects if isinstance(effect, StartProbe)]
        return effects

    def at(self, time_ms: int) -> list[CheckEffect]:
        """All that the deadlines up to this time bring."""
        effects: list[CheckEffect] = []
        while (deadline_ns := self.checker.deadline_ns) is not None and deadline_ns <= time_ms * NS_PER_MS:
            self.now_ms = max(self.now_ms, _up(deadline_ns))
            effects += self.feed(DeadlineReached())
        self.now_ms = time_ms
        return effects

    def late(self, time_ms: int) -> list[CheckEffect]:
        """One step after a pause in which nobody looked at the deadlines."""
        self.now_ms = time_ms
        return self.feed(DeadlineReached())

    @property
    def run(self) -> int:
        return self.checker.snapshot().runs

    def next(self) -> list[CheckEffect]:
        """Goes on to the next probe."""
        due_ns = self.checker.snapshot().next_run_ns
        assert due_ns is not None
        return self.at(_up(due_ns))

    def ends(
        self,
        ok: bool,
        reason: str = "",
        *,
        took: int = 0,
        weight: int | None = None,
        run: int | None = None,
        sight: Sight = NOTHING_SEEN,
    ) -> list[CheckEffect]:
        self.now_ms += took
        verdict = Verdict(ok, reason or ("connected" if ok else "refused"), weight)
        return self.feed(ProbeEnded(self.run if run is None else run, verdict, took * NS_PER_MS, sight))

    def undecided(self, reason: str, run: int | None = None) -> list[CheckEffect]:
        return self.feed(ProbeUndecided(self.run if run is None else run, reason))

    def results(self, *oks: bool) -> list[CheckEffect]:
        """The next probes, each over at once; what is said besides their starts."""
        effects: list[CheckEffect] = []
        for ok in oks:
            effects += self.next()
            effects += self.ends(ok)
        return [effect for effect in effects if not isinstance(effect, StartProbe)]

    def again_after_ms(self, ok: bool, took: int = 0) -> int:
        """One probe; how long after its end the next one starts."""
        self.next()
        self.ends(ok, took=took)
        due_ns = self.checker.snapshot().next_run_ns
        assert due_ns is not None
        return due_ns // NS_PER_MS - self.now_ms


def _up(time_ns: int) -> int:
    return -(-time_ns // NS_PER_MS)
