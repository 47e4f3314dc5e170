"""Templates of vip-switch's environment: fields, nothing else of Go's language."""

from __future__ import annotations

import pytest

from alived.hooks.template import FIELDS, TemplateError, check, expand

VALUES = {"NodeID": "node1", "Event": "ToMaster", "RaftAddr": "192.0.2.1:7946", "Group": "web"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain } text {", "plain } text {"),
        ("{{.NodeID}}", "node1"),
        ("{{ .NodeID }}/{{.Event}}", "node1/ToMaster"),
        ("a{{.RaftAddr}}b}}", "a192.0.2.1:7946b}}"),
        ("{{.Group}}", "web"),
    ],
)
def test_fields_are_replaced(template: str, text: str) -> None:
    assert expand(template, VALUES) == text


def test_what_a_field_gives_is_not_expanded_again() -> None:
    assert expand("{{.NodeID}}", {"NodeID": "{{.Event}}"}) == "{{.Event}}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Nodeid}}", "there is no field .Nodeid"),
        ("{{NodeID}}", "'{{NodeID}}' is more than a field"),
        ("{{if .NodeID}}x{{end}}", "'{{if .NodeID}}' is more than a field"),
        ("{{.NodeID | printf}}", "'{{.NodeID | printf}}' is more than a field"),
        ("{{.NodeID", "'{{' is not closed by '}}'"),
        ("{{}}", "'{{}}' is more than a field"),
    ],
)
def test_anything_else_is_an_error(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        check(template)
    assert str(caught.value) == message


def test_every_field_may_be_named() -> None:
    for field in FIELDS:
        check(f"{{{{.{field}}}}}")
    assert set(FIELDS) == set(VALUES)
