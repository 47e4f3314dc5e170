"""What this node may own now, and what the engine is told of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alived.raft.config import RaftInstance
from alived.raft.engine_line import EngineLine
from alived.raft.member_events import EngineReported
from alived.raft.outbox import Outbox
from alived.raft.profiles import Timers


class Standpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the consensus says about this node at this moment."""

    term: int
    leader: str
    """Name; "": nobody is known"""
    leads: bool
    lease_until_ns: int | None
    """Its own lease as the leader; None, or in the past: it has none"""
    giving_up: str
    """Why it gives up whatever it owns, a sentence; "": it does not"""


class Ownership:
    def __init__(self, node: str, groups: tuple[RaftInstance, ...], timers: Timers, outbox: Outbox) -> None:
        self._node = node
        self._groups = {group.name: group for group in groups}
        self._timers = timers
        self._outbox = outbox
        self.engine = EngineLine(timers.heartbeat_ns)
        self.reason = ""
        """Why this node owns what it owns"""

    @property
    def deadline_ns(self) -> int | None:
        return self.engine.due_ns

    def engine_reported(self, event: EngineReported, now_ns: int) -> None:
        self.engine.heard(event, now_ns)

    def engine_lost(self) -> None:
        self.engine.lost()

    def mind(self, standpoint: Standpoint, now_ns: int) -> None:
        """Tell the engine what follows from this."""
        held, self.reason = self._may_own(standpoint, now_ns)
        leases = self.engine.tell(held, standpoint.term, self.reason, now_ns, orderly=bool(standpoint.giving_up))
        if leases is not None:
            self._outbox.add(leases)

    def clear(self, now_ns: int) -> bool:
        """Whether nobody owns anything by the grace of this node."""
        return not self.engine.held and self.engine.leaving_until_ns(now_ns) is None

    def _may_own(self, standpoint: Standpoint, now_ns: int) -> tuple[Mapping[str, int], str]:
        if standpoint.giving_up:
            return {}, standpoint.giving_up
        until_ns = standpoint.lease_until_ns
        if until_ns is not None and until_ns > now_ns:
            held = {name: until_ns for name in self._groups if self.able(name, now_ns)}
            return held, f"{self._node} leads term {standpoint.term}, a majority has confirmed it"
        if standpoint.leads:
            return {}, f"{self._node} leads term {standpoint.term}, but no majority has confirmed it lately"
        if standpoint.leader:
            return {}, f"{standpoint.leader} leads term {standpoint.term}"
        return {}, f"no leader is known in term {standpoint.term}"

    def able(self, group: str, now_ns: int) -> bool:
        report = self.engine.reports.get(group)
        return report is not None and report.able and not self.engine.silent(now_ns)
