"""Effective configurations are as they were reviewed."""

from __future__ import annotations

import pathlib

import pytest

from tests.config.corpus_host import golden, read_table
from tests.config.effective import TABLE, effective, examples, golden_of, table

HINT = "python -m tests.config.effective --rewrite, then review the difference"


def test_those_of_the_corpus() -> None:
    rows, before = table(), read_table(TABLE)
    changed = {name: (before.get(name), rows.get(name)) for name in {**before, **rows}}
    assert {name: pair for name, pair in changed.items() if pair[0] != pair[1]} == {}, HINT


@pytest.mark.parametrize("example", examples(), ids=lambda path: path.name)
def test_those_of_the_examples(example: pathlib.Path) -> None:
    assert golden_of(example).read_text() == effective(example), HINT


def test_no_example_is_forgotten() -> None:
    assert [golden_of(example) for example in examples()] == sorted(golden("examples").iterdir())


def test_an_example_is_the_same_in_every_language() -> None:
    assert len({effective(example) for example in examples() if example.stem == "two-nodes"}) == 1
