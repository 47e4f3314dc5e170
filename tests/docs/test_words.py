"""What the pages say of words that do not work yet is what the tables say."""

from __future__ import annotations

import re

import pytest

from alived.config.keywords.index import tables
from alived.config.keywords.table import Status
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "guides" / "migrating-from-keepalived.md").read_text()
_MISSING = PAGE.partition("## What is not there yet")[2]
WORDS = [
    word
    for line in _MISSING.splitlines()
    if line.startswith("| ")
    for word in re.findall(r"`(\w+\*?)`", line.split("|")[2])
]


def rows(word: str) -> list[Status]:
    """Of each place where it stands; `lvs_*`: of all that begin so."""
    pattern = re.compile(word.replace("*", r"\w*"))
    return [row.status for table in tables().values() for name, row in table.items() if pattern.fullmatch(name)]


@pytest.mark.parametrize("word", WORDS)
def test_what_is_said_to_be_missing_does_not_work(word: str) -> None:
    assert set(rows(word)) - {Status.WORKS}, f"{word} works everywhere"
