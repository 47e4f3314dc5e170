"""Links as those that track them see them. Pure.

`interface_up_down_delays` says how long a link must stay as it is before they hear of a change.

A link that is as it was within that time has never changed. What is not delayed, as in keepalived: a link that comes up
for the first time, and one that is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.health.tracker_events import LinkSnapshot
from alived.health.trackers_config import LinkDelay


class LinkDelays:
    """States of links as trackers see them."""

    def __init__(self) -> None:
        self._delays: dict[str, LinkDelay] = {}
        self._shown: dict[str, LinkSnapshot] = {}
        self._seen_up: set[str] = set()
        self._due_ns: dict[str, int] = {}
        """When a change counts that was not undone until then."""

    def configure(self, delays: Iterable[LinkDelay], now_ns: int) -> None:
        """A change that waits does not wait longer than a new one would."""
        self._delays = {delay.interface: delay for delay in delays}
        for name, due_ns in self._due_ns.items():
            delay = self._delays.get(name)
            latest_ns = 0 if delay is None else delay.down_ns if self._shown[name].usable else delay.up_ns
            self._due_ns[name] = min(due_ns, now_ns + latest_ns)

    @property
    def deadline_ns(self) -> int | None:
        return min(self._due_ns.values(), default=None)

    def due(self, now_ns: int) -> set[str]:
        """Links of which a change counts now: those that track them are to look again."""
        return {name for name, due_ns in self._due_ns.items() if due_ns <= now_ns}

    def usable(self, name: str, usable: bool | None, now_ns: int) -> bool | None:
        """The state that counts now, of a link whose state is `usable` (None: there is none of that name)."""
        shown = self._shown.get(name)
        if shown is not None and self._waits(shown, usable, now_ns):
            return shown.usable
        self._due_ns.pop(name, None)
        if usable:
            self._seen_up.add(name)
        if shown is None or usable is not shown.usable:
            self._shown[name] = LinkSnapshot(name, usable, now_ns)
        return usable

    def _waits(self, shown: LinkSnapshot, usable: bool | None, now_ns: int) -> bool:
        """Whether this change does not count yet."""
        delay = self._delays.get(shown.name)
        if delay is None or usable is shown.usable or None in (usable, shown.usable) or shown.name not in self._seen_up:
            return False
        due_ns = now_ns + (delay.up_ns if usable else delay.down_ns)
        return self._due_ns.setdefault(shown.name, due_ns) > now_ns

    def snapshots(self) -> tuple[LinkSnapshot, ...]:
        """Of all that somebody tracks, or has tracked."""
        return tuple(
            msgspec.structs.replace(shown, changes_ns=self._due_ns.get(name)) for name, shown in self._shown.items()
        )
