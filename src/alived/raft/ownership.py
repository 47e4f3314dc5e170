"""What this node may own now: by its own lease as the leader, by a sublease, or by holding on when the quorum is lost.

It is said to the engine as leases that end by themselves. What this node is the cause of, here and at followers, must
be let go before leadership is given away, and before anything leaves that helps another node to own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from alived.base import in_brief
from alived.owner import TOLD_FAULTS
from alived.raft.config import Member, QuorumLost, RaftInstance
from alived.raft.directory import node_number
from alived.raft.engine_line import EngineLine
from alived.raft.member_events import EngineReported, OwnerView
from alived.raft.messages import NOBODY
from alived.raft.outbox import Outbox
from alived.raft.packets import GroupReport, Report, Status, Subleases
from alived.raft.placement import HandOver, Placement
from alived.raft.profiles import Timers
from alived.raft.reign import Realm, Reign
from alived.raft.tenancy import Tenancy

HOLD_ROUNDS = 4
"""Rounds of heartbeats for which a group is held when the quorum is lost; renewed in each, as the kernel's lease lasts
for little more"""


class Standpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the consensus says about this node at this moment."""

    term: int
    leader: int
    leader_name: str
    """"": nobody is known"""
    leads: bool
    lease_until_ns: int | None
    """Its own lease as the leader; None, or in the past: it has none"""
    members: tuple[Member, ...]
    heard_ns: Mapping[int, int]
    stands: bool = False
    """It stands for election in this term, or was elected"""
    giving_up: str = ""
    """Why it gives up whatever it owns, a sentence; "": it does not"""
    heir: str = ""
    """To whom that goes; "": it is nobody's"""
    asked_for: str = ""
    """An operator wants this node to own"""
    catching_up: bool = False
    """It had nothing on its disk, and does not take part until it knows what the cluster knows"""


