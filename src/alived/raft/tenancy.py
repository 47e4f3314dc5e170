"""Owning as a follower: reports to the leader, and what it subleases in return (see `subleases`)."""

from __future__ import annotations

from collections.abc import Mapping

from alived.base import NS_PER_S
from alived.raft.engine_line import EngineLine
from alived.raft.member_events import Send
from alived.raft.messages import NOBODY
from alived.raft.outbox import Outbox
from alived.raft.packets import Report, Subleases
from alived.raft.subleases import Subleased

IDLE_NS = 2 * NS_PER_S
"""How often a follower that owns nothing reports without news; what is not answered is said again sooner"""


class Tenancy:
    def __init__(self, heartbeat_ns: int, repeat_ns: int, outbox: Outbox, now_ns: int) -> None:
        """repeat_ns: from a heartbeat that is lost to the next."""
        self._heartbeat_ns, self._repeat_ns = heartbeat_ns, repeat_ns
        self._outbox = outbox
        self._subleased = Subleased(now_ns)
        self._reported: tuple[object, ...] = ()
        """What the last report was about"""
        self._term = 0
        self._leader = NOBODY
        """To whom it went"""
        self._due_ns = now_ns
        self._sent_ns = now_ns
        """When it went; also its number"""
        self._asked = False
        """The leader wants a report at once"""
        self.news = False
        """The leader has changed what it grants, and the engine has not been told"""
        self._changed: int | None = None
        """Serial of the answer that changed it; None: the leader knows that it is carried out"""
        self.reason = ""
        """The leader's, for what it subleases"""

    @property
    def deadline_ns(self) -> int | None:
        return None if self._leader == NOBODY else self._due_ns

    def answered(self, answer: Subleases, term: int) -> None:
        """By the leader."""
        before = self._subleased.until_ns.keys()
        if self._subleased.hear(answer, term):
            self.reason = answer.reason
            self._asked = not answer.number
            if answer.number >= self._sent_ns:
                # Who owns reports with each heartbeat of the leader; this is for one that is lost.
                owning_ns = self._heartbeat_ns + self._repeat_ns // 2
                self._due_ns = self._sent_ns + (owning_ns if self._subleased.until_ns else IDLE_NS)
            if self._subleased.until_ns.keys() != before:
                self.news = True
                self._changed = answer.serial

    def leader_beats(self) -> bool:
        """Its lease is about to be confirmed anew: a report that follows our answer gets the most out of it. True: one
        is wanted."""
        self._asked = self._asked or bool(self._subleased.until_ns)
        return self._asked

    def held(self, term: int, now_ns: int, *, stands: bool) -> Mapping[str, int]:
        """What may be owned by the grace of the leader of this term, and until when. stands: for election in this term,
        or it was elected; what a former leader granted it keeps until that ends, as nobody else can own it before."""
        if term != self._term and not stands:
            self._subleased.clear()
            self._changed = None
            self._term = term
        return {group: until_ns for group, until_ns in self._subleased.until_ns.items() if until_ns > now_ns}

    def clear(self) -> None:
        """This node leads."""
        self._subleased.clear()
        self._leader = NOBODY

    # -- the engine

    def passed_on(self, leases: int) -> None:
        """`Leases` of this number went to the engine."""
        self.news = False
        self._subleased.passed_on(leases)

    def engine_reported(self, number: int) -> None:
        self._subleased.confirmed(number)

    @property
    def settled(self) -> bool:
        """The leader knows that nothing is owned by its grace."""
        return self._changed is None and not self._subleased.until_ns

    # -- reports

    def report(self, leader: int, term: int, engine: EngineLine, now_ns: int) -> None:
        """To the leader, if there is news, or if it is time."""
        if leader == NOBODY:
            self._leader = NOBODY
            return
        serial = self._subleased.carried_out(term)
        about = (leader, term, engine.edition(now_ns))
        carried_out = self._changed is not None and serial >= self._changed
        if about == self._reported and not carried_out and not self._asked and now_ns < self._due_ns:
            return
        if carried_out:
            self._changed = None
        self._reported = about
        self._asked = False
        self._leader = leader
        self._due_ns = now_ns + (self._heartbeat_ns // 2 if engine.held else self._heartbeat_ns)
        self._sent_ns = number = self._subleased.number(now_ns)
        report = Report(number=number, groups=engine.groups(now_ns), term=term, serial=serial)
        self._outbox.add_late(Send(leader, report))
