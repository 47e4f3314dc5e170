"""What the engine was told, and what it has let go since."""

from __future__ import annotations

import itertools

from alived.raft.engine_line import IDLE_NS, PATIENCE_ROUNDS, EngineLine
from alived.raft.member_events import EngineReported, Held, Leases
from alived.raft.packets import GroupReport

BEAT = 40
UNTIL = 10_000


def tell(line: EngineLine, held: dict[str, int], now_ns: int, **values: bool) -> Leases | None:
    return line.tell(held, 1, "tested", now_ns, **values)


def report(number: int, *holds: str, groups: str = "ab", held_ns: int | None = None) -> EngineReported:
    return EngineReported(
        number=number,
        groups=tuple(
            GroupReport(name=name, able=True, priority=100, holds=name in holds, held_ns=held_ns) for name in groups
        ),
    )


class Line(EngineLine):
    """With the engine at its other end."""

    def __init__(self) -> None:
        super().__init__(BEAT, lambda: self.at_engine)
        self.at_engine = 0
        """What the engine has carried out"""


def answered(now_ns: int = 0, **held: int) -> tuple[Line, int]:
    """A line to an engine that holds these."""
    line = Line()
    leases = tell(line, held, now_ns)
    assert leases is not None
    line.at_engine = leases.number
    line.heard(report(leases.number, *held), now_ns)
    return line, leases.number


def test_what_is_known_is_not_said_again_but_once_in_a_while() -> None:
    line, number = answered(a=UNTIL)
    assert tell(line, {"a": UNTIL}, 1) is None
    renewed = tell(line, {"a": UNTIL + 1}, 2)
    assert renewed is not None and renewed.number > number
    assert renewed.held == (Held("a", UNTIL + 1),)
    line.at_engine = renewed.number
    assert line.due_ns == 2 + IDLE_NS
    assert tell(line, {"a": UNTIL + 1}, 2 + IDLE_NS) is not None


