"""Paths into JSON and what may be asked of the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.config import Comparison, JsonAssertion
from alived.health.json_path import MAX_DOCUMENT, JsonPathError, failure, parse

DOCUMENT = b"""{"status": "UP", "lag": 3, "ready": true, "none": null, "nodes": [{"a.b": 1.5}, {"it's": [0]}]}"""


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.status", ("status",)),
        ("$.nodes[0]['a.b']", ("nodes", 0, "a.b")),
        (r"$.nodes[-1]['it\'s'][0]", ("nodes", -1, "it's", 0)),
        ('$["a\\"b"].c-d', ('a"b', "c-d")),
        ("$['']", ("",)),
    ],
)
def test_paths(path: str, steps: tuple[object, ...]) -> None:
    assert parse(path) == steps


@pytest.mark.parametrize(
    "path",
    ["", "status", "$.", "$..a", "$.*", "$[*]", "$[1:2]", "$.a b", "$[?@.x]", "$[a]", "$.é", "$[1", "$" + ".a" * 65],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse(path)


def holds(path: str, comparison: str = "", value: object = None) -> str:
    assertion = JsonAssertion(path, Comparison(comparison) if comparison else None, value)  # type: ignore[arg-type]
    return failure(DOCUMENT, (JsonAssertion("$"), assertion))


@pytest.mark.parametrize(
    ("path", "comparison", "value"),
    [
        ("$.status", "", None),
        ("$.none", "", None),
        ("$.status", "==", "UP"),
        ("$.status", "!=", "DOWN"),
        ("$.lag", "<", 4),
        ("$.lag", "<=", 3),
        ("$.lag", ">", 2.5),
        ("$.lag", ">=", 3.0),
        ("$.lag", "!=", "3"),
        ("$.ready", "==", True),
        ("$.ready", "!=", 1),
        ("$.none", "==", None),
        ("$.nodes[0]['a.b']", "==", 1.5),
        ("$.status", ">", "DOWN"),
        ("$.nodes", "!=", 1),
    ],
)
def test_what_holds(path: str, comparison: str, value: object) -> None:
    assert holds(path, comparison, value) == ""


@pytest.mark.parametrize(
    ("path", "comparison", "value", "reason"),
    [
        ("$.status", "==", "DOWN", '$.status is "UP", not == "DOWN"'),
        ("$.lag", "<", 3, "$.lag is 3, not < 3"),
        ("$.lag", "==", "3", '$.lag is 3, not == "3"'),
        ("$.ready", "==", 1, "$.ready is true, not == 1"),
        ("$.ready", ">", False, "$.ready is true, not > false"),
        ("$.status", ">", 1, '$.status is "UP", not > 1'),
        ("$.absent", "", None, "there is no $.absent in the JSON"),
        ("$.status.deeper", "", None, "there is no $.status.deeper in the JSON"),
        ("$.nodes[2]", "", None, "there is no $.nodes[2] in the JSON"),
        ("$.nodes[-3]", "==", 1, "there is no $.nodes[-3] in the JSON"),
        ("$[0]", "", None, "there is no $[0] in the JSON"),
        ("$.nodes", "==", None, "$.nodes is "),
    ],
)
def test_what_does_not(path: str, comparison: str, value: object, reason: str) -> None:
    assert holds(path, comparison, value).startswith(reason)


def test_a_long_value_is_shown_in_part() -> None:
    said = failure(b'{"a": "' + b"x" * 1000 + b'"}', (JsonAssertion("$.a", Comparison.EQUAL, "y"),))
    assert said == f'$.a is "{"x" * 59}..., not == "y"'


def test_a_value_cannot_lead_a_terminal_astray() -> None:
    said = failure('{"a": "\\u001b[2J\u202e"}'.encode(), (JsonAssertion("$.a", Comparison.EQUAL, "y"),))
    assert said.isprintable()


@pytest.mark.parametrize("document", [b"", b"{", b"<html>", b'{"a": 1} x', b"[" * 100_000, b'"\xff"', b"nan"])
def test_what_is_no_json(document: bytes) -> None:
    assert failure(document, (JsonAssertion("$"),)).startswith("the body is no JSON: ")


def test_too_long_for_json() -> None:
    assert "too long" in failure(b'"' + b"x" * MAX_DOCUMENT + b'"', (JsonAssertion("$"),))


@given(st.text(alphabet="$.[]'\"\\ab-019 *?:@(", max_size=12))
def test_any_text_is_a_path_or_an_error(text: str) -> None:
    try:
        assert isinstance(parse("$" + text), tuple)
    except JsonPathError as error:
        assert str(error)


@given(st.binary(max_size=60))
def test_any_octets_have_an_answer(data: bytes) -> None:
    assert isinstance(failure(data, (JsonAssertion("$.a", Comparison.LESS, 1),)), str)
