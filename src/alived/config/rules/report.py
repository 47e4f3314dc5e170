"""Short ways for a rule to say what it found."""

from __future__ import annotations

from alived.base import Diagnostic, Location, Severity


def error(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, location, code, message, hint)


def warning(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.WARNING, location, code, message, hint)
