"""Changes of the membership: voters, learners, and the joint configuration between two sets of voters.

A change of at most one voter is made in one step (`simple`); any other goes through a joint configuration
(`enter_joint`, later `leave_joint`) in which both the old and the new majority must agree (Raft thesis, 4.3). A voter
that becomes a learner while the old set still counts it stays a voter until then: it waits in `learners_next`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import assert_never

import msgspec

from alived.base import AlivedError
from alived.raft.quorum import Voters


class Configuration(msgspec.Struct, frozen=True):
    """Who votes and who only learns."""

    voters: Voters = Voters()
    learners: frozenset[int] = frozenset()
    learners_next: frozenset[int] = frozenset()
    """Outgoing voters that become learners when the joint configuration is left"""
    auto_leave: bool = False
    """The leader leaves the joint configuration by itself as soon as it is applied"""

    @property
    def joint(self) -> bool:
        return self.voters.joint

    @property
    def members(self) -> frozenset[int]:
        return self.voters.ids | self.learners

    def __str__(self) -> str:
        parts = [f"voters {self.voters}"]
        if self.learners:
            parts.append("learners " + " ".join(map(str, sorted(self.learners))))
        if self.learners_next:
            parts.append("learners afterwards " + " ".join(map(str, sorted(self.learners_next))))
        return ", ".join(parts)


class ChangeKind(enum.StrEnum):
    ADD_VOTER = "add-voter"
    ADD_LEARNER = "add-learner"
    REMOVE = "remove"
    UPDATE = "update"
    """Nothing changes for the consensus: the entry tells the others a new address or the like."""


class Change(msgspec.Struct, frozen=True):
    """One member added, demoted, promoted or removed. `node` 0 means nobody: such a change is skipped."""

    kind: ChangeKind
    node: int


class Transition(enum.StrEnum):
    """How a change goes through the joint configuration."""

    AUTO = "auto"
    """In one step if one change is asked, otherwise through a joint configuration that is left automatically"""
    IMPLICIT = "implicit"
    """Always through a joint configuration, which is left automatically"""
    EXPLICIT = "explicit"
    """Always through a joint configuration, which is left when an empty change is proposed"""


class ConfChange(msgspec.Struct, frozen=True):
    """Changes that become effective together. No change at all: leave the joint configuration."""

    changes: tuple[Change, ...] = ()
    transition: Transition = Transition.AUTO
    context: bytes = b""
    """For the state machine; the consensus does not read it"""

    @property
    def leaves_joint(self) -> bool:
        return self.transition is Transition.AUTO and not self.changes

    @property
    def enters_joint(self) -> bool:
        return self.transition is not Transition.AUTO or len(self.changes) > 1


class Refusal(enum.Enum):
    """Why a change is impossible."""

    ALREADY_JOINT = "the cluster is in a joint configuration already"
    NO_VOTERS = "a cluster without voters cannot enter a joint configuration"
    NOT_JOINT = "the cluster is in no joint configuration that could be left"
    SIMPLE_WHILE_JOINT = "the joint configuration must be left first"
    REMOVES_ALL_VOTERS = "no voter would be left"
    SEVERAL_VOTERS = "more than one voter would change without a joint configuration"


class ConfChangeError(AlivedError):
    """A change that would break the safety of the cluster."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Changed(msgspec.Struct, frozen=True):
    """A new configuration."""

    configuration: Configuration
    forgotten: frozenset[int] = frozenset()
    """Members that left and, perhaps, came back on the way: what was known about their logs is void"""


def apply(configuration: Configuration, change: ConfChange) -> Changed:
    """The configuration after a committed change.

    Raises:
        ConfChangeError: The change is impossible in this configuration.
    """
    if change.leaves_joint:
        return leave_joint(configuration)
    if change.enters_joint:
        return enter_joint(configuration, change.changes, auto_leave=change.transition is not Transition.EXPLICIT)
    return simple(configuration, change.changes)


def simple(configuration: Configuration, changes: Sequence[Change]) -> Changed:
    """At most one voter changes: the old and the new majorities overlap in any case (thesis, 4.1)."""
    if configuration.joint:
        raise ConfChangeError(Refusal.SIMPLE_WHILE_JOINT)
    draft = _Draft(configuration)
    draft.make(changes)
    if len(draft.incoming ^ configuration.voters.incoming) > 1:
        raise ConfChangeError(Refusal.SEVERAL_VOTERS)
    return draft.changed(auto_leave=False)


def enter_joint(configuration: Configuration, changes: Sequence[Change], *, auto_leave: bool) -> Changed:
    """The present voters become the outgoing ones; the changes are made to the incoming ones."""
    if configuration.joint:
        raise ConfChangeError(Refusal.ALREADY_JOINT)
    if not configuration.voters.incoming:
        raise ConfChangeError(Refusal.NO_VOTERS)
    draft = _Draft(configuration)
    draft.outgoing = configuration.voters.incoming
    draft.make(changes)
    return draft.changed(auto_leave=auto_leave)


def leave_joint(configuration: Configuration) -> Changed:
    """The outgoing voters lose their votes; those in `learners_next` become learners."""
    if not configuration.joint:
        raise ConfChangeError(Refusal.NOT_JOINT)
    voters = Voters(configuration.voters.incoming)
    return Changed(Configuration(voters, configuration.learners | configuration.learners_next))


class _Draft:
    """A configuration in the making."""

    def __init__(self, configuration: Configuration) -> None:
        self.incoming = set(configuration.voters.incoming)
        self.outgoing = configuration.voters.outgoing
        self.learners = set(configuration.learners)
        self.learners_next = set(configuration.learners_next)
        self.forgotten: set[int] = set()

    def make(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.node:
                self._make_one(change)
        if not self.incoming:
            raise ConfChangeError(Refusal.REMOVES_ALL_VOTERS)

    def _make_one(self, change: Change) -> None:
        node = change.node
        match change.kind:
            case ChangeKind.ADD_VOTER:
                self._drop(node)
                self.incoming.add(node)
            case ChangeKind.ADD_LEARNER if node not in self.learners:
                self._drop(node)
                (self.learners_next if node in self.outgoing else self.learners).add(node)
            case ChangeKind.REMOVE:
                known = node in self.incoming or node in self.learners
                self._drop(node)
                if known and node not in self.outgoing:
                    self.forgotten.add(node)
            case ChangeKind.ADD_LEARNER | ChangeKind.UPDATE:
                pass
            case _:
                assert_never(change.kind)

    def _drop(self, node: int) -> None:
        for members in (self.incoming, self.learners, self.learners_next):
            members.discard(node)

    def changed(self, *, auto_leave: bool) -> Changed:
        voters = Voters(frozenset(self.incoming), self.outgoing)
        configuration = Configuration(voters, frozenset(self.learners), frozenset(self.learners_next), auto_leave)
        return Changed(configuration, frozenset(self.forgotten))
