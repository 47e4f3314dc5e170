r"""`$NAME=value`, one line and several, and the names that are there from the beginning."""

from __future__ import annotations

import pytest

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.expansion import MAX_WORK
from alived.config.text.host import Kind
from alived.config.text.names import MAX_LENGTH
from alived.config.text.read import read_text
from tests.config.text.host import HOST, FakeHost, statements, tree_of

INSTANCE = r"""$VI= \
vrrp_instance VI_${NUM} { \
    # the interface
    interface eth${NUM} \
    @here priority 130 \
    @there priority 120 \
    $TWICE=${NUM}${NUM} \
    virtual_router_id $TWICE \
}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$A=1\na $A b", ["a 1 b"]),
        ("$A=1\na ${A}b", ["a 1b"]),
        ("$A=1\n$A=2\na $A", ["a 2"]),
        ("$A=\na ${A}b c$A", ["a b c"]),
        ("$A=1 # one\na $A", ["a 1"]),
        ("$A= \t b  c \na ${A}d", ["a b cd"]),
        ("$A=1\n$B=${A}2\n$A=3\na $B", ["a 32"]),
        ("$B=$A\n$A=1\na $B", ["a 1"]),
        ('$A="b c"\na $A', ["a b c"]),
        ('$A=1\na "$A ${A}"', ["a 1 1"]),
        ('$A=1\na "b,$A" "$A"', ["a b,$A $A"]),
        ("$A=b { c }\na\n$A", ["a", "b {", "c", "}"]),
        ("$A=a b\n$A c", ["a b c"]),
        ("$A=1\n$B=A\na $$B", ["a 1"]),
        ("@here $A=1\n@there $A=2\na $A", ["a 1"]),
        ("$A=@here\n$B=@there\n$A a\n$B b", ["a"]),
        ("$A=1\na\\#$A", ["a#1"]),
        ("$A=x\\#y\na $A", ["a x#y"]),
        ("a {\n$A=1\n}\nb $A", ["a {", "}", "b 1"]),
        ("a { $A=1\nb $A }", ["a {", "b 1", "}"]),
        ("a $1 $ $$ b", ["a $1 $ $$ b"]),
        ("$1=x\na", ["$1=x", "a"]),
        ("$=x\na", ["$=x", "a"]),
        ("$_A=1\na $_A", ["a 1"]),
        ("include=5", ["include=5"]),
    ],
)
def test_one_line(text: str, said: list[str]) -> None:
    assert statements(text) == said


def test_several_lines_late_and_nested() -> None:
    expected = [
        line
        for number in "34"
        for line in (
            f"vrrp_instance VI_{number} {{",
            f"interface eth{number}",
            "priority 130",
            f"virtual_router_id {number}{number}",
            "}",
        )
    ]
    assert statements(INSTANCE + "$NUM=3\n$VI\n$NUM=4\n$VI") == expected


def test_a_definition_of_several_lines_in_another() -> None:
    text = "$IN= \\\nb \\\nc\n$OUT= \\\na { \\\n$IN \\\nd }\n$OUT\ne"
    assert statements(text) == ["a {", "b", "c", "d", "}", "e"]


def test_an_empty_line_ends_it_a_line_of_blanks_or_comment_does_not() -> None:
    assert statements("$A= \\\na \\\n   \n# c\nb \\\n\nc\n$A") == ["c", "a", "b"]


def test_the_end_of_the_file_ends_it() -> None:
    assert statements("$A= \\\na \\") == []


def test_a_definition_of_several_lines_counts_at_the_end_of_a_line() -> None:
    text = "$A=1 \\\n2\na $A\nb $A c"
    assert statements(text, "not-a-name") == ["a 1", "2", "b $A c"]


def test_comments_in_it_may_stand_before_the_backslash() -> None:
    assert statements("$A= \\ # c\na # d \\\nb\n$A") == ["a", "b"]


def test_names_that_are_not_defined() -> None:
    assert statements("$A=1\na $B", "not-a-name") == ["a $B"]
    assert statements('$A=1\na "$B "') == ["a $B "]
    assert statements("a $B") == ["a $B"]
    assert statements("a ${B}c", "undefined-name") == ["a ${B}c"]
    assert statements('a "${B}"') == ["a ${B}"]


def places(text: str) -> list[Location]:
    return [word.location for block in tree_of(text).blocks for word in block.words]


def test_places_are_those_of_the_use() -> None:
    text = "$A=b c\n$B= \\\nd \\\n  e ${A}\nx  $A y${A}z w\n $B"
    origin = Location("f", 1, 4)
    first = [Location("f", 5, 1), Location("f", 5, 4, origin), Location("f", 5, 4, origin)]
    assert places(text)[:5] == [*first, Location("f", 5, 7), Location("f", 5, 8, origin)]
    assert places(text)[5:] == [
        Location("f", 5, 14),
        Location("f", 6, 2, Location("f", 3, 1)),
        Location("f", 6, 2, Location("f", 4, 3)),
        Location("f", 6, 2, origin),
        Location("f", 6, 2, origin),
    ]


def test_a_finding_in_a_definition_says_where_the_text_stands() -> None:
    findings = Findings()
    read_text('$A= \\\na \\\n"b\nx\n $A', "f", HOST, findings, "here")
    (found,) = findings.sorted()
    assert (found.code, str(found.location)) == ("unclosed-quote", "f:5:2")
    assert found.message.endswith("(the text stands in f:3:1)")


def test_a_finding_that_a_sequence_repeats_is_said_once() -> None:
    tree_of("~SEQ(A,1,50) ${B}", "undefined-name")


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("$A=$A\na $A", "$A -> $A"),
        ("$A=x$A\na $A", "$A -> $A"),
        ("$A=$B\n$B=$C\n$C=$A\na $A", "$A -> $B -> $C -> $A"),
        ("$X=$A\n$A= \\\nb \\\nc $A\nd $X", "$A -> $A"),
        ("$A= \\\nb \\\n$B\n$B= \\\nc \\\n$A\n$A", "$A -> $B -> $A"),
    ],
)
def test_a_definition_that_comes_back_to_itself(text: str, way: str) -> None:
    findings = Findings()
    tree = read_text(text + "\nz", "f", HOST, findings, "here")
    (found,) = findings.sorted()
    assert found.code == "definition-loop"
    assert f": {way};" in found.message
    assert tree.blocks[-1].keyword == "z"


def test_a_definition_may_be_used_twice_in_a_line_and_changed_by_its_own_lines() -> None:
    assert statements("$A=1\n$B=${A}${A}\na ${B}${A}$B") == ["a 11111"]
    assert statements("$A= \\\na \\\n$A=b \\\n$A\n$A") == ["a", "b"]


def test_growth_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alived.config.text.expansion.MAX_WORK", MAX_WORK // 20)
    doubling = "".join(f"$A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 40))
    tree_of(f"$A0=x\n{doubling}a $A39", "too-much-text")
    tree_of(f"$A0=\n{doubling}a $A39", "too-much-text")
    tree_of("$A=$${B}\n$B=A\n$A", "too-much-text")
    assert len(statements(f"$A0=x\n{doubling}$A10\n")[0]) == 2**10 < MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${_PWD}/x", ["/etc/keepalived/x"]),
        ("$_PWD", ["/etc/keepalived"]),
        ("${_INSTANCE}", ["here"]),
        ("${_ENV HOME}/x", ["/root/x"]),
        ("a${_ENV NOTHING}b", ["ab"]),
        ("${_RANDOM 3 3}x", ["3x"]),
        ('"a ${_HASH}${_BANG}"', ["a #!"]),
        ("a ${_HASH} b", ["a"]),
        ("$OFF=${_BANG}\n$OFF a\nb", ["b"]),
        ("$_PWD=x\n$_PWD", ["x"]),
    ],
)
def test_names_that_are_there_from_the_beginning(text: str, said: list[str]) -> None:
    assert statements(text, file="/etc/keepalived/keepalived.conf") == said


@pytest.mark.parametrize("name", ["_ENV", "_RANDOM 5 1", "_RANDOM 1 2 3", "_RANDOM x", "_PWD 1", "_X", "A 1"])
def test_names_with_other_parameters_are_none(name: str) -> None:
    tree_of(f"$A=1\na ${{{name}}}", "undefined-name")


def test_a_value_of_the_environment_is_only_text() -> None:
    assert statements('a "${_ENV ODD}"') == ["a a # ${_ENV ODD} b"]
    assert statements("a ${_ENV ODD}", "undefined-name") == ["a a # ${_ENV ODD} b"]


def test_random_numbers_differ_from_each_other_but_not_from_reading_to_reading() -> None:
    text = "\n".join(["${_RANDOM 10 20}x", "${_RANDOM}x"] * 50)
    numbers = [int(word.removesuffix("x")) for word in statements(text)]
    assert all(10 <= number <= 20 for number in numbers[::2])
    assert all(0 <= number <= 32767 for number in numbers[1::2])
    assert len(set(numbers[::2])) > 5
    assert statements(text) == [f"{number}x" for number in numbers]
    assert statements(text, config_id="other") != [f"{number}x" for number in numbers]


def test_the_directory_is_that_of_the_file_that_says_it() -> None:
    host = FakeHost({"/etc/a/sub/b.conf": "in ${_PWD}"}, {"/etc/a": Kind.DIRECTORY})
    text = "$HERE=${_PWD}\nout ${_PWD}\ninclude sub/b.conf\nout $HERE"
    assert statements(text, host=host, file="/etc/a/k.conf") == ["out /etc/a", "in /etc/a/sub", "out /etc/a"]
