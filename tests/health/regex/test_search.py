"""Searching octets in pieces: offsets, options, limits."""

from __future__ import annotations

import random

import pytest

from alived.health.regex import machine as module
from alived.health.regex.machine import MAX_TRANSITIONS
from alived.health.regex.search import MAX_WORK, SLICE, Search, compiled
from alived.health.regex.syntax import RegexError, RegexNotKnown


def found(pattern: str, *pieces: bytes, options: str = "", least: int = 0, most: int | None = None) -> bool:
    search = Search(compiled(pattern, tuple(options.split())), least, most)
    for piece in pieces:
        search.feed(piece)
    return search.found_at_end()


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(0, None, True), (3, 3, True), (4, None, False), (0, 2, False), (2, 3, True), (3, 9, True), (99, None, False)],
)
@pytest.mark.parametrize("pieces", [(b"___abc___",), (b"__", b"_", b"ab", b"c___"), (b"", b"___abc", b"___")])
def test_offsets_are_those_where_a_match_begins(
    least: int, most: int | None, expected: bool, pieces: tuple[bytes, ...]
) -> None:
    assert found("abc", *pieces, least=least, most=most) is expected


def test_offsets_are_octets_with_utf_too() -> None:
    text = "éé€x".encode()
    for least, expected in ((7, True), (8, False)):
        assert found("x", text, options="utf", least=least) is expected
    for most, expected in ((3, False), (4, True), (5, True)):
        assert found("€", text, options="utf", most=most) is expected
        assert found("€", text[:5], text[5:], options="utf", most=most) is expected


def test_what_stands_before_the_first_offset_is_seen() -> None:
    assert not found(r"\bb", b"ab", least=1)
    assert found(r"\Bb", b"ab", least=1)
    assert not found("^b", b"ab", least=1)


def test_the_very_end_is_not_before_a_last_newline() -> None:
    assert found(r"b\z", b"a", b"b")
    assert not found(r"b\z", b"ab\n")
    assert found(r"b\Z", b"ab\n")
    assert not found("b$", b"ab\n", options="dollar_endonly")


def test_firstline_begins_no_match_after_the_first_newline() -> None:
    assert not found("b", b"a\nb", options="firstline")
    assert found("\nb", b"a", b"\nb", options="firstline")
    assert found("b", b"\nb", options="firstline", least=1)
    assert not found("c", b"\nb\nc", options="firstline", least=1)
    assert not found("c", b"\n", b"b\n", b"c", options="firstline", least=1)


def test_octets_that_are_no_utf8_are_not_searched() -> None:
    assert not found("a", b"a\xff", options="utf")
    assert not found("a", b"a", b"\xc3", options="utf"), "cut at the end"
    assert found("a", b"\xff", b"a")
    assert not found("b", b"\xff", b"b", options="utf"), "what follows does not mend it"


def test_a_class_of_characters_with_utf() -> None:
    assert found("^[à-ï]{3}$", "éèê".encode(), options="utf")
    assert found("É", "é".encode(), options="utf caseless")
    assert not found("É", "é".encode(), options="caseless"), "of octets only ASCII has cases"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){100}a{100}b"])
def test_patterns_that_wedge_those_who_backtrack(pattern: str) -> None:
    """Work is counted where the table had no answer: it does not grow with the input."""
    machine = compiled(pattern, ())
    search = Search(machine)
    for _ in range(20):
        search.feed(b"a" * 5000)
    assert not search.given_up
    before = machine.work
    search.feed(b"a" * 50_000)
    assert machine.work == before
    assert search.found_at_end() is (pattern == "(a+)+$")


def test_too_much_work_is_given_up() -> None:
    """Which of the last 400 octets was an a is in the state, so almost every octet makes a new one."""
    machine = compiled("a.{400}b", ("dotall",))
    data = bytes(random.Random(1).choices(b"ac", k=60_000))
    search = Search(machine)
    search.feed(data)
    assert search.given_up and not search.found_at_end()
    assert machine.work <= MAX_WORK + SLICE * 1000
    assert sum(map(len, machine._states.values())) <= MAX_TRANSITIONS
    search.feed(b"ignored from here on")
    assert not search.found_at_end()


def test_a_full_table_begins_anew_and_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRANSITIONS", 3)
    compiled.cache_clear()
    assert found("ab+c$", b"xxabab", b"bbc\n")
    assert not found("ab+c$", b"xxabab", b"bbc\n\n")
    compiled.cache_clear()


