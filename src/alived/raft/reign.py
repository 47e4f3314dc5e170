"""One term of this node as the leader: who shall own what, and what it grants to whom (see `placement`, `subleases`).

A decision is made when something changes, or when time alone may change it. What it wants is carried out step by step:
a group that is to move is no longer granted to the one, and granted to the other only when the first has let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from alived.base import NS_PER_S, in_brief
from alived.owner import TOLD_FAULTS
from alived.raft.candidates import Known, View
from alived.raft.config import Member, RaftInstance
from alived.raft.directory import node_number
from alived.raft.engine_line import EngineLine
from alived.raft.member_events import OwnerView, Send
from alived.raft.outbox import Outbox
from alived.raft.packets import GroupReport, Report, Status
from alived.raft.placement import Decision, HandOver, Placement
from alived.raft.profiles import Timers
from alived.raft.subleases import Grants

STATUS_NS = 2 * NS_PER_S


class Realm(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to be owned, and who is there."""

    groups: tuple[RaftInstance, ...]
    members: tuple[Member, ...]
    spread: bool
    asked_for: str = ""
    """An operator wants this node to own"""


class _Told(msgspec.Struct, frozen=True):
    """The last answer to a follower."""

    meant: tuple[str, ...]
    granted: tuple[str, ...]
    at_ns: int
    lease_until_ns: int
    """Of the leader, at that time"""


