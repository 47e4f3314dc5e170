"""`@ID` and `@^ID`: lines of one node, lines of the others."""

from __future__ import annotations

import pytest

from alived.config.load import ReadOptions, load_text
from tests.config.helpers import instance_text
from tests.config.text.host import statements, tree_of


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("@here a", ["a"]),
        ("@there a", []),
        ("@^here a", []),
        ("@^there a", ["a"]),
        ("  @here\ta b # c", ["a b"]),
        ("@here", []),
        ("@^there", []),
        ("@ a", []),
        ("@^ a", ["a"]),
        ("@Here a", []),
        ("@here @there a", ["@there a"]),
        ('@here "a b"', ["a b"]),
        ("a { @here b\n@there c }\n}", ["a {", "b", "}"]),
        ("a @here b", ["a @here b"]),
        ("a b@here", ["a b@here"]),
        ('"@there" a', ["@there a"]),
        ("@here a {\n@there b {\nc }", ["a {", "c", "}"]),
    ],
)
def test_lines(line: str, said: list[str]) -> None:
    assert statements(line) == said


def test_places_do_not_move() -> None:
    (block,) = tree_of("\n  @here  a  b").blocks
    assert [str(word.location) for word in block.words] == ["f:2:10", "f:2:13"]


def test_the_id_is_the_name_of_the_node_up_to_the_first_dot() -> None:
    assert statements("@node1 a\n@node1.example.com b\n${_INSTANCE}", config_id=None) == ["a", "node1"]


def test_an_empty_id_is_an_id() -> None:
    assert statements("@ a\n@^ b\n@x c", config_id="") == ["a"]


def test_the_id_comes_through_the_door() -> None:
    text = instance_text("@one advert_int 2\n@^one advert_int 3")
    for config_id, interval_cs in (("one", 200), ("two", 300)):
        config = load_text(text, "f", ReadOptions(config_id=config_id)).config
        assert config is not None
        assert config.instances[0].vrrp.advert_interval_cs == interval_cs
