"""The tracker of one `gateway`: up while enough of its targets answer.

All targets are asked at the same time, every `interval`; one that has not answered within `timeout` has failed that
round. Each target rises and falls by itself; the gateway is up while `quorum` of them are up. It is judged as soon as
it is certain, not when the last target has been heard.
"""

from __future__ import annotations

from typing import assert_never

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached, Effect, Event, in_brief
from alived.health.rise_fall import RiseFall
from alived.health.tracker_events import TrackerJudged, TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackGateway

TOLD = 3
"""Targets that are in the sentence."""


class TargetAnswered(Event, frozen=True, tag=True):
    """who: what is worth knowing of it, e.g. "192.0.2.1 at 02:00:00:00:00:01"."""

    round: int
    target: str
    who: str


class TargetFailed(Event, frozen=True, tag=True):
    """It said no, or could not even be asked. why: a sentence without the target."""

    round: int
    target: str
    why: str


class GatewayReconfigured(Event, frozen=True, tag=True):
    """A reload changed the tracker that has this name."""

    config: TrackGateway


GatewayEvent = TargetAnswered | TargetFailed | GatewayReconfigured | DeadlineReached


class AskTarget(Effect, frozen=True, tag=True):
    """Ask this one; `TargetAnswered` or `TargetFailed` of the round, or silence, is the answer."""

    round: int
    target: str


GatewayEffect = AskTarget | TrackerJudged


class _Target:
    """One of them."""

    def __init__(self, config: TrackGateway, known: bool | None, before: _Target | None = None) -> None:
        """known: up or not, before anything is heard. before: the same target in the configuration of before."""
        self.counter = RiseFall(config.rise, config.fall, known=known)
        self.waits = False
        """For the answer of this round."""
        self.last_success: bool | None = before.last_success if before else None
        self.last: str = before.last if before else "not asked yet"
        self.streak: int = before.streak if before else 0

    def hear(self, success: bool, what: str) -> None:
        self.waits = False
        self.streak = self.streak + 1 if success is self.last_success else 1
        self.last_success, self.last = success, what
        self.counter.hear(success)


def _again(config: TrackGateway, before: _Target | None) -> _Target:
    return _Target(config, before.counter.up if before else None, before)


class GatewayTracker:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(self, config: TrackGateway, now_ns: int, known: bool | None = None) -> None:
        """known: the verdict of a former worker, which holds until answers say otherwise."""
        self.config = config
        self._up = known
        self._confirmed = False
        """Whether the verdict has been said by this tracker."""
        self._targets = {target: _Target(config, known) for target in config.targets}
        self._round = 0
        self._asked_ns = now_ns
        self._due_ns = now_ns
        self._timeout_ns: int | None = None
        """Of the round that is on."""

    @property
    def deadline_ns(self) -> int:
        return self._due_ns if self._timeout_ns is None else min(self._due_ns, self._timeout_ns)

    def step(self, event: GatewayEvent, now_ns: int) -> list[GatewayEffect]:
        match event:
            case DeadlineReached():
                return [*self._time_out(now_ns), *self._next_round(now_ns)]
            case TargetAnswered(number, target, who):
                took_ms = (now_ns - self._asked_ns) / NS_PER_MS
                return self._heard(number, target, True, f"{who} answers in {took_ms:.1f} ms")
            case TargetFailed(number, target, why):
                return self._heard(number, target, False, why)
            case GatewayReconfigured(config):
                before = self._targets
                self.config, self._confirmed = config, False
                self._targets = {target: _again(config, before.get(target)) for target in config.targets}
                self._due_ns, self._timeout_ns = now_ns, None
                return []
            case _:
                assert_never(event)

    def _next_round(self, now_ns: int) -> list[GatewayEffect]:
        if now_ns < self._due_ns:
            return []
        interval_ns = self.config.interval_ns
        self._due_ns = now_ns + interval_ns - (now_ns - self._due_ns) % interval_ns
        self._round += 1
        self._asked_ns, self._timeout_ns = now_ns, now_ns + self.config.timeout_ns
        for one in self._targets.values():
            one.waits = True
        return [AskTarget(self._round, target) for target in self.config.targets]

    def _time_out(self, now_ns: int) -> list[GatewayEffect]:
        if self._timeout_ns is None or now_ns < self._timeout_ns:
            return []
        self._timeout_ns = None
        for one in self._targets.values():
            if one.waits:
                one.hear(False, f"no answer in {self.config.timeout_ns / NS_PER_S:g} s")
        return self._judge()

    def _heard(self, number: int, target: str, success: bool, what: str) -> list[GatewayEffect]:
        one = self._targets.get(target)
        if number != self._round or one is None or not one.waits:
            return []  # too late, or a reload has changed everything meanwhile
        one.hear(success, what)
        if not any(other.waits for other in self._targets.values()):
            self._timeout_ns = None
        return self._judge()

    def _judge(self) -> list[GatewayEffect]:
        ups = [one.counter.up for one in self._targets.values()]
        if ups.count(True) >= self.config.quorum:
            up = True
        elif ups.count(True) + ups.count(None) < self.config.quorum:
            up = False
        else:
            return []
        heard = [one for one in self._targets.values() if one.last_success is not None]
        news = up is not self._up
        if not news and (self._confirmed or all(one.last_success is not up for one in heard)):
            return []
        self._up, self._confirmed = up, True
        return [TrackerJudged(up, f"gateway {self.config.name}: {self._sentence()}", news)]

    def _sentence(self) -> str:
        """1 of 2 targets answers, 2 wanted: 192.0.2.1: no answer in 1 s, 3 times in a row. Of many, silent first."""
        total = len(self._targets)
        ups = sum(one.counter.up is True for one in self._targets.values())
        asked = [name for name, one in self._targets.items() if one.last_success is not None]
        if total > TOLD:
            asked.sort(key=lambda name: bool(self._targets[name].last_success))
        told = [self._of_target(name) for name in asked]
        if total == 1:
            return told[0]
        verb = "answers" if ups == 1 else "answer"
        return f"{ups} of {total} targets {verb}, {self.config.quorum} wanted: {in_brief(told, TOLD)}"

    def _of_target(self, name: str) -> str:
        one = self._targets[name]
        times = f", {one.streak} times in a row" if one.streak > 1 else ""
        return f"{name}: {one.last}{times}"

    def snapshot(self) -> TrackerSnapshot:
        return TrackerSnapshot(
            kind=TrackerKind.GATEWAY,
            name=self.config.name,
            up=self._up,
            result=f"{sum(one.last_success is True for one in self._targets.values())} of {len(self._targets)} answered"
            if self._round
            else "",
            details=tuple(self._of_target(name) for name in self._targets),
            results=self._round,
            looked_ns=self._asked_ns if self._round else None,
            next_run_ns=self._due_ns,
        )
