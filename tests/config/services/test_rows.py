"""The tables of load balancing are complete, and the sample of each row is right."""

from __future__ import annotations

import pytest

from alived.config.keywords.index import tables
from alived.config.keywords.table import Keyword, Status
from alived.config.load import load_text
from tests.config.helpers import instance_text
from tests.config.keywords.test_tables import INVENTORY
from tests.config.services.documents import document

TABLES = {path: rows for path, rows in tables().items() if path.partition("/")[0] in ("virtual_server", "SSL")}
ROWS = [(path, row) for path, rows in TABLES.items() for row in rows.values()]
BESIDE = {
    "ops": "protocol UDP",
    "sh-port": "lvs_sched sh",
    "sh-fallback": "lvs_sched sh",
    "mh-port": "lvs_sched mh",
    "mh-fallback": "lvs_sched mh",
    "sorry_server_inhibit": "sorry_server 192.0.2.30 80",
    "sorry_server_lvs_method": "sorry_server 192.0.2.30 80",
    "lthreshold": "uthreshold 100",
    "regex_no_match": "regex a",
    "regex_options": "regex a",
    "regex_min_offset": "regex a",
    "regex_max_offset": "regex a",
    "regex_stack": "regex a",
}
"""What a statement needs beside it."""
OTHER = {"real_server": "real_server 192.0.2.21 80 {\n}"}


def findings(path: str, row: Keyword) -> list[str]:
    statement = "\n".join(filter(None, [BESIDE.get(row.name), OTHER.get(row.name, row.sample)]))
    said = load_text(document(path, statement) + instance_text(), "f").diagnostics
    return [f"{one.location.line} {one.code}" for one in said if one.code != "not-supported-yet"]


@pytest.mark.parametrize(("path", "row"), ROWS, ids=[f"{path} {row.name}" for path, row in ROWS])
def test_the_sample_of_a_row(path: str, row: Keyword) -> None:
    expected = []
    if row.deprecated or "/host" in path:
        expected.append("deprecated")
    if row.status is Status.NO_EFFECT:
        expected.append("no-effect")
    assert [one.partition(" ")[2] for one in findings(path, row)] == expected


@pytest.mark.parametrize(("path", "row"), ROWS, ids=[f"{path} {row.name}" for path, row in ROWS])
def test_a_row_is_read_and_says_what_it_means(path: str, row: Keyword) -> None:
    assert row.meaning.endswith(".")
    assert row.converter is not None
    assert (row.consequence == "") == (row.status is Status.WORKS)


def inventory() -> set[tuple[str, str]]:
    if not INVENTORY.exists():
        pytest.skip(f"no inventory of keywords at {INVENTORY} (set ALIVED_KEYWORDS)")
    lines = (line.split() for line in INVENTORY.read_text().splitlines())
    return {(words[0], words[1]) for words in lines if len(words) > 1 and words[0].partition("/")[0] in TABLES}


def test_each_keyword_of_keepalived_has_a_row_and_no_row_is_invented() -> None:
    known = inventory()
    assert len(known) == 231
    assert {(path, row.name) for path, row in ROWS} == known


def test_the_top_level_is_reported_once_for_all_of_a_kind() -> None:
    text = "".join(f"virtual_server_group g{number} {{\n192.0.2.{number} 80\n}}\n" for number in range(5))
    found = load_text(text + instance_text(), "f").diagnostics
    assert [(one.code, one.location.line) for one in found] == [("not-supported-yet", 1)]
