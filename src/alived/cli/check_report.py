"""The report of `alived check`: as JSON for programs, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from alived.base import Diagnostic, Location, Severity
from alived.cli.excerpt import Excerpts
from alived.config.rules.here import Unverified

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
    """verdict: clean, warnings (it runs) or errors (it will not run, or not together with the other nodes). runs:
    whether alived would start with this file alone. unverified: what the file names and nobody could look at; it
    changes no verdict."""

    file: str
    verdict: str
    runs: bool
    diagnostics: tuple[Finding, ...]
    unverified: tuple[Unverified, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """clusters: files that were compared as nodes of one cluster."""

    files: tuple[FileReport, ...]
    clusters: tuple[tuple[str, ...], ...] = ()


def file_report(file: str, runs: bool, found: Sequence[Diagnostic], unverified: Iterable[Unverified]) -> FileReport:
    return FileReport(file, verdict(found), runs, tuple(map(_finding, found)), tuple(unverified))


def verdict(diagnostics: Iterable[Diagnostic]) -> str:
    severities = {found.severity for found in diagnostics}
    if Severity.ERROR in severities:
        return "errors"
    return "warnings" if severities else "clean"


def exit_status(verdicts: Iterable[str]) -> int:
    """That of the worst file."""
    given = set(verdicts)
    return next((EXIT_STATUS[worst] for worst in ("errors", "warnings") if worst in given), EXIT_STATUS["clean"])


def _finding(found: Diagnostic) -> Finding:
    place = found.location
    return Finding(found.severity, place.file, place.line, place.column, found.code, found.message, found.hint)


def lines(report: Report, excerpts: Excerpts) -> Iterator[str]:
    """The report for people: by file, each finding with its line, at the end what it comes to."""
    for one in report.files:
        for found in one.diagnostics:
            yield from _finding_lines(found, excerpts)
        if one.unverified:
            yield f"{one.file}: not verified: {_listed(one.unverified)}"
        yield f"{one.file}: {_summary(one)}"
    for files in report.clusters:
        yield f"compared as nodes of one cluster: {', '.join(files)}"
    if len(report.files) > 1:
        yield _total(report.files)


def _finding_lines(found: Finding, excerpts: Excerpts) -> Iterator[str]:
    place = Location(found.file, found.line, found.column)
    severity = click.style(found.severity, fg="red" if found.severity == Severity.ERROR else "yellow", bold=True)
    yield f"{click.style(str(place), bold=True)}: {severity}: {found.message} [{found.code}]"
    yield from (f"    {click.style(line, dim=True)}" for line in excerpts.at(place))
    if found.hint:
        yield f"    hint: {found.hint}"


def _listed(unverified: Iterable[Unverified]) -> str:
    """Things of a kind that nobody looked at for the same reason stand together."""
    together: dict[tuple[str, str], list[str]] = {}
    for one in unverified:
        together.setdefault((one.kind, one.reason), []).append(one.name)
    return "; ".join(f"{kind} {', '.join(names)} ({reason})" for (kind, reason), names in together.items())


def _summary(one: FileReport) -> str:
    errors = sum(found.severity == Severity.ERROR for found in one.diagnostics)
    warnings = len(one.diagnostics) - errors
    counts = [f"{n} {name}{'s' if n > 1 else ''}" for n, name in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        how = "runs alone, but not with the other nodes" if one.runs else "will not run"
        return click.style(f"{how}: {', '.join(counts)}", fg="red")
    return click.style(f"runs, with {counts[0]}", fg="yellow") if counts else click.style("clean", fg="green")


def _total(files: Sequence[FileReport]) -> str:
    verdicts = [one.verdict for one in files]
    words = (("clean", "clean"), ("warnings", "with warnings"), ("errors", "with errors"))
    counts = [f"{verdicts.count(name)} {text}" for name, text in words if name in verdicts]
    return f"{len(files)} files: {', '.join(counts)}"
