"""`include PATTERN` and its kin: which files come in, and what it means that some do not.

Each of the words and each option of `include_check` asks for checks (keepalived.conf(5)):

    includer  readable        what matches must be a file that can be read
    includem  match           what is named must be there
    includew  wildcard_match  wildcards must match something
    includeb  brace_match     each alternative in braces must be there
    includea                  all of these

A check that fails is an error. Without the check, files that are named but cannot be had are a warning, and wildcards
that match nothing are as they should be: an empty conf.d.
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from alived.base import Location, in_brief
from alived.config.findings import Findings
from alived.config.text.globs import MAX_MATCHES, Found, TooMany, find, has_braces
from alived.config.text.host import Host, Kind
from alived.config.text.lines import Line

_INCLUDE = re.compile(r"include([rmwba]?)[ \t\r\f\v]+(?P<quote>\"?)(?P<pattern>.+?)(?P=quote)\Z", re.DOTALL)
_INCLUDE_CHECK = re.compile(r"include_check(?=[ \t]|\Z)(?P<options>[^{}]*)")
_MAX_PATTERN = 4096
SHOWN = 3


class Check(enum.Flag):
    NONE = 0
    READABLE = 1
    MATCH = 2
    WILDCARD = 4
    BRACE = 8


EVERY_CHECK = Check.READABLE | Check.MATCH | Check.WILDCARD | Check.BRACE
_OF_WORD = {
    "": Check.NONE,
    "r": Check.READABLE,
    "m": Check.READABLE | Check.MATCH,
    "w": Check.READABLE | Check.MATCH | Check.WILDCARD,
    "b": Check.READABLE | Check.BRACE,
    "a": EVERY_CHECK,
}
_OF_OPTION = {
    "read": Check.READABLE,
    "readable": Check.READABLE,
    "match": Check.MATCH,
    "wildcard_match": Check.WILDCARD,
    "brace_match": Check.BRACE,
}


class Include(NamedTuple):
    """An include statement: its file or pattern as written, and the checks that its word asks for."""

    pattern: str
    checks: Check
    place: Location


def read_include(line: Line) -> Include | None:
    """The include statement that a line is, if it is one."""
    match = _INCLUDE.match(line.text)
    if match is None:
        return None
    return Include(match["pattern"], _OF_WORD[match[1]], line.place(0))


def new_checks(text: str, checks: Check) -> Check:
    """What `include_check [+|-]option...` makes of the checks of a file; other statements leave them as they are."""
    match = _INCLUDE_CHECK.match(text)
    if match is None:
        return checks
    options = match["options"].split()
    if not options:
        return EVERY_CHECK
    for number, option in enumerate(options):
        known = _OF_OPTION.get(option.lstrip("+-"), Check.NONE)
        if option.startswith("+"):
            checks |= known
        elif option.startswith("-"):
            checks &= ~known
        elif number == 0:
            checks = Check.READABLE | known if known else Check.NONE
    return checks


class Inclusion:
    """An include statement that is being followed. checks: those of `include_check`, to which its own are added."""

    def __init__(self, include: Include, checks: Check, host: Host, findings: Findings) -> None:
        self.include = include
        self.checks = checks | include.checks
        self.host = host
        self.findings = findings

    def files(self, directory: str) -> tuple[str, ...]:
        """The files that it brings in, in order. directory: that of the file it stands in."""
        found = self._found(directory)
        if found is None:
            return ()
        if found.missing and found.paths:
            self._say(
                Check.BRACE, "include-missing", f"not all files are there: {in_brief(found.missing, SHOWN, ', ')}"
            )
            if Check.BRACE in self.checks:
                return ()
        elif found.missing:
            check = Check.BRACE if has_braces(self.include.pattern) else Check.MATCH
            self._say(check, "include-missing", f"there is no {in_brief(found.missing, SHOWN, ', ')}")
        elif not found.paths and Check.WILDCARD in self.checks:
            self._say(Check.WILDCARD, "include-missing", f"no file matches {self.include.pattern!r}")
        return tuple(path for path in found.paths if self._is_file(path))

    def unreadable(self, path: str, reason: str) -> None:
        """One of the files could not be read after all."""
        self._say(Check.READABLE, "include-skipped", f"{path} cannot be read: {reason}")

    def _found(self, directory: str) -> Found | None:
        if len(self.include.pattern) > _MAX_PATTERN:
            self.findings.error(self.include.place, "too-long", "the name of a file to include is too long")
            return None
        try:
            return find(self.include.pattern, directory, self.host)
        except TooMany:
            message = f"{self.include.pattern!r} means more than {MAX_MATCHES} files or directories"
            self.findings.error(self.include.place, "too-many-files", message, "name fewer")
            return None

    def _is_file(self, path: str) -> bool:
        kind = self.host.kind(path)
        if kind is not Kind.FILE:
            self._say(Check.READABLE, "include-skipped", f"{path} is {kind.value}: skipped")
        return kind is Kind.FILE

    def _say(self, check: Check, code: str, message: str) -> None:
        if check in self.checks:
            self.findings.error(self.include.place, code, message, "`include` alone would go on without it")
        else:
            self.findings.warning(self.include.place, code, message, "what it says is missing; `includea` would refuse")
