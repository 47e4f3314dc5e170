"""Checks with a name of their own, `check NAME { ... }`: trackers that need no script, and combinations of trackers."""

from __future__ import annotations

import msgspec

from alived.health.config import AnyCheck
from alived.health.trackers_config import FlapDamping, TrackerKind, Weight


class NamedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """`check NAME { tcp { ... } }`."""

    name: str
    check: AnyCheck
    """start_to_start, retry 0 and warmup 0; `alpha` is `init_fail`: it is down until it has risen"""
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None


class CombinedMember(msgspec.Struct, frozen=True):
    """A tracker that a combination counts."""

    kind: TrackerKind
    name: str

    @property
    def key(self) -> str:
        return self.kind.key(self.name)


class CombinedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """`check NAME { all|any|quorum N  A B C }`: up while at least `quorum` of its members are."""

    name: str
    members: tuple[CombinedMember, ...]
    quorum: int
    """all: the number of members; any: 1"""
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None
