"""The last runs of each hook and notify script, and counters over all of them. Pure."""

from __future__ import annotations

import collections

import msgspec

from alived.daemon.shared.messages import HookRan

KEPT = 10
"""Runs of each script of each object."""
Key = tuple[str, str, str]
"""Kind and name of the object, label of the script."""


class HookCounters(msgspec.Struct):
    runs: int = 0
    failures: int = 0
    duration_ns: int = 0
    """Of all runs together"""

    def add(self, other: HookCounters) -> None:
        self.runs += other.runs
        self.failures += other.failures
        self.duration_ns += other.duration_ns


class HookRuns:
    """What the worker reported; it outlives the worker."""

    def __init__(self) -> None:
        self._runs: dict[Key, collections.deque[HookRan]] = {}
        self._counters: dict[Key, HookCounters] = {}

    def add(self, ran: HookRan) -> None:
        key = (ran.kind, ran.name, ran.label)
        self._runs.setdefault(key, collections.deque(maxlen=KEPT)).append(ran)
        self._counters.setdefault(key, HookCounters()).add(HookCounters(1, int(bool(ran.failure)), ran.duration_ns))

    def of(self, key: Key) -> list[HookRan]:
        """Oldest first."""
        return list(self._runs.get(key, ()))

    def counters(self) -> dict[Key, HookCounters]:
        return self._counters

    def last(self, count: int) -> list[HookRan]:
        """Of all scripts, oldest first."""
        every = sorted((ran for runs in self._runs.values() for ran in runs), key=lambda ran: ran.wall_time)
        return every[-count:]

    def of_event(self, event_id: str) -> list[HookRan]:
        return [ran for runs in self._runs.values() for ran in runs if ran.event_id == event_id]