class Reign:
    def __init__(
        self, own: str, term: int, timers: Timers, placement: Placement, engine: EngineLine, outbox: Outbox, now_ns: int
    ) -> None:
        self._own = own
        self._election_ns, self._heartbeat_ns = timers.election_ns, timers.heartbeat_ns
        self._placement = placement
        self._engine = engine
        self._outbox = outbox
        self.term = term
        self.grants = Grants(term, timers.silence_ns)
        # What the engine may hold from before is as good as granted: nobody else gets it before it is let go.
        for group, until_ns in engine.ends.items():
            self.grants.issue(own, engine.number, (group,), until_ns, now_ns)
        self.reports: dict[str, tuple[Report, int]] = {}
        """The newest of each follower, and when it came"""
        self._told: dict[str, _Told] = {}
        self._realm: Realm | None = None
        self._edition: object = None
        self._decision = Decision(groups=())
        self._owners: Mapping[str, str] = {}
        """As decided: group to node"""
        self._heard_ns: Mapping[int, int] = {}
        self.silent: frozenset[str] = frozenset()
        """Members that were not heard for an election timeout"""
        self.grants_elsewhere = False
        """Followers wait to hear how long they may own"""
        self._status: Status | None = None
        self._status_ns = now_ns
        self._looked_ns = now_ns
        self._stale = True
        """Something has changed since the decision"""
        placement.begin(now_ns)

    # -- what comes

    def reported(self, node: str, report: Report, now_ns: int) -> None:
        before = self.reports.get(node)
        if before is not None and report.number <= before[0].number and now_ns - before[1] < self._election_ns:
            return  # Overtaken on the way. Later, its clock has begun anew with its machine.
        self.reports[node] = report, now_ns
        self._stale = self._stale or before is None or before[0].groups != report.groups
        if report.term == self.term:
            self.grants.carried_out(node, report.serial, _held(report.groups))
        self._told.pop(node, None)  # Every report is answered.

    def engine_reported(self, number: int, groups: Iterable[GroupReport]) -> bool:
        """Whether something was let go thereby."""
        return bool(self.grants.carried_out(self._own, number, _held(groups)))

    def engine_lost(self) -> None:
        self.grants.carried_out(self._own, self._engine.number + 1, ())

    # -- what follows

    def decide(self, realm: Realm, heard_ns: Mapping[int, int], now_ns: int) -> HandOver | None:
        """Look whether anything changes; who shall lead instead."""
        moves_ns = self._decision.moves_ns
        self._heard_ns = heard_ns
        silent = self._not_heard(realm, now_ns)
        edition = self._engine.edition(now_ns)
        same = (realm, edition, silent) == (self._realm, self._edition, self.silent)
        if not same or self._stale or (moves_ns is not None and now_ns >= moves_ns):
            self._realm, self._edition, self.silent, self._stale = realm, edition, silent, False
            known = tuple(self._known(member, heard_ns, now_ns) for member in realm.members)
            view = View(
                leader=self._own, members=known, groups=realm.groups, spread=realm.spread, asked_for=realm.asked_for
            )
            self._decision = self._placement.decide(view, now_ns)
            self._owners = self._decision.owners
        return self._decision.hand_over

    def _known(self, member: Member, heard_ns: Mapping[int, int], now_ns: int) -> Known:
        if member.id == self._own:
            groups = self._engine.groups(now_ns)
            return Known(member=member, heard_ns=now_ns if groups else None, groups=groups)
        if member.id not in self.reports:
            return Known(member=member, heard_ns=None)
        report, reported_ns = self.reports[member.id]
        # Any word proves that it is there; that nothing has changed since its report too.
        return Known(member=member, heard_ns=heard_ns.get(node_number(member.id), reported_ns), groups=report.groups)

    def own(self, lease_until_ns: int, now_ns: int) -> dict[str, int]:
        """What this node may own itself now."""
        held, own = {}, self._own
        for group, owner in self._owners.items():
            if owner == own and self.grants.holder(group, now_ns) in ("", own):
                held[group] = lease_until_ns
        return held

    def passed_on(self, leases: int, held: Mapping[str, int], now_ns: int) -> None:
        """`Leases` of this number went to the own engine."""
        for group, until_ns in held.items():
            self.grants.issue(self._own, leases, (group,), until_ns, now_ns)

    def prolonged(self, leases: int, held: Iterable[str], until_ns: int, now_ns: int) -> int:
        """The same if all last equally long; when all that is let go at the latest."""
        self.grants.issue(self._own, leases, held, until_ns, now_ns)
        return until_ns + self.grants.silence_ns

    def granted_to_others(self, now_ns: int) -> bool:
        return any(node != self._own for node in self.grants.holders(now_ns).values())

    def share(self, giving_up: str, heir: str, lease_until_ns: int | None, now_ns: int) -> None:
        """Tell followers what they may own, if they do not know. Of a leader that gives up everything only the heir
        gets something."""
        assert self._realm is not None
        for member in self._realm.members:
            if member.id != self._own and (member.id in self.reports or member.may_own):
                groups = self._owners if not giving_up or member.id == heir else ()
                self._tell(member.id, groups, giving_up, lease_until_ns, now_ns)
        self._spread_status(now_ns)
        self.grants_elsewhere = any(told.granted for told in self._told.values())
        self._looked_ns = now_ns

    def _tell(self, node: str, groups: Iterable[str], giving_up: str, lease_until_ns: int | None, now_ns: int) -> None:
        """groups: all that it may have, if it shall."""
        meant = tuple(
            group for group in groups if self._owners[group] == node and self.grants.holder(group, now_ns) in ("", node)
        )
        told = self._told.get(node)
        if told is not None and told.meant == meant and not self._worth_saying(told, lease_until_ns, now_ns):
            return
        report, at_ns = self.reports.get(node, (None, 0))
        # What it holds already must not be counted from nothing.
        holds = node in self.grants.holders(now_ns).values()
        fresh = holds or now_ns - at_ns <= self._heartbeat_ns
        if giving_up and fresh and not (holds or meant):
            return  # The heir, and there is nothing to grant yet.
        answer = self.grants.answer(
            node,
            report.number if report is not None and fresh else 0,
            meant,
            lease_until_ns,
            now_ns,
            giving_up or self.reason(meant),
        )
        self._told[node] = _Told(meant, tuple(lease.group for lease in answer.held), now_ns, lease_until_ns or 0)
        self._outbox.add(Send(node_number(node), answer))

    def _worth_saying(self, told: _Told, lease_until_ns: int | None, now_ns: int) -> bool:
        """Again, though it means the same: it was not granted, or the report came before the lease was confirmed."""
        if told.granted != told.meant:
            return now_ns >= self._again_ns(told)
        gained_ns = (lease_until_ns or 0) - told.lease_until_ns
        late = now_ns - told.at_ns >= self._heartbeat_ns // 2
        return bool(told.granted) and not late and gained_ns >= self._heartbeat_ns // 2

    def _again_ns(self, told: _Told) -> int:
        return told.at_ns + self._heartbeat_ns

    def reason(self, groups: Iterable[str]) -> str:
        """Of the decision about these; about all if there are none."""
        wanted = set(groups) or {placed.group for placed in self._decision.groups}
        reasons = dict.fromkeys(placed.reason for placed in self._decision.groups if placed.group in wanted)
        return in_brief(reasons, TOLD_FAULTS)

    def ask_for_report(self, node: str) -> None:
        """It is about to be granted something, and that counts from its report."""
        self._told.pop(node, None)

    # -- what is known

    def has_taken(self, node: str) -> bool:
        """Whether a follower holds all that it shall own, as it says itself."""
        meant = {group for group, owner in self._owners.items() if owner == node}
        return not meant or (node in self.reports and meant <= _held(self.reports[node][0].groups))

    def owners(self, now_ns: int) -> tuple[tuple[str, str], ...]:
        return tuple((placed.group, self.grants.holder(placed.group, now_ns)) for placed in self._decision.groups)

    def view(self, now_ns: int) -> tuple[OwnerView, ...]:
        return tuple(
            OwnerView(
                group=placed.group,
                owner=self.grants.holder(placed.group, now_ns),
                known_ns=now_ns,
                reason=placed.reason,
            )
            for placed in self._decision.groups
        )

    def _not_heard(self, realm: Realm, now_ns: int) -> frozenset[str]:
        since_ns = now_ns - self._election_ns
        return frozenset(
            member.id for member in realm.members if member.id != self._own and self._last_heard_ns(member) <= since_ns
        )

    def _last_heard_ns(self, member: Member) -> int:
        """As of now, whenever the last decision was made; 0: never."""
        return self._heard_ns.get(node_number(member.id), 0)

    def _spread_status(self, now_ns: int) -> None:
        assert self._realm is not None
        status = Status(term=self.term, owners=self.owners(now_ns), silent=tuple(sorted(self.silent)))
        if status == self._status and now_ns < self._status_ns:
            return
        self._status = status
        self._status_ns = now_ns + STATUS_NS
        for member in self._realm.members:
            if member.id != self._own:
                self._outbox.add(Send(node_number(member.id), status))

    @property
    def deadline_ns(self) -> int:
        """When something may change by time alone."""
        assert self._realm is not None
        moments = [self._status_ns]
        if self._decision.moves_ns is not None:
            moments.append(self._decision.moves_ns)
        moments += [
            self._last_heard_ns(member) + self._election_ns
            for member in self._realm.members
            if member.id != self._own and member.id not in self.silent
        ]
        moments += [self._again_ns(told) for told in self._told.values() if told.granted != told.meant]
        for group, owner in self._owners.items():
            free_ns = self.grants.free_ns(group, but=owner)
            if free_ns is not None and free_ns > self._looked_ns:
                moments.append(free_ns)
        return min(moments)


def _held(groups: Iterable[GroupReport]) -> frozenset[str]:
    return frozenset(group.name for group in groups if group.holds)
