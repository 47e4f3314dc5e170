"""The tracker of one `unit`: up while systemd says that the unit is active (or reloads, which goes on serving)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from alived.base import NS_PER_S, Event
from alived.health.rise_fall import RiseFall
from alived.health.tracker_events import TrackerJudged, TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackUnit

GOOD = frozenset({"active", "reloading", "refreshing"})
PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result")
"""What systemd is asked for"""
ANSWER_HOLDS_NS = 10 * NS_PER_S
"""For so long a systemd that does not answer says nothing about a unit that was up: it starts itself anew when it is
upgraded, which happens on all nodes at once and takes seconds."""


class UnitShown(Event, frozen=True, tag=True):
    """properties: those of PROPERTIES that systemd told."""

    properties: Mapping[str, str]


class UnitUnknown(Event, frozen=True, tag=True):
    """systemd could not be asked. why: a sentence."""

    why: str


class UnitReconfigured(Event, frozen=True, tag=True):
    """A reload changed the tracker that has this name."""

    config: TrackUnit


UnitEvent = UnitShown | UnitUnknown | UnitReconfigured


class UnitTracker:
    """A core without deadlines: `step`, `snapshot`."""

    def __init__(self, config: TrackUnit, known: bool | None = None) -> None:
        """known: the verdict of a former worker, which holds until systemd says otherwise."""
        self.config = config
        self._counter = RiseFall(config.rise, config.fall, known=known)
        self._confirmed = False
        """Whether the verdict has been said by this tracker."""
        self._last_success: bool | None = None
        self._result = ""
        self._results = self._streak = 0
        self._looked_ns: int | None = None
        self._unanswered_ns: int | None = None
        """Since when systemd does not answer."""

    def step(self, event: UnitEvent, now_ns: int) -> list[TrackerJudged]:
        match event:
            case UnitReconfigured(config):
                self.config, self._confirmed = config, False
                self._counter = RiseFall(config.rise, config.fall, known=self._counter.up)
                return []
            case UnitShown(properties):
                self._unanswered_ns = None
                return self._result_is(properties.get("ActiveState") in GOOD, _sentence(properties), now_ns)
            case UnitUnknown(why):
                return self._unanswered(why, now_ns)
            case _:
                assert_never(event)

    def _unanswered(self, why: str, now_ns: int) -> list[TrackerJudged]:
        if self._unanswered_ns is None:
            self._unanswered_ns = now_ns
        if self._counter.up and now_ns - self._unanswered_ns < ANSWER_HOLDS_NS:
            holds = f"what was known before holds for {ANSWER_HOLDS_NS // NS_PER_S} s"
            self._result = f"{self.config.unit} is unknown: {why}; {holds}"
            return []
        return self._result_is(False, f"is unknown: {why}", now_ns)

    def _result_is(self, success: bool, result: str, now_ns: int) -> list[TrackerJudged]:
        self._results += 1
        self._looked_ns, self._result = now_ns, f"{self.config.unit} {result}"
        self._streak = self._streak + 1 if success is self._last_success else 1
        self._last_success = success
        news = self._counter.hear(success)
        up = self._counter.up
        if up is None or (not news and (self._confirmed or success is not up)):
            return []
        self._confirmed = True
        return [TrackerJudged(up, f"unit {self.config.name}: {self._result}", news)]

    def snapshot(self) -> TrackerSnapshot:
        return TrackerSnapshot(
            kind=TrackerKind.UNIT,
            name=self.config.name,
            up=self._counter.up,
            result=self._result,
            results=self._results,
            streak=self._streak,
            looked_ns=self._looked_ns,
        )


def _sentence(properties: Mapping[str, str]) -> str:
    """is failed (exit-code); is active (running)"""
    load, active = properties.get("LoadState", ""), properties.get("ActiveState", "unknown")
    if load not in ("loaded", ""):
        return f"is {active}: systemd says {load}"
    result = properties.get("Result", "")
    detail = result if result not in ("", "success") else properties.get("SubState", "")
    return f"is {active} ({detail})" if detail else f"is {active}"


def parse_show(lines: Iterable[str]) -> list[dict[str, str]]:
    """What `systemctl show` prints: KEY=VALUE of one unit after the other, in the order in which they were asked for;
    a key that comes again belongs to the next one."""
    found: list[dict[str, str]] = [{}]
    for line in lines:
        key, equals, value = line.partition("=")
        if equals:
            if key in found[-1]:
                found.append({})
            found[-1][key] = value
    return found if found[0] else []
