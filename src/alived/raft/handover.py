"""Giving leadership away: first what is owned goes to the heir, then the leadership follows.

The leader lets go of everything and grants it to the heir, as to any follower: the gap is a message. When the heir owns
it, and nobody else owns anything by the grace of this leader, the heir is told to campaign. What it was granted lasts
longer than its election takes.

The word to campaign overrides all promises, so nobody but the heir may own anything when it leaves, nor ever again in
this term: it may arrive late. If the heir does not take over within an election timeout the leader stands again, in a
new term in which it may own when its grants have ended.
"""

from __future__ import annotations

import enum

from alived.raft.messages import NOBODY, Role
from alived.raft.node import Node


class Progress(enum.Enum):
    BEGUN = enum.auto()
    WITHDRAWING = enum.auto()
    """What is owned must go to the other first"""
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
        self.progress = Progress.BEGUN

    def proceed(self, *, clear: bool) -> bool:
        """clear: nothing is owned any more but by the other. True: the node was stepped."""
        raft = self._node.raft
        if raft.role is not Role.LEADER or raft.term != self._term:
            self.progress = Progress.DONE
        elif self.progress is Progress.BEGUN:
            self.progress = Progress.WITHDRAWING
            self._node.beat()  # What the other gets lasts no longer than the lease.
            return True
        elif self.progress is Progress.WITHDRAWING and clear:
            self.progress = Progress.ASKED
            self._node.transfer(self.to)
            return True
        elif self.progress is Progress.ASKED and raft.transferee == NOBODY:
            self.progress = Progress.FAILED
            self._node.stand_again()
            return True
        return False
