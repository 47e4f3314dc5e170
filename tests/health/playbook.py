"""Plays a tracked script by hand: what happens, and what the tracker wants for it."""

from __future__ import annotations

from alived.base import NS_PER_MS, DeadlineReached
from alived.health.script_events import RunEnded, RunNotStarted, ScriptEffect, ScriptEvent, StartRun
from alived.health.script_tracker import ScriptTracker
from alived.health.trackers_config import VrrpScript


def script(interval_ms: int = 1000, timeout_ms: int | None = None, **fields: object) -> VrrpScript:
    timeout_ns = (interval_ms if timeout_ms is None else timeout_ms) * NS_PER_MS
    known = {"name": "chk", "argv": ("/chk",), "interval_ns": interval_ms * NS_PER_MS, "timeout_ns": timeout_ns}
    return VrrpScript(**known | fields)  # type: ignore[arg-type]


class Playbook:
    """Time is in milliseconds and goes on only by `at`."""

    def __init__(self, config: VrrpScript, known: bool | None = None, phase_ns: int = 0) -> None:
        self.tracker = ScriptTracker(config, 0, known, phase_ns)
        self.now_ms = 0
        self.starts_ms: list[int] = []

    def feed(self, event: ScriptEvent) -> list[ScriptEffect]:
        effects = self.tracker.step(event, self.now_ms * NS_PER_MS)
        self.starts_ms += [self.now_ms for effect in effects if isinstance(effect, StartRun)]
        return effects

    def at(self, time_ms: int) -> list[ScriptEffect]:
        """All that the deadlines up to this time bring."""
        effects: list[ScriptEffect] = []
        while self.tracker.deadline_ns <= time_ms * NS_PER_MS:
            self.now_ms = max(self.now_ms, self.tracker.deadline_ns // NS_PER_MS)
            effects += self.feed(DeadlineReached())
        self.now_ms = time_ms
        return effects

    def late(self, time_ms: int) -> list[ScriptEffect]:
        """One step after a pause in which nobody looked at the deadlines."""
        self.now_ms = time_ms
        return self.feed(DeadlineReached())

    @property
    def run(self) -> int:
        return self.tracker.snapshot().runs

    def ends(self, status: int, *output: str, run: int | None = None) -> list[ScriptEffect]:
        return self.feed(RunEnded(self.run if run is None else run, status, output))

    def cannot_start(self, error: str, run: int | None = None, *, ours: bool = False) -> list[ScriptEffect]:
        return self.feed(RunNotStarted(self.run if run is None else run, error, ours))

    def results(self, *statuses: int) -> list[ScriptEffect]:
        """The next runs, each on its interval and over at once; what is said besides their starts."""
        effects: list[ScriptEffect] = []
        for status in statuses:
            effects += self.at(self.tracker.snapshot().next_run_ns // NS_PER_MS)
            effects += self.ends(status)
        return [effect for effect in effects if not isinstance(effect, StartRun)]
