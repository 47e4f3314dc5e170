"""Majorities: what has been decided by whom. Votes and acknowledged indices, for one set of voters or for two at once.

While the membership changes, two sets of voters rule together (Raft thesis, section 4.3, "joint consensus"): a vote is
won, an index committed, only if a majority of each set says so.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Set

import msgspec

EVERYTHING = 2**64 - 1
"""What an empty set of voters has committed: it holds nothing back, so that it is neutral in a joint quorum."""


class VoteResult(enum.Enum):
    PENDING = "pending"
    LOST = "lost"
    WON = "won"


def committed_index(voters: Collection[int], acknowledged: Mapping[int, int]) -> int:
    """The largest index that a majority of `voters` has acknowledged; 0 if there is none."""
    if not voters:
        return EVERYTHING
    indices = sorted([acknowledged.get(voter, 0) for voter in voters], reverse=True)
    return indices[len(voters) // 2]


def vote_result(voters: Collection[int], votes: Mapping[int, bool]) -> VoteResult:
    """Won or lost as soon as those who have not voted cannot change it."""
    if not voters:
        return VoteResult.WON
    majority = len(voters) // 2 + 1
    granted = sum(votes.get(voter, False) for voter in voters)
    missing = sum(voter not in votes for voter in voters)
    if granted >= majority:
        return VoteResult.WON
    return VoteResult.PENDING if granted + missing >= majority else VoteResult.LOST


class Voters(msgspec.Struct, frozen=True):
    """The voters: one set, or two while the membership changes (the new ones and the old ones)."""

    incoming: frozenset[int] = frozenset()
    outgoing: frozenset[int] = frozenset()
    """Empty unless joint"""

    @property
    def joint(self) -> bool:
        return bool(self.outgoing)

    @property
    def ids(self) -> frozenset[int]:
        return self.incoming | self.outgoing

    def __contains__(self, id_: int) -> bool:
        return id_ in self.incoming or id_ in self.outgoing

    def committed_index(self, acknowledged: Mapping[int, int]) -> int:
        index = committed_index(self.incoming, acknowledged)
        return min(index, committed_index(self.outgoing, acknowledged)) if self.outgoing else index

    def agree(self, ids: Set[int]) -> bool:
        """Whether these are a majority, of each set."""
        won = len(self.incoming & ids) > len(self.incoming) // 2 or not self.incoming
        return won and (not self.outgoing or len(self.outgoing & ids) > len(self.outgoing) // 2)

    def vote_result(self, votes: Mapping[int, bool]) -> VoteResult:
        results = {vote_result(self.incoming, votes), vote_result(self.outgoing, votes)}
        for result in (VoteResult.LOST, VoteResult.PENDING):
            if result in results:
                return result
        return VoteResult.WON

    def __str__(self) -> str:
        incoming = _listed(self.incoming)
        return f"{incoming} together with {_listed(self.outgoing)}" if self.joint else incoming


def _listed(ids: Collection[int]) -> str:
    return " ".join(map(str, sorted(ids))) or "none"
