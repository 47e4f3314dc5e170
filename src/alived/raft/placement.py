"""Who shall own which group: the leader's decision, from what the members report.

Usually all groups follow the leader, and the leadership goes to the best able node; a group for which another node is
better than the leader is subleased to that one. With `spread` the groups are dealt over the able nodes (see
`spreading`). Who is better: see `candidates`.

A group that a reload has just brought waits for the leader's own engine to report it, at most an election timeout: it
would go to a follower that was reloaded before, and come back.

Nothing flaps: an owner that is able keeps its group until a better node has been well without interruption for
`preempt_delay`, at least an election timeout; with `nopreempt` it keeps it anyway. Only need moves at once. Witnesses
and learners own nothing; neither does a member that has not reported for an election timeout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from alived.raft import spreading
from alived.raft.candidates import Candidate, Known, Placed, Question, Rank, View
from alived.raft.config import RaftInstance, Role

_FIRST_PAUSE_TIMEOUTS = 20
_LONGEST_PAUSE_TIMEOUTS = 400
_RECENT_TIMEOUTS = 10


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """Leadership shall go to the node that owns all groups."""

    to: str
    reason: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    groups: tuple[Placed, ...]
    hand_over: HandOver | None = None
    moves_ns: int | None = None
    """Before that nothing changes by time alone if everybody goes on to be heard; None: never"""
    silence_ns: int | None = None
    """When the first member falls silent if nothing more is heard of it"""

    @property
    def look_again_ns(self) -> int | None:
        """Until then nothing changes by time alone; None: never."""
        return min((moment for moment in (self.moves_ns, self.silence_ns) if moment is not None), default=None)

    @property
    def owners(self) -> dict[str, str]:
        """Group to node, of the groups that somebody shall own."""
        return {placed.group: placed.owner for placed in self.groups if placed.owner}


class Placement:
    """Decides. What it keeps between decisions: whom it chose, since when a node is well, which hand-overs failed."""

    __slots__ = ("_began_ns", "_chosen", "_known_since", "_pauses", "_timeout_ns", "_well_since")

    def __init__(self, election_timeout_ns: int) -> None:
        self._timeout_ns = election_timeout_ns
        self._began_ns = 0
        self._known_since: dict[str, int] = {}
        """By group"""
        self._well_since: dict[tuple[str, str], int] = {}
        """(node, group): since when it is able, without interruption"""
        self._chosen: dict[str, str] = {}
        self._pauses: dict[str, tuple[int, int]] = {}
        """Node to (until when, how long) no leadership is offered to it, because it did not take it"""

    def begin(self, now_ns: int) -> None:
        """Another reign of this node begins: nobody has reported to it yet."""
        self._began_ns = now_ns
        self._known_since = {}
        self._well_since = {}
        self._chosen = {}

    def hand_over_failed(self, to: str, now_ns: int) -> None:
        """It did not become the leader: the pause before the next offer doubles if that fails too."""
        until_ns, length_ns = self._pauses.get(to, (0, 0))
        again = length_ns and now_ns < until_ns + length_ns
        longest_ns = _LONGEST_PAUSE_TIMEOUTS * self._timeout_ns
        length_ns = min(2 * length_ns, longest_ns) if again else _FIRST_PAUSE_TIMEOUTS * self._timeout_ns
        self._pauses[to] = (now_ns + length_ns, length_ns)

    def decide(self, view: View, now_ns: int) -> Decision:
        self._known_since = {group.name: self._known_since.get(group.name, now_ns) for group in view.groups}
        self._note_well(view, now_ns)
        questions = tuple(self._question(view, group, now_ns) for group in view.groups)
        unheard = self._unheard(view, now_ns)
        if view.spread:
            placed = spreading.deal(questions, unheard, now_ns)
        elif view.leader in unheard:
            placed = tuple(
                question.place_nowhere("the engine of the new leader has not reported") for question in questions
            )
        else:
            placed = tuple(
                question.place_nowhere("the engine of the leader has not reported it")
                if self._awaited_until_ns(view, question.group.name) > now_ns
                else _follow_leader(question, view.leader, now_ns)
                for question in questions
            )
        self._chosen = {one.group: one.owner for one in placed if one.owner}
        return Decision(
            groups=placed,
            hand_over=None if view.spread or unheard else self._hand_over(view, questions, placed, now_ns),
            moves_ns=self._moves_ns(view, questions, now_ns),
            silence_ns=self._silence_ns(view, now_ns),
        )

    # -- who is able

    def _why_not(self, view: View, known: Known, group: str, now_ns: int) -> str:
        """Why it cannot own the group; "": it can."""
        match known.member.role:
            case Role.WITNESS | Role.LEARNER as role:
                return f"{known.name} is a {role}"
            case _ if known.heard_ns is None:
                return f"{known.name} has not reported"
            case _ if known.name != view.leader and now_ns - known.heard_ns >= self._timeout_ns:
                return f"{known.name} is silent"
        report = known.report(group)
        if report is None:
            return f"{known.name} does not know the group"
        return "" if report.able else f"{known.name}: {report.reason or 'unable'}"

    def _note_well(self, view: View, now_ns: int) -> None:
        self._well_since = {
            (known.name, group.name): self._well_since.get((known.name, group.name), now_ns)
            for known in view.members
            for group in view.groups
            if not self._why_not(view, known, group.name, now_ns)
        }

    def _unheard(self, view: View, now_ns: int) -> tuple[str, ...]:
        """Members that may hold something and have not told the new leader so."""
        if now_ns >= self._began_ns + self._timeout_ns:
            return ()
        return tuple(known.name for known in view.members if known.member.may_own and known.heard_ns is None)

    def _awaited_until_ns(self, view: View, group: str) -> int:
        """Until when a report of the leader's own engine about a group is waited for; 0: it is not."""
        leader = next(known for known in view.members if known.name == view.leader)
        awaited = leader.member.may_own and leader.report(group) is None
        return self._known_since[group] + self._timeout_ns if awaited else 0

    # -- what is to be decided about a group

    def _question(self, view: View, group: RaftInstance, now_ns: int) -> Question:
        delay_ns = max(group.preempt_delay_ns, self._timeout_ns)
        candidates = []
        for known in view.members:
            since_ns = self._well_since.get((known.name, group.name))
            report = known.report(group.name)
            if since_ns is not None and report is not None:
                asked_for = known.name == view.asked_for
                candidates.append(
                    Candidate(
                        name=known.name,
                        rank=Rank.of(known.member, report, group, asked_for=asked_for),
                        ready_ns=now_ns if asked_for else since_ns + delay_ns,
                    )
                )
        reasons = (self._why_not(view, known, group.name, now_ns) for known in view.members)
        by_name = {candidate.name: candidate for candidate in candidates}
        return Question(
            group=group,
            owner=by_name.get(self._chosen.get(group.name, "")),
            former_owner=by_name.get(self._former_owner(view, group, now_ns)),
            candidates=tuple(candidates),
            unable="; ".join(filter(None, reasons)),
        )

    def _former_owner(self, view: View, group: RaftInstance, now_ns: int) -> str:
        """Who held the group last, a moment ago under another leader; "": nobody says so."""
        ages = [
            (0 if report.holds else report.held_ns + now_ns - known.heard_ns, known.name)
            for known in view.members
            if known.heard_ns is not None
            and (report := known.report(group.name)) is not None
            and report.held_ns is not None
        ]
        age_ns, name = min(ages, default=(0, ""))
        return name if age_ns <= _RECENT_TIMEOUTS * self._timeout_ns else ""

    # -- the leadership, and time

    def _hand_over(
        self, view: View, questions: Iterable[Question], placed: Sequence[Placed], now_ns: int
    ) -> HandOver | None:
        """If all groups agree on another node, it should lead: fewer messages, and fewer nodes to fail."""
        owners = {one.owner for one in placed if one.owner}
        if len(owners) != 1 or view.leader in owners:
            return None
        [to] = owners
        paused = now_ns < self._pauses.get(to, (0, 0))[0]
        if paused or not all(_may_lead(to, view.leader, question, now_ns) for question in questions):
            return None
        return HandOver(to=to, reason=next(one.reason for one in placed if one.owner))

    def _moves_ns(self, view: View, questions: Sequence[Question], now_ns: int) -> int | None:
        moments = [candidate.ready_ns for question in questions for candidate in question.candidates]
        moments += [self._awaited_until_ns(view, question.group.name) for question in questions]
        moments += [until_ns for until_ns, _ in self._pauses.values()]
        moments.append(self._began_ns + self._timeout_ns)
        return min((moment for moment in moments if moment > now_ns), default=None)

    def _silence_ns(self, view: View, now_ns: int) -> int | None:
        moments = (
            known.heard_ns + self._timeout_ns
            for known in view.members
            if known.heard_ns is not None and known.name != view.leader
        )
        return min((moment for moment in moments if moment > now_ns), default=None)


