"""Our verdict on every file of the corpus beside keepalived 2.2.7's, as a table that is reviewed.

    python -m tests.config.verdicts             what differs from the table
    python -m tests.config.verdicts --rewrite   write the table; reasons that are there already stay

Each message of keepalived about the text is looked for among our findings: on its line, or, if keepalived counts
another line or none, among findings that mean the same. What is not found is *missed*. An outcome is *stricter* if we
refuse what keepalived runs, *milder* if we run what it does not. Each of these needs a reason in the table. What we
say *more* has a reason for each code in a table of its own.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from alived.base import Diagnostic, Severity
from tests.config.corpus_host import golden, name_of, read, read_table, records, write_table
from tests.config.keepalived_messages import Message, messages, outcome

TABLE = golden("keepalived_verdicts.json")
SILENT = golden("keepalived_is_silent.json")
"""Code -> why it is right to say it where keepalived is silent."""

SAME_MEANING = {
    "adjusted": {
        "authentication-skipped",
        "family-mismatch",
        "first-not-link-local",
        "group-weight",
        "no-unicast-peer",
        "nopreempt-cleared",
        "own-interface",
        "persistence-needed",
        "port-skipped",
        "preempt-delay-cleared",
        "protocol-skipped",
        "quorum-lowered",
        "small-group",
        "sorry-server-in-pool",
        "state-changed",
        "strict-mode",
        "vmac",
    },
    "braces": {"extra-brace", "missing-brace", "unexpected-brace", "misplaced-block", "unexpected-block"},
    "lost-braces": {"unknown-keyword", "misplaced-block", "unexpected-block", "unexpected-brace", "extra-brace"},
    "duplicate": {"duplicate-vrid", "duplicate-keyword", "duplicate-entry", "duplicate-server"},
    "missing-setting": {
        "missing-keyword",
        "no-address",
        "no-method",
        "no-protocol",
        "no-real-server",
        "no-recipient",
        "no-scheduler",
        # A value that is wrong is reported where it is written, not again as missing.
        "invalid-address",
        "invalid-value",
        "out-of-range",
    },
    "reference": {"unknown-member", "empty-group", "unknown-tracker", "missing-keyword", "out-of-range"},
    "deprecated": {"deprecated"},
    "invalid-value": {"invalid-value", "out-of-range", "invalid-address", "interval"},
    "missing-parameter": {"missing-argument"},
    "truncated": {"password-cut"},
    "unknown-keyword": {"unknown-keyword", "misplaced-block", "not-supported"},
}
"""Class of keepalived's messages -> our codes that say it where keepalived gives another line or none."""


def table() -> dict[str, dict[str, Any]]:
    """A row for every file, without reasons."""
    return {name_of(record): row(record, read(record).diagnostics) for record in records()}


def row(record: dict[str, Any], findings: tuple[Diagnostic, ...]) -> dict[str, Any]:
    said = messages(record)
    lines = {found.location.line for found in findings}
    codes = {found.code for found in findings}
    missed = Counter(one.kind for one in said if not _is_said(one, lines, codes))
    theirs, ours = outcome(record), verdict(findings)
    return {
        "keepalived": theirs,
        "messages": dict(sorted(Counter(one.kind for one in said).items())),
        "alived": ours,
        "findings": dict(sorted(Counter(found.code for found in findings).items())),
        "more": sorted(_more(said, findings)),
        "differs": {**{f"missed {kind}": "" for kind in sorted(missed)}, **_outcomes(theirs, ours, findings)},
    }


def _is_said(message: Message, lines: set[int], codes: set[str]) -> bool:
    return (message.line in lines and message.line > 0) or not codes.isdisjoint(SAME_MEANING.get(message.kind, ()))


def _more(said: list[Message], findings: tuple[Diagnostic, ...]) -> set[str]:
    """Codes of what keepalived says neither on that line nor elsewhere in its words."""
    lines = {one.line for one in said}
    same = {code for one in said for code in SAME_MEANING.get(one.kind, ())}
    return {found.code for found in findings if found.location.line not in lines} - same


def verdict(findings: tuple[Diagnostic, ...]) -> str:
    if any(found.severity is Severity.ERROR for found in findings):
        return "errors"
    return "warnings" if findings else "clean"


def _outcomes(theirs: str, ours: str, findings: tuple[Diagnostic, ...]) -> dict[str, str]:
    """What needs a reason about the verdict as a whole; a crash or a hang is no verdict to agree with."""
    if ours == "errors" and theirs in ("accepted", "complaints"):
        return {f"stricter {code}": "" for code in sorted({f.code for f in findings if f.severity is Severity.ERROR})}
    if ours != "errors" and theirs in ("stopped", "fatal"):
        return {"milder": ""}
    return {}


def with_reasons(rows: dict[str, dict[str, Any]], before: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows with the reasons that a table has for them."""
    for name, one in rows.items():
        known = before.get(name, {}).get("differs", {})
        one["differs"] = {key: known.get(key, "") for key in one["differs"]}
    return rows


def main() -> int:
    before = read_table(TABLE)
    rows = with_reasons(table(), before)
    if "--rewrite" in sys.argv:
        write_table(TABLE, rows)
    changed = [name for name, one in rows.items() if before.get(name) != one]
    for name in changed:
        print(f"{name}: {rows[name]}")
    said = {code for one in rows.values() for code in one["more"]}
    print(f"codes without a reason: {sorted(said - read_table(SILENT).keys())}")
    missing = [f"{name}: {key}" for name, one in rows.items() for key, reason in one["differs"].items() if not reason]
    print(f"{len(rows)} files, {len(changed)} changed, {len(missing)} differences without a reason")
    for line in missing:
        print(f"  {line}")
    return 1 if changed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
