"""The tracker of one `track_file`: the number in it, as keepalived reads it.

The number is read as strtol(3) with base 0 does: blanks, a sign, then decimal, octal (0...) or hexadecimal (0x...)
digits; what follows does not matter. Where there is no number, it is 0: a file that is missing, empty, unreadable or
full of words weighs nothing, and says so. A number beyond 32 bits is ignored: the one before stays.
"""

from __future__ import annotations

import re
from typing import assert_never

from alived.base import Event
from alived.health.tracker_events import TrackerJudged, TrackerNoticed, TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackFile

READ_OCTETS = 127
"""Of a file; what stands behind them does not count (keepalived's buffer)"""
LOWEST, HIGHEST = -(1 << 31), 1 << 31
SHOWN_OCTETS = 20
_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


class FileRead(Event, frozen=True, tag=True):
    """data: the first READ_OCTETS of the file."""

    data: bytes


class FileUnreadable(Event, frozen=True, tag=True):
    """why: goes on behind the path, e.g. "is missing"."""

    why: str
    expected: bool = False
    """It is missing: operators do that on purpose"""


class FileReconfigured(Event, frozen=True, tag=True):
    """A reload changed the tracker that has this name. What the file says follows."""

    config: TrackFile


FileEvent = FileRead | FileUnreadable | FileReconfigured
FileEffect = TrackerJudged | TrackerNoticed


class FileTracker:
    """A core without deadlines: `step`, `snapshot`."""

    def __init__(self, config: TrackFile, known: int | None = None) -> None:
        """known: the number that a former worker has read."""
        self.config = config
        self._value = known
        self._result = ""
        """What was found last, without the name; "": nothing yet."""
        self._judged = False
        self._results = self._streak = 0
        self._looked_ns: int | None = None

    def step(self, event: FileEvent, now_ns: int) -> list[FileEffect]:
        match event:
            case FileReconfigured(config):
                self.config, self._judged = config, False
                return []
            case FileRead(data):
                return self._read(data, now_ns)
            case FileUnreadable(why, expected):
                return self._judge(0, f"{why}, which counts as 0", now_ns, strange=not expected)
            case _:
                assert_never(event)

    def _read(self, data: bytes, now_ns: int) -> list[FileEffect]:
        if not data.strip():
            return self._judge(0, "is empty, which counts as 0", now_ns)
        found = _NUMBER.match(data)
        if found is None:
            return self._judge(0, f"says {_shown(data)}, which is no number and counts as 0", now_ns, strange=True)
        digits = found[2].decode()
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
        value = int(digits, base) * (-1 if found[1] == b"-" else 1)
        if LOWEST <= value <= HIGHEST:
            return self._judge(value, f"says {value}", now_ns)
        last = self._value or 0
        return self._judge(last, f"says {_shown(data)}, which is too much: {last} stays", now_ns, strange=True)

    def _judge(self, value: int, result: str, now_ns: int, *, strange: bool = False) -> list[FileEffect]:
        """strange: nobody can have meant that."""
        self._looked_ns = now_ns
        self._results += 1
        same, self._result = result == self._result, result
        self._streak = self._streak + 1 if same else 1
        reason = f"file {self.config.name}: {self.config.path} {result}"
        effects: list[FileEffect] = []
        if strange and not same:
            effects.append(TrackerNoticed("warning", "file-no-number", reason))
        news = value != self._value
        if news or not self._judged:
            self._value, self._judged = value, True
            effects.append(TrackerJudged(True, reason, news, value))
        return effects

    def snapshot(self) -> TrackerSnapshot:
        return TrackerSnapshot(
            kind=TrackerKind.FILE,
            name=self.config.name,
            up=None if self._value is None else True,
            value=self._value,
            result=f"{self.config.path} {self._result}" if self._result else "",
            results=self._results,
            streak=self._streak,
            looked_ns=self._looked_ns,
        )


def _shown(data: bytes) -> str:
    """Whatever it is, as a short word of one line."""
    line = data.strip().split(b"\n", 1)[0]
    return repr(line[:SHOWN_OCTETS].decode(errors="replace")) + ("..." if len(line) > SHOWN_OCTETS else "")
