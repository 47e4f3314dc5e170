"""Giving leadership away: first everything that is owned by the grace of this leader is let go, then another campaigns.

The word to campaign overrides all promises, so nothing may be owned when it leaves, nor ever again in this term: it may
arrive late. If nobody takes over within an election timeout the leader stands again, in a new term in which it may own.
"""

from __future__ import annotations

import enum

from alived.raft.messages import NOBODY, Role
from alived.raft.node import Node


class Progress(enum.Enum):
    WITHDRAWING = enum.auto()
    """What is owned must be let go first"""
    ASKED = enum.auto()
    """The other has been told to campaign"""
    FAILED = enum.auto()
    """It has not: this node stands again"""
    DONE = enum.auto()
    """Another leads, or may"""


class Handover:
    """To `to`, for this reason; one attempt."""

    def __init__(self, node: Node, to: int, reason: str) -> None:
        self._node = node
        self._term = node.raft.term
        self.to = to
        self.reason = reason
        self.progress = Progress.WITHDRAWING

    def proceed(self, *, clear: bool) -> bool:
        """clear: nothing is owned any more. True: the node was stepped."""
        raft = self._node.raft
        if raft.role is not Role.LEADER or raft.term != self._term:
            self.progress = Progress.DONE
        elif self.progress is Progress.WITHDRAWING and clear:
            self.progress = Progress.ASKED
            self._node.transfer(self.to)
            return True
        elif self.progress is Progress.ASKED and raft.transferee == NOBODY:
            self.progress = Progress.FAILED
            self._node.stand_again()
            return True
        return False
