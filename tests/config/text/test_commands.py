"""Command lines of scripts: two readings, two kinds of quotes, C escapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.text.commands import UnclosedQuote, quote, split
from alived.hooks.config import Script
from tests.config.helpers import good, instance_text, one, refused, warned


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  a  b\t", ["a", "b"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b c'd", ["ab cd"]),
        ("''", [""]),
        (r"a\ b", ["a b"]),
        (r'"\a\b\E\f\n\r\t\v"', ["\a\b\x1b\f\n\r\t\v"]),
        (r'"\x41\101\60\cA\q"', ["AA0\x01q"]),
        (r"'\''", ["'"]),
        (r"\"a b\"", ['"a', 'b"']),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize("text", ["'a", 'a "b', "a\\"])
def test_what_is_not_closed(text: str) -> None:
    with pytest.raises(UnclosedQuote):
        split(text)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_quote_is_undone_by_split(words: list[str]) -> None:
    assert split(" ".join(map(quote, words))) == words


@given(st.text(max_size=60))
def test_split_never_fails_otherwise(text: str) -> None:
    try:
        words = split(text)
    except UnclosedQuote:
        assert set("'\"\\") & set(text)
    else:
        assert len(words) <= len(text)


@pytest.mark.parametrize(
    ("statement", "script"),
    [
        ("/bin/a", Script(argv=("/bin/a",))),
        ('"/bin/a b c"', Script(argv=("/bin/a", "b", "c"))),
        ("\"/bin/a 'b c'\" user group", Script(argv=("/bin/a", "b c"), user="user", group="group")),
        ("'/bin/a \"b c\"' user", Script(argv=("/bin/a", "b c"), user="user")),
        ('"/bin/a # !" # comment', Script(argv=("/bin/a", "#", "!"))),
    ],
)
def test_statements(statement: str, script: Script) -> None:
    assert one(good(instance_text(f"notify_master {statement}"))).notify.master == script


def test_each_event_has_its_command() -> None:
    events = ("master", "backup", "fault", "stop", "deleted")
    body = "\n".join(f"notify_{event} /bin/{event}" for event in events) + "\nnotify /bin/any"
    notify = one(good(instance_text(body))).notify
    assert [getattr(notify, event).argv for event in events] == [(f"/bin/{event}",) for event in events]
    assert notify.notify == Script(argv=("/bin/any",))


def test_notify_deleted_needs_no_command() -> None:
    assert one(good(instance_text("notify_deleted"))).notify.deleted is None


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("notify_master", "missing-argument"),
        ('notify_master ""', "missing-argument"),
        ("notify_master 'a", "unclosed-quote"),
        ('notify_deleted "\'a"', "unclosed-quote"),
        (r'notify_master "/bin/a \x00"', "nul-byte"),
    ],
)
def test_commands_that_cannot_be(statement: str, code: str) -> None:
    refused(instance_text(statement), code)


def test_the_first_command_counts() -> None:
    config = warned(instance_text("notify_master /bin/a\nnotify_master /bin/b"), "duplicate-keyword")
    assert one(config).notify.master == Script(argv=("/bin/a",))


def test_a_command_line_without_quotes_is_cut() -> None:
    config = warned(instance_text("notify_master /bin/a b c d"), "extra-arguments")
    assert one(config).notify.master == Script(argv=("/bin/a",), user="b", group="c")
