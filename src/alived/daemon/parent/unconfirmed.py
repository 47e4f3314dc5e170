"""What the parent has told a child that tells others, until the child says that it took it: children die."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from alived.daemon.shared.messages import NewsDue
from alived.notify.news import News

MAX_KEPT = 1000
"""For a child that is dead or does not answer; then the oldest go."""


class Unconfirmed:
    """Pure: the news desk sends what it says."""

    def __init__(self) -> None:
        self._kept: collections.deque[NewsDue] = collections.deque()
        self._number = 0
        self.dropped = 0

    def add(self, news: News) -> NewsDue:
        self._number += 1
        due = NewsDue(self._number, news)
        self._kept.append(due)
        if len(self._kept) > MAX_KEPT:
            self._kept.popleft()
            self.dropped += 1
        return due

    def taken(self, number: int) -> None:
        """This one and all before it."""
        while self._kept and self._kept[0].number <= number:
            self._kept.popleft()

    def waiting(self) -> Sequence[NewsDue]:
        """For a new child: again, from the oldest on."""
        return tuple(self._kept)

    def forget(self) -> None:
        """Nobody wants it any more."""
        self._kept.clear()
