"""What one receiver has still to be told, in order: one message at a time, again with growing pauses, for a day.

The oldest message stands in the way of the others until it was taken, refused for what it says, or has become too old:
a receiver hears of MASTER before it hears of BACKUP. A recipient for whom a mail server takes a mail later than for the
others has a lane of its own (`lanes`). What waits is bounded, and on disk as far as the disk takes it.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import assert_never

import msgspec

from alived.base import NS_PER_S, DeadlineReached
from alived.notify.keeping import Keeping
from alived.notify.lanes import Lane, Lanes
from alived.notify.news import News
from alived.notify.outbox_events import (
    Accepted,
    Answered,
    Closed,
    Deliver,
    DiskFailed,
    Forget,
    Kept,
    LateSnapshot,
    Letter,
    NotKept,
    OutboxEffect,
    OutboxEvent,
    OutboxNoticed,
    OutboxSnapshot,
    Outcome,
    Reply,
    Restored,
    TryNow,
)

MAX_WAITING = 1000
REMEMBERED = 1000
"""Ids of what was told, so that it is not told twice."""


class _Waiting(msgspec.Struct):
    """since_ns: since when we have it."""

    letter: Letter
    since_ns: int


class Outbox:
    """The core of one receiver. recipients: of one that may take a message for some of them and not for others."""

    def __init__(self, name: str, retry_for_ns: int, recipients: tuple[str, ...] = ()) -> None:
        self.name = name
        self.retry_for_ns = retry_for_ns
        self._waiting: dict[int, _Waiting] = {}
        """By number, in order"""
        self._lanes = Lanes(name, recipients)
        self._number = 0
        self._keeping = Keeping(name)
        self._told: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
        self._delivering: Lane | None = None
        """Its first letter is on its way"""
        self._delivered = self._refused = self._dropped = 0
        self._last_success_ns: int | None = None
        self._last_error = ""
        self._last_error_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        moments = (self._keeping.deadline_ns, *(lane.resumes_ns for lane in self._lanes))
        return min((moment for moment in moments if moment is not None), default=None)

    def is_at_risk(self, event_id: str) -> bool:
        """Whether it would be lost with this process."""
        return self._keeping.holds(event_id)

    def step(self, event: OutboxEvent, now_ns: int) -> Sequence[OutboxEffect]:
        effects: list[OutboxEffect] = []
        match event:
            case Restored(letters):
                for letter in letters:
                    self._waiting[letter.number] = _Waiting(letter, now_ns)
                    self._lanes.add(letter.number, letter.recipients)
                self._number = max(self._waiting, default=0)
            case Accepted(news):
                self._accept(news, now_ns, effects)
            case Answered(outcome):
                self._answered(outcome, now_ns, effects)
            case Kept() | NotKept() | DiskFailed():
                effects += self._keeping.disk_answered(event, now_ns)
            case TryNow(recipients):
                self._lanes.recipients = recipients
                for lane in self._lanes:
                    lane.resumes_ns = None
                self._keeping.try_now()
            case Closed():
                return self._keeping.closed()
            case DeadlineReached():
                for lane in self._lanes:
                    lane.wake(now_ns)
            case _:
                assert_never(event)
        delivery = self._next_delivery(effects) if self._delivering is None else ()
        return [*effects, *self._keeping.due(now_ns), *delivery]

    def snapshot(self) -> OutboxSnapshot:
        return OutboxSnapshot(
            name=self.name,
            waiting=len(self._waiting),
            attempt=self._lanes.all.attempt,
            next_ns=self._lanes.all.resumes_ns,
            delivered=self._delivered,
            refused=self._refused,
            dropped=self._dropped,
            last_success_ns=self._last_success_ns,
            last_error=self._last_error,
            last_error_ns=self._last_error_ns,
            disk=self._keeping.trouble,
            at_risk=self._keeping.count,
            late=tuple(map(_late_snapshot, self._lanes.late.values())),
            untried=any(lane.is_untried for lane in self._lanes),
        )

    def _accept(self, news: News, now_ns: int, effects: list[OutboxEffect]) -> None:
        known = (one.letter.news.event_id for one in self._waiting.values())
        if news.event_id in self._told or news.event_id in known:
            return  # it was told us twice, because somebody died in the middle
        self._number += 1
        letter = Letter(self._number, news)
        self._waiting[letter.number] = _Waiting(letter, now_ns)
        self._lanes.add(letter.number)
        self._keeping.add(letter)
        if len(self._waiting) > MAX_WAITING:
            self._drop_oldest(effects)

    def _drop_oldest(self, effects: list[OutboxEffect]) -> None:
        """Not the one that is on its way."""
        busy = self._delivering.numbers[0] if self._delivering is not None else None
        oldest = next(number for number in self._waiting if number != busy)
        self._lanes.remove(oldest)
        self._dropped += 1
        self._keeping.remove(self._waiting.pop(oldest).letter)
        effects.append(Forget(oldest))
        if self._dropped % MAX_WAITING == 1:
            message = f"{self.name}: {MAX_WAITING} messages wait; the oldest are dropped ({self._dropped} so far)"
            effects.append(OutboxNoticed("error", "message-dropped", message))

    def _next_delivery(self, effects: list[OutboxEffect]) -> Sequence[Deliver]:
        for lane in self._lanes.strangers():
            message = f"{lane.name}: it is no recipient any more; {len(lane.numbers)} messages for it are dropped"
            effects.append(OutboxNoticed("warning", "message-dropped", message))
            for number in tuple(lane.numbers):
                lane.done()
                self._settle(number, effects)
        while self._lanes.late and not self._lanes.prompt() and self._lanes.all.is_ready:
            self._pass_to_late(effects)  # there is nobody whom it could be delivered to at once
        self._delivering = turn = self._lanes.next()
        if turn is None:
            return ()
        turn.attempt += 1
        letter = self._waiting[turn.numbers[0]].letter
        if turn.recipient:
            return (Deliver(letter, (turn.recipient,)),)
        return (Deliver(letter, self._lanes.prompt() if self._lanes.late else ()),)

    def _answered(self, outcome: Outcome, now_ns: int, effects: list[OutboxEffect]) -> None:
        lane, self._delivering = self._delivering, None
        assert lane is not None, "something was on its way"
        one = self._waiting[lane.numbers[0]]
        match outcome.reply:
            case Reply.TAKEN:
                self._taken(lane, outcome, now_ns, effects)
                self._through(lane, outcome, now_ns, effects)
                if not (outcome.incomplete or outcome.deferred):
                    return
            case Reply.REFUSED:
                self._refused += 1
                later = ", ".join(recipient for recipient, _ in outcome.deferred)
                message = f"{lane.name} refuses {one.letter.news.event_id}, which is dropped"
                message += f" but for {later}: {outcome.text}" if later else f": {outcome.text}"
                effects.append(OutboxNoticed("error", "message-refused", message))
                self._through(lane, outcome, now_ns, effects)
            case Reply.AGAIN if now_ns - one.since_ns >= self.retry_for_ns:
                self._dropped += 1
                hours = f"{self.retry_for_ns / NS_PER_S / 3600:g} h"
                message = f"{lane.name}: {one.letter.news.event_id} was not taken for {hours} and is dropped"
                effects.append(OutboxNoticed("error", "message-dropped", f"{message}: {outcome.text}"))
                lane.done()
                self._settle(one.letter.number, effects)
            case Reply.AGAIN:
                _pause(lane, outcome.text, outcome.pause_ns, now_ns, effects)
            case _:
                assert_never(outcome.reply)
        self._last_error, self._last_error_ns = outcome.text, now_ns

    def _taken(self, lane: Lane, outcome: Outcome, now_ns: int, effects: list[OutboxEffect]) -> None:
        if lane.attempt > 1:
            effects.append(OutboxNoticed("info", "message-taken", f"{lane.name} takes messages again: {outcome.text}"))
        self._delivered += 1
        self._last_success_ns = now_ns
        if outcome.incomplete and outcome.text != self._last_error:
            effects.append(OutboxNoticed("warning", "message-refused", f"{lane.name}: {outcome.text}"))

    def _through(self, lane: Lane, outcome: Outcome, now_ns: int, effects: list[OutboxEffect]) -> None:
        """The receiver has an opinion on the first of a lane. Others may still wait for it, each alone."""
        number = lane.numbers[0]
        if lane is self._lanes.all and self._lanes.late:
            self._lanes.add(number, tuple(self._lanes.late))
        for recipient, why in outcome.deferred:
            late = self._lanes.lane_of(recipient)
            late.numbers.append(number)
            late.attempt = 1
            _pause(late, why, 0, now_ns, effects)
        lane.done()
        self._settle(number, effects)

    def _pass_to_late(self, effects: list[OutboxEffect]) -> None:
        """The first that all wait for, where each has something else to wait for."""
        number = self._lanes.all.numbers[0]
        self._lanes.add(number, tuple(self._lanes.late))
        self._lanes.all.done()
        self._settle(number, effects)

    def _settle(self, number: int, effects: list[OutboxEffect]) -> None:
        """After a change of who waits for a letter that not all wait for any more."""
        self._lanes.forget_empty()
        one, still = self._waiting[number], self._lanes.late_for(number)
        if still:
            one.letter = msgspec.structs.replace(one.letter, recipients=still)
            self._keeping.renew(one.letter)
            return
        del self._waiting[number]
        self._told.append(one.letter.news.event_id)
        self._keeping.remove(one.letter)
        effects.append(Forget(number))


def _pause(lane: Lane, why: str, asked_ns: int, now_ns: int, effects: list[OutboxEffect]) -> None:
    sentence = lane.pause(why, asked_ns, now_ns)
    if sentence:
        effects.append(OutboxNoticed("warning", "message-delayed", sentence))


def _late_snapshot(lane: Lane) -> LateSnapshot:
    return LateSnapshot(
        recipient=lane.recipient,
        waiting=len(lane.numbers),
        attempt=lane.attempt,
        next_ns=lane.resumes_ns,
        last_error=lane.last_error,
    )
