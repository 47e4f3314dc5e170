"""Combinations of trackers: what they count must exist, and must not be themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.keywords.checks import COMBINATIONS, VIRTUAL_SERVER, Combination, MemberEntry
from alived.config.keywords.definitions import Definition
from alived.config.keywords.table import did_you_mean
from alived.config.rules.report import error
from alived.config.rules.walk import blocks
from alived.health.trackers_config import TrackerKind

DEFINED = {
    TrackerKind.CHECK: ("checks", "check"),
    TrackerKind.SCRIPT: ("vrrp_scripts", "vrrp_script"),
    TrackerKind.PROCESS: ("track_processes", "vrrp_track_process"),
    TrackerKind.FILE: ("track_files", "track_file"),
    TrackerKind.GATEWAY: ("gateways", "gateway"),
    TrackerKind.UNIT: ("units", "unit"),
}
"""Kind of a member -> field of the top level, and the block that defines it."""


def members(one: Definition) -> tuple[MemberEntry, ...]:
    """What a combination counts; nothing of other checks."""
    found = (one.settings.get(way) for way in COMBINATIONS)
    return tuple(entry for value in found if isinstance(value, Combination) for entry in value.members)


def counted(plan: Plan) -> set[tuple[TrackerKind, str]]:
    """Kind and name of everything that a combination counts which somebody tracks."""
    checks = _checks(plan)
    left = [entry.name for block in blocks(plan) for entry in block.get("track_check", ())]
    found: set[tuple[TrackerKind, str]] = set()
    while left:
        for entry in members(checks[name]) if (name := left.pop()) in checks else ():
            key = entry.member.kind, entry.member.name
            if key not in found:
                found.add(key)
                left.extend([entry.member.name] if entry.member.kind is TrackerKind.CHECK else [])
    return found


def unknown_members(plan: Plan) -> Iterator[Diagnostic]:
    known = {kind: {one.name for one in plan.said.get(field, ())} for kind, (field, _) in DEFINED.items()}
    for one in _checks(plan).values():
        for entry in members(one):
            kind, name = entry.member.kind, entry.member.name
            if name not in known[kind]:
                block = DEFINED[kind][1]
                message = f"check {one.name}: there is no {block} {name!r}"
                hint = did_you_mean(name, known[kind]) or f"{block} {name} {{ ... }}"
                yield error(entry.location, "unknown-tracker", message, hint)


def unknown_virtual_servers(plan: Plan) -> Iterator[Diagnostic]:
    """One without a real server is left out, so nobody could look at it either."""
    said = plan.said.get("virtual_servers", ())
    known = {str(one.entry.service) for one in said if "real_servers" in one.settings}
    for one in _checks(plan).values():
        wanted = one.settings.get(VIRTUAL_SERVER)
        if wanted is not None and str(wanted.service) not in known:
            message = f"check {one.name}: there is no virtual_server {str(wanted.service)!r}"
            hint = did_you_mean(str(wanted.service), known) or "virtual_server ADDRESS PORT { real_server ... }"
            yield error(wanted.location, "unknown-tracker", message, hint)


def circular_checks(plan: Plan) -> Iterator[Diagnostic]:
    """A combination that counts itself, directly or through others, never has a verdict. Each circle is told once."""
    checks = _checks(plan)
    done: set[str] = set()
    for name in checks:
        circle = _circle(name, checks, done)
        if circle:
            way = " -> ".join((*circle, circle[0]))
            message = f"check {circle[0]} counts itself ({way}): it would never have a verdict"
            yield error(checks[circle[0]].location, "check-loop", message, "leave one of them out")


def _circle(start: str, checks: Mapping[str, Definition], done: set[str]) -> tuple[str, ...]:
    """The first circle on the ways from here, without what is done already. A stack of our own: chains may be long."""
    path: list[str] = []
    ways: list[Iterator[str]] = [iter((start,))]
    while ways:
        name = next(ways[-1], None)
        if name is None:
            ways.pop()
            if path:
                done.add(path.pop())
        elif name in path:
            circle = tuple(path[path.index(name) :])
            done.update(path)
            return circle
        elif name in checks and name not in done:
            path.append(name)
            counts = (entry.member for entry in members(checks[name]))
            ways.append(iter([member.name for member in counts if member.kind is TrackerKind.CHECK]))
    return ()


def _checks(plan: Plan) -> dict[str, Definition]:
    return {one.name: one for one in plan.said.get("checks", ())}
