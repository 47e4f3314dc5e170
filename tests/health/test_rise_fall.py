"""When results become a verdict, beside a model that counts results in a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.rise_fall import RiseFall

COUNTS = st.integers(1, 5)


@pytest.mark.parametrize("success", [True, False])
def test_the_first_result_decides_at_once(success: bool) -> None:
    counter = RiseFall(3, 3)
    assert counter.up is None
    assert counter.hear(success)
    assert counter.up is success


def test_init_fail_is_down_until_it_has_risen() -> None:
    counter = RiseFall(2, 1, init_fail=True)
    assert counter.up is False
    assert not counter.hear(True)
    assert counter.hear(True)
    assert counter.up is True


@pytest.mark.parametrize("known", [True, False])
def test_a_verdict_from_before_holds_until_results_say_otherwise(known: bool) -> None:
    counter = RiseFall(2, 2, init_fail=True, known=known)
    assert counter.up is known
    assert not counter.hear(not known)
    assert counter.hear(not known)
    assert counter.up is not known


def test_an_opposite_result_starts_the_count_anew() -> None:
    counter = RiseFall(2, 3)
    heard = [counter.hear(success) for success in (True, False, False, True, False, False, False)]
    assert heard == [True, False, False, False, False, False, True]


@given(COUNTS, COUNTS, st.booleans(), st.lists(st.booleans(), max_size=60))
def test_it_changes_after_so_many_results_in_a_row(rise: int, fall: int, known: bool, results: list[bool]) -> None:
    counter = RiseFall(rise, fall, known=known)
    up, against = known, 0
    for success in results:
        against = against + 1 if success is not up else 0
        news = against == (fall if up else rise)
        if news:
            up, against = not up, 0
        assert counter.hear(success) is news
        assert counter.up is up
