"""YAML and TOML as text: what a value looks like, and that parsers of others read the same."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alived.config.write.nodes import (
    FALSE,
    NOTHING,
    TRUE,
    Array,
    Item,
    Leaf,
    Object,
    Pair,
    Value,
    as_text,
    is_plain,
    quoted,
    without_sign,
)
from alived.config.write.toml_writer import write_toml
from alived.config.write.yaml_writer import scalar, write_yaml


def obj(**pairs: Value) -> Object:
    return Object(tuple(Pair(key, value) for key, value in pairs.items()))


def array(*values: Value) -> Array:
    return Array(tuple(map(Item, values)))


def plain(value: Value) -> Any:
    """The value as a parser gives it."""
    match value:
        case Leaf(bare=True):
            return yaml.safe_load(value.text)
        case Leaf():
            return value.text
        case Array():
            return [plain(item.value) for item in value.items]
        case Object():
            return {pair.key: plain(pair.value) for pair in value.pairs}


texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(" :#-'\"\\,[]{}\t\n&*!|>%@`0123abc.~", max_size=8)
leaves = st.builds(Leaf, texts) | st.sampled_from([TRUE, FALSE, Leaf("12", True), Leaf("-0.25", True)])
keys = st.text("abc_-", min_size=1, max_size=4) | texts.filter(bool)
remarks = st.sampled_from(["", " a remark", "x # y: z"])
comments = st.lists(st.sampled_from(["", " a comment", "- no: entry", "[no.table]"]), max_size=3).map(tuple)


def _objects(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Object]:
    pairs = st.builds(Pair, keys, values, comments, remarks)
    return st.builds(Object, st.lists(pairs, max_size=4, unique_by=lambda pair: pair.key).map(tuple), comments)


def _values(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    entries = st.lists(st.builds(Item, leaves, comments, remarks), max_size=3)
    blocks = st.lists(st.builds(Item, _objects(values), comments, remarks), min_size=1, max_size=3)
    return _objects(values) | st.builds(Array, (entries | blocks).map(tuple), comments)


documents = _objects(st.recursive(leaves, _values, max_leaves=12))


@given(documents)
def test_yaml_is_what_it_says(document: Object) -> None:
    read = yaml.safe_load(write_yaml(document))
    assert _without_empty(read) == _without_empty(plain(document))


@given(documents)
def test_toml_is_what_it_says(document: Object) -> None:
    assert tomllib.loads(write_toml(document)) == plain(document)


def _without_empty(value: Any) -> Any:
    """A block or a list that holds comments only is nothing to a parser, as it is to the reader of documents."""
    if isinstance(value, dict):
        return {key: _without_empty(one) for key, one in value.items()} or None
    if isinstance(value, list):
        return [_without_empty(one) for one in value] or None
    return value


@pytest.mark.parametrize(
    "text",
    ["eth0", "192.0.2.10/24 dev eth0", "fe80::1/64", "192.0.2.1", "/usr/bin/x 'y z'", "a#b", "vrrp.51", "<VIP>", "中"],
)
def test_a_string_of_yaml_without_quotes(text: str) -> None:
    assert scalar(text) == text
    assert yaml.safe_load(f"k: {text}\n") == {"k": text}


@pytest.mark.parametrize(
    "text",
    ["", "1", "010", "0x1f", "1.5", "1_000", "12:30:45", "yes", "Off", "n", "null", "~", "2001-01-01", "- a", "a: b",
     "a #b", "fe80::", "&a", "*a", "!x", "%a", "@a", "`a", "[a]", "{a}", " a", "a ", ".inf", "=", "<<", "---", "1e3"],
)  # fmt: skip
def test_a_string_of_yaml_that_needs_quotes(text: str) -> None:
    assert scalar(text) == f'"{text}"'
    assert yaml.safe_load(f"k: {scalar(text)}\n") == {"k": text}


def test_quotes_are_those_that_need_no_escapes() -> None:
    assert quoted('say "x"') == "'say \"x\"'"
    assert quoted('it\'s "x"') == '"it\'s \\"x\\""'
    assert quoted("a\tb\0\U0001f600\ue000\x85") == '"a\\tb\\u0000\U0001f600\ue000\\u0085"'
    assert tomllib.loads(f"k = {quoted(chr(0x10FFFF))}") == {"k": chr(0x10FFFF)}


def test_yaml_looks_like_this() -> None:
    document = Object(
        (
            Pair("a", Leaf("x"), (" above",), " beside"),
            Pair("empty", obj()),
            Pair("none", NOTHING),
            Pair("numbers", array(Leaf("0", True), Leaf("1", True))),
            Pair("only_comments", Object((), (" nothing yet",))),
            Pair("servers", Array((Item(obj(name=Leaf("one"), on=TRUE), (" first",)), Item(obj(name=Leaf("two")))))),
            Pair("list", Array((Item(Leaf("x y")), Item(Leaf("1"), (), " r")), (" last",))),
        ),
        (" end",),
    )
    assert write_yaml(document) == (
        "# above\na: x  # beside\n\nempty: {}\n\nnone:\n\nnumbers: [0, 1]\n\nonly_comments:\n  # nothing yet\n\n"
        "servers:\n  # first\n  - name: one\n    \"on\": true\n\n  - name: two\n\n"
        "list:\n  - x y\n  - \"1\"  # r\n  # last\n\n# end\n"
    )  # fmt: skip


def test_toml_looks_like_this() -> None:
    command = obj(command=Leaf("/bin/x"), user=Leaf("root"))
    server = Object((Pair("name", Leaf("one")), Pair("notify", command), Pair("list", array(Leaf("a"), Leaf("b")))))
    document = Object(
        (
            Pair("servers", Array((Item(server, (), " s"), Item(obj(name=Leaf("two"))))), (" above",)),
            Pair("first", Leaf("1", True), (), " beside"),
            Pair("table", obj(short=array(Leaf("a")), none=NOTHING)),
        ),
        (" end",),
    )
    assert write_toml(document) == (
        'first = 1  # beside\n\n# above\n[[servers]]  # s\nname = "one"\n'
        'notify = { command = "/bin/x", user = "root" }\nlist = [\n  "a",\n  "b",\n]\n\n'
        '[[servers]]\nname = "two"\n\n[table]\nshort = ["a"]\nnone = []\n\n# end\n'
    )


def test_a_block_with_blocks_in_it_gets_headers_in_toml() -> None:
    inner = obj(check=array(obj(port=Leaf("80", True), note=Leaf("x" * 80))))
    assert write_toml(obj(servers=array(inner))) == (
        f'[[servers]]\n\n[[servers.check]]\nport = 80\nnote = "{"x" * 80}"\n'
    )


def test_a_table_of_tables_needs_no_header_in_toml() -> None:
    inner = obj(check=array(obj(port=Leaf("80", True), note=Leaf("x" * 80))))
    text = f'port = 80\nnote = "{"x" * 80}"\n'
    assert write_toml(obj(servers=inner)) == f"[[servers.check]]\n{text}"
    commented = Object((Pair("servers", inner, (" c",)),))
    assert write_toml(commented) == f"# c\n[servers]\n\n[[servers.check]]\n{text}"


def test_blank_lines_are_single_and_inside() -> None:
    assert as_text(["", "a", "", "", "b", ""]) == "a\n\nb\n"
    assert as_text([]) == ""


def test_comments_lose_their_sign_and_what_no_document_may_hold() -> None:
    assert without_sign(("# a", "!b", "", "#", "#\x07")) == (" a", "b", "", " ", "\N{REPLACEMENT CHARACTER}")


def test_what_has_no_comment_is_plain() -> None:
    assert is_plain(obj(a=array(Leaf("x"))))
    assert not is_plain(obj(a=Array((), ("c",))))
    assert not is_plain(array(Object((Pair("a", TRUE, (), "r"),))))
