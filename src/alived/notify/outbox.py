"""What one receiver has still to be told, in order: one message at a time, again with growing pauses, for a day.

The oldest message stands in the way of the others until it was taken, refused for what it says, or has become too old:
a receiver hears of MASTER before it hears of BACKUP. What waits is bounded. Each message is kept on disk before it is
confirmed, by whoever carries the effects out, so that it survives this process; a disk that takes nothing costs that,
and nothing else.
"""

from __future__ import annotations

import collections
import enum
from collections.abc import Sequence
from typing import assert_never

import msgspec

from alived.base import NS_PER_S, DeadlineReached, Effect, Event
from alived.notify.news import News

MAX_WAITING = 1000
FIRST_PAUSE_NS = NS_PER_S
MAX_PAUSE_NS = 300 * NS_PER_S
"""Pauses are doubled up to this."""
MAX_ASKED_PAUSE_NS = 3600 * NS_PER_S
"""Of those that the receiver asks for (Retry-After)."""
REMEMBERED = 1000
"""Ids of what was told, so that it is not told twice."""


class Letter(msgspec.Struct, frozen=True):
    """number: in the order of the receiver, and for good."""

    number: int
    news: News


class Reply(enum.Enum):
    TAKEN = enum.auto()
    AGAIN = enum.auto()
    """Not now: nobody answers, or the receiver is ill, or does not know us yet"""
    REFUSED = enum.auto()
    """It will never take this one"""


class Outcome(msgspec.Struct, frozen=True):
    """text: a sentence without the name of the receiver. pause_ns: what the receiver asks for; 0: nothing."""

    reply: Reply
    text: str
    pause_ns: int = 0


class Restored(Event, frozen=True, tag=True):
    """What an earlier process left on disk, in order. Said first."""

    letters: tuple[Letter, ...]


class Accepted(Event, frozen=True, tag=True):
    news: News


class Answered(Event, frozen=True, tag=True):
    """The end of a `Deliver`."""

    outcome: Outcome


class NotKept(Event, frozen=True, tag=True):
    """The disk did not take a letter. why: a sentence."""

    why: str


OutboxEvent = Restored | Accepted | Answered | NotKept | DeadlineReached


class Keep(Effect, frozen=True, tag=True):
    """On disk, before anything else; `NotKept` if that fails."""

    letter: Letter


class Forget(Effect, frozen=True, tag=True):
    number: int


class Deliver(Effect, frozen=True, tag=True):
    """`Answered` follows, in any case."""

    letter: Letter


class OutboxNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


OutboxEffect = Keep | Forget | Deliver | OutboxNoticed


class OutboxSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    waiting: int
    attempt: int
    """How often the oldest has been tried"""
    next_ns: int | None
    """When it is tried again; None: it is being tried, or there is none"""
    delivered: int
    refused: int
    dropped: int
    """Too many waited, or it became too old"""
    last_success_ns: int | None
    last_error: str
    last_error_ns: int | None
    disk: str
    """Why what waits is in memory only; "": it is on disk"""


class Outbox:
    """The core of one receiver."""

    def __init__(self, name: str, retry_for_ns: int) -> None:
        self.name = name
        self.retry_for_ns = retry_for_ns
        self._letters: collections.deque[tuple[Letter, int]] = collections.deque()
        """With the moment since when we have it"""
        self._number = 0
        self._told: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
        self._delivering: Letter | None = None
        self._attempt = 0
        self._resumes_ns: int | None = None
        self._delivered = self._refused = self._dropped = 0
        self._last_success_ns: int | None = None
        self._last_error = self._disk = ""
        self._last_error_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        return self._resumes_ns

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
            case NotKept(why):
                if why != self._disk:
                    message = f"{self.name}: what waits is not on disk, and lost if this process dies: {why}"
                    effects.append(OutboxNoticed("error", "spool-failed", message))
                self._disk = why
            case DeadlineReached():
                self._resumes_ns = None
            case _:
                assert_never(event)
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
            disk=self._disk,
        )

    def _accept(self, news: News, now_ns: int, effects: list[OutboxEffect]) -> None:
        if news.event_id in self._told or any(letter.news.event_id == news.event_id for letter, _ in self._letters):
            return  # it was told us twice, because somebody died in the middle
        self._number += 1
        letter = Letter(self._number, news)
        self._letters.append((letter, now_ns))
        self._disk = ""  # until the disk says otherwise
        effects.append(Keep(letter))
        if len(self._letters) > MAX_WAITING:
            self._drop_oldest(effects)

    def _drop_oldest(self, effects: list[OutboxEffect]) -> None:
        """Not the one that is on its way."""
        head = self._letters.popleft() if self._delivering is not None else None
        oldest, _ = self._letters.popleft()
        if head is not None:
            self._letters.appendleft(head)
        self._dropped += 1
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
                return
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
        self._attempt = 0
        effects.append(Forget(letter.number))
