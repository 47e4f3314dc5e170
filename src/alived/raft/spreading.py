"""Groups dealt over the able nodes: by preference, then evenly; kept where they are unless that becomes uneven.

Uneven is a difference of two groups. What moves to even it out waits as any other preemption does, so that a node that
comes and goes changes nothing; groups with `nopreempt` stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from alived.raft.candidates import Candidate, Placed, Question


def deal(questions: Sequence[Question], unheard: Sequence[str], now_ns: int) -> tuple[Placed, ...]:
    """`unheard`: members that may have held groups under the former leader and have not said so yet."""
    questions = [_settled(question) for question in questions]
    owners = _kept(questions, now_ns)
    load = Counter(owner.name for owner in owners.values())
    for question in questions:
        if question.group.name not in owners and question.candidates and (question.owner or not unheard):
            chosen = min(_options(question, now_ns), key=lambda option: _order(option, load))
            owners[question.group.name] = chosen
            load[chosen.name] += 1
    _even_out(questions, owners, load, now_ns)
    return tuple(_placed(question, owners.get(question.group.name), unheard, now_ns) for question in questions)


def _settled(question: Question) -> Question:
    """Where a group was under the former leader it stays."""
    return msgspec.structs.replace(question, owner=question.owner or question.former_owner)


def _order(candidate: Candidate, load: Counter[str]) -> tuple[tuple[bool, bool, int], int, int, str]:
    return candidate.rank.wish, load[candidate.name], candidate.rank.minus_priority, candidate.name


def _options(question: Question, now_ns: int) -> list[Candidate]:
    """Who may own it now: its able owner, and who may take it from that one."""
    owner = question.owner
    if owner is None:
        return list(question.candidates)
    return [owner, *(other for other in _wished(question, owner) if question.preempts(other, owner, now_ns))]


def _wished(question: Question, owner: Candidate) -> list[Candidate]:
    """Who is better than the owner, whatever the load."""
    return [other for other in question.candidates if other.rank.wish < owner.rank.wish]


def _kept(questions: Sequence[Question], now_ns: int) -> dict[str, Candidate]:
    return {
        question.group.name: question.owner
        for question in questions
        if question.owner is not None and _options(question, now_ns) == [question.owner]
    }


def _even_out(questions: Sequence[Question], owners: dict[str, Candidate], load: Counter[str], now_ns: int) -> None:
    """One group after the other from the fullest node to the emptiest, as long as that makes it more even."""
    while True:
        moves = [
            (load[to.name] - load[owner.name], place, to.name, to)
            for place, question in enumerate(questions)
            if (owner := owners.get(question.group.name)) is not None
            for to in _evener(question, owner, load, now_ns)
        ]
        if not moves:
            return
        _, place, _, to = min(moves, key=lambda move: move[:3])
        group = questions[place].group.name
        load[owners[group].name] -= 1
        load[to.name] += 1
        owners[group] = to


def _evener(question: Question, owner: Candidate, load: Counter[str], now_ns: int) -> list[Candidate]:
    """Who is as good for the group and has fewer by two at least."""
    settled = question.owner is owner
    if settled and question.group.nopreempt:
        return []
    return [
        other
        for other in question.candidates
        if other.rank.wish == owner.rank.wish
        and load[owner.name] - load[other.name] >= 2
        and (not settled or now_ns >= other.ready_ns)
    ]


def _placed(question: Question, owner: Candidate | None, unheard: Sequence[str], now_ns: int) -> Placed:
    if owner is None:
        if question.candidates:
            return question.place_nowhere(
                f"{', '.join(unheard)} may hold it and has not reported to the new leader yet"
            )
        return question.place_nowhere(f"no node can own it: {question.unable}")
    better = min(_wished(question, owner), key=lambda other: (other.rank, other.name), default=None)
    if better is not None:
        return question.place(owner, question.why_it_stays(owner, better))
    return question.place(owner, question.why_only(owner) or f"{owner.name} has it as its share: groups are spread")
