"""When results become a verdict: keepalived's counter of `rise` and `fall`.

It runs from 0 to rise + fall - 1 and means up from `rise` on. A success below counts up and one at rise - 1 jumps to
the top; a failure above counts down and one at `rise` drops to 0. So `rise` successes in a row bring it up, `fall`
failures in a row take it down, and one opposite result starts the count anew.

The first result decides at once: the counter starts one success below up, and a failure there is a verdict too. With
`init_fail` it is down from the start and has to rise.
"""

from __future__ import annotations


class RiseFall:
    """`up` is None until there is a verdict."""

    def __init__(self, rise: int, fall: int, *, init_fail: bool = False, known: bool | None = None) -> None:
        """known: a verdict from before, which holds until results say otherwise."""
        self.up: bool | None = False if known is None and init_fail else known
        self._rise = rise
        self._top = rise + fall - 1
        self._count = rise - 1 if self.up is None else self._top if self.up else 0

    @property
    def left(self) -> int:
        """How many results in a row that contradict the verdict would change it; without one the first result does."""
        if self.up is None:
            return 1
        return self._count - self._rise + 1 if self.up else self._rise - self._count

    def hear(self, success: bool) -> bool:
        """Takes a result in; True if there is a verdict that was not there before."""
        before = self.up
        if success:
            self._succeed()
        else:
            self._fail()
        return self.up is not before

    def _succeed(self) -> None:
        if self._count < self._rise - 1:
            self._count += 1
        else:
            self._count = self._top
            self.up = True

    def _fail(self) -> None:
        if self._count > self._rise:
            self._count -= 1
        else:
            self._count = 0
            self.up = False
