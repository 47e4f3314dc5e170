"""Whatever the text: no crash, bounded work, a place for every finding, and what is plain reads as if nothing were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.findings import LIMIT, Findings
from alived.config.text.expansion import MAX_WORK, Expansion
from alived.config.text.host import Kind
from alived.config.text.parser import parse
from alived.config.text.read import read_text
from tests.config.text.host import FakeHost, statements
from tests.config.write.helpers import meanings, notes

SMALL = MAX_WORK // 400
"""Enough to be reached by what grows, small enough for many examples."""

_NAMES = [
    "$A",
    "${A}",
    "${B}",
    "$B=",
    "$A=",
    "$M= \\\n",
    "${_HASH}",
    "${_ENV ODD}",
    "${_RANDOM 1 2}",
    "${_PWD}",
    "$",
    "${",
]
_SEQUENCES = [
    "~SEQ(A,1,3) ",
    "~SEQ(B,$A,9) ",
    "~LST(A,x,$B) ",
    "~LST({A,B},{1,2}) ",
    "~SEQ(",
    "~LST({A",
    "~",
    ")",
    "9999999",
]
_CONDITIONS = ["@here ", "@^here ", "@there ", "@"]
_INCLUDES = ["include a ", "include * ", "includea {a,b,no} ", "include_check ", "include "]
_OTHERS = ["{", "}", '"', "#", "!", "\\", "\n", " ", "\t", "\r", "a", "b c", "\0", "\ufffd", "\u00a0", ",", "="]
_BITS = st.sampled_from([*_NAMES, *_SEQUENCES, *_CONDITIONS, *_INCLUDES, *_OTHERS])
TEXTS = st.lists(_BITS, max_size=60).map("".join)


@pytest.fixture(autouse=True)
def _little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alived.config.text.expansion.MAX_WORK", SMALL)


@given(TEXTS, TEXTS)
def test_any_text_is_read(text: str, other: str) -> None:
    host = FakeHost({"/k/f": text, "/k/a": other, "/k/b": "$A=1\nb {"}, {"/k/no": Kind.OTHER})
    findings = Findings()
    expansion = Expansion(host, "here", findings)
    pieces = list(expansion.pieces(text.replace("\0", ""), "/k/f"))
    parse(pieces, "/k/f", findings)
    assert expansion.work <= SMALL + 100_000
    assert sum(piece.end - piece.start for piece in pieces) <= expansion.work + expansion.characters
    assert len(findings.sorted()) <= LIMIT + 1
    for found in findings.sorted():
        assert found.location.file in host.files
        assert found.location.line > 0 and found.location.column > 0
        assert found.location.origin is None
        assert found.message and "\0" not in found.message


_PLAIN = st.lists(st.sampled_from(["a", "b c", "{", "}", '"d e"', "# f", "\n", "\n\n"]), max_size=30).map(" ".join)


@given(_PLAIN)
def test_a_text_line_by_line_says_the_same_as_in_one_piece(text: str) -> None:
    """With a name in each line, no line is plain any more."""
    findings, said = Findings(), Findings()
    whole = read_text(text, "f", FakeHost(), findings)
    apart = read_text("$E=\n${E}" + text.replace("\n", "\n${E}"), "f", FakeHost(), said)
    assert [found.code for found in said.sorted()] == [found.code for found in findings.sorted()]
    assert meanings(apart) == meanings(whole)
    assert list(map(notes, apart.blocks)) == list(map(notes, whole.blocks))


def test_the_text_of_the_examples_says_something() -> None:
    """The bits above are not all nonsense."""
    assert statements("~SEQ(A,1,3) ~LST(B,x,$A) a${B}") == ["ax", "a1", "ax", "a2", "ax", "a3"]
