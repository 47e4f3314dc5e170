"""`include` and its kin, with a machine of dictionaries."""

from __future__ import annotations

import pytest

from alived.config.findings import Findings
from alived.config.text.expansion import MAX_FILES, MAX_NESTED
from alived.config.text.globs import MAX_MATCHES, TooMany, alternatives, find
from alived.config.text.host import Kind
from alived.config.text.read import read_text
from alived.config.text.tokens import MAX_BYTES
from tests.config.text.host import FakeHost, statements, tree_of

MAIN = "/etc/k/main.conf"
FILES = {
    "/etc/k/a.conf": "a $X\n$X=2",
    "/etc/k/d/1.conf": "one",
    "/etc/k/d/2.conf": "two\ninclude ../a.conf",
    "/etc/k/d/.3.conf": "three",
}
KINDS = {
    "/etc/k/program": Kind.PROGRAM,
    "/etc/k/socket": Kind.OTHER,
    "/etc/k/link": Kind.LOOSE_LINK,
    "/etc/k/secret": Kind.FILE,
}
HOST = FakeHost(FILES, KINDS)


def said(text: str, *codes: str, host: FakeHost = HOST) -> list[str]:
    return statements(text, *codes, host=host, file=MAIN)


def findings_of(text: str, host: FakeHost = HOST) -> list[tuple[str, str, str]]:
    """Severity, code and place of each."""
    findings = Findings()
    read_text(text, MAIN, host, findings, "here")
    return [(found.severity, found.code, str(found.location)) for found in findings.sorted()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$X=1\ninclude a.conf\nb $X", ["a 1", "b 2"]),
        ('$X=1\ninclude "a.conf"', ["a 1"]),
        ("$X=1\ninclude /etc/k/a.conf # why", ["a 1"]),
        ("$X=1\ninclude d/*", ["one", "two", "a 1"]),
        ("$X=1\ninclude d/{2,1}.conf", ["two", "a 1", "one"]),
        ("$X=1\n@here include a.conf\n@there include d/1.conf", ["a 1"]),
        ("$X=1\n$F=a\ninclude ${F}.conf", ["a 1"]),
        ("$X=1\ninclude ${_PWD}/d/1.conf", ["one"]),
        ("$I=include d/1.conf\n$I\nb", ["one", "b"]),
        ("~LST(N,1,1) include d/${N}.conf", ["one", "one"]),
        ("b {\ninclude d/1.conf\n}", ["b {", "one", "}"]),
        ("b { include d/1.conf\nc }", ["b {", "one", "c", "}"]),
        ("include d/*.none", []),
        ("b include a.conf", ["b include a.conf"]),
        ('"include" a.conf', ["include a.conf"]),
    ],
)
def test_what_comes_in(text: str, expected: list[str]) -> None:
    assert said(text) == expected


def test_words_have_the_place_of_their_own_file() -> None:
    tree = tree_of("include d/1.conf\nb", host=HOST, file=MAIN)
    assert [str(block.location) for block in tree.blocks] == ["/etc/k/d/1.conf:1:1", f"{MAIN}:2:1"]


def test_a_block_may_begin_in_one_file_and_end_in_another() -> None:
    host = FakeHost({"/etc/k/open": "b {\n c", "/etc/k/close": "}"})
    assert said("include open\nd\ninclude close", host=host) == ["b {", "c", "d", "}"]


def test_a_definition_ends_with_its_file() -> None:
    host = FakeHost({"/etc/k/a": "$A= \\\nb \\"})
    assert said("include a\nc\n$A", host=host) == ["c", "b"]


def test_findings_have_the_place_of_their_own_file() -> None:
    host = FakeHost({"/etc/k/a": b'\xef\xbb\xbfb\n"c\n\0\n\xff'})
    places = [(code, place) for _, code, place in findings_of("include a", host)]
    assert places == [
        ("byte-order-mark", "/etc/k/a:1:1"),
        ("unclosed-quote", "/etc/k/a:2:1"),
        ("nul-byte", "/etc/k/a:3:1"),
        ("not-utf-8", "/etc/k/a:4:1"),
        ("not-utf-8", "/etc/k/a:4:1"),
    ]


_ERRORS = {
    "nothing.conf": "mwa",
    "nothing/*.conf": "mwa",
    "d/*.none": "wa",
    "{nothing,neither}": "ba",
    "{d/1,nothing}.conf": "ba",
    "program": "rmwba",
    "socket": "rmwba",
    "link": "rmwba",
    "d": "rmwba",
    "secret": "rmwba",
}
"""Pattern -> the letters of the words for which what is missing is an error."""


@pytest.mark.parametrize("letter", ["", *"rmwba"])
@pytest.mark.parametrize("pattern", _ERRORS)
def test_what_is_missing_is_an_error_or_a_warning(pattern: str, letter: str) -> None:
    found = findings_of(f"b\n  include{letter} {pattern}")
    if letter and letter in _ERRORS[pattern]:
        assert [(severity, place) for severity, _, place in found] == [("error", f"{MAIN}:2:3")]
    elif pattern == "d/*.none":
        assert found == []
    else:
        assert [(severity, place) for severity, _, place in found] == [("warning", f"{MAIN}:2:3")]


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("include_check", "match wildcard brace readable"),
        ("include_check readable", "readable"),
        ("include_check read", "readable"),
        ("include_check match", "match readable"),
        ("include_check wildcard_match", "wildcard readable"),
        ("include_check brace_match", "brace readable"),
        ("include_check match +brace_match", "match brace readable"),
        ("include_check\ninclude_check -match -wildcard_match", "brace readable"),
        ("include_check +match", "match"),
        ("include_check unknown", ""),
        ("include_check\ninclude d/checks", "match wildcard brace readable"),
        ("include d/checks", ""),
        ("include_checks", ""),
    ],
)
def test_include_check_counts_for_the_includes_behind_it_in_its_file(statement: str, refused: str) -> None:
    patterns = {"match": "nothing", "wildcard": "d/*.none", "brace": "{nothing,neither}", "readable": "program"}
    host = FakeHost(FILES | {"/etc/k/d/checks": "include_check -match +readable"}, KINDS)
    for check, pattern in patterns.items():
        found = findings_of(f"global_defs {{\n{statement}\n}}\ninclude {pattern}", host)
        assert any(severity == "error" for severity, _, _ in found) == (check in refused.split()), (check, found)


