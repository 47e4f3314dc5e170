"""From time to ticks: the consensus counts, its driver looks at a clock.

A node is not woken for every tick but when its next event is due. What came in meanwhile is heard first: ticks that
passed before a message are counted, except the one with which something would happen; that one waits until everything
is read. So a process that stalled hears its leader before it thinks of an election.

Ticks lost in a stall are not made up. The promises of this node last longer then, which is the safe side: ends of
leases are absolute times. For the same reason what is left of a tick is dropped when a promise is renewed.

All who heard the same heartbeat count from the same moment. A node whose election timeout ends waits a random part of a
tick more, so that two that have drawn the same number of ticks seldom ask for votes at once and get half of them each.
"""

from __future__ import annotations

from collections.abc import Callable

from alived.raft.messages import Role
from alived.raft.node import Node


class Ticks:
    """The ticks of one node."""

    def __init__(self, node: Node, tick_ns: int, draw: Callable[[int], int], now_ns: int) -> None:
        """`draw(n)` gives 0 to n-1."""
        self._node = node
        self._tick_ns = tick_ns
        self._counted_ns = now_ns
        """All ticks until then are counted, or dropped"""
        self._elapsed = 0
        self._most = node.raft.settings.election_ticks
        """More mean nothing to a node for which nothing happens by itself"""
        self._draw = draw
        self._late_ns = draw(tick_ns)

    @property
    def deadline_ns(self) -> int | None:
        """None: nothing happens by itself."""
        ticks = self._node.ticks_to_event
        return None if ticks is None else self._moment_ns(ticks)

    def _moment_ns(self, ticks: int) -> int:
        """When what happens with this tick happens."""
        late_ns = 0 if self._node.raft.role is Role.LEADER else self._late_ns
        return self._counted_ns + ticks * self._tick_ns + late_ns

    def before(self, now_ns: int) -> None:
        """Something has happened: count what passed before, so far as it causes nothing."""
        due = (now_ns - self._counted_ns) // self._tick_ns
        if due:
            self._count(min(due, (self._node.ticks_to_event or self._most) - 1))
        self._elapsed = self._node.raft.election_elapsed

    def heard(self, now_ns: int) -> None:
        """After it: if the clock of elections began anew, then here."""
        if self._elapsed > 0 and self._node.raft.election_elapsed == 0:
            self._counted_ns = now_ns

    def reach(self, now_ns: int) -> None:
        """Everything is read: what is due happens, once."""
        ticks = self._node.ticks_to_event
        due = (now_ns - self._counted_ns) // self._tick_ns
        if ticks is not None and now_ns < self._moment_ns(ticks):
            self._count(min(due, ticks - 1))
            return
        self._count(min(due, ticks or self._most))
        self._counted_ns += (now_ns - self._counted_ns) // self._tick_ns * self._tick_ns
        if self._node.raft.role is not Role.LEADER:
            self._late_ns = self._draw(self._tick_ns)

    def _count(self, ticks: int) -> None:
        """No more than until something happens."""
        if ticks:
            self._node.tick(ticks)
            self._counted_ns += ticks * self._tick_ns