def test_a_renewal_asks_for_an_answer_once_in_a_while() -> None:
    """That the engine carries it out is seen. What is new or withdrawn is answered in any case."""
    line, _ = answered(a=UNTIL)
    asked_ns = []
    for now_ns in range(BEAT, 3 * IDLE_NS, IDLE_NS // 4):
        leases = tell(line, {"a": UNTIL + now_ns}, now_ns)
        assert leases is not None
        if leases.answer:
            asked_ns.append(now_ns)
    assert [after - before for before, after in itertools.pairwise((BEAT, *asked_ns))] == [IDLE_NS, IDLE_NS]
    for held in ({"a": UNTIL, "b": UNTIL}, {"b": UNTIL}, {"b": UNTIL + 1}):
        leases = tell(line, held, asked_ns[-1] + 2)
        assert leases is not None and leases.answer


def test_who_has_not_reported_is_asked_until_it_does() -> None:
    line = Line()
    for now_ns in (0, 1):
        leases = tell(line, {"a": UNTIL + now_ns}, now_ns)
        assert leases is not None and leases.answer


def test_numbers_are_above_those_of_a_former_process() -> None:
    _, number = answered(now_ns=7_000)
    assert number >= 7_000


def test_leases_that_are_not_carried_out_are_told_again() -> None:
    line, _ = answered(a=UNTIL)
    assert tell(line, {}, 100) is not None
    assert tell(line, {}, 100 + PATIENCE_ROUNDS * BEAT - 1) is None
    assert tell(line, {}, 100 + PATIENCE_ROUNDS * BEAT) is not None


def test_somebody_waits_for_an_answer() -> None:
    line, _ = answered(a=UNTIL)
    assert tell(line, {"a": UNTIL}, 1, again=True) is not None


def test_a_group_is_let_go_when_the_engine_says_so() -> None:
    line, number = answered(a=UNTIL, b=UNTIL + 5)
    leases = tell(line, {"b": UNTIL + 5}, 1)
    assert leases is not None and leases.held == (Held("b", UNTIL + 5),)
    assert line.leaving_until_ns(1) == UNTIL
    line.heard(report(number, "a", "b"), 2)
    assert line.leaving_until_ns(2) == UNTIL, "an answer to what was said before"
    line.heard(report(leases.number, "a", "b"), 3)
    assert line.leaving_until_ns(3) == UNTIL, "it is being unbound"
    line.heard(report(leases.number, "b"), 4)
    assert line.leaving_until_ns(4) is None
    assert dict(line.ends) == {"b": UNTIL + 5}


def test_a_group_is_let_go_at_the_end_of_its_lease_at_the_latest() -> None:
    line, _ = answered(a=UNTIL)
    tell(line, {"a": UNTIL - 50}, 1)
    tell(line, {}, 2)
    assert line.leaving_until_ns(UNTIL - 1) == UNTIL, "the longest that it was told counts"
    assert line.leaving_until_ns(UNTIL) is None


def test_a_group_may_leave_in_order_or_at_once() -> None:
    line, _ = answered(a=UNTIL)
    leases = tell(line, {}, 1, orderly=True)
    assert leases is not None and leases.held == (Held("a", UNTIL, leaving=True),)
    leases = tell(line, {}, 2, orderly=False)
    assert leases is not None and leases.held == ()
    assert line.leaving_until_ns(2) == UNTIL
    line.heard(report(leases.number), 3)
    assert line.leaving_until_ns(3) is None


def test_what_left_is_named_no_longer() -> None:
    line, _ = answered(a=UNTIL)
    leases = tell(line, {}, 1, orderly=True)
    assert leases is not None
    line.heard(report(leases.number), 2)
    again = tell(line, {}, IDLE_NS + 2, orderly=True)
    assert again is not None and again.held == ()


def test_a_group_comes_back_while_it_leaves() -> None:
    line, _ = answered(a=UNTIL)
    tell(line, {}, 1, orderly=True)
    leases = tell(line, {"a": UNTIL}, 2)
    assert leases is not None and leases.held == (Held("a", UNTIL),)
    assert line.leaving_until_ns(2) is None


def test_an_engine_that_carries_out_nothing_is_not_able() -> None:
    line, _ = answered(a=UNTIL)
    assert not line.silent(5)
    for now_ns in range(100, 100 + 200 * BEAT, BEAT):
        tell(line, {"a": UNTIL + now_ns}, now_ns)
        assert line.silent(now_ns) is (now_ns >= 100 + PATIENCE_ROUNDS * BEAT)
    assert [group.able for group in line.groups(100_000)] == [False, False]
    assert {group.reason for group in line.groups(100_000)} == {"the engine does not answer"}
    line.at_engine = line.number - 1
    assert not line.silent(100 + 200 * BEAT), "it has carried out what is old enough"
    assert line.silent(20_000)
    line.at_engine = line.number
    assert not line.silent(20_000)


def test_a_new_engine_is_told_again() -> None:
    line, _ = answered(a=UNTIL)
    line.heard(report(0), 5)
    assert line.due_ns is None
    leases = tell(line, {"a": UNTIL}, 6)
    assert leases is not None and leases.held == (Held("a", UNTIL),)


def test_an_engine_that_is_gone_holds_nothing() -> None:
    line, _ = answered(a=UNTIL)
    tell(line, {}, 1)
    edition = line.edition(1)
    line.lost()
    assert line.leaving_until_ns(1) is None
    assert line.silent(1) and line.groups(1) == ()
    assert line.edition(1) != edition


def test_ages_grow_and_make_no_news() -> None:
    line = Line()
    line.heard(report(0, held_ns=50), 1_000)
    edition = line.edition(1_000)
    assert [group.held_ns for group in line.groups(1_300)] == [350, 350]
    line.heard(report(0, held_ns=400), 1_350)
    assert line.edition(1_350) == edition
    line.heard(report(0, "a", held_ns=0), 1_400)
    assert line.edition(1_400) != edition
    assert [group.held_ns for group in line.groups(1_500)] == [0, 0]