def test_include_check_counts_in_files_that_come_in() -> None:
    host = FakeHost(FILES | {"/etc/k/more": "include nothing"}, KINDS)
    found = findings_of("global_defs { include_check match\n}\ninclude more", host)
    assert found == [("error", "include-missing", "/etc/k/more:1:1")]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"main.conf": "a\ninclude main.conf"}, "/etc/k/main.conf:2:1"),
        ({"main.conf": "include ../k//./main.conf"}, "/etc/k/main.conf:1:1"),
        ({"main.conf": "a\ninclude *.conf"}, "/etc/k/main.conf:2:1"),
        ({"main.conf": "include b", "b": "include c", "c": "d\n include b"}, "/etc/k/c:2:2"),
    ],
)
def test_a_file_that_includes_itself(files: dict[str, str], place: str) -> None:
    host = FakeHost({f"/etc/k/{name}": text for name, text in files.items()})
    found = findings_of(files["main.conf"], host)
    assert found == [("error", "include-loop", place)]


def test_a_file_may_come_in_twice() -> None:
    assert said("$X=1\ninclude a.conf\ninclude a.conf") == ["a 1", "a 2"]


def test_depth_is_bounded() -> None:
    host = FakeHost({f"/etc/k/{n}": f"a\ninclude {n + 1}" for n in range(200)})
    found = findings_of("include 0", host)
    assert [(severity, code) for severity, code, _ in found] == [("error", "too-deep")]
    assert len(host.asked) <= MAX_NESTED


def test_files_are_bounded() -> None:
    host = FakeHost({f"/etc/k/d/{n}": "a" for n in range(100)})
    found = findings_of("include d/*\n" * 20, host)
    assert [(severity, code) for severity, code, _ in found] == [("error", "too-many-files")]
    assert sum("/d/" in path for path in host.asked) == MAX_FILES


def test_all_files_together_are_bounded() -> None:
    host = FakeHost({"/etc/k/a": "#" * (MAX_BYTES // 2)})
    found = findings_of("include a\n" * 5, host)
    assert [(severity, code) for severity, code, _ in found] == [("error", "file-too-large")]
    assert host.asked.count("/etc/k/a") == 2


def test_a_pattern_is_bounded() -> None:
    assert findings_of("include " + "a" * 5000) == [("error", "too-long", f"{MAIN}:1:1")]
    assert findings_of("include " + "{a,b}" * 100) == [("error", "too-many-files", f"{MAIN}:1:1")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a", ["a"]),
        ("{a,b}", ["a", "b"]),
        ("x{a,b}y", ["xay", "xby"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("{a,{b,c}d}", ["a", "bd", "cd"]),
        ("{foo/{,cat,dog},bar}", ["foo/", "foo/cat", "foo/dog", "bar"]),
        ("{}", [""]),
        ("a{", ["a{"]),
        ("a}", ["a}"]),
        ("{a,b", ["{a,b"]),
        (r"\{a,b}", [r"\{a,b}"]),
        (r"{a\,b,c}", [r"a\,b", "c"]),
    ],
)
def test_braces(pattern: str, expected: list[str]) -> None:
    assert list(alternatives(pattern)) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/d/*", ["/d/a", "/d/b"]),
        ("/d/.*", ["/d/.c"]),
        ("/d/?", ["/d/a", "/d/b"]),
        ("/d/[ab]", ["/d/a", "/d/b"]),
        ("/d/[!a]", ["/d/b"]),
        ("/d/[^a]", ["/d/b"]),
        (r"/d/\a", ["/d/a"]),
        (r"/d/\*", []),
        ("/*/a", ["/d/a", "/e/a"]),
        ("/*/*", ["/d/a", "/d/b", "/e/a", "/f/g"]),
        ("/d/[", []),
        ("/d/[z-a]", []),
        ("/f/*/x", []),
    ],
)
def test_wildcards(pattern: str, expected: list[str]) -> None:
    host = FakeHost(dict.fromkeys(["/d/a", "/d/b", "/d/.c", "/e/a", "/f/g"], ""))
    assert find(pattern, "/", host).paths == tuple(expected)


def test_a_search_is_bounded() -> None:
    host = FakeHost(dict.fromkeys([f"/{n}/{n}" for n in range(MAX_MATCHES + 1)], ""))
    with pytest.raises(TooMany):
        find("/*/x", "/", host)
    with pytest.raises(TooMany):
        find("/*", "/", host)


def test_many_stars_take_no_longer() -> None:
    host = FakeHost({"/" + "a" * 250: ""})
    assert find("/" + "*a" * 60 + "*b", "/", host).paths == ()
