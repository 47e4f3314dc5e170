"""Tracked scripts in the engine: verdicts go in, faults and priorities of those that track them come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from alived.config import model
from alived.daemon.messages import ScriptVerdict
from alived.daemon.reports import Reports
from alived.health.trackers_config import Tracked
from alived.owner import FaultCleared, FaultRaised, PriorityChanged, Startup
from alived.vrrp.tracking import Tracking


class Candidate(Protocol):
    """Who tracks scripts: a VRRP instance or a group elected by Raft."""

    tracking: Tracking
    waits: bool
    """For the first result of a script, before it begins."""

    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Candidate)
Feed = Callable[[C, FaultRaised | FaultCleared | PriorityChanged | Startup, int], None]


class Judgements(Generic[C]):
    """What is known of tracked scripts, by name; it outlives reloads."""

    def __init__(
        self,
        candidates: Mapping[str, C],
        scripts_of: Callable[[C], Iterable[Tracked]],
        feed: Feed[C],
        reports: Reports,
    ) -> None:
        self._candidates, self._scripts_of, self._feed, self._reports = candidates, scripts_of, feed, reports
        self._verdicts: dict[str, ScriptVerdict] = {}

    def configure(self, config: model.Config) -> None:
        """Forgets scripts that are gone."""
        scripts = {script.name for script in config.vrrp_scripts}
        self._verdicts = {name: verdict for name, verdict in self._verdicts.items() if name in scripts}

    def judge(self, verdicts: Sequence[ScriptVerdict], now: int) -> None:
        """What is new, told to all that track it."""
        for verdict in verdicts:
            self._verdicts[verdict.name] = verdict
            for candidate in self._candidates.values():
                for event in candidate.tracking.set_script(verdict.name, verdict.up, verdict.reason):
                    if isinstance(event, PriorityChanged):
                        self._reports.priority_changed(candidate.name, event.reason)
                    self._feed(candidate, event, now)
                if candidate.waits:
                    self.start(candidate, now)

    def tell(self, candidate: C, now: int) -> None:
        """What is known already, to one that is new or changed."""
        for script in self._scripts_of(candidate):
            if verdict := self._verdicts.get(script.name):
                for event in candidate.tracking.set_script(verdict.name, verdict.up, verdict.reason):
                    self._feed(candidate, event, now)

    def start(self, candidate: C, now: int) -> None:
        """It begins, unless it has to wait for the first result of a script. One that runs goes on running when a
        reload gives it a script: it is judged by its results, not by their absence."""
        waits_for = ", ".join(candidate.tracking.unanswered)
        candidate.waits = bool(waits_for)
        self._feed(candidate, Startup(f"waits for the first result of {waits_for}" if waits_for else ""), now)


def add_scripts(tracking: Tracking, scripts: Iterable[Tracked]) -> None:
    for script in scripts:
        tracking.add_script(script.name, script.weight.value, script.weight.reverse)
