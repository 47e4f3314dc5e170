"""What one receiver has to be told: in order, again, bounded, once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S, DeadlineReached
from alived.notify.keeping import KEEP_PAUSE_NS
from alived.notify.lanes import FIRST_PAUSE_NS, MAX_ASKED_PAUSE_NS, MAX_PAUSE_NS
from alived.notify.outbox import MAX_WAITING, Outbox
from alived.notify.outbox_events import (
    Accepted,
    Answered,
    Closed,
    Deliver,
    DiskFailed,
    Forget,
    Keep,
    Kept,
    Letter,
    NotKept,
    OutboxEffect,
    OutboxEvent,
    OutboxNoticed,
    Outcome,
    Reply,
    Restored,
    TryNow,
)
from tests.notify.examples import news

FULL = "/spool: No space left on device"
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


def kept(effects: Sequence[OutboxEffect]) -> list[int]:
    return [effect.letter.number for effect in effects if isinstance(effect, Keep)]


def an_outbox(letters: int = 0) -> Outbox:
    """With letters that are on disk."""
    box = Outbox("chat", HOUR_NS)
    for number in range(1, letters + 1):
        box.step(accepted(number), 0)
        box.step(Kept(number), 0)
    return box


def test_a_message_is_kept_before_it_is_delivered_and_forgotten_when_it_was_taken() -> None:
    box = an_outbox()
    assert box.step(accepted(1), 5) == [Keep(letter(1)), Deliver(letter(1))]
    assert box.step(Kept(1), 6) == []
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


def test_what_the_disk_does_not_take_is_told_all_the_same_and_is_at_risk_meanwhile() -> None:
    box = an_outbox(1)
    assert not box.is_at_risk("e1")
    assert kept(box.step(accepted(2), 0)) == [2]
    (said,) = noticed(box.step(NotKept(2, FULL), 0))
    assert said == (
        "spool-failed",
        f"chat: what waits is not on disk, and lost if the daemon ends before it is told: {FULL}",
    )
    snapshot = box.snapshot()
    assert (box.is_at_risk("e2"), snapshot.at_risk, snapshot.disk) == (True, 1, said[1].removeprefix("chat: "))
    assert delivered(box.step(Answered(TAKEN), 0)) == [2]
    assert box.step(Answered(TAKEN), 0) == [Forget(2)]
    assert (box.is_at_risk("e2"), box.snapshot().at_risk) == (False, 0)
    assert box.step(Closed(), 0) == (), "nothing is lost"


def test_a_disk_that_takes_nothing_is_tried_again_with_one_message_and_takes_the_others_then() -> None:
    box = an_outbox(1)
    box.step(Answered(AGAIN), 0)
    box.step(accepted(2), 0)
    box.step(NotKept(2, FULL), 0)
    assert [kept(box.step(accepted(number), NS_PER_S)) for number in (3, 4)] == [[], []]
    box.step(DeadlineReached(), FIRST_PAUSE_NS)
    box.step(Answered(AGAIN), FIRST_PAUSE_NS)
    box.step(DeadlineReached(), 3 * NS_PER_S)
    assert box.deadline_ns == KEEP_PAUSE_NS
    effects = box.step(DeadlineReached(), KEEP_PAUSE_NS)
    assert (kept(effects), delivered(effects)) == ([2], [])
    assert noticed(box.step(NotKept(2, FULL), KEEP_PAUSE_NS)) == [], "said once"
    assert kept(box.step(TryNow(), KEEP_PAUSE_NS)) == [2], "an operator's word counts at once"
    assert [kept(box.step(Kept(number), KEEP_PAUSE_NS)) for number in (2, 3)] == [[3], [4]]
    assert noticed(box.step(Kept(4), KEEP_PAUSE_NS)) == [("spool-works", "chat: what waits is on disk again")]
    assert (box.snapshot().disk, box.snapshot().at_risk) == ("", 0)


def test_who_ends_says_what_nobody_will_hear_of() -> None:
    box = Outbox("chat", HOUR_NS)
    for number in range(1, 3):
        box.step(accepted(number), 0)
    box.step(NotKept(1, FULL), 0)
    lost = "chat was not told of MASTER of VI_1 (e1), MASTER of VI_1 (e2){}: lost, because it is not on disk either"
    assert noticed(box.step(Closed(), 0)) == [("message-dropped", lost.format(""))]
    for number in range(3, 9):
        box.step(accepted(number), 0)
    ((_, said),) = noticed(box.step(Closed(), 0))
    assert said.endswith("(e5) and 3 more: lost, because it is not on disk either")


def test_what_is_too_much_is_at_risk_no_more() -> None:
    box = Outbox("chat", HOUR_NS)
    for number in range(1, MAX_WAITING + 2):
        box.step(accepted(number), 0)
    assert [box.is_at_risk(f"e{number}") for number in (1, 2, 3)] == [True, False, True]
    assert box.snapshot().at_risk == MAX_WAITING


def test_other_troubles_with_the_disk_are_said_once_each() -> None:
    box = an_outbox(1)
    for what in ("what was told stays on disk: /spool: Read-only file system", "another one"):
        assert noticed(box.step(DiskFailed(what), 0)) == [("spool-failed", f"chat: {what}")]
        assert noticed(box.step(DiskFailed(what), 0)) == []
        assert box.snapshot().disk == what


def test_a_mail_that_some_did_not_get_is_said_once_and_shown() -> None:
    box = an_outbox(3)
    partly = Outcome(Reply.TAKEN, "the server takes the mail, but not for b@example.com: 550", incomplete=True)
    assert noticed(box.step(Answered(partly), 5)) == [("message-refused", f"chat: {partly.text}")]
    snapshot = box.snapshot()
    assert (snapshot.delivered, snapshot.last_error, snapshot.last_error_ns) == (1, partly.text, 5)
    assert noticed(box.step(Answered(partly), 6)) == []
    assert box.snapshot().delivered == 2


STORY = st.lists(st.sampled_from(["new", "taken", "again", "refused", "time", "kept", "full"]), max_size=80)


@given(STORY)
def test_whatever_happens_each_is_delivered_in_order_and_none_is_lost_or_told_twice(story: list[str]) -> None:
    world = World()
    for happening in story:
        world.happens(happening)
    snapshot = world.box.snapshot()
    assert world.first_tries == list(range(1, len(world.first_tries) + 1))
    assert snapshot.delivered + snapshot.refused + snapshot.dropped + snapshot.waiting == world.number
    assert len(world.on_disk) + snapshot.at_risk == snapshot.waiting
    assert all(world.box.is_at_risk(f"e{number}") != (number in world.on_disk) for number in world.waiting)


class World:
    """A receiver and a disk."""

    def __init__(self) -> None:
        self.box = an_outbox()
        self.now_ns = self.number = 0
        self.first_tries: list[int] = []
        self.waiting: set[int] = set()
        self.on_disk: set[int] = set()
        self._on_its_way = False
        self._asked: int | None = None

    def happens(self, happening: str) -> None:
        self.now_ns += NS_PER_S
        match happening:
            case "new":
                self.number += 1
                self.waiting.add(self.number)
                self._feed(accepted(self.number))
            case "time" if self.box.deadline_ns is not None:
                self.now_ns = max(self.now_ns, self.box.deadline_ns)
                self._feed(DeadlineReached())
            case "kept" if self._asked is not None:
                number, self._asked = self._asked, None
                self.on_disk |= {number} & self.waiting
                self._feed(Kept(number))
            case "full" if self._asked is not None:
                number, self._asked = self._asked, None
                self._feed(NotKept(number, FULL))
            case "taken" | "again" | "refused" if self._on_its_way:
                self._on_its_way = False
                self._feed(Answered({"taken": TAKEN, "again": AGAIN, "refused": REFUSED}[happening]))

    def _feed(self, event: OutboxEvent) -> None:
        for effect in self.box.step(event, self.now_ns):
            match effect:
                case Keep(letter):
                    assert self._asked is None
                    self._asked = letter.number
                case Forget(forgotten):
                    self.waiting.remove(forgotten)
                    self.on_disk.discard(forgotten)
                case Deliver(sent):
                    assert not self._on_its_way
                    self._on_its_way = True
                    if sent.number not in self.first_tries:
                        self.first_tries.append(sent.number)
                case OutboxNoticed():
                    pass
