"""Flap damping: a tracker that changes again and again must stay up for longer and longer before it counts as up.

Down always counts at once. The first fall costs nothing: when it comes up again, that counts at once, too. With the
second fall it must stay up for `hold_ns` without a break, and each further fall doubles that, up to `max_hold_ns`. All
is forgotten when it has counted as up for `max_hold_ns`, or when an operator says so.

A number in a file has more levels than down and up: a worse one counts at once, and one that is better than what counts
when it has been better for that time. To get worse step by step is one fall.
"""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S
from alived.health.trackers_config import FlapDamping


class DampingSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """falls: those that are not forgotten. held_until_ns: when it will count as up, if it stays so long; None: it is
    not held. hold_ns: how long it has to stay up if it falls once more."""

    falls: int
    held_until_ns: int | None
    hold_ns: int


def level_of(up: bool, value: int | None, sense: int | None) -> int:
    """How good a verdict is. value: the number of a file; sense: what is better of it (`Weight.sense`)."""
    match sense:
        case None:
            return int(up)
        case 0 | 2:
            return int((not value) == (sense == 0))
        case _:
            return (value or 0) * sense


class Damper:
    """Of one tracker. `counts` is the level that counts; None before the first verdict."""

    def __init__(self, config: FlapDamping) -> None:
        self.config = config
        self.counts: int | None = None
        self._said = 0
        """The last verdict."""
        self._rose = True
        """Whether it has got better since its last fall."""
        self._falls = 0
        self._since_ns = 0
        """Of being better than what counts, if it is; of what counts else."""

    @property
    def up(self) -> bool | None:
        return None if self.counts is None else self.counts > 0

    @property
    def held(self) -> bool:
        """Whether it is better than what counts."""
        return self.counts is not None and self._said > self.counts

    @property
    def hold_ns(self) -> int:
        """How long it has to stay up now."""
        return self._hold(self._falls)

    def _hold(self, falls: int) -> int:
        if falls < 2:
            return 0
        # The exponent is bounded: one that flaps for a week must not become a number of a million digits.
        return min(self.config.hold_ns << min(falls - 2, 32), self.config.max_hold_ns)

    @property
    def deadline_ns(self) -> int | None:
        """When it counts as up, if no other verdict comes before."""
        return self._since_ns + self.hold_ns if self.held else None

    def hear(self, level: int, now_ns: int) -> bool:
        """A verdict; True if what counts is another one than before."""
        before = self.counts
        if before is None:
            self._said, self.counts, self._since_ns = level, level, now_ns
        elif level > before:
            self._rise(level, now_ns)
        else:
            if level < before or self.held:
                self._fall(now_ns)
            self._said = self.counts = level
        return self.counts != before

    def _rise(self, level: int, now_ns: int) -> None:
        if not self.held:
            self._forget(now_ns)
            self._since_ns = now_ns
        self._said, self._rose = level, True
        self.pass_time(now_ns)

    def _fall(self, now_ns: int) -> None:
        self._forget(now_ns)
        self._falls += self._rose
        self._rose = False

    def _forget(self, now_ns: int) -> None:
        if self._rose and not self.held and now_ns - self._since_ns >= self.config.max_hold_ns:
            self._falls = 0

    def pass_time(self, now_ns: int) -> bool:
        """True if it counts as up from now on."""
        due_ns = self.deadline_ns
        if due_ns is None or now_ns < due_ns:
            return False
        self.counts, self._since_ns = self._said, now_ns
        return True

    def reset(self, now_ns: int) -> bool:
        """Forgets all falls; True if it counts as up from now on."""
        self._falls = 0
        return self.pass_time(now_ns)

    def snapshot(self, now_ns: int) -> DampingSnapshot:
        self._forget(now_ns)
        return DampingSnapshot(falls=self._falls, held_until_ns=self.deadline_ns, hold_ns=self._hold(self._falls + 1))

    def sentence(self, better: str = "up") -> str:
        """Why it does not count as up (or better) although it is."""
        return f"is {better} again, but has to stay so for {self.hold_ns / NS_PER_S:g} s: it fell {self._falls} times"
