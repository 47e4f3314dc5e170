"""What a dead worker owes: answers for those who wait, and what must happen all the same."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alived.daemon.parent.hook_debts import Delivery, HookDebts
from alived.daemon.parent.owed import MAX_DELIVERIES
from alived.daemon.shared.messages import HookDue, HookOutcome
from alived.hooks.config import HookEvent
from alived.hooks.tasks import takes

MASTER, SLAVE = HookEvent.TO_MASTER, HookEvent.TO_SLAVE
BEFORE_BIND, AFTER_BIND, BEFORE_UNBIND = HookEvent.BEFORE_BIND, HookEvent.AFTER_BIND, HookEvent.BEFORE_UNBIND
NOTHING = Delivery([], [], [])


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
    assert debts.worker_began() == NOTHING
    return debts


def add(debts: HookDebts, one: HookDue) -> HookDue:
    asked, is_to_be_answered = debts.add(one)
    assert not is_to_be_answered
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


def test_who_stands_still_before_binding_is_answered_and_asks_again() -> None:
    debts = begun()
    asked = add(debts, due(BEFORE_BIND, 5))
    assert debts.worker_died() == [asked]
    assert debts.worker_began() == NOTHING
    assert debts.paid(answer(asked)) is None, "its last words come too late"


def test_who_stands_still_before_letting_go_is_answered_and_the_hook_comes_again() -> None:
    debts = begun()
    asked = add(debts, due(BEFORE_UNBIND, 5))
    assert debts.worker_died() == [asked]
    assert debts.worker_died() == [], "nobody waits any more"
    again = msgspec.structs.replace(asked, number=0)
    assert debts.worker_began() == Delivery([again], [], [])
    assert debts.paid(answer(asked)) is None


def test_all_others_come_again_and_their_askers_are_answered_then() -> None:
    debts = begun()
    asked = [add(debts, due(event, 5)) for event in (AFTER_BIND, MASTER)]
    assert debts.worker_died() == []
    assert debts.worker_began() == Delivery(asked, [], [])
    assert debts.paid(answer(asked[1])) == answer(asked[1])


def test_what_is_stale_does_not_come_again() -> None:
    debts = begun()
    stale = [add(debts, due(AFTER_BIND)), add(debts, due(MASTER))]
    other = add(debts, due(MASTER, name="db"))
    last = add(debts, due(SLAVE))
    debts.worker_died()
    assert debts.worker_began() == Delivery([other, last], stale[::-1], [])


def test_by_hand_does_not_come_again() -> None:
    debts = begun()
    asked = add(debts, due(SLAVE, by_hand="/x"))
    assert debts.worker_died() == [asked]
    assert debts.worker_began() == NOTHING


def test_without_a_worker_who_stands_still_is_answered_and_the_rest_is_kept() -> None:
    debts = HookDebts("x")
    assert debts.add(due(BEFORE_BIND, 4))[1]
    assert debts.add(due(SLAVE, by_hand="/x"))[1]
    unbinding, is_to_be_answered = debts.add(due(BEFORE_UNBIND, 5))
    assert is_to_be_answered and unbinding.number == 5
    kept = add(debts, due(SLAVE, 6))
    again = [msgspec.structs.replace(unbinding, number=0), kept]
    assert debts.worker_began() == Delivery(again, [], [])
    assert debts.paid(answer(kept)) == answer(kept)


def test_what_outlives_too_many_workers_is_given_up() -> None:
    debts = begun()
    asked = add(debts, due(SLAVE))
    for _ in range(MAX_DELIVERIES - 1):
        debts.worker_died()
        assert debts.worker_began() == Delivery([asked], [], [])
    debts.worker_died()
    assert debts.worker_began() == Delivery([], [], [asked])
    assert debts.waiting() == []


def test_the_next_engine_is_not_answered_what_its_predecessor_asked() -> None:
    debts = begun()
    asked = add(debts, due(MASTER, 1))
    debts.engine_died()
    assert debts.paid(answer(asked)) is None
    add(debts, due(BEFORE_UNBIND, 1))
    debts.engine_died()
    assert debts.worker_died() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("due"), st.sampled_from([MASTER, SLAVE, BEFORE_BIND, AFTER_BIND, BEFORE_UNBIND]), st.booleans()
        ),
        st.tuples(st.just("paid"), st.integers(0, 20)),
        st.tuples(st.just("died")),
        st.tuples(st.just("began")),
    ),
    max_size=40,
)


class Story:
    """Debts, a worker that may be there, and who has heard an answer."""

    def __init__(self) -> None:
        self.debts = HookDebts("x")
        self.at_worker: list[HookDue] = []
        self.questions = 0
        self.answered: list[int] = []
        self.ended: set[str] = set()
        """Ran to their end, or were given up."""
        self.newest: HookDue | None = None
        self.begin()

    def hear(self, *numbers: int) -> None:
        self.answered += filter(None, numbers)

    def begin(self) -> None:
        delivery = self.debts.worker_began()
        self.at_worker = list(delivery.again)
        self.hear(*(one.number for one in (*delivery.stale, *delivery.given_up)))
        self.ended |= {one.event_id for one in delivery.given_up}

    def die(self) -> None:
        self.at_worker.clear()
        self.hear(*(one.number for one in self.debts.worker_died()))

    def ask(self, event: HookEvent, waits: bool) -> None:
        self.questions += waits
        self.newest, is_to_be_answered = self.debts.add(due(event, self.questions if waits else 0))
        if is_to_be_answered:
            self.hear(self.newest.number)
        elif self.debts.worker_runs:
            self.at_worker.append(self.newest)

    def pay(self, which: int) -> None:
        one = self.at_worker.pop(which % len(self.at_worker))
        self.ended.add(one.event_id)
        if outcome := self.debts.paid(answer(one)):
            self.hear(outcome.number)


@given(STEPS)
def test_whatever_dies_each_question_has_one_answer_and_the_last_letting_go_is_not_lost(
    steps: list[tuple[object, ...]],
) -> None:
    story = Story()
    for step in steps:
        match step:
            case ("due", HookEvent() as event, bool(waits)):
                story.ask(event, waits)
            case ("paid", int(which)) if story.at_worker:
                story.pay(which)
            case ("died",) if story.debts.worker_runs:
                story.die()
            case ("began",) if not story.debts.worker_runs:
                story.begin()
    if not story.debts.worker_runs:
        story.begin()
    assert [one.event_id for one in story.debts.waiting()] == [one.event_id for one in story.at_worker]
    while story.at_worker:
        story.pay(0)
    assert sorted(story.answered) == list(range(1, story.questions + 1))
    if story.newest is not None and not takes(story.newest.event):
        assert story.newest.event_id in story.ended
