"""Trackers in the engine: verdicts go in, faults and priorities of those that track them come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from alived.base import in_brief
from alived.config import model
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import trackers_of
from alived.health import trackers_config
from alived.owner import Startup
from alived.vrrp.tracking import TrackedThing, TrackerEvent, Tracking

SHOWN_NAMES = 5
BY_RELOAD = "a reload changed what counts"


class Candidate(Protocol):
    """Who tracks things: a VRRP instance or a group elected by Raft."""

    tracking: Tracking
    waits: bool
    """For the first verdict on a tracker or for ToReady, before it begins."""

    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Candidate)
Feed = Callable[[C, TrackerEvent | Startup, int], None]


class Judgements(Generic[C]):
    """What is known of trackers, by key; it outlives reloads."""

    def __init__(
        self,
        candidates: Mapping[str, C],
        feed: Feed[C],
        *,
        awaits_ready: bool = False,
    ) -> None:
        """awaits_ready: nobody begins before `ready_ended`."""
        self._candidates, self._feed = candidates, feed
        self._awaits_ready = awaits_ready
        self._verdicts: dict[str, TrackerVerdict] = {}

    def configure(self, config: model.Config) -> None:
        """Forgets trackers that are gone."""
        defined = trackers_of(config)
        self._verdicts = {key: verdict for key, verdict in self._verdicts.items() if key in defined}

    def judge(self, verdicts: Sequence[TrackerVerdict], now: int) -> None:
        """What is new, told to all that track it."""
        for verdict in verdicts:
            self._verdicts[verdict.key] = verdict
            for candidate in self._candidates.values():
                for event in candidate.tracking.set(verdict.key, verdict.up, verdict.reason, verdict.value):
                    self._feed(candidate, event, now)
                if candidate.waits:
                    self.start(candidate, now)

    def known(self, candidate: C) -> Iterator[TrackerEvent]:
        """What is known already, for one that is new or changed."""
        for key in candidate.tracking.keys:
            if verdict := self._verdicts.get(key):
                yield from candidate.tracking.set(key, verdict.up, verdict.reason, verdict.value)

    def tell(self, candidate: C, now: int) -> None:
        """The same, told to it."""
        for event in self.known(candidate):
            self._feed(candidate, event, now)

    def start(self, candidate: C, now: int) -> None:
        """It begins, unless it has to wait: for ToReady, which finds nobody an owner, or for the first verdict on a
        tracker. One that runs goes on running when a reload gives it a tracker: it is judged by its verdicts, not by
        their absence."""
        why = self._why_not_yet(candidate)
        candidate.waits = bool(why)
        self._feed(candidate, Startup(why), now)

    def _why_not_yet(self, candidate: C) -> str:
        if self._awaits_ready:
            return "waits for the end of the hook ToReady"
        unanswered = in_brief(candidate.tracking.unanswered, SHOWN_NAMES, ", ")
        return f"waits for the first result of {unanswered}" if unanswered else ""

    def ready_ended(self, now: int) -> None:
        """ToReady has: who waited for it begins."""
        self._awaits_ready = False
        for candidate in self._candidates.values():
            if candidate.waits:
                self.start(candidate, now)


def add_trackers(tracking: Tracking, config: trackers_config.Tracking) -> None:
    """Everything in config for which there will be verdicts."""
    for kind, tracked in config.judged():
        tracking.add(TrackedThing(kind.key(tracked.name), tracked.weight.value, tracked.weight.reverse))
