"""Who could own a group, and who is better: what both ways of placing groups begin with.

Better is, in this order: whom an operator asked for, who has a priority above 0, who is preferred by the group, who has
the higher priority (as reported: trackers change it).
"""

from __future__ import annotations

import msgspec

from alived.raft.config import Member, RaftInstance
from alived.raft.packets import GroupReport


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the leader knows it."""

    member: Member
    heard_ns: int | None
    """When its newest report came; None: not in this reign. Of the leader itself: not None while its engine lives"""
    groups: tuple[GroupReport, ...] = ()

    @property
    def name(self) -> str:
        return self.member.id

    def report(self, group: str) -> GroupReport | None:
        return next((report for report in self.groups if report.name == group), None)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision rests on."""

    leader: str
    members: tuple[Known, ...]
    groups: tuple[RaftInstance, ...]
    spread: bool = False
    asked_for: str = ""
    """An operator wants this node to own, as long as it is able"""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about a group."""

    group: str
    owner: str
    """"": nobody"""
    reason: str
    """A sentence; it changes only when what it is about changes, not with time"""


class Rank(msgspec.Struct, frozen=True, order=True):
    """How good a node is for a group; smaller is better."""

    not_asked_for: bool
    last_resort: bool
    preference: int
    """Place among the preferred nodes of the group"""
    minus_priority: int

    @classmethod
    def of(cls, member: Member, report: GroupReport, group: RaftInstance, *, asked_for: bool) -> Rank:
        preferred = group.preferred_nodes
        return cls(
            not_asked_for=not asked_for,
            last_resort=not (member.priority and report.priority),
            preference=preferred.index(member.id) if member.id in preferred else len(preferred),
            minus_priority=-report.priority,
        )

    @property
    def wish(self) -> tuple[bool, bool, int]:
        """Without the priority, which does not matter where load is spread."""
        return self.not_asked_for, self.last_resort, self.preference


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A node that is able to own a group."""

    name: str
    rank: Rank
    ready_ns: int
    """From then on it has been well for long enough to take the group from an able owner"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A group, and who could own it."""

    group: RaftInstance
    owner: Candidate | None
    """Whom the last decision chose, if it is still able"""
    former_owner: Candidate | None
    """Who held it under the former leader, if it is able"""
    candidates: tuple[Candidate, ...]
    unable: str
    """Why the others cannot; clauses"""

    def place(self, owner: Candidate, reason: str) -> Placed:
        return Placed(group=self.group.name, owner=owner.name, reason=reason)

    def place_nowhere(self, reason: str) -> Placed:
        return Placed(group=self.group.name, owner="", reason=reason)

    def preempts(self, better: Candidate, owner: Candidate, now_ns: int) -> bool:
        """Whether `better` may take the group from an able owner now."""
        obliged = (better.rank.not_asked_for, better.rank.last_resort) < (
            owner.rank.not_asked_for,
            owner.rank.last_resort,
        )
        return now_ns >= better.ready_ns and (obliged or not self.group.nopreempt)

    def why_it_stays(self, owner: Candidate, better: Candidate) -> str:
        if self.group.nopreempt:
            return f"{owner.name} keeps it: nopreempt, though {better.name} would be better"
        return f"{owner.name} keeps it until {better.name} has been well for the preempt_delay"

    def why_only(self, chosen: Candidate) -> str:
        """What speaks for it regardless of any comparison of priorities; "" if nothing does."""
        others = [other for other in self.candidates if other is not chosen]
        if not others:
            return f"{chosen.name} is the only able node" + (f": {self.unable}" if self.unable else "")
        if not chosen.rank.not_asked_for:
            return f"{chosen.name} was asked for by an operator"
        second = min(others, key=lambda other: (other.rank, other.name))
        if chosen.rank.preference < second.rank.preference and not second.rank.last_resort:
            return f"{chosen.name} is preferred to {second.name}"
        if second.rank.last_resort and not chosen.rank.last_resort:
            return f"{chosen.name} has a priority, {second.name} is the last resort"
        return ""
