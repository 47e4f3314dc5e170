"""`~SEQ` and `~LST`."""

from __future__ import annotations

import pytest

from alived.config.findings import Findings
from alived.config.text.expansion import MAX_WORK, Expansion
from tests.config.text.host import HOST, statements, tree_of


@pytest.mark.parametrize(
    ("sequence", "values"),
    [
        ("~SEQ(A,3)", "1 2 3"),
        ("~SEQ(A,0)", "1 0"),
        ("~SEQ(A,-2)", "-1 -2"),
        ("~SEQ(A,2,4)", "2 3 4"),
        ("~SEQ(A,4,2)", "4 3 2"),
        ("~SEQ(A,2,2)", "2"),
        ("~SEQ(A,1,2,6)", "1 3 5"),
        ("~SEQ(A,6,-2,1)", "6 4 2"),
        ("~SEQ(A,5,1,5)", "5"),
        ("~SEQ( A , 0x10 , 010 , 40 )", "16 24 32 40"),
        ("~SEQx(A,0x90,0x10,0xb0)", "90 a0 b0"),
        ("~SEQx(A,9,11)", "9 a b"),
        ("~LST(A,x,y)", "x y"),
        ("~LST( A , x , y )", "x y"),
        ("~LST(A,x,)", "x "),
        ("~LST(A,{x},y)", "x y"),
    ],
)
def test_values(sequence: str, values: str) -> None:
    assert statements(f'{sequence} "${{A}}"') == values.split(" ")
    assert statements(f'{sequence}"${{A}}"') == values.split(" ")


def test_several_names_at_a_time_missing_values_are_empty() -> None:
    text = '~LST({A, B}, {1,2}, { 3 }, 4) "${A} ${B}."'
    assert statements(text) == ["1 2.", "3 .", "4 ."]


def test_nested_and_mixed() -> None:
    text = "~LST({IP,   IP1},  {10,1},{20,4})  ~SEQ(IP2,168,2,172) 192.${IP2}.${IP}.${IP1}"
    expected = [f"192.{second}.{rest}" for rest in ("10.1", "20.4") for second in (168, 170, 172)]
    assert statements(text) == expected


def test_numbers_may_have_names_also_those_of_the_sequence_around() -> None:
    assert statements("$N=2\n~SEQ(A,1,$N) ~SEQ(B,$A,${N}) a${A}$B") == ["a11", "a12", "a22"]


def test_the_name_keeps_its_last_value() -> None:
    assert statements("$A=x\n~SEQ(A,1,3) a\nb $A") == ["a", "a", "a", "b 3"]


def test_definitions_of_several_lines_in_a_sequence() -> None:
    text = "$VI= \\\nvi $A { \\\n~SEQ(B,1,2) b$B \\\n}\n~SEQ(A,1,2) $VI\nc"
    assert statements(text) == ["vi 1 {", "b1", "b2", "}", "vi 2 {", "b1", "b2", "}", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@here ~SEQ(A,1,2) a$A", ["a1", "a2"]),
        ("@there ~SEQ(A,1,2) a$A", []),
        ("~SEQ(A,1,2) @there a", []),
        ("$S=~SEQ(A,1,2)\n$S a$A", ["a1", "a2"]),
        ("~SEQ(A,1,2) $B=$A\n~SEQ(A,8,9) b${B}", ["b8", "b9"]),
        ("~SEQ(A,1,2) a { b$A }", ["a {", "b1", "}", "a {", "b2", "}"]),
        ("a { ~SEQ(A,1,2) b$A\n}", ["a {", "b1", "b2", "}"]),
        ("~SEQ(A,1,2)", []),
        ("~x a", ["~x a"]),
        ("a ~SEQ(A,1,2)", ["a ~SEQ(A,1,2)"]),
    ],
)
def test_with_the_rest_of_the_language(text: str, said: list[str]) -> None:
    assert statements(text) == said


@pytest.mark.parametrize(
    ("sequence", "reason"),
    [
        ("~SEQ", "is not ~SEQ("),
        ("~SEQ(", "is not ~SEQ("),
        ("~SEQ(A)", "is not ~SEQ("),
        ("~SEQ(,1,2)", "is not ~SEQ("),
        ("~SEQ(A,1,2", "is not ~SEQ("),
        ("~SEQ(A,1,,2)", "has '' where a number should be"),
        ("~SEQ(A,1,x)", "has 'x' where a number should be"),
        ("~SEQ(A,1,08)", "has '08' where a number should be"),
        ("~SEQ(A,1,$N)", "has '$N' where a number should be"),
        ("~SEQ(A,1,9223372036854775808)", "too large"),
        (f"~SEQ(A,1,{'9' * 5000})", "too large"),
        ("~SEQ(A,1,0,5)", "never comes to its end"),
        ("~SEQ(A,1,-1,5)", "never comes to its end"),
        ("~SEQ(A,5,1,1)", "never comes to its end"),
        ("~SEQ(A,1,2,3,4)", "more than three numbers"),
        ("~SEQx(A,-1,2)", "counts below 0"),
        ("~SEQ(1A,1,2)", "has '1A' where a name should be"),
        ("~LST", "is not ~LST("),
        ("~LST(A", "is not ~LST("),
        ("~LST(A)", "is not ~LST("),
        ("~LST(A,x y)", "is not ~LST("),
        ("~LST(A,${X})", "is not ~LST("),
        ("~LST({A,B},{1,2}", "is not ~LST("),
        ("~LST(A,{1,2})", "has more values in a set than the 1"),
        ("~LST({A,B},{1 2,3})", "has a value of two words"),
        ("~LST(,x)", "has '' where a name should be"),
    ],
)
def test_what_is_no_sequence_is_an_error_with_a_place(sequence: str, reason: str) -> None:
    findings = Findings()
    pieces = list(Expansion(HOST, "here", findings).pieces(f"a\n  {sequence} b\nc", "f"))
    (found,) = findings.sorted()
    assert (found.code, str(found.location)) == ("sequence", "f:2:3")
    assert reason in found.message
    assert [piece.text[piece.start : piece.end].strip() for piece in pieces] == ["a", "c"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("~SEQ(A,1,9223372036854775807) a", "too-much-text"),
        ("~SEQ(A,1,9223372036854775807) $B=1", "too-much-text"),
        ("~SEQ(A,1,1000000) ~SEQ(B,1,1000000) @there a", "too-much-text"),
        ("$S=~SEQ(A,1,2) $S\n$S", "too-deep"),
        ("~SEQ(A,1,2) " * 100, "too-deep"),
    ],
)
def test_sequences_without_end(text: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alived.config.text.expansion.MAX_WORK", MAX_WORK // 100)
    findings = Findings()
    expansion = Expansion(HOST, "here", findings)
    made = sum(1 for _ in expansion.pieces(text + "\nz", "f"))
    assert [found.code for found in findings.sorted()] == [code]
    assert findings.sorted()[0].location.line > 0
    assert made * 128 <= expansion.work < MAX_WORK // 50


def test_a_sequence_that_is_wrong_because_of_a_definition_says_where_that_stands() -> None:
    findings = Findings()
    list(Expansion(HOST, "here", findings).pieces("$S=~SEQ(A,x)\n$S a$A", "f"))
    (found,) = findings.sorted()
    assert str(found.location) == "f:2:1"
    assert found.message.endswith("(the text stands in f:1:4)")


def test_places_in_a_sequence() -> None:
    (first, _) = tree_of("~SEQ(A,1,2) a b${A}c d").blocks
    assert [word.location.column for word in first.words] == [13, 15, 22]
