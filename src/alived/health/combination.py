"""What a combination of trackers says: up while at least `quorum` of its members are.

It has a verdict as soon as members that are not known yet cannot change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from alived.base import in_brief
from alived.health.checks_config import CombinedCheck
from alived.health.trackers_config import TrackerKind

TOLD = 3
"""Members whose reasons are in the sentence."""


class Finding(msgspec.Struct, frozen=True):
    """reason: a sentence that names the combination or the member. up None: not known yet."""

    up: bool | None
    reason: str


def judge(check: CombinedCheck, known: Mapping[str, Finding]) -> Finding:
    """known: what is said of members, by key; a member that is missing is not known yet."""
    total, states = len(check.members), [known.get(member.key) for member in check.members]
    up = sum(1 for state in states if state and state.up)
    down = [state.reason for state in states if state and state.up is False]
    subject, counted = f"check {check.name}", f"{up} of {total} {'is' if up == 1 else 'are'} up, {check.quorum} must be"
    if up >= check.quorum:
        return Finding(True, f"{subject}: {counted}")
    if total - len(down) < check.quorum:
        return Finding(False, f"{subject}: {counted}: {in_brief(down, TOLD)}")
    open_count = total - up - len(down)
    return Finding(None, f"{subject}: {counted}: {open_count} {'has' if open_count == 1 else 'have'} no result yet")


def in_order(checks: Iterable[CombinedCheck]) -> tuple[CombinedCheck, ...]:
    """Each behind the combinations that it counts. There are no circles: the reader refuses them."""
    by_name = {check.name: check for check in checks}
    done: dict[str, CombinedCheck] = {}
    for first in by_name:
        left = [first]
        while left:
            name = left[-1]
            needs = [one for one in _combinations(by_name[name], by_name) if one not in done]
            if needs and name not in done:
                left.extend(needs)
            else:
                done.setdefault(left.pop(), by_name[name])
    return tuple(done.values())


def _combinations(check: CombinedCheck, by_name: Mapping[str, CombinedCheck]) -> Iterable[str]:
    return (member.name for member in check.members if member.kind is TrackerKind.CHECK and member.name in by_name)
