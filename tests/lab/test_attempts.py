"""Which failures are forgiven, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.stalls import Stall, StallWatch
from tests.lab.attempts import attempts
from tests.lab.cluster import TwoOwners

STALL_MS = 40


class OneStall(StallWatch):
    """A machine that stands still in each scene."""

    def __enter__(self) -> StallWatch:
        self.stalls.append(Stall(0, 0, STALL_MS * 1_000_000))
        return self


def played(outcomes: Sequence[BaseException | None], too_long_ms: float) -> int:
    """How often a scene is played that ends so each time."""
    left = iter(outcomes)
    count = 0
    for attempt in attempts(too_long_ms, OneStall):
        with attempt:
            count += 1
            if error := next(left):
                raise error
    return count


def test_what_failed_while_the_machine_stood_still_is_played_again() -> None:
    wrong = AssertionError("wrong")
    assert played([None], STALL_MS - 1) == 1
    assert played([wrong, None], STALL_MS - 1) == 2
    assert played([wrong, wrong, None], STALL_MS - 1) == 3


@pytest.mark.parametrize(
    ("outcomes", "too_long_ms"),
    [
        ([AssertionError("wrong")] * 3, STALL_MS - 1),
        ([AssertionError("wrong"), None], STALL_MS),
        ([TwoOwners("two"), None], STALL_MS - 1),
        ([ValueError("no failure, but a mistake"), None], STALL_MS - 1),
    ],
    ids=["always wrong", "the machine ran", "two owners", "a mistake"],
)
def test_the_rest_is_a_failure(outcomes: Sequence[BaseException | None], too_long_ms: float) -> None:
    first = outcomes[0]
    assert first is not None
    with pytest.raises(type(first), match=str(first)):
        played(outcomes, too_long_ms)