def _may_lead(to: str, leader: str, question: Question, now_ns: int) -> bool:
    """The leadership moves by need at once, by preference when that has lasted: a group may have been there before."""
    ready = {candidate.name: candidate.ready_ns for candidate in question.candidates}
    return leader not in ready or to not in ready or now_ns >= ready[to]


def _follow_leader(question: Question, leader: str, now_ns: int) -> Placed:
    """The leader, or who is better for this group; an able owner until that one has been well long enough."""
    if not question.candidates:
        return question.place_nowhere(f"no node can own it: {question.unable}")

    def order(candidate: Candidate) -> tuple[Rank, bool, str]:
        return candidate.rank, candidate.name != leader, candidate.name

    ranking = sorted(question.candidates, key=order)
    owner = _present_owner(question, leader) or ranking[0]
    better = [one for one in ranking[: ranking.index(owner)] if one.rank < owner.rank or one.name == leader]
    chosen = next((one for one in better if question.preempts(one, owner, now_ns)), owner)
    if chosen is owner and better:
        return question.place(owner, question.why_it_stays(owner, better[0]))
    return question.place(chosen, question.why_only(chosen) or _why(question, chosen, leader))


def _present_owner(question: Question, leader: str) -> Candidate | None:
    """A group that nobody owns follows a new leader at once, whoever may take it later; unless it was a moment ago
    where it would go again."""
    leading = next((one for one in question.candidates if one.name == leader and not one.rank.last_resort), None)
    former = question.former_owner
    stays = former is not None and (leading is None or question.group.nopreempt or former.rank < leading.rank)
    return question.owner or (former if stays else leading)


def _why(question: Question, chosen: Candidate, leader: str) -> str:
    """By priority, or because it leads."""
    second = min((one for one in question.candidates if one is not chosen), key=lambda one: (one.rank, one.name))
    if chosen.rank < second.rank:
        return f"{chosen.name} has priority {-chosen.rank.minus_priority}, {second.name} {-second.rank.minus_priority}"
    return f"{chosen.name} leads" if chosen.name == leader else f"{chosen.name} is as good as {second.name}"
