"""A mail server takes a mail for some recipients, and for others later: each is told in order, and alone if need be."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S, DeadlineReached
from alived.notify.lanes import FIRST_PAUSE_NS, MAX_PAUSE_NS
from alived.notify.outbox import MAX_WAITING, Outbox
from alived.notify.outbox_events import (
    Answered,
    Closed,
    Deliver,
    Forget,
    Keep,
    Kept,
    Letter,
    NotKept,
    OutboxEffect,
    OutboxEvent,
    Outcome,
    Reply,
    Restored,
    TryNow,
)
from tests.notify.test_outbox import AGAIN, FULL, HOUR_NS, REFUSED, TAKEN, accepted, letter, noticed

EVERYBODY = ("a", "b", "c")
GREY = "451 grey"
NOT_B = Outcome(Reply.TAKEN, "the server takes the mail, but not now for b", deferred=(("b", GREY),))
B_DELAYED = ("message-delayed", f"mail to b did not take a message: {GREY}; again in 1 s")


def a_mailbox(letters: int = 1) -> Outbox:
    """With letters that are on disk, the first of which is on its way."""
    box = Outbox("mail", HOUR_NS, EVERYBODY)
    for number in range(1, letters + 1):
        box.step(accepted(number), 0)
        box.step(Kept(number), 0)
    return box


def delivered(effects: Sequence[OutboxEffect]) -> list[tuple[int, tuple[str, ...]]]:
    return [(effect.letter.number, effect.recipients) for effect in effects if isinstance(effect, Deliver)]


def only(number: int, *recipients: str) -> Letter:
    return Letter(number, letter(number).news, recipients)


def test_it_is_tried_again_for_that_one_alone_and_forgotten_when_he_has_it() -> None:
    box = a_mailbox()
    effects = box.step(Answered(NOT_B), 5)
    assert [effect for effect in effects if not isinstance(effect, Keep)][1:] == []
    assert noticed(effects) == [B_DELAYED]
    assert Keep(only(1, "b")) in effects
    assert box.step(Kept(1), 6) == []
    assert box.deadline_ns == 5 + FIRST_PAUSE_NS
    assert delivered(box.step(DeadlineReached(), 5 + FIRST_PAUSE_NS)) == [(1, ("b",))]
    done = box.step(Answered(TAKEN), 7 * NS_PER_S)
    assert Forget(1) in done
    assert noticed(done) == [("message-taken", "mail to b takes messages again: HTTP status 200")]
    snapshot = box.snapshot()
    assert (snapshot.waiting, snapshot.delivered, snapshot.late, box.deadline_ns) == (0, 2, (), None)


def test_pauses_grow_as_for_all_and_what_is_known_is_said_once() -> None:
    box, now_ns, pauses = a_mailbox(), 0, []
    box.step(Answered(NOT_B), 0)
    for _ in range(12):
        assert box.deadline_ns is not None
        pauses.append(box.deadline_ns - now_ns)
        now_ns = box.deadline_ns
        box.step(DeadlineReached(), now_ns)
        assert noticed(box.step(Answered(Outcome(Reply.AGAIN, GREY)), now_ns)) == []
    assert pauses[:3] == [FIRST_PAUSE_NS, 2 * FIRST_PAUSE_NS, 4 * FIRST_PAUSE_NS]
    assert pauses[-1] == MAX_PAUSE_NS
    (late,) = box.snapshot().late
    assert (late.recipient, late.waiting, late.attempt, late.last_error) == ("b", 1, 13, GREY)
    assert late.next_ns == now_ns + MAX_PAUSE_NS


def test_others_do_not_wait_for_him_and_he_hears_of_newer_things_later() -> None:
    box = a_mailbox(3)
    assert delivered(box.step(Answered(NOT_B), 0)) == [(2, ("a", "c"))]
    assert delivered(box.step(Answered(TAKEN), 0)) == [(3, ("a", "c"))]
    assert delivered(box.step(Answered(REFUSED), 0)) == [], "what is wrong for the others may be right for him"
    order = delivered(box.step(DeadlineReached(), FIRST_PAUSE_NS))
    for _ in range(3):
        order += delivered(box.step(Answered(TAKEN), FIRST_PAUSE_NS))
    assert order == [(1, ("b",)), (2, ("b",)), (3, ("b",))]
    assert box.snapshot().waiting == 0


def test_when_all_are_late_nothing_is_delivered_to_nobody() -> None:
    box = a_mailbox(2)
    everybody = Outcome(Reply.REFUSED, "nobody", deferred=(("b", GREY), ("c", GREY)))
    (said, *_) = noticed(box.step(Answered(everybody), 0))
    assert said == ("message-refused", "mail refuses e1, which is dropped but for b, c: nobody")
    effects = box.step(Answered(Outcome(Reply.TAKEN, "", deferred=(("a", GREY),))), 0)
    assert delivered(effects) == []
    assert [one.waiting for one in box.snapshot().late] == [2, 2, 1]
    effects = box.step(accepted(3), 0)
    assert delivered(effects) == []
    assert box.snapshot().waiting == 3
    assert [one.waiting for one in box.snapshot().late] == [3, 3, 2]


def test_who_refuses_it_for_good_is_named_and_not_asked_again() -> None:
    box = a_mailbox()
    box.step(Answered(NOT_B), 0)
    box.step(DeadlineReached(), FIRST_PAUSE_NS)
    effects = box.step(Answered(Outcome(Reply.REFUSED, "550 no such user")), FIRST_PAUSE_NS)
    assert noticed(effects) == [("message-refused", "mail to b refuses e1, which is dropped: 550 no such user")]
    assert (Forget(1) in effects, box.deadline_ns, box.snapshot().refused) == (True, None, 1)


def test_after_a_day_it_is_given_up_for_him() -> None:
    box = a_mailbox()
    box.step(Answered(NOT_B), 0)
    box.step(DeadlineReached(), HOUR_NS)
    effects = box.step(Answered(AGAIN), HOUR_NS)
    assert noticed(effects) == [
        ("message-dropped", "mail to b: e1 was not taken for 1 h and is dropped: Connection refused")
    ]
    assert (Forget(1) in effects, box.snapshot().dropped, box.deadline_ns) == (True, 1, None)


def test_the_next_process_tries_it_for_him_alone() -> None:
    box = Outbox("mail", HOUR_NS, EVERYBODY)
    assert delivered(box.step(Restored((only(1, "b", "c"), letter(2))), 0)) == [(2, ("a",))]
    assert delivered(box.step(Answered(TAKEN), 0)) == [(1, ("b",))]
    box.step(Kept(2), 0)
    effects = box.step(Answered(TAKEN), 0)
    assert Keep(only(1, "c")) in effects, "the disk learns who has it"
    assert delivered(effects) == [(2, ("b",))]


def test_who_is_no_recipient_any_more_gets_nothing_and_that_is_said() -> None:
    box = a_mailbox(2)
    box.step(Answered(NOT_B), 0)
    box.step(Answered(TAKEN), 0)
    effects = box.step(TryNow(("a", "c")), 1)
    assert noticed(effects) == [
        ("message-dropped", "mail to b: it is no recipient any more; 2 messages for it are dropped")
    ]
    assert [effect for effect in effects if isinstance(effect, Forget)] == [Forget(1), Forget(2)]
    assert (box.snapshot().waiting, box.snapshot().late) == (0, ())


def test_a_word_of_the_operator_ends_the_pause_of_all() -> None:
    box = a_mailbox()
    box.step(Answered(NOT_B), 0)
    assert delivered(box.step(TryNow(EVERYBODY), 1)) == [(1, ("b",))]


def test_too_many_cost_the_oldest_also_if_only_he_waits_for_it() -> None:
    box = a_mailbox(MAX_WAITING)
    box.step(Answered(NOT_B), 0)
    assert Forget(1) in box.step(accepted(MAX_WAITING + 1), 0)
    assert box.snapshot().late == ()


def test_whom_it_was_told_is_not_at_risk_but_a_disk_that_does_not_take_it_is_said() -> None:
    box = a_mailbox()
    box.step(Answered(NOT_B), 0)
    (said,) = noticed(box.step(NotKept(1, FULL), 0))
    consequence = "who has got a message is not on disk, and would be told again by the next daemon"
    assert said == ("spool-failed", f"mail: {consequence}: {FULL}")
    assert (box.is_at_risk("e1"), box.snapshot().at_risk) == (False, 0)
    assert box.step(Closed(), 0) == ()


def test_what_changes_while_the_disk_is_at_work_goes_there_once_more() -> None:
    box = Outbox("mail", HOUR_NS, EVERYBODY)
    box.step(accepted(1), 0)
    assert Keep(only(1, "b")) not in box.step(Answered(NOT_B), 0), "the disk is at work"
    assert box.is_at_risk("e1")
    assert box.step(Kept(1), 0) == [Keep(only(1, "b"))]
    assert not box.is_at_risk("e1")
    assert (box.step(Kept(1), 0), box.snapshot().disk) == ([], "")


def test_what_is_untried_may_be_worth_a_moment_at_the_end() -> None:
    box = a_mailbox(2)
    assert box.snapshot().untried
    box.step(Answered(NOT_B), 0)
    assert box.snapshot().untried, "the second is on its way"
    box.step(Answered(TAKEN), 0)
    assert not box.snapshot().untried, "only b waits, who was asked in vain"


ANSWERS = st.fixed_dictionaries(dict.fromkeys(EVERYBODY, st.sampled_from(["taken", "later", "never"])))
STORY = st.lists(st.one_of(st.sampled_from(["new", "again", "time", "kept", "full", "restart"]), ANSWERS), max_size=60)


@given(STORY)
def test_whatever_happens_each_hears_all_in_order_unless_he_was_refused(story: list[str | dict[str, str]]) -> None:
    world = World()
    for happening in story:
        world.happens(happening)
    world.end()
    for recipient in EVERYBODY:
        heard = list(dict.fromkeys(world.heard[recipient]))
        assert heard == list(range(1, world.number + 1)), recipient
        assert world.restarted or len(heard) == len(world.heard[recipient]), "told once"
    assert world.disk == {}
    assert world.box.snapshot().waiting == 0


class World:
    """A mail server and a disk. heard: what a recipient got or will never get, in order."""

    def __init__(self) -> None:
        self.box = Outbox("mail", 1000 * HOUR_NS, EVERYBODY)
        self.now_ns = self.number = 0
        self.heard: dict[str, list[int]] = {recipient: [] for recipient in EVERYBODY}
        self.disk: dict[int, Letter] = {}
        self.restarted = False
        self._on_its_way: Deliver | None = None
        self._asked: Letter | None = None
        self._gone: set[int] = set()

    def happens(self, happening: str | dict[str, str]) -> None:
        self.now_ns += NS_PER_S
        match happening:
            case "new":
                self.number += 1
                self._feed(accepted(self.number))
            case "time" if self.box.deadline_ns is not None:
                self.now_ns = max(self.now_ns, self.box.deadline_ns)
                self._feed(DeadlineReached())
            case "kept" | "full" if self._asked is not None:
                asked, self._asked = self._asked, None
                if happening == "kept" and asked.number not in self._gone:
                    self.disk[asked.number] = asked
                self._feed(Kept(asked.number) if happening == "kept" else NotKept(asked.number, FULL))
            case "restart" if self.box.snapshot().at_risk == 0:
                self._restart()
            case "again" if self._on_its_way is not None:
                self._on_its_way = None
                self._feed(Answered(AGAIN))
            case dict() if self._on_its_way is not None:
                self._answer(self._on_its_way, happening)

    def end(self) -> None:
        """All is well, until nothing waits any more."""
        for _ in range(20 * (self.number + 1)):
            for happening in ("kept", dict.fromkeys(EVERYBODY, "taken"), "time"):
                self.happens(happening)

    def _answer(self, sent: Deliver, answers: dict[str, str]) -> None:
        self._on_its_way = None
        by_answer: dict[str, list[str]] = {"taken": [], "later": [], "never": []}
        for recipient in sent.recipients or EVERYBODY:
            by_answer[answers[recipient]].append(recipient)
        if not by_answer["taken"] and not by_answer["never"]:
            self._feed(Answered(AGAIN))
            return
        for recipient in (*by_answer["taken"], *by_answer["never"]):
            self.heard[recipient].append(int(sent.letter.news.event_id.removeprefix("e")))
        reply = Reply.TAKEN if by_answer["taken"] else Reply.REFUSED
        deferred = tuple((recipient, GREY) for recipient in by_answer["later"])
        self._feed(Answered(Outcome(reply, "x", incomplete=bool(by_answer["never"]), deferred=deferred)))

    def _restart(self) -> None:
        self.restarted = True
        self.box = Outbox("mail", 1000 * HOUR_NS, EVERYBODY)
        self._on_its_way = self._asked = None
        self._gone.clear()  # a process that finds nothing begins with number 1 again
        self._feed(Restored(tuple(self.disk[number] for number in sorted(self.disk))))

    def _feed(self, event: OutboxEvent) -> None:
        for effect in self.box.step(event, self.now_ns):
            match effect:
                case Keep(letter):
                    assert self._asked is None
                    self._asked = letter
                case Forget(number):
                    self._gone.add(number)
                    self.disk.pop(number, None)
                case Deliver() as sent:
                    assert self._on_its_way is None
                    assert len(set(sent.recipients)) == len(sent.recipients)
                    self._on_its_way = sent
                case _:
                    pass
