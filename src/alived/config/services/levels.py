"""What is said on several levels, and what a file has that a check may name."""

from __future__ import annotations

from typing import Any

import msgspec

from alived.base import Family, Location
from alived.config.findings import Findings
from alived.config.keywords.table import Settings
from alived.lvs.config import Endpoint, VirtualServerGroup


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of the configuration. defaults: `global_defs`."""

    groups: dict[str, VirtualServerGroup]
    track_files: frozenset[str]
    bfd_sessions: frozenset[str]
    defaults: Settings
    findings: Findings

    def warn(self, location: Location, code: str, message: str, hint: str = "") -> None:
        self.findings.warning(location, code, message, hint)

    def fail(self, location: Location, code: str, message: str, hint: str = "") -> None:
        self.findings.error(location, code, message, hint)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A real server whose checks are completed, or the target of a check with a name.

    name: of the one or the other in findings; own, outer: what it and what its virtual server say.
    """

    name: str
    endpoint: Endpoint
    family: Family
    own: Settings
    outer: Settings
    around: Surroundings


def inherited(field: str, default: Any, *levels: Settings) -> Any:
    """What the innermost level says that says something."""
    for settings in levels:
        if field in settings.values:
            return settings.values[field]
    return default
