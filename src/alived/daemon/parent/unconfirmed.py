"""What the parent has told a child that tells others, until the child says that it took it: children die."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence

from alived.daemon.shared.messages import NewsDue
from alived.notify.news import News

MAX_KEPT = 1000
"""For a child that is dead or does not answer; then the oldest go."""
Note = Callable[[str, str, str], None]
"""Level, code and sentence, for the log"""


class Unconfirmed:
    """Pure: the news desk sends what it says."""

    def __init__(self) -> None:
        self._kept: collections.deque[NewsDue] = collections.deque()
        self._number = 0
        self._dropped_to = self._taken_to = 0
        """Numbers: the newest that is kept no more, and the newest that was taken"""
        self.lost = 0
        """How many no child has taken, and none will"""

    def add(self, news: News) -> NewsDue:
        self._number += 1
        due = NewsDue(self._number, news)
        self._kept.append(due)
        if len(self._kept) > MAX_KEPT:
            self._dropped_to = self._kept.popleft().number
        return due

    def taken(self, number: int) -> None:
        """This one and all before it."""
        self._taken_to = max(self._taken_to, number)
        while self._kept and self._kept[0].number <= number:
            self._kept.popleft()

    def for_successor(self, child: str, note: Note) -> Sequence[NewsDue]:
        """All that the last child did not take, from the oldest on. What was too much to keep, and it took with it, is
        lost, which is said."""
        if missing := max(0, self._dropped_to - self._taken_to):
            self._taken_to += missing
            self.lost += missing
            message = f"{missing} pieces of news are lost: no {child} took them, and the parent keeps {MAX_KEPT}"
            note("error", "news-lost", message)
        return tuple(self._kept)
