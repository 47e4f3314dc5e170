"""What a dead worker owes: answers for those who wait, and what must happen all the same."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alived.daemon.hook_debts import DIED, DOWN, HookDebts
from alived.daemon.messages import HookDue, HookOutcome
from alived.daemon.owed import MAX_DELIVERIES
from alived.hooks.config import HookEvent
from alived.hooks.tasks import takes

MASTER, SLAVE, BEFORE_BIND, AFTER_BIND = (
    HookEvent.TO_MASTER,
    HookEvent.TO_SLAVE,
    HookEvent.BEFORE_BIND,
    HookEvent.AFTER_BIND,
)


def due(event: HookEvent, number: int = 0, name: str = "web", by_hand: str = "") -> HookDue:
    return HookDue(kind="RAFT", name=name, event=event, number=number, by_hand=by_hand)


def answer(asked: HookDue, ok: bool = True, reason: str = "", superseded: bool = False) -> HookOutcome:
    """As a worker gives it; it may have heard of the event when its number was another one."""
    return HookOutcome(
        kind=asked.kind,
        name=asked.name,
        event=asked.event,
        number=asked.number,
        ok=ok,
        reason=reason,
        superseded=superseded,
        event_id=asked.event_id,
    )


def begun() -> HookDebts:
    debts = HookDebts("x")
    assert debts.worker_began() == ([], [])
    return debts


def add(debts: HookDebts, one: HookDue) -> HookDue:
    asked, refusal = debts.add(one)
    assert refusal is None
    return asked


def test_each_event_has_an_id() -> None:
    debts = begun()
    assert [add(debts, due(MASTER)).event_id, add(debts, due(SLAVE)).event_id] == ["x-1", "x-2"]
    assert [one.event_id for one in debts.waiting()] == ["x-1", "x-2"]


def test_who_waits_hears_the_answer() -> None:
    debts = begun()
    asked = add(debts, due(BEFORE_BIND, 5))
    assert debts.paid(answer(asked)) == answer(asked)
    assert debts.waiting() == []
    assert debts.paid(answer(asked)) is None, "once"


def test_who_does_not_wait_hears_of_failures_only() -> None:
    debts = begun()
    assert debts.paid(answer(add(debts, due(MASTER)))) is None
    assert debts.paid(answer(add(debts, due(MASTER)), ok=False, reason="superseded", superseded=True)) is None
    failed = answer(add(debts, due(MASTER)), ok=False, reason="ended with status 1")
    assert debts.paid(failed) == failed


def test_who_waits_hears_that_it_was_superseded() -> None:
    debts = begun()
    stale = answer(add(debts, due(MASTER, 3)), ok=False, superseded=True)
    assert debts.paid(stale) == stale


def test_a_dead_worker_is_an_answer_and_what_takes_is_asked_for_again_by_who_waited() -> None:
    debts = begun()
    asked = add(debts, due(BEFORE_BIND, 5))
    assert debts.worker_died() == [answer(asked, ok=False, reason=DIED)]
    assert debts.worker_began() == ([], [])
    assert debts.paid(answer(asked)) is None, "its last words come too late"


def test_what_lets_go_comes_again_whether_somebody_waited_or_not() -> None:
    debts = begun()
    asked = add(debts, due(SLAVE, 5))
    assert debts.worker_died() == [answer(asked, ok=False, reason=DIED)]
    assert debts.worker_died() == [], "nobody waits any more"
    again, _ = debts.worker_began()
    assert again == [msgspec.structs.replace(asked, number=0)]
    assert debts.paid(answer(asked)) is None


def test_what_nobody_waits_for_comes_again() -> None:
    debts = begun()
    asked = add(debts, due(MASTER))
    assert debts.worker_died() == []
    assert debts.worker_began() == ([asked], [])


def test_what_is_stale_does_not_come_again() -> None:
    debts = begun()
    add(debts, due(AFTER_BIND))
    other = add(debts, due(MASTER, name="db"))
    last = add(debts, due(SLAVE))
    debts.worker_died()
    assert debts.worker_began() == ([other, last], [])


def test_by_hand_does_not_come_again() -> None:
    debts = begun()
    asked = add(debts, due(SLAVE, by_hand="/x"))
    assert debts.worker_died() == [answer(asked, ok=False, reason=DIED)]
    assert debts.worker_began() == ([], [])


def test_without_a_worker_what_takes_is_refused_and_the_rest_is_kept() -> None:
    debts = HookDebts("x")
    _, refusal = debts.add(due(MASTER, 4))
    assert refusal is not None and (refusal.ok, refusal.reason, refusal.number) == (False, DOWN, 4)
    _, refusal = debts.add(due(SLAVE, by_hand="/x"))
    assert refusal is not None and refusal.reason == DOWN
    kept = add(debts, due(SLAVE, 5))
    assert debts.worker_began() == ([kept], [])
    assert debts.paid(answer(kept)) == answer(kept)


def test_what_outlives_too_many_workers_is_given_up() -> None:
    debts = begun()
    asked = add(debts, due(SLAVE))
    for _ in range(MAX_DELIVERIES - 1):
        debts.worker_died()
        assert debts.worker_began() == ([asked], [])
    debts.worker_died()
    assert debts.worker_began() == ([], [asked])
    assert debts.waiting() == []


def test_the_next_engine_is_not_answered_what_its_predecessor_asked() -> None:
    debts = begun()
    asked = add(debts, due(MASTER, 1))
    debts.engine_died()
    assert debts.paid(answer(asked)) is None
    asked = add(debts, due(SLAVE, 1))
    debts.engine_died()
    assert debts.worker_died() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("due"), st.sampled_from([MASTER, SLAVE, BEFORE_BIND, AFTER_BIND]), st.booleans()),
        st.tuples(st.just("paid"), st.integers(0, 20)),
        st.tuples(st.just("died")),
        st.tuples(st.just("began")),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_dies_each_question_has_one_answer_and_the_last_letting_go_is_not_lost(
    steps: list[tuple[object, ...]],
) -> None:
    debts = HookDebts("x")
    debts.worker_began()
    at_worker: list[HookDue] = []
    answered: list[int] = []
    given_up: set[str] = set()
    done: set[str] = set()
    newest: HookDue | None = None
    numbers = iter(range(1, 1000))

    def hear(outcome: HookOutcome | None) -> None:
        if outcome is not None and outcome.number:
            answered.append(outcome.number)

    for step in steps:
        match step:
            case ("due", HookEvent() as event, bool(waits)):
                newest, refusal = debts.add(due(event, next(numbers) if waits else 0))
                hear(refusal)
                if debts.worker_runs and refusal is None:
                    at_worker.append(newest)
            case ("paid", int(which)) if at_worker:
                one = at_worker.pop(which % len(at_worker))
                done.add(one.event_id)
                hear(debts.paid(answer(one)))
            case ("died",) if debts.worker_runs:
                at_worker.clear()
                for outcome in debts.worker_died():
                    hear(outcome)
            case ("began",) if not debts.worker_runs:
                again, lost = debts.worker_began()
                at_worker.extend(again)
                given_up |= {one.event_id for one in lost}
    if not debts.worker_runs:
        again, lost = debts.worker_began()
        at_worker.extend(again)
        given_up |= {one.event_id for one in lost}
    assert {one.event_id for one in debts.waiting()} == {one.event_id for one in at_worker}
    for one in at_worker:
        done.add(one.event_id)
        hear(debts.paid(answer(one)))
    asked = next(numbers) - 1
    assert sorted(answered) == list(range(1, asked + 1))
    if newest is not None and not takes(newest.event):
        assert newest.event_id in done | given_up