class Ownership:
    def __init__(
        self,
        node: str,
        groups: tuple[RaftInstance, ...],
        timers: Timers,
        outbox: Outbox,
        now_ns: int,
        engine: EngineLine,
        *,
        spread: bool = False,
    ) -> None:
        self._node = node
        self._groups = groups
        self._held_on = _held_on(groups)
        """Groups whose owner goes on when the quorum is lost"""
        self._spread = spread
        self._timers = timers
        self._outbox = outbox
        self.engine = engine
        self._placement = Placement(timers.election_ns)
        self._tenancy = Tenancy(timers.heartbeat_ns, timers.repeat_ns, outbox, now_ns)
        self._reign: Reign | None = None
        """Of the last term in which this node had a lease; what it granted may last longer"""
        self._rules = False
        """It has a lease now"""
        self._holds_on = False
        """It owns without any lease: the quorum is lost"""
        self._minded_ns = now_ns
        self._lease_until_ns: int | None = None
        self._term = 0
        """In which the engine was last told what it owns"""
        self._clear_ns: int | None = None
        """When everything that was withdrawn is let go at the latest"""
        self._heard: tuple[OwnerView, ...] = ()
        """What the leader last said about who owns what"""
        self.silent: frozenset[str] = frozenset()
        """Members that the leader does not hear"""
        self.reason = ""
        """Why this node owns what it owns"""
        self.hand_over: HandOver | None = None
        """Who should lead instead"""

    @property
    def deadline_ns(self) -> int | None:
        """Before that nothing changes by itself."""
        engine = self.engine
        reign_ns = self._reign.deadline_ns if self._rules and self._reign else None
        moments = [engine.due_ns, self._tenancy.deadline_ns, self._clear_ns, reign_ns]
        # What is past has been acted on, be it by doing nothing: who has a leader to follow does not hold on.
        hold_ns = self._hold_due_ns() if self._held_on else None
        ends = (engine.silent_from_ns, self._lease_until_ns, hold_ns, *engine.held.values())
        moments += [moment for moment in ends if moment is not None and moment > self._minded_ns]
        return min([moment for moment in moments if moment is not None], default=None)

    # -- what comes

    def reconfigure(self, groups: tuple[RaftInstance, ...], *, spread: bool) -> None:
        self._groups = groups
        self._held_on = _held_on(groups)
        self._spread = spread

    def engine_reported(self, event: EngineReported, now_ns: int) -> bool:
        """Whether anything follows from it."""
        news = self.engine.heard(event, now_ns)
        self._tenancy.engine_reported(event.number)
        let_go = self._reign.engine_reported(event.number, event.groups) if self._reign else False
        return news or let_go or not self._tenancy.settled

    def engine_lost(self) -> None:
        """Whatever it was told is carried out thereby."""
        self.engine.lost()
        self._tenancy.engine_reported(self.engine.number)
        if self._reign:
            self._reign.engine_lost()

    def reported(self, node: str, report: Report, now_ns: int) -> None:
        """By a follower, whoever leads now."""
        if self._reign:
            self._reign.reported(node, report, now_ns)

    def subleased(self, answer: Subleases, term: int) -> None:
        """By the leader of this term."""
        self._tenancy.answered(answer, term)

    def leader_beats(self) -> bool:
        """True: a report is wanted."""
        return self._tenancy.leader_beats()

    def told(self, status: Status, now_ns: int) -> None:
        """By the leader."""
        self.silent = frozenset(status.silent)
        self._heard = tuple(OwnerView(group=group, owner=owner, known_ns=now_ns) for group, owner in status.owners)

    def hand_over_failed(self, to: str, now_ns: int) -> None:
        self._placement.hand_over_failed(to, now_ns)

    # -- what can be asked

    @property
    def rules(self) -> bool:
        """It has a lease by which it owns and grants."""
        return self._rules

    @property
    def holds_on(self) -> bool:
        return self._holds_on

    @property
    def would_hold_on(self) -> bool:
        """It owns something that it would go on to own without any lease."""
        return bool(self.engine.held.keys() & self._held_on)

    @property
    def settled(self) -> bool:
        """The leader that this node follows knows that it owns nothing."""
        return self._tenancy.settled

    def why_unable(self, node: str) -> str:
        """Why a follower could own nothing, as it says itself; "": it could, or this node does not know."""
        groups = self.reports.get(node, ())
        unable = [group.reason for group in groups if not group.able]
        return in_brief(dict.fromkeys(unable), TOLD_FAULTS) if len(unable) == len(groups) else ""

    def owns(self, node: str, now_ns: int) -> bool:
        """Whether it owns something by the grace of this node, or may."""
        return self._reign is not None and node in self._reign.grants.holders(now_ns).values()

    def able(self, now_ns: int) -> bool:
        """Whether this node could own anything, and not only for want of a better one."""
        return any(report.able and report.priority for report in self.engine.groups(now_ns))

    def clear(self, now_ns: int, but: str = "") -> bool:
        """Whether nobody owns anything by the grace of this node. but: this one may."""
        return not self.engine.held and self.clear_ns(now_ns, but) is None

    def clear_ns(self, now_ns: int, but: str = "") -> int | None:
        """When what was withdrawn is let go at the latest; None: it is."""
        moments = [self.engine.leaving_until_ns(now_ns)]
        if self._reign:
            holders = self._reign.grants.holders(now_ns)
            moments += [self._reign.grants.free_ns(group) for group, node in holders.items() if node != but]
        return max((moment for moment in moments if moment is not None), default=None)

    def sole_holder(self, now_ns: int) -> int:
        """Who alone may own something by the grace of this node; 0: several, this node itself, or nobody."""
        holders = {*self._reign.grants.holders(now_ns).values()} if self._reign else set()
        [holder] = holders if len(holders) == 1 else [""]
        return node_number(holder) if holder and self.clear(now_ns, but=holder) else NOBODY

    def passed_on(self, heir: str) -> bool:
        """Whether it owns all that this node can give it."""
        return not self._rules or self._reign is None or self._reign.has_taken(heir)

    def prepare(self, heir: str) -> None:
        """It is about to get what this node owns."""
        if self._reign:
            self._reign.ask_for_report(heir)

    @property
    def owners(self) -> tuple[OwnerView, ...]:
        """Who owns what, as far as this node knows."""
        if self._rules and self._reign:
            return self._reign.view(self._minded_ns)
        others = tuple(self._still(one) for one in self._heard if one.group not in self.engine.held)
        reason = "holds on though the quorum is lost" if self._holds_on else self.reason
        own = (
            OwnerView(group=group, owner=self._node, known_ns=self._minded_ns, reason=reason)
            for group in self.engine.held
        )
        return tuple(sorted((*others, *own), key=lambda view: view.group))

    def _still(self, told: OwnerView) -> OwnerView:
        """What the leader said of this node itself is old news when the engine holds nothing."""
        return msgspec.structs.replace(told, known_ns=None) if told.owner == self._node else told

    @property
    def reports(self) -> dict[str, tuple[GroupReport, ...]]:
        """What each node could own and holds, as far as this one knows."""
        followers = self._reign.reports if self._rules and self._reign else {}
        known = {node: report.groups for node, (report, _) in followers.items()}
        return {**known, self._node: self.engine.groups(self._minded_ns)}

    # -- what follows

    def mind(self, standpoint: Standpoint, now_ns: int) -> None:
        """Tell the engine and the followers what follows from this."""
        self._minded_ns = now_ns
        self._lease_until_ns = standpoint.lease_until_ns
        self._rules = self._begins_or_goes_on(standpoint, now_ns)
        self.hand_over = None
        reign = self._reign if self._rules else None
        held, self.reason = self._rule(reign, standpoint, now_ns) if reign else self._serve(standpoint, now_ns)
        held = {} if standpoint.giving_up else {**held, **self._hold_on(held, standpoint, now_ns)}
        leases = self.engine.tell(
            held,
            standpoint.term,
            self.reason,
            now_ns,
            orderly=standpoint.term == self._term,
            again=self._tenancy.news,
        )
        self._term = standpoint.term
        if leases is not None:
            self._outbox.add(leases)
            self._tenancy.passed_on(leases.number)
            if reign:
                reign.passed_on(leases.number, held, now_ns)
        if reign:
            reign.share(standpoint.giving_up, standpoint.heir, standpoint.lease_until_ns, now_ns)
        elif not standpoint.leads and not standpoint.catching_up:
            self._tenancy.report(standpoint.leader, standpoint.term, self.engine, now_ns)
        self._clear_ns = self.clear_ns(now_ns)

    def prolong(self, until_ns: int | None, now_ns: int) -> bool:
        """The lease of this node as the leader lasts longer, and nothing else has happened: what most rounds of
        heartbeats are. False: it takes more than to tell the engine (`mind`)."""
        reign = self._reign
        if not self._rules or reign is None or until_ns is None or until_ns <= now_ns:
            return False
        if self._held_on or reign.grants_elsewhere:
            return False
        held = reign.own(until_ns, now_ns)
        leases = self.engine.renew(held, self._term, self.reason, now_ns)
        if leases is None:
            return False
        self._minded_ns, self._lease_until_ns = now_ns, until_ns
        self._outbox.add(leases)
        self._clear_ns = reign.prolonged(leases.number, held, until_ns, now_ns)
        return True

    def _begins_or_goes_on(self, standpoint: Standpoint, now_ns: int) -> bool:
        """Whether this node has a lease by which it may own and grant."""
        until_ns = standpoint.lease_until_ns
        if until_ns is None or until_ns <= now_ns:
            return False
        if self._reign is None or self._reign.term != standpoint.term:
            if self._reign and self._reign.granted_to_others(now_ns):
                return False  # What it granted in an earlier term must have ended.
            self._tenancy.clear()
            self._reign = Reign(
                self._node, standpoint.term, self._timers, self._placement, self.engine, self._outbox, now_ns
            )
        return True

    def _rule(self, reign: Reign, standpoint: Standpoint, now_ns: int) -> tuple[Mapping[str, int], str]:
        assert standpoint.lease_until_ns is not None
        realm = Realm(
            groups=self._groups, members=standpoint.members, spread=self._spread, asked_for=standpoint.asked_for
        )
        self.hand_over = reign.decide(realm, standpoint.heard_ns, now_ns)
        self.silent = reign.silent
        held = reign.own(standpoint.lease_until_ns, now_ns)
        return held, standpoint.giving_up or reign.reason(held)

    def _serve(self, standpoint: Standpoint, now_ns: int) -> tuple[Mapping[str, int], str]:
        """Without a lease of its own."""
        term, leader = standpoint.term, standpoint.leader_name
        held = self._tenancy.held(term, now_ns, stands=standpoint.stands)
        if held:
            return held, standpoint.giving_up or self._tenancy.reason
        if standpoint.leads:
            self._tenancy.clear()
            return {}, standpoint.giving_up or f"{leader} leads term {term}, but no majority has confirmed it lately"
        return {}, standpoint.giving_up or (
            f"{leader} leads term {term}" if leader else f"no leader is known in term {term}"
        )

    # -- the quorum is lost

    def _hold_on(self, held: Mapping[str, int], standpoint: Standpoint, now_ns: int) -> dict[str, int]:
        """Groups whose owner goes on though its lease is about to end, until another leader is heard of, or somebody
        asks for help to become one."""
        self._holds_on = False
        elsewhere = standpoint.leader != NOBODY and not standpoint.leads
        if elsewhere or self._outbox.waits:
            return {}
        able = {report.name for report in self.engine.groups(now_ns) if report.able}
        ours = (held if self._rules else self.engine.held).keys() & self._held_on & able
        self._holds_on = not self._rules and not ours <= held.keys()
        return {name: self._prolonged(max(held.get(name, 0), self.engine.held.get(name, 0)), now_ns) for name in ours}

    def _prolonged(self, until_ns: int, now_ns: int) -> int:
        return until_ns if until_ns - now_ns > self._renewed_ns else now_ns + self._hold_ns

    def _hold_due_ns(self) -> int | None:
        ends = [until_ns for group, until_ns in self.engine.held.items() if group in self._held_on]
        return min(ends) - self._renewed_ns if ends else None

    @property
    def _renewed_ns(self) -> int:
        """So long before its end"""
        return self._hold_ns - self._timers.heartbeat_ns

    @property
    def _hold_ns(self) -> int:
        return HOLD_ROUNDS * self._timers.heartbeat_ns


def _held_on(groups: Iterable[RaftInstance]) -> frozenset[str]:
    return frozenset(group.name for group in groups if group.quorum_lost is QuorumLost.HOLD)
