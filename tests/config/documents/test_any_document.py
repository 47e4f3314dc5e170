"""Documents of any shape, made of keys that exist: they are read to the end, and every finding has its place."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.config.documents.naming import Kind, heads, kind, rows_by_key
from alived.config.keywords.index import TOP_PATH, tables
from alived.config.keywords.table import Keyword, Table
from alived.config.load import load_text

WORDS = st.sampled_from(
    [
        "",
        "a",
        "eth0",
        "192.0.2.1",
        "192.0.2.0/24",
        "5",
        "-1",
        "yes",
        "no",
        "1s",
        "on",
        '"',
        "\\",
        "a b",
        "{",
        "#x",
        "\u200b",
    ]
)
LEAVES = WORDS | st.integers(-2, 300) | st.booleans() | st.none() | st.floats(0, 10)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def block(rows: Table, depth: int) -> st.SearchStrategy[Any]:
    """A mapping with keys of a table and values that may or may not fit."""
    known = rows_by_key(rows)
    keys = st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: value(known[key], depth) for key in chosen}))


def value(row: Keyword, depth: int) -> st.SearchStrategy[Any]:
    if row.children is None or not depth:
        return ANYTHING
    inner = block(row.children, depth - 1)
    if kind(row) is Kind.NAMED:
        head = st.fixed_dictionaries(dict.fromkeys(heads(row)[0], LEAVES))
        listed = st.lists(st.tuples(head, inner).map(lambda pair: {**pair[0], **pair[1]}), max_size=2)
        return listed | st.dictionaries(WORDS, inner, max_size=2) | ANYTHING
    return inner | st.lists(inner, max_size=2) | ANYTHING


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(block(tables()[TOP_PATH], 4))
def test_any_document_of_known_keys(document: dict[str, Any]) -> None:
    loaded = load_text(json.dumps(document) or "{}", "f.yaml")
    for found in loaded.diagnostics:
        assert found.location.line or found.code == "no-instance", found
        assert found.message and found.code
