"""Scenes in which nothing may change, on a machine that may stand still meanwhile: then they are played again.

What is broken fails all the same: it fails whether the machine stands still or not, and the last attempt always counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import TracebackType

from bench.stalls import StallWatch
from tests.lab.cluster import TwoOwners

ATTEMPTS = 3


class Attempt(contextlib.AbstractContextManager["Attempt"]):
    """One playing. It swallows a failure if the machine stood still too long, and another attempt follows."""

    def __init__(self, too_long_ms: float, *, is_last: bool, watch: Callable[[], StallWatch]) -> None:
        self._too_long_ms = too_long_ms
        self._is_last = is_last
        self._machine = watch()
        self.succeeded = False

    def __enter__(self) -> Attempt:
        self._machine.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._machine.__exit__(kind, error, trace)
        self.succeeded = error is None
        if not isinstance(error, AssertionError) or isinstance(error, TwoOwners) or self._is_last:
            return False
        stood_ms = self._machine.longest_ms()
        print(f"the machine stood still for {stood_ms:.0f} ms while this failed: {error}")
        return stood_ms > self._too_long_ms


def attempts(too_long_ms: float, watch: Callable[[], StallWatch] = StallWatch) -> Iterator[Attempt]:
    """`for attempt in attempts(20): with attempt: ...` plays a scene until it succeeds, at most three times. A failure
    is forgiven only if the machine stood still for longer than this while it was played; two owners never are."""
    for number in range(1, ATTEMPTS + 1):
        yield (attempt := Attempt(too_long_ms, is_last=number == ATTEMPTS, watch=watch))
        if attempt.succeeded:
            return
