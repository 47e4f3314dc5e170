"""Who waits for which messages of a receiver, and when each is tried again.

One lane is for all; there is another one for each recipient whom the receiver did not take a message for, while it took
it for others. What is in the lane of a recipient is tried for that one alone; newer messages come behind it, so that
each recipient hears everything in order, and the others need not wait.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator

from alived.base import NS_PER_S

FIRST_PAUSE_NS = NS_PER_S
MAX_PAUSE_NS = 300 * NS_PER_S
"""Pauses are doubled up to this."""
MAX_ASKED_PAUSE_NS = 3600 * NS_PER_S
"""Of those that the receiver asks for (Retry-After)."""


class Lane:
    """name: how sentences call who waits. recipient "": all. numbers: of the letters, in order."""

    def __init__(self, name: str, recipient: str = "") -> None:
        self.name = name
        self.recipient = recipient
        self.numbers: collections.deque[int] = collections.deque()
        self.attempt = 0
        """How often the first has been tried"""
        self.resumes_ns: int | None = None
        self.last_error = ""

    @property
    def is_ready(self) -> bool:
        return bool(self.numbers) and self.resumes_ns is None

    @property
    def is_untried(self) -> bool:
        """Whether something waits, and nothing has failed that stands before it."""
        return self.is_ready and self.attempt <= 1

    def wake(self, now_ns: int) -> None:
        if self.resumes_ns is not None and self.resumes_ns <= now_ns:
            self.resumes_ns = None

    def done(self) -> None:
        """The first is through, in whatever way."""
        self.numbers.popleft()
        self.attempt = 0

    def pause(self, why: str, asked_ns: int, now_ns: int) -> str:
        """After a failure: a sentence for the log, "" if it is known. asked_ns: what the receiver asks for."""
        pause_ns = min(FIRST_PAUSE_NS << min(self.attempt - 1, 20), MAX_PAUSE_NS)
        pause_ns = max(pause_ns, min(asked_ns, MAX_ASKED_PAUSE_NS))
        self.resumes_ns = now_ns + pause_ns
        is_known = self.attempt > 1 and why == self.last_error
        self.last_error = why
        return "" if is_known else f"{self.name} did not take a message: {why}; again in {pause_ns / NS_PER_S:g} s"


class Lanes:
    """recipients: those of the receiver now; () of one that knows none."""

    def __init__(self, name: str, recipients: tuple[str, ...]) -> None:
        self._name = name
        self.recipients = recipients
        self.all = Lane(name)
        self.late: dict[str, Lane] = {}
        """By recipient; none is empty"""

    def __iter__(self) -> Iterator[Lane]:
        yield self.all
        yield from self.late.values()

    def add(self, number: int, recipients: tuple[str, ...] = ()) -> None:
        """recipients (): all."""
        if not recipients:
            self.all.numbers.append(number)
        for recipient in recipients:
            self.lane_of(recipient).numbers.append(number)

    def lane_of(self, recipient: str) -> Lane:
        return self.late.setdefault(recipient, Lane(f"{self._name} to {recipient}", recipient))

    def remove(self, number: int) -> None:
        for lane in self:
            if number in lane.numbers:
                lane.numbers.remove(number)
        self.forget_empty()

    def forget_empty(self) -> None:
        self.late = {recipient: lane for recipient, lane in self.late.items() if lane.numbers}

    def strangers(self) -> list[Lane]:
        """Of recipients that are none any more."""
        return [lane for lane in self.late.values() if lane.recipient not in self.recipients]

    def late_for(self, number: int) -> tuple[str, ...]:
        """Who waits for a letter alone."""
        return tuple(recipient for recipient, lane in self.late.items() if number in lane.numbers)

    def prompt(self) -> tuple[str, ...]:
        """Recipients that have heard everything so far."""
        return tuple(recipient for recipient in self.recipients if recipient not in self.late)

    def next(self) -> Lane | None:
        """Whose turn it is; what all wait for goes first."""
        return next((lane for lane in self if lane.is_ready), None)
