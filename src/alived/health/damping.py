"""Flap damping: a tracker that changes again and again must stay up for longer and longer before it counts as up.

Down always counts at once. The first fall costs nothing: when it comes up again, that counts at once, too. With the
second fall it must stay up for `hold_ns` without a break, and each further fall doubles that, up to `max_hold_ns`. All
is forgotten when it has counted as up for `max_hold_ns`, or when an operator says so.
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


class Damper:
    """Of one tracker. `up` is what counts; None before the first verdict."""

    def __init__(self, config: FlapDamping) -> None:
        self.config = config
        self.up: bool | None = None
        self._said: bool | None = None
        """The last verdict."""
        self._falls = 0
        self._since_ns = 0
        """Of what counts, if that is up; of the last verdict else."""

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
        return self._since_ns + self.hold_ns if self._said and not self.up else None

    def hear(self, up: bool, now_ns: int) -> bool:
        """A verdict; True if what counts is another one than before."""
        before, changed = self.up, up is not self._said
        if up and changed and self.up is not True:
            self._since_ns = now_ns
        if not up and self._said:
            self._fall(now_ns)
        self._said = up
        if not up or before is None:
            self.up = up
        else:
            self.pass_time(now_ns)
        return self.up is not before

    def _fall(self, now_ns: int) -> None:
        self._forget(now_ns)
        self._falls += 1

    def _forget(self, now_ns: int) -> None:
        if self.up and now_ns - self._since_ns >= self.config.max_hold_ns:
            self._falls = 0

    def pass_time(self, now_ns: int) -> bool:
        """True if it counts as up from now on."""
        due_ns = self.deadline_ns
        if due_ns is None or now_ns < due_ns:
            return False
        self.up, self._since_ns = True, now_ns
        return True

    def reset(self, now_ns: int) -> bool:
        """Forgets all falls; True if it counts as up from now on."""
        self._falls = 0
        return self.pass_time(now_ns)

    def snapshot(self, now_ns: int) -> DampingSnapshot:
        self._forget(now_ns)
        return DampingSnapshot(falls=self._falls, held_until_ns=self.deadline_ns, hold_ns=self._hold(self._falls + 1))

    def sentence(self) -> str:
        """Why it does not count as up although it is."""
        return f"is up again, but has to stay so for {self.hold_ns / NS_PER_S:g} s: it fell {self._falls} times"
