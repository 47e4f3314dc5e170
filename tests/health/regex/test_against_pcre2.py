"""Whatever is found here is found by PCRE2, and the other way round: patterns and subjects made at random."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from alived.health.regex.search import Search, compiled
from alived.health.regex.syntax import RegexError, RegexNotKnown
from tests.health.regex.pcre2 import AVAILABLE, OPTIONS, Pcre2

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="libpcre2-8 is not installed")
FLAGS = ("caseless", "dotall", "multiline", "dollar_endonly", "extended", "alt_circumflex", "firstline")
ATOMS = [
    "a", "b", "B", "_", " ", ".", "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\d", r"\W", r"\s", r"\N", r"\n", "\n",
    "[ab]", "[^a]", "[^\\n]", "[a-c_]", "[[:upper:]]", r"[\w-]", r"\x41", r"\Qa.\E", "1", "é", "-", r"\h", r"\v",
    "(?i)", "(?-i)", "(?s)", "(?m)", "(?x)", "(?#x)", "(?^)", r"\.", r"\x{e9}", "[é]", "", "#", "{", "a{,2}", "]",
]  # fmt: skip
QUANTIFIERS = ["*", "+", "?", "*?", "{2}", "{0,1}", "{1,}", "{0}"]
OPENINGS = ["(", "(?:", "(?i:", "(?<n>", "(?s-i:", "(?|"]
CLOSING = ")"


def balanced(parts: list[str]) -> str:
    """Each group has both its ends."""
    depth, kept = 0, []
    for part in parts:
        depth += (part in OPENINGS) - (part == CLOSING)
        if depth < 0:
            depth = 0
        else:
            kept.append(part)
    return "".join(kept) + CLOSING * depth


patterns = st.lists(
    st.sampled_from(ATOMS) | st.sampled_from(QUANTIFIERS) | st.sampled_from([*OPENINGS, CLOSING, CLOSING, "|"]),
    max_size=10,
).map(balanced)
subjects = st.text(alphabet="aAbBc_ \n\r1.-éÉ#{,2}]", max_size=12)


def ours(
    pattern: str, options: tuple[str, ...], pieces: list[bytes], least: int = 0, most: int | None = None
) -> bool | None:
    try:
        search = Search(compiled(pattern, options), least, most)
    except RegexNotKnown:
        reject()
    except RegexError:
        return None
    for piece in pieces:
        search.feed(piece)
    return search.found_at_end()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[first:last] for first, last in itertools.pairwise(edges)]


@pytest.fixture(scope="module")
def oracle() -> Pcre2:
    return Pcre2()


@settings(max_examples=300)
@given(
    pattern=patterns,
    subject=subjects,
    options=st.lists(st.sampled_from(FLAGS), max_size=3).map(tuple),
    utf=st.booleans(),
    places=st.lists(st.integers(0, 100), max_size=3),
)
def test_the_same_is_found(
    oracle: Pcre2, pattern: str, subject: str, options: tuple[str, ...], utf: bool, places: list[int]
) -> None:
    options += ("utf",) if utf else ()
    data = subject.encode()
    assert ours(pattern, options, cut(data, places)) == oracle.search(pattern.encode(), options, data)


@settings(max_examples=100)
@given(patterns, subjects, st.integers(0, 12))
def test_the_same_is_found_from_an_offset_on(oracle: Pcre2, pattern: str, subject: str, least: int) -> None:
    data = subject.encode()
    expected = oracle.search(pattern.encode(), (), data, least) if least <= len(data) else False
    if oracle.search(pattern.encode(), (), data) is not None:
        assert ours(pattern, (), [data], least) == expected


@settings(max_examples=300)
@given(st.text(alphabet="ab(?)[]^$.*+{}|\\1,2-dwsQE:#ixn<>P=!'hHAzZBcoNxFf0_ ", max_size=12), st.booleans())
def test_what_pcre2_refuses_is_refused(oracle: Pcre2, pattern: str, utf: bool) -> None:
    options = ("utf",) if utf else ()
    subject = b"ab 12\nba"
    assert ours(pattern, options, [subject]) == oracle.search(pattern.encode(), options, subject)


def test_all_options_are_compared() -> None:
    assert set(OPTIONS) >= set(FLAGS)
