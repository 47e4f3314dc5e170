"""The tables are complete, and every row does what its status says."""

from __future__ import annotations

import os
import pathlib
from collections import Counter

import pytest

from alived.config.keywords.table import Keyword, Status
from alived.config.load import load_text
from tests.config.keywords.samples import COUNTS, IDS, OURS, ROWS, TABLES, document, way

_SHARED = pathlib.Path(__file__).resolve().parents[4] / "shared"
INVENTORY = pathlib.Path(os.environ.get("ALIVED_KEYWORDS", _SHARED / "reference" / "keepalived-keywords.txt"))
NEWER = {"2.2.8", "2.3.0", "2.3.2", "2.3.3", "2.4.0", "2.4.4"}
"""Versions of keepalived that have brought a keyword since 2.2.7."""

OF_STATUS = {
    Status.WORKS: None,
    Status.NOT_YET: "not-supported-yet",
    Status.NO_EFFECT: "no-effect",
    Status.REFUSED: "not-supported",
}


LONELY = {"unused-tracker", "no-mail-server", "no-recipient", "no-user", "no-password"}
"""Said of a right word that nothing else in the text goes with."""


def expected_codes(path: str, row: Keyword) -> set[str]:
    """What the statuses of a row and of the blocks around it say."""
    codes = {OF_STATUS[one.status] for one in (*way(path), row)} | {"not-supported-yet"}
    codes |= {"deprecated", *LONELY}
    return {code for code in codes if code is not None}


@pytest.mark.parametrize(("path", "row"), ROWS, ids=IDS)
def test_a_sample_of_each_keyword(path: str, row: Keyword) -> None:
    """Its value is right, and its status is said: once, with what happens."""
    text = document(path, row)
    loaded = load_text(text, "f")
    report = text + "\n" + "\n".join(map(str, loaded.diagnostics))
    unexpected = {found.code for found in loaded.diagnostics} - expected_codes(path, row)
    assert unexpected == set(), report
    refused = any(one.status is Status.REFUSED for one in (*way(path), row))
    assert (loaded.config is None) == refused, report
    if row.status is not Status.WORKS:
        said = [found for found in loaded.diagnostics if found.message.startswith(f"{row.name!r} ")]
        told = [found for found in said if found.code == OF_STATUS[row.status] and row.consequence in found.message]
        assert len(told) == 1, report
    deprecated = [
        found for found in loaded.diagnostics if found.code == "deprecated" and repr(row.name) in found.message
    ]
    assert bool(deprecated) == bool(row.deprecated and row.status in (Status.WORKS, Status.NOT_YET)), report


@pytest.mark.parametrize(("path", "row"), ROWS, ids=IDS)
def test_a_row_says_what_it_means(path: str, row: Keyword) -> None:
    assert row.meaning.endswith(".")
    assert row.converter is not None and row.field, "its values are not read"
    assert (row.consequence == "") == (row.status is Status.WORKS)
    assert row.since in NEWER | {""}
    assert row.converter.shape or not row.converter.block


def inventory() -> dict[tuple[str, str], list[str]]:
    """(block, word) -> tags."""
    if not INVENTORY.exists():
        pytest.skip(f"no inventory of keywords at {INVENTORY} (set ALIVED_KEYWORDS)")
    head = INVENTORY.read_text().partition("# SECTION 2")[0]
    lines = (line.split() for line in head.splitlines() if line and not line.startswith("#"))
    return {(block, word): tags for block, word, *tags in lines}


def test_every_keyword_of_keepalived_has_a_row() -> None:
    pairs = inventory()
    assert len(pairs) == 531
    assert [(block, word) for block, word in pairs if word not in TABLES.get(block, {})] == []
    assert Counter(block for block, _ in pairs) == COUNTS


def test_rows_say_which_words_are_newer_than_2_2_7() -> None:
    newer = {pair for pair, tags in inventory().items() if "not227" in tags}
    said = {(path, row.name) for path, row in ROWS if row.since}
    assert said == newer - {("global_defs", "vrrp_ipsets")}, "vrrp_ipsets is not new: Debian builds without it"


def test_no_row_is_invented() -> None:
    for path, count in COUNTS.items():
        ours = OURS.get(path, set())
        assert ours <= set(TABLES[path])
        assert len(set(TABLES[path]) - ours) == count, path
