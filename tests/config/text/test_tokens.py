"""Lexing: words, quotes, comments, places, and bytes that are no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.findings import LIMIT, Findings
from alived.config.text import parser
from alived.config.text.blocks import Block
from alived.config.text.read import read_text
from alived.config.text.tokens import MAX_BYTES, decode, scan
from tests.config.text.host import HOST, tree_of


def tree(text: str, *codes: str) -> tuple[Block, ...]:
    return tree_of(text, *codes).blocks


def findings_of(text: str) -> Findings:
    findings = Findings()
    read_text(text, "f", HOST, findings, "here")
    return findings


def words(text: str, *codes: str) -> list[str]:
    return [word.text for block in tree(text, *codes) for word in block.words]


def text_of(data: bytes, *codes: str) -> str:
    findings = Findings()
    text = decode(data, "f", findings)
    assert [found.code for found in findings.sorted()] == list(codes)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", ["a", "b", "c"]),
        ('a "b c" d', ["a", "b c", "d"]),
        ('a"b c"d', ["a", "b c", "d"]),
        ('a ""', ["a", ""]),
        ('a "b # c ! d"', ["a", "b # c ! d"]),
        (r'a "b \" c"', ["a", r"b \" c"]),
        ("a b # c", ["a", "b"]),
        ("a b ! c", ["a", "b"]),
        ("a b#  c d", ["a", "b"]),
        (r"a b\#c\!d", ["a", "b#c!d"]),
        (r"a b\nc", ["a", r"b\nc"]),
        ("a 'b c'", ["a", "'b", "c'"]),
        ('a "${X Y}" $Z', ["a", "${X Y}", "$Z"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("", []),
        ("  # only a comment\n\n!another", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_places_count_from_1_and_point_at_quotes() -> None:
    first, second = tree('  key "a b"  c\n\tother \\\n  value\n', "continued-line")
    assert [str(word.location) for word in first.words] == ["f:1:3", "f:1:7", "f:1:14"]
    assert [str(word.location) for word in second.words] == ["f:2:2", "f:3:3"]


def test_raw_is_the_statement_as_written() -> None:
    (block,) = tree("  notify \"a 'b c'\"  user # comment\n")
    assert block.raw == "notify \"a 'b c'\"  user"


def test_blocks_nest_on_one_line_and_over_lines() -> None:
    (outer,) = tree("a x {\n b { c 1\n d 2 }\n e\n{ f }\n}\n")
    assert (outer.keyword, outer.arguments[0].text) == ("a", "x")
    assert outer.children is not None
    inner, last = outer.children
    assert [child.keyword for child in inner.children or ()] == ["c", "d"]
    assert [child.keyword for child in last.children or ()] == ["f"]


def test_braces_need_no_blanks_but_quotes_hide_them() -> None:
    (block,) = tree('a{b "{}"}')
    assert block.children is not None
    assert [word.text for word in block.children[0].words] == ["b", "{}"]


def test_a_statement_without_braces_has_no_children_but_an_empty_block_has_an_empty_tuple() -> None:
    plain, empty = tree("a\nb {}\n")
    assert plain.children is None
    assert empty.children == ()


def test_a_comment_inside_what_looks_like_a_word() -> None:
    assert words("auth_pass ab!cd", "comment-inside-word") == ["auth_pass", "ab"]
    assert words("auth_pass ab!cd }", "comment-inside-word") == ["auth_pass", "ab"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a {\n b\n", "missing-brace", "f:1:3"),
        ("a\n}\nb", "extra-brace", "f:2:1"),
        ("{ a }\nb", "unexpected-brace", "f:1:1"),
        ("a {} { b }", "unexpected-brace", "f:1:6"),
        ("{ a", "missing-brace", "f:1:1"),
        ('a "b c', "unclosed-quote", "f:1:3"),
    ],
)
def test_structure_that_is_wrong_has_a_place(text: str, code: str, place: str) -> None:
    findings = findings_of(text)
    assert (code, place) in [(found.code, str(found.location)) for found in findings.sorted()]


def test_an_anonymous_block_is_skipped_and_what_follows_is_read() -> None:
    assert words("{ a }\nb", "unexpected-brace") == ["b"]


def test_an_unclosed_quote_keeps_its_text() -> None:
    assert words('a "b c ', "unclosed-quote") == ["a", "b c"]


def test_depth_is_bounded() -> None:
    findings = findings_of("a {\n" * 100_000)
    assert "too-deep" in [found.code for found in findings.sorted()]


def test_findings_are_bounded_and_the_bound_is_an_error() -> None:
    findings = findings_of("}\n" * 5000)
    assert len(findings.sorted()) == LIMIT + 1
    assert findings.has_errors
    assert "too-many-findings" in [found.code for found in findings.sorted()]


@pytest.mark.parametrize("character", ["\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}", "\N{EN DASH}", "\x85"])
def test_characters_that_are_easily_overlooked(character: str) -> None:
    words(f"weight {character}5", "invisible-character")


def test_other_letters_are_just_letters() -> None:
    assert words('notify "a b ü 主"') == ["notify", "a b ü 主"]


def test_latin_1_in_a_comment_is_harmless_in_a_word_it_is_an_error() -> None:
    text = text_of(b"a b # caf\xe9\n", "not-utf-8")
    assert words(text) == ["a", "b"]
    assert words(text_of(b"a caf\xe9\n", "not-utf-8"), "not-utf-8") == ["a", "caf\N{REPLACEMENT CHARACTER}"]


def test_the_place_of_a_byte_that_is_not_utf_8() -> None:
    findings = Findings()
    decode(b"a\nbc\xff\n", "f", findings)
    assert str(findings.sorted()[0].location) == "f:2:3"


def test_a_byte_order_mark_is_skipped() -> None:
    assert text_of(b"\xef\xbb\xbfa", "byte-order-mark") == "a"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused(encoding: str) -> None:
    assert text_of("\N{ZERO WIDTH NO-BREAK SPACE}a".encode(encoding), "not-utf-8") == ""


def test_nul_hides_the_rest_of_its_line() -> None:
    assert text_of(b"a b\0c\nd", "nul-byte") == "a b\nd"


def test_a_huge_file_is_refused() -> None:
    assert text_of(b"a" * (MAX_BYTES + 1), "file-too-large") == ""


@given(st.text(alphabet=st.sampled_from("ab{}\"#!\\$ \t\r\n'\x0b"), max_size=200))
def test_tokens_cover_the_text_in_order(text: str) -> None:
    """Nothing is lost but blanks and continuations, and places are those of the offsets."""
    end = 0
    for token in scan(text):
        between = text[end : token.start]
        assert between.replace("\\", "").strip(" \t\r\f\v\n") == "", between
        assert token.line == text.count("\n", 0, token.start) + 1
        assert token.column == token.start - text.rfind("\n", 0, token.start)
        end = token.end
    assert text[end:].replace("\\", "").strip(" \t\r\f\v\n") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b \\\n c", ["a", "b", "c"]),
        ("a b\\\r\n c", ["a", "b", "c"]),
        ("a b \\", ["a", "b"]),
        ("a b \\ \t\n\n c", ["a", "b", "c"]),
        ("$A=1\na b \\\nc $A d \\\ne", ["a", "b", "c", "1", "d", "e"]),
    ],
)
def test_a_backslash_at_the_end_continues_a_statement_which_keepalived_does_not(text: str, expected: list[str]) -> None:
    findings = Findings()
    blocks = read_text(text, "f", HOST, findings, "here").blocks
    assert [word.text for block in blocks for word in block.words] == expected
    assert {found.code for found in findings.sorted()} == {"continued-line"}
    assert [block.raw.split() for block in blocks] == [[word.text for word in block.words] for block in blocks]


@pytest.mark.parametrize("statement", ["interface eth0", "includes x", "include", "~x y", "a @b", "a $B=1", '"" x'])
def test_words_that_only_look_alike_are_words(statement: str) -> None:
    assert len(words(statement)) > 0


def test_a_name_in_braces_that_nobody_has_defined_is_an_error_and_stays_one_word() -> None:
    assert words("interface ${IF:-eth 0}", "undefined-name") == ["interface", "${IF:-eth 0}"]


def test_words_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_WORDS", 100)
    assert words("a " * 100) == ["a"] * 100
    assert words("a\n" * 101, "too-many-words") == ["a"] * 101
