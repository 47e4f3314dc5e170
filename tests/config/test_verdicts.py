"""The table of verdicts on the corpus beside keepalived's: nothing changes unseen, nothing differs without a reason."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from alived.base import Diagnostic, Location, Severity
from tests.config.corpus_host import read_table
from tests.config.keepalived_messages import Message, messages, outcome
from tests.config.verdicts import SILENT, TABLE, row, table, with_reasons

HINT = "read the file, then: python -m tests.config.verdicts --rewrite, and write the reason into the table"


@functools.cache
def rows() -> dict[str, Any]:
    return with_reasons(table(), read_table(TABLE))


def test_every_file_of_the_corpus_is_in_the_table() -> None:
    assert len(rows()) == 349
    assert list(rows()) == list(read_table(TABLE))


def test_no_verdict_has_changed() -> None:
    before = read_table(TABLE)
    changed = {name: (before.get(name), row) for name, row in rows().items() if before.get(name) != row}
    assert changed == {}, HINT


def test_every_difference_has_a_reason() -> None:
    silent = [
        (name, difference)
        for name, row in read_table(TABLE).items()
        for difference, reason in row["differs"].items()
        if len(reason) < 20
    ]
    assert silent == [], HINT


def test_every_code_that_says_more_than_keepalived_has_a_reason() -> None:
    said = {code for row in rows().values() for code in row["more"]}
    reasons = read_table(SILENT)
    assert said == set(reasons)
    assert [code for code, reason in reasons.items() if len(reason) < 20] == []


def record(*texts: str, status: int | str = 5) -> dict[str, Any]:
    return {"keepalived_messages": list(texts), "keepalived_exit_code": status}


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("(/etc/keepalived/keepalived.conf: Line 7) Unknown keyword 'x'", "unknown-keyword", 7),
        ("(Line 7) Unknown keyword '}'", "lost-braces", 7),
        ("(Line 3) Missing '{' at beginning of configuration block", "braces", 3),
        ("(Line 9) Truncating auth_pass to 8 characters", "truncated", 9),
        ("(VI_1) the virtual router id must be set", "missing-setting", 0),
        ("(VI_1) No VIP specified; at least one is sensible", "missing-setting", 0),
        ("(Line 2) (VI_1) Priority not valid! must be between 1 & 255. Using default 100", "invalid-value", 2),
        ("(Line 4) (VI_1) track script x not found, ignoring...", "reference", 4),
        ("(Line 4) nb_get_retry is deprecated - please use 'retry'", "deprecated", 4),
        (
            "(Line 5) *** Configuration line starting `x` is missing a parameter after keyword `x`",
            "missing-parameter",
            5,
        ),
        ("VI_1 and VI_2 both use VRID 5 with IPv4 on interface eth0", "duplicate", 0),
        ("(VI_1) Ignoring track_interface eth0 since own interface", "adjusted", 0),
    ],
)
def test_classes_of_messages(text: str, kind: str, line: int) -> None:
    assert messages(record(text, text)) == [Message(kind, line)]


@pytest.mark.parametrize(
    "text",
    [
        "Non-existent interface specified in configuration",
        "(Line 2) Invalid smtp server mail.example.com 25",
        "SECURITY VIOLATION - scripts are being executed but script_security not enabled.",
        "Disabling track script x since not found/accessible",
    ],
)
def test_what_is_said_of_the_machine_is_no_verdict_on_the_text(text: str) -> None:
    assert messages(record(text)) == []


def test_a_script_that_was_removed_for_its_owner_is_not_missing_in_the_text() -> None:
    lost = "(Line 9) (VI_1) track script x not found, ignoring..."
    removed = "(Line 3) Unable to set default user for vrrp script x - removing"
    assert messages(record(lost)) == [Message("reference", 9)]
    assert messages(record(removed, lost)) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, "accepted"), (6, "accepted"), (5, "complaints"), (2, "stopped"), (-11, "killed"), ("timeout", "hang")],
)
def test_outcomes(status: int | str, expected: str) -> None:
    assert outcome(record(status=status)) == expected


def found(line: int, code: str, severity: Severity = Severity.WARNING) -> tuple[Diagnostic, ...]:
    return (Diagnostic(severity, Location("f", line, 1), code, "something is wrong"),)


class TestRows:
    UNKNOWN = record("(Line 7) Unknown keyword 'x'")

    def test_a_finding_on_the_same_line_says_it(self) -> None:
        assert row(self.UNKNOWN, found(7, "whatever"))["differs"] == {}

    def test_a_finding_that_means_the_same_says_it(self) -> None:
        assert row(self.UNKNOWN, found(8, "unknown-keyword"))["differs"] == {}

    def test_anything_else_does_not(self) -> None:
        assert row(self.UNKNOWN, found(8, "whatever"))["differs"] == {"missed unknown-keyword": ""}
        assert row(self.UNKNOWN, ())["differs"] == {"missed unknown-keyword": ""}

    def test_what_only_we_say_is_more(self) -> None:
        assert row(self.UNKNOWN, (*found(7, "whatever"), *found(8, "other"), *found(9, "unknown-keyword")))["more"] == [
            "other"
        ]

    def test_refusing_what_keepalived_runs_is_stricter(self) -> None:
        errors = found(7, "unknown-keyword", Severity.ERROR)
        assert row(self.UNKNOWN, errors)["differs"] == {"stricter unknown-keyword": ""}
        assert row(record(status=2), errors)["differs"] == {}

    def test_running_what_keepalived_does_not_is_milder(self) -> None:
        assert row(record(status=2), ())["differs"] == {"milder": ""}
        assert row(record(status="timeout"), ())["differs"] == {}
