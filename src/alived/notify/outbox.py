"""What one receiver has still to be told, in order: one message at a time, again with growing pauses, for a day.

The oldest message stands in the way of the others until it was taken, refused for what it says, or has become too old:
a receiver hears of MASTER before it hears of BACKUP. What waits is bounded, and on disk as far as the disk takes it.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import assert_never

from alived.base import NS_PER_S, DeadlineReached
from alived.notify.keeping import Keeping
from alived.notify.news import News
from alived.notify.outbox_events import (
    Accepted,
    Answered,
    Closed,
    Deliver,
    DiskFailed,
    Forget,
    Kept,
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
FIRST_PAUSE_NS = NS_PER_S
MAX_PAUSE_NS = 300 * NS_PER_S
"""Pauses are doubled up to this."""
MAX_ASKED_PAUSE_NS = 3600 * NS_PER_S
"""Of those that the receiver asks for (Retry-After)."""
REMEMBERED = 1000
"""Ids of what was told, so that it is not told twice."""


class Outbox:
    """The core of one receiver."""

    def __init__(self, name: str, retry_for_ns: int) -> None:
        self.name = name
        self.retry_for_ns = retry_for_ns
        self._letters: collections.deque[tuple[Letter, int]] = collections.deque()
        """With the moment since when we have it"""
        self._number = 0
        self._keeping = Keeping(name)
        self._told: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
        self._delivering: Letter | None = None
        self._attempt = 0
        self._resumes_ns: int | None = None
        self._delivered = self._refused = self._dropped = 0
        self._last_success_ns: int | None = None
        self._last_error = ""
        self._last_error_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        moments = (self._resumes_ns, self._keeping.deadline_ns)
        return min((moment for moment in moments if moment is not None), default=None)

    def is_at_risk(self, event_id: str) -> bool:
        """Whether it would be lost with this process."""
        return self._keeping.holds(event_id)

    def step(self, event: OutboxEvent, now_ns: int) -> Sequence[OutboxEffect]:
        effects: list[OutboxEffect] = []
        match event:
            case Restored(letters):
                self._letters.extend((letter, now_ns) for letter in letters)
                self._number = max((letter.number for letter in letters), default=0)
            case Accepted(news):
                self._accept(news, now_ns, effects)
            case Answered(outcome):
                self._answered(outcome, now_ns, effects)
            case Kept() | NotKept() | DiskFailed():
                effects += self._keeping.disk_answered(event, now_ns)
            case TryNow():
                self._resumes_ns = None
                self._keeping.try_now()
            case Closed():
                return self._keeping.closed()
            case DeadlineReached():
                if self._resumes_ns is not None and self._resumes_ns <= now_ns:
                    self._resumes_ns = None
            case _:
                assert_never(event)
        effects += self._keeping.due(now_ns)
        if self._delivering is None and self._resumes_ns is None and self._letters:
            self._delivering = self._letters[0][0]
            self._attempt += 1
            effects.append(Deliver(self._delivering))
        return effects

    def snapshot(self) -> OutboxSnapshot:
        return OutboxSnapshot(
            name=self.name,
            waiting=len(self._letters),
            attempt=self._attempt,
            next_ns=self._resumes_ns,
            delivered=self._delivered,
            refused=self._refused,
            dropped=self._dropped,
            last_success_ns=self._last_success_ns,
            last_error=self._last_error,
            last_error_ns=self._last_error_ns,
            disk=self._keeping.trouble,
            at_risk=self._keeping.count,
        )

    def _accept(self, news: News, now_ns: int, effects: list[OutboxEffect]) -> None:
        if news.event_id in self._told or any(letter.news.event_id == news.event_id for letter, _ in self._letters):
            return  # it was told us twice, because somebody died in the middle
        self._number += 1
        letter = Letter(self._number, news)
        self._letters.append((letter, now_ns))
        self._keeping.add(letter)
        if len(self._letters) > MAX_WAITING:
            self._drop_oldest(effects)

    def _drop_oldest(self, effects: list[OutboxEffect]) -> None:
        """Not the one that is on its way."""
        head = self._letters.popleft() if self._delivering is not None else None
        oldest, _ = self._letters.popleft()
        if head is not None:
            self._letters.appendleft(head)
        self._dropped += 1
        self._keeping.remove(oldest)
        effects.append(Forget(oldest.number))
        if self._dropped % MAX_WAITING == 1:
            message = f"{self.name}: {MAX_WAITING} messages wait; the oldest are dropped ({self._dropped} so far)"
            effects.append(OutboxNoticed("error", "message-dropped", message))

    def _answered(self, outcome: Outcome, now_ns: int, effects: list[OutboxEffect]) -> None:
        letter, since_ns = self._letters[0]
        assert letter == self._delivering, "the oldest is the one that is delivered"
        self._delivering = None
        match outcome.reply:
            case Reply.TAKEN:
                if self._attempt > 1:
                    message = f"{self.name} takes messages again: {outcome.text}"
                    effects.append(OutboxNoticed("info", "message-taken", message))
                self._delivered += 1
                self._last_success_ns = now_ns
                self._end(letter, effects)
                if not outcome.incomplete:
                    return
                if outcome.text != self._last_error:
                    effects.append(OutboxNoticed("warning", "message-refused", f"{self.name}: {outcome.text}"))
            case Reply.REFUSED:
                self._refused += 1
                message = f"{self.name} refuses {letter.news.event_id}, which is dropped: {outcome.text}"
                effects.append(OutboxNoticed("error", "message-refused", message))
                self._end(letter, effects)
            case Reply.AGAIN if now_ns - since_ns >= self.retry_for_ns:
                self._dropped += 1
                hours = f"{self.retry_for_ns / NS_PER_S / 3600:g} h"
                message = (
                    f"{self.name}: {letter.news.event_id} was not taken for {hours} and is dropped: {outcome.text}"
                )
                effects.append(OutboxNoticed("error", "message-dropped", message))
                self._end(letter, effects)
            case Reply.AGAIN:
                self._pause(outcome, now_ns, effects)
            case _:
                assert_never(outcome.reply)
        self._last_error, self._last_error_ns = outcome.text, now_ns

    def _pause(self, outcome: Outcome, now_ns: int, effects: list[OutboxEffect]) -> None:
        pause_ns = min(FIRST_PAUSE_NS << min(self._attempt - 1, 20), MAX_PAUSE_NS)
        pause_ns = max(pause_ns, min(outcome.pause_ns, MAX_ASKED_PAUSE_NS))
        self._resumes_ns = now_ns + pause_ns
        if self._attempt == 1 or outcome.text != self._last_error:
            message = f"{self.name} did not take a message: {outcome.text}; again in {pause_ns / NS_PER_S:g} s"
            effects.append(OutboxNoticed("warning", "message-delayed", message))

    def _end(self, letter: Letter, effects: list[OutboxEffect]) -> None:
        self._letters.popleft()
        self._told.append(letter.news.event_id)
        self._keeping.remove(letter)
        self._attempt = 0
        effects.append(Forget(letter.number))
