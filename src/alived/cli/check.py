"""`alived check`: all findings of configuration files, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
import msgspec

from alived.base import Diagnostic, Severity
from alived.config.load import load

EXIT_STATUS = {"clean": 0, "warnings": 3, "errors": 1}
"""2 is wrong usage (click)."""


class Finding(msgspec.Struct, frozen=True):
    """A diagnostic as JSON; line and column are 0 if it concerns the whole file."""

    severity: str
    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str


class FileReport(msgspec.Struct, frozen=True):
    """verdict: clean, warnings (it runs) or errors (it will not run)."""

    file: str
    verdict: str
    diagnostics: tuple[Finding, ...]


class Report(msgspec.Struct, frozen=True):
    files: tuple[FileReport, ...]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Check configuration files: keepalived.conf or YAML, told by their content.

    Needs no root, no interfaces and no running daemon. Exit status: 0 clean, 3 it runs with warnings, 1 it will not
    run, 2 wrong usage.
    """
    found = [(file, load(file).diagnostics) for file in files]
    report = Report(tuple(_report(file, diagnostics) for file, diagnostics in found))
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        for file, diagnostics in found:
            _print(file, diagnostics)
    sys.exit(exit_status(one.verdict for one in report.files))


def verdict(diagnostics: Iterable[Diagnostic]) -> str:
    severities = {found.severity for found in diagnostics}
    if Severity.ERROR in severities:
        return "errors"
    return "warnings" if severities else "clean"


def exit_status(verdicts: Iterable[str]) -> int:
    """That of the worst file."""
    given = set(verdicts)
    return next((EXIT_STATUS[worst] for worst in ("errors", "warnings") if worst in given), EXIT_STATUS["clean"])


def _report(file: str, diagnostics: Sequence[Diagnostic]) -> FileReport:
    return FileReport(file, verdict(diagnostics), tuple(map(_finding, diagnostics)))


def _finding(found: Diagnostic) -> Finding:
    place = found.location
    return Finding(found.severity, place.file, place.line, place.column, found.code, found.message, found.hint)


def _print(file: str, diagnostics: Sequence[Diagnostic]) -> None:
    for found in diagnostics:
        click.echo(str(found))
    click.echo(f"{file}: {_summary(diagnostics)}")


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    errors = sum(found.severity is Severity.ERROR for found in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [f"{n} {name}{'s' if n > 1 else ''}" for n, name in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"will not run: {', '.join(counts)}"
    return f"runs, with {counts[0]}" if counts else "clean"
