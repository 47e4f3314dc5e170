"""Which messages of a receiver are in memory only, and when the disk is asked to take them.

A message goes to the disk as soon as it comes. What the disk does not take is told all the same; meanwhile it waits in
memory, and goes to the disk when there is room again. Whoever ends while something is in memory only says what is lost.

A message that some have got goes to the disk once more, in the place of what is there, so that a later process tells
the others only. Until it is there nothing is lost: they would all be told again.
"""

from __future__ import annotations

from collections.abc import Sequence

from alived.base import NS_PER_S, in_brief
from alived.notify.outbox_events import DiskFailed, Keep, Kept, Letter, NotKept, OutboxNoticed

KEEP_PAUSE_NS = 10 * NS_PER_S
"""After it a disk that took nothing is tried again."""
NAMED = 5
"""Messages that a sentence about lost ones names."""


class Keeping:
    """Of an outbox. deadline_ns: when a disk that took nothing is asked again. trouble: what is wrong with it."""

    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._letters: dict[str, Letter] = {}
        """That the disk has not got as they are now, by event id, in order"""
        self._renewed: set[str] = set()
        """Those of them whose older form is on disk: they would not be lost"""
        self._asked: Letter | None = None
        """The disk is asked to take it"""
        self.deadline_ns: int | None = None
        self.trouble = ""

    @property
    def count(self) -> int:
        return len(self._letters) - len(self._renewed)

    def holds(self, event_id: str) -> bool:
        return event_id in self._letters and event_id not in self._renewed

    def add(self, letter: Letter) -> None:
        self._letters[letter.news.event_id] = letter

    def renew(self, letter: Letter) -> None:
        """Fewer have to be told of it than before."""
        if letter.news.event_id not in self._letters:
            self._renewed.add(letter.news.event_id)
        self._letters[letter.news.event_id] = letter

    def remove(self, letter: Letter) -> None:
        """Nobody has to be told of it any more."""
        self._letters.pop(letter.news.event_id, None)
        self._renewed.discard(letter.news.event_id)

    def try_now(self) -> None:
        self.deadline_ns = None

    def due(self, now_ns: int) -> Sequence[Keep]:
        """One at a time, the oldest first: a disk that is full is not asked a thousand times."""
        if self.deadline_ns is not None and self.deadline_ns <= now_ns:
            self.deadline_ns = None
        if self._asked is not None or self.deadline_ns is not None or not self._letters:
            return ()
        self._asked = next(iter(self._letters.values()))
        return (Keep(self._asked),)

    def disk_answered(self, event: Kept | NotKept | DiskFailed, now_ns: int) -> Sequence[OutboxNoticed]:
        if isinstance(event, DiskFailed):
            return self._complain(event.what)
        letter, self._asked = self._asked, None
        assert letter is not None and letter.number == event.number, "one is kept at a time"
        if isinstance(event, NotKept):
            self.deadline_ns = now_ns + KEEP_PAUSE_NS
            return self._complain(f"{self._consequence(letter)}: {event.why}")
        event_id = letter.news.event_id
        if self._letters.get(event_id) == letter:
            self.remove(letter)
        elif event_id in self._letters:
            self._renewed.add(event_id)  # the disk was at work while it changed
        if not self.trouble or self._letters:
            return ()
        self.trouble = ""
        return (OutboxNoticed("info", "spool-works", f"{self._receiver}: what waits is on disk again"),)

    def closed(self) -> Sequence[OutboxNoticed]:
        """Nobody will hear of what is in memory only."""
        lost = [letter for event_id, letter in self._letters.items() if event_id not in self._renewed]
        if not lost:
            return ()
        names = [f"{one.news.word} of {one.news.name} ({one.news.event_id})" for one in lost]
        message = (
            f"{self._receiver} was not told of {in_brief(names, NAMED, ', ')}: lost, because it is not on disk either"
        )
        return (OutboxNoticed("error", "message-dropped", message),)

    def _consequence(self, letter: Letter) -> str:
        if letter.news.event_id in self._renewed:
            return "who has got a message is not on disk, and would be told again by the next daemon"
        return "what waits is not on disk, and lost if the daemon ends before it is told"

    def _complain(self, what: str) -> Sequence[OutboxNoticed]:
        """Once, until it is something else."""
        if what == self.trouble:
            return ()
        self.trouble = what
        return (OutboxNoticed("error", "spool-failed", f"{self._receiver}: {what}"),)
