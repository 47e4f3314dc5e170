"""The observer tells a change of owner from two owners."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.lab.cluster import Observer, TwoOwners

MS = 1_000_000


def observer(*answers: tuple[int, str]) -> Observer:
    """answers: (milliseconds, node)"""
    made = Observer.__new__(Observer)
    made.answers = [(ms * MS, node) for ms, node in answers]
    return made


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], []),
        ([(1, "a"), (5, "a"), (9, "b"), (12, "b")], ["a", "b"]),
        ([(1, "a"), (20, "b"), (102, "a")], ["a", "b", "a"]),
    ],
)
def test_owners_one_after_the_other(answers: Sequence[tuple[int, str]], expected: list[str]) -> None:
    assert observer(*answers).owners() == expected


def test_who_goes_on_beside_another_is_one_of_two_owners() -> None:
    seen = observer((1, "a"), (5, "b"), (9, "a"), (12, "b"))
    with pytest.raises(TwoOwners, match="a answered before and after another node"):
        seen.owners()
    assert seen.owners(8 * MS) == ["a", "b"]
