"""A ration: so many at once, then one an interval, whatever is asked meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.raft.ration import Ration


def test_so_many_at_once_and_then_one_an_interval() -> None:
    ration = Ration(interval_ns=10, at_once=3)
    assert [ration.take(1000) for _ in range(5)] == [True, True, True, False, False]
    assert [ration.take(now) for now in (1009, 1010, 1011, 1020)] == [False, True, False, True]
    assert [ration.take(2000) for _ in range(4)] == [True, True, True, False], "it does not save up more"


@given(st.lists(st.integers(0, 30), max_size=100), st.integers(1, 5))
def test_never_more_in_any_span(pauses: list[int], at_once: int) -> None:
    ration, now, taken = Ration(10, at_once), 0, []
    for pause in pauses:
        now += pause
        if ration.take(now):
            taken.append(now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= at_once + (end - start) // 10
