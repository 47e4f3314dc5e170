"""Where every stage of the reader puts what it finds, so that one run reports all of it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.base import Diagnostic, Location, Severity

LIMIT = 1000
"""Findings kept of one configuration: prose given by mistake must not fill the memory or the screen."""


class Findings:
    """A bounded list of diagnostics, each once: text that a sequence repeats is wrong in one place. An error is never
    lost to the bound: the sentence that says so is one."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}
        self.full = False
        self.language = ""
        """Of the file: that of its hints"""

    def error(self, location: Location, code: str, message: str, hint: str = "") -> None:
        """It cannot run like this."""
        self.add(Diagnostic(Severity.ERROR, location, code, message, hint))

    def warning(self, location: Location, code: str, message: str, hint: str = "") -> None:
        """It runs, but not as the text seems to say."""
        self.add(Diagnostic(Severity.WARNING, location, code, message, hint))

    def add(self, diagnostic: Diagnostic) -> None:
        if self.full:
            return
        if len(self._found) == LIMIT:
            self.full = True
            message = f"more than {LIMIT} findings: the rest is not listed"
            hint = "is this a configuration of alived at all?"
            diagnostic = Diagnostic(Severity.ERROR, diagnostic.location, "too-many-findings", message, hint)
        self._found[diagnostic if diagnostic.location.origin is None else _with_origin(diagnostic)] = None

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def has_errors(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self._found)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """In the order of the text; what concerns the whole file comes first."""
        return tuple(sorted(self._found, key=_place))


def _with_origin(diagnostic: Diagnostic) -> Diagnostic:
    """The place of the use stays; that of the text that was put there goes into the sentence."""
    place = diagnostic.location
    used = Location(place.file, place.line, place.column)
    message = f"{diagnostic.message} (the text stands in {place.origin})"
    return msgspec.structs.replace(diagnostic, location=used, message=message)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    location = diagnostic.location
    return location.file, location.line, location.column
