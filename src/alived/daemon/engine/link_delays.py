"""`interface_up_down_delays`: how long a link must stay as it is before those that track it hear of the change. Pure.

A link that is as it was within that time has never changed. What is not delayed, as in keepalived: a link that comes up
for the first time, and one that is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.health.trackers_config import LinkDelay


class LinkDelays:
    """States of links as trackers see them."""

    def __init__(self) -> None:
        self._delays: dict[str, LinkDelay] = {}
        self._shown: dict[str, bool | None] = {}
        self._seen_up: set[str] = set()
        self._due_ns: dict[str, int] = {}
        """When a change counts that was not undone until then."""

    def configure(self, delays: Iterable[LinkDelay], now_ns: int) -> None:
        """A change that waits does not wait longer than a new one would."""
        self._delays = {delay.interface: delay for delay in delays}
        for name, due_ns in self._due_ns.items():
            delay = self._delays.get(name)
            latest_ns = 0 if delay is None else delay.down_ns if self._shown[name] else delay.up_ns
            self._due_ns[name] = min(due_ns, now_ns + latest_ns)

    @property
    def deadline_ns(self) -> int | None:
        return min(self._due_ns.values(), default=None)

    def due(self, now_ns: int) -> set[str]:
        """Links of which a change counts now: those that track them are to look again."""
        return {name for name, due_ns in self._due_ns.items() if due_ns <= now_ns}

    def usable(self, name: str, usable: bool | None, now_ns: int) -> bool | None:
        """The state that counts now, of a link whose state is `usable` (None: there is none of that name)."""
        delay = self._delays.get(name)
        if delay is None:
            self._shown.pop(name, None)
            self._due_ns.pop(name, None)
            return usable
        if self._counts_at_once(name, usable, delay):
            self._shown[name] = usable
            self._due_ns.pop(name, None)
        elif self._due_ns.setdefault(name, now_ns + (delay.up_ns if usable else delay.down_ns)) <= now_ns:
            self._shown[name] = usable
            del self._due_ns[name]
        if usable:
            self._seen_up.add(name)
        return self._shown[name]

    def _counts_at_once(self, name: str, usable: bool | None, delay: LinkDelay) -> bool:
        if name not in self._seen_up or usable is None or self._shown.get(name) in (None, usable):
            return True
        return not (delay.up_ns if usable else delay.down_ns)