@pytest.mark.parametrize("pattern", ["a{1001}", "(a{100}){100}", "((){1000}){1000}", "(((a|b|c){0,50}){0,50})"])
def test_patterns_that_are_too_large_are_refused(pattern: str) -> None:
    with pytest.raises(RegexNotKnown, match="more than 1000 steps"):
        compiled(pattern, ())


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(?=a)", "lookahead"),
        ("(?!a)", "lookahead"),
        ("(?<=a)", "lookbehind"),
        ("(?<!a)", "lookbehind"),
        ("(?>a)", "atomic"),
        ("(a)(?(1)b)", "condition"),
        ("(?R)", "recursion"),
        ("(*UTF)a", "verb"),
        ("(?C1)", "callout"),
        (r"(a)\1", "reference"),
        (r"(?<n>a)\k<n>", "reference"),
        (r"(?<n>a)(?P=n)", "reference"),
        ("(?1)", r"\(\?1\)"),
        ("a++", "possessive"),
        ("a{2}+", "possessive"),
        (r"\R", "any line end"),
        (r"\p{L}", "property"),
        (r"\X", "cluster"),
        (r"\Ka", "new start"),
        (r"\Ga", "first place"),
        (r"\C", "one octet"),
        (r"\N{U+41}", "write"),
        ("(?xx)a", "blanks"),
        ("(" * 52 + ")" * 52, "50 deep"),
    ],
)
def test_what_needs_backtracking_is_refused_by_name(pattern: str, what: str) -> None:
    with pytest.raises(RegexNotKnown, match=what):
        compiled(pattern, ())


@pytest.mark.parametrize("option", ["ucp", "alt_bsux"])
def test_options_that_cannot_be_had(option: str) -> None:
    with pytest.raises(RegexNotKnown, match=option):
        compiled("a", (option,))


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(", "without its"),
        ("a)", "without its"),
        ("[a", "has no ]"),
        ("[]", "has no ]"),
        ("*a", "nothing before"),
        ("{1}", "nothing before"),
        ("^*", "nothing before"),
        ("a**", "nothing before"),
        ("a{2,1}", "out of order"),
        ("a{65536}", "at most"),
        ("[b-a]", "out of order"),
        (r"[\d-z]", "begins with a set"),
        (r"[a-\d]", "ends with a set"),
        ("[[:nope:]]", "no class"),
        ("[[.a.]]", "not known to PCRE2"),
        (r"[\B]", "nothing in a class"),
        (r"\y", "means nothing"),
        (r"\x{100}", "above"),
        ("a\\", "backslash"),
        ("[a\\", "backslash"),
        ("(?#a", "no end"),
        (r"\x{", "means nothing"),
    ],
)
def test_nonsense_has_a_reason(pattern: str, what: str) -> None:
    with pytest.raises(RegexError, match=what.replace("(", r"\(")):
        compiled(pattern, ())


@pytest.mark.parametrize(
    ("pattern", "subject", "options"),
    [
        (r"^\Qa.b\E$", b"a.b", ""),
        ("a b # comment\n c", b"abc", "extended"),
        ("a#b", b"a", "extended"),
        (r"[\Qa-z\E]{2}", b"-z", ""),
        ("[]a]", b"]", ""),
        ("[^]a]", b"b", ""),
        (r"^[\.\n]\Na$", b".xa", ""),
        (r"b\Z", b"b\n", ""),
        (r"^b$", b"a\nb\nc", "multiline"),
        (r"^[^\x00-b]$", b"c", ""),
        (r"^[^b-\xff]$", b"a", ""),
        ("[a-]", b"-", ""),
        (r"[\b]", b"\x08", ""),
        (r"\cA\e\a\o{101}\0", b"\x01\x1b\x07A\x00", ""),
        (r"\x\x4\x41", b"\x00\x04A", ""),
        ("[[:^alpha:][:upper:]]", b"q", "caseless"),
        ("x|", b"", ""),
        ("a(?i)b|c", b"C", ""),
        ("[^]", b"a", "allow_empty_class"),
        ("(?'n'a)(?P<m>b)(?|c|d)", b"abd", "ungreedy no_auto_possess"),
        (r"a$\n", b"a\n", ""),
        ("^$", b"a\n", "multiline alt_circumflex"),
    ],
)
def test_what_is_found(pattern: str, subject: bytes, options: str) -> None:
    assert found(pattern, subject, options=options)
    assert found(pattern, *(bytes((octet,)) for octet in subject), options=options)


def test_nothing_is_in_an_empty_class() -> None:
    assert not found("[]", b"abc]", options="allow_empty_class")
    assert not found("^$", b"a\n", options="multiline")
