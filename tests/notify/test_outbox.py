"""What one receiver has to be told: in order, again, bounded, once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S, DeadlineReached
from alived.notify.outbox import (
    FIRST_PAUSE_NS,
    MAX_ASKED_PAUSE_NS,
    MAX_PAUSE_NS,
    MAX_WAITING,
    Accepted,
    Answered,
    Deliver,
    Forget,
    Keep,
    Letter,
    NotKept,
    Outbox,
    OutboxEffect,
    OutboxNoticed,
    Outcome,
    Reply,
    Restored,
)
from tests.notify.examples import news

HOUR_NS = 3600 * NS_PER_S
TAKEN, AGAIN, REFUSED = (
    Outcome(Reply.TAKEN, "HTTP status 200"),
    Outcome(Reply.AGAIN, "Connection refused"),
    Outcome(Reply.REFUSED, "HTTP status 400"),
)


def letter(number: int) -> Letter:
    return Letter(number, news(event_id=f"e{number}"))


def accepted(number: int) -> Accepted:
    return Accepted(news(event_id=f"e{number}"))


def delivered(effects: Sequence[OutboxEffect]) -> list[int]:
    return [effect.letter.number for effect in effects if isinstance(effect, Deliver)]


def noticed(effects: Sequence[OutboxEffect]) -> list[tuple[str, str]]:
    return [(effect.code, effect.message) for effect in effects if isinstance(effect, OutboxNoticed)]


def an_outbox(letters: int = 0) -> Outbox:
    box = Outbox("chat", HOUR_NS)
    for number in range(1, letters + 1):
        box.step(accepted(number), 0)
    return box


def test_a_message_is_kept_before_it_is_delivered_and_forgotten_when_it_was_taken() -> None:
    box = an_outbox()
    assert box.step(accepted(1), 5) == [Keep(letter(1)), Deliver(letter(1))]
    assert box.step(Answered(TAKEN), 7) == [Forget(1)]
    snapshot = box.snapshot()
    assert (snapshot.waiting, snapshot.delivered, snapshot.last_success_ns, snapshot.attempt) == (0, 1, 7, 0)


def test_one_at_a_time_in_order() -> None:
    box = an_outbox(3)
    order = []
    for _ in range(3):
        order += delivered(box.step(Answered(TAKEN), 0))
    assert order == [2, 3]
    assert box.snapshot().delivered == 3


def test_what_is_not_taken_is_tried_again_with_growing_pauses_and_holds_up_the_others() -> None:
    box, now_ns, pauses = an_outbox(2), 0, []
    for _ in range(12):
        assert delivered(box.step(Answered(AGAIN), now_ns)) == []
        assert box.deadline_ns is not None
        pauses.append(box.deadline_ns - now_ns)
        now_ns = box.deadline_ns
        assert delivered(box.step(DeadlineReached(), now_ns)) == [1]
    assert pauses[:4] == [FIRST_PAUSE_NS, 2 * FIRST_PAUSE_NS, 4 * FIRST_PAUSE_NS, 8 * FIRST_PAUSE_NS]
    assert pauses[-1] == MAX_PAUSE_NS
    effects = box.step(Answered(TAKEN), now_ns)
    assert noticed(effects) == [("message-taken", "chat takes messages again: HTTP status 200")]
    assert delivered(effects) == [2]


def test_a_trouble_is_said_once_and_again_when_it_is_another_one() -> None:
    box = an_outbox(1)
    said = "chat did not take a message: Connection refused; again in 1 s"
    assert noticed(box.step(Answered(AGAIN), 0)) == [("message-delayed", said)]
    box.step(DeadlineReached(), NS_PER_S)
    assert noticed(box.step(Answered(AGAIN), NS_PER_S)) == []
    box.step(DeadlineReached(), 3 * NS_PER_S)
    other = Outcome(Reply.AGAIN, "no answer in time")
    assert [code for code, _ in noticed(box.step(Answered(other), 3 * NS_PER_S))] == ["message-delayed"]
    snapshot = box.snapshot()
    assert (snapshot.last_error, snapshot.last_error_ns) == ("no answer in time", 3 * NS_PER_S)


def test_a_receiver_may_ask_for_a_longer_pause_within_limits() -> None:
    box = an_outbox(1)
    box.step(Answered(Outcome(Reply.AGAIN, "busy", 30 * NS_PER_S)), 0)
    assert box.deadline_ns == 30 * NS_PER_S
    box.step(DeadlineReached(), 30 * NS_PER_S)
    box.step(Answered(Outcome(Reply.AGAIN, "busy", 10 * HOUR_NS)), 30 * NS_PER_S)
    assert box.deadline_ns == 30 * NS_PER_S + MAX_ASKED_PAUSE_NS


def test_a_message_that_is_refused_is_dropped_and_the_next_one_goes() -> None:
    box = an_outbox(2)
    effects = box.step(Answered(REFUSED), 0)
    assert noticed(effects) == [("message-refused", "chat refuses e1, which is dropped: HTTP status 400")]
    assert (delivered(effects), Forget(1) in effects) == ([2], True)
    assert (box.snapshot().refused, box.snapshot().last_error) == (1, "HTTP status 400")


def test_a_message_that_is_too_old_is_given_up() -> None:
    box = an_outbox(1)
    effects = box.step(Answered(AGAIN), HOUR_NS)
    assert noticed(effects) == [
        ("message-dropped", "chat: e1 was not taken for 1 h and is dropped: Connection refused")
    ]
    assert (box.snapshot().dropped, box.snapshot().waiting, box.deadline_ns) == (1, 0, None)


def test_too_many_cost_the_oldest_but_not_the_one_on_its_way() -> None:
    box = an_outbox(MAX_WAITING)
    effects = box.step(accepted(MAX_WAITING + 1), 0)
    assert Forget(2) in effects
    assert [code for code, _ in noticed(effects)] == ["message-dropped"]
    assert noticed(box.step(accepted(MAX_WAITING + 2), 0)) == []
    assert (box.snapshot().waiting, box.snapshot().dropped) == (MAX_WAITING, 2)
    assert delivered(box.step(Answered(TAKEN), 0)) == [4]


def test_while_it_pauses_the_oldest_goes() -> None:
    box = an_outbox(MAX_WAITING)
    box.step(Answered(AGAIN), 0)
    assert Forget(1) in box.step(accepted(MAX_WAITING + 1), 0)
    assert delivered(box.step(DeadlineReached(), NS_PER_S)) == [2]


def test_the_same_event_is_told_once() -> None:
    box = an_outbox(1)
    assert box.step(accepted(1), 0) == []
    box.step(Answered(TAKEN), 0)
    assert box.step(accepted(1), 0) == []


def test_what_an_earlier_process_left_goes_first_and_numbers_go_on() -> None:
    box = an_outbox()
    assert delivered(box.step(Restored((letter(7), letter(9))), 0)) == [7]
    assert Keep(letter(10)) in box.step(accepted(10), 0)
    assert delivered(box.step(Answered(TAKEN), 0)) == [9]


def test_nothing_was_left() -> None:
    box = an_outbox()
    assert box.step(Restored(()), 0) == []
    assert box.step(accepted(1), 0) == [Keep(letter(1)), Deliver(letter(1))]


def test_a_disk_that_takes_nothing_is_said_once_and_costs_nothing_else() -> None:
    box = an_outbox(1)
    (first,) = noticed(box.step(NotKept("/spool: No space left on device"), 0))
    assert first[0] == "spool-failed"
    assert noticed(box.step(NotKept("/spool: No space left on device"), 0)) == []
    assert box.snapshot().disk == "/spool: No space left on device"
    assert delivered(box.step(Answered(TAKEN), 0)) == []
    box.step(accepted(2), 0)
    assert box.snapshot().disk == ""


@given(st.lists(st.sampled_from(["new", "taken", "again", "refused", "time"]), max_size=60))
def test_whatever_happens_each_is_delivered_in_order_and_none_is_lost_or_told_twice(story: list[str]) -> None:
    box, now_ns, number, on_its_way, first_tries, kept = an_outbox(), 0, 0, False, [], set()
    for happening in story:
        now_ns += NS_PER_S
        event: Accepted | Answered | DeadlineReached
        if happening == "new":
            number += 1
            event = accepted(number)
        elif happening == "time":
            if box.deadline_ns is None:
                continue
            now_ns = max(now_ns, box.deadline_ns)
            event = DeadlineReached()
        elif on_its_way:
            event = Answered({"taken": TAKEN, "again": AGAIN, "refused": REFUSED}[happening])
            on_its_way = False
        else:
            continue
        for effect in box.step(event, now_ns):
            match effect:
                case Keep(kept_letter):
                    kept.add(kept_letter.number)
                case Forget(forgotten):
                    kept.remove(forgotten)
                case Deliver(sent):
                    assert not on_its_way
                    on_its_way = True
                    if sent.number not in first_tries:
                        first_tries.append(sent.number)
                case OutboxNoticed():
                    pass
    snapshot = box.snapshot()
    assert first_tries == list(range(1, len(first_tries) + 1))
    assert len(kept) == snapshot.waiting
    assert snapshot.delivered + snapshot.refused + snapshot.dropped + snapshot.waiting == number
