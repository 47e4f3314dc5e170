"""A reload: read in a helper; bad: everything stays; good: the children take it and say what they changed.

One at a time. What asks for another while one runs is served by one more reload after it, since the file may have
changed after it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from alived.adapters.loop import Loop, Timer
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.reading import Reader, Reading
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import Configured

CONFIGURED_LIMIT_NS = 10 * NS_PER_S
"""After this the caller is told that a child has not confirmed; the new configuration stays in force."""
Finish = Callable[[Answer], None]


class Reloadable(Protocol):
    """What a reload changes."""

    def adopt(self, config: Config) -> Sequence[str]:
        """Makes it the current configuration, sends it to the children; gives the roles that will confirm."""

    def reload_ended(self, reading: Reading, answer: Answer) -> None:
        """For the log and the service manager."""


class ReloadRequests:
    """Serves SIGHUP and `alived reload`."""

    def __init__(self, loop: Loop, path: str, reader: Reader, owner: Reloadable) -> None:
        self._loop = loop
        self._path = path
        self._reader = reader
        self._owner = owner
        self._closed = ""
        self._running: list[Finish] | None = None
        self._next: list[Finish] = []
        self._reading = Reading(config=None)
        self._awaited: set[str] = set()
        self._changes: list[str] = []
        self._timer: Timer | None = None

    def ask(self, finish: Finish) -> None:
        if self._closed:
            finish(Answer(ok=False, error=self._closed))
            return
        self._next.append(finish)
        if self._running is None:
            self._begin()

    def close(self, reason: str) -> None:
        """Whoever waits or asks from now on gets this as an error; what is being read is not adopted."""
        self._closed = reason
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._running, self._next = [*(self._running or ()), *self._next], None, []
        for finish in waiting:
            finish(Answer(ok=False, error=reason))

    def configured(self, role: str, message: Configured) -> None:
        """A child took the configuration."""
        if role in self._awaited:
            self._awaited.discard(role)
            self._changes += message.changes
            if not self._awaited:
                self._taken()

    def died(self, role: str) -> None:
        """A child ended; the next one starts with the new configuration."""
        if role in self._awaited:
            self._changes.append(f"the {role} died meanwhile: everything of it starts with the new configuration")

    def _begin(self) -> None:
        self._running, self._next = self._next, []
        self._changes = []
        self._reader.read(self._path, self._read)

    def _read(self, reading: Reading) -> None:
        if self._closed:
            return
        self._reading = reading
        if reading.config is None:
            count = len(reading.errors)
            errors = f"{count} error{'s' if count != 1 else ''}"
            self._refuse(f"{errors} in {self._path}: the old configuration stays in force")
            return
        self._awaited = set(self._owner.adopt(reading.config))
        self._timer = self._loop.call_later(CONFIGURED_LIMIT_NS, self._late)
        if not self._awaited:
            self._taken()

    def _taken(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end(Answer(ok=True, result=self._result()))

    def _late(self) -> None:
        late = ", ".join(sorted(self._awaited))
        self._awaited.clear()
        self._refuse(f"{late} did not confirm the new configuration within {CONFIGURED_LIMIT_NS // NS_PER_S} s")

    def _refuse(self, error: str) -> None:
        self._end(Answer(ok=False, error=error, result=self._result()))

    def _result(self) -> dict[str, list[str]]:
        return {"changes": self._changes, "diagnostics": [str(d) for d in self._reading.diagnostics]}

    def _end(self, answer: Answer) -> None:
        finishers, self._running = self._running or [], None
        self._owner.reload_ended(self._reading, answer)
        for finish in finishers:
            finish(answer)
        if self._next:
            self._begin()
