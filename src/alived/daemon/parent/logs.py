"""The log: one line a fact, on stderr, written by the parent only.

Text: `2026-11-21 11:38:46.123 INFO engine[812] VI_1: BACKUP -> MASTER: reason`. Under systemd's journal the time is
the journal's, and the level goes in front as `<6>`. JSON: an object a line with the same facts.

A flood is bounded for each (source, code); what was left out is counted in a line of its own. A terminal or a log
collector that does not read costs lines (counted as well), never time.
"""

from __future__ import annotations

import collections
import datetime
import os
import select
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import msgspec

from alived.adapters.loop import now_ns
from alived.base import NS_PER_S, Diagnostic
from alived.daemon.shared.messages import Transition

LEVELS = {"debug": 7, "info": 6, "warning": 4, "error": 3}
"""Name -> syslog's severity."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A fact for the log."""

    time: str
    """Local time with milliseconds and the offset from UTC (ISO 8601)."""
    level: str
    process: str
    """Who says it: "alived", "engine", "worker"."""
    pid: int
    code: str
    """Stable kebab-case event id."""
    message: str
    fields: dict[str, str] = {}
    """`instance` (or the name of a group) is shown in front of the message."""


def text_line(line: Line) -> str:
    return f"{line.time[:10]} {line.time[11:23]} {line.level.upper()} {_what(line)}"


def journal_line(line: Line) -> str:
    prefix = f"<{LEVELS[line.level]}>"
    return "\n".join(prefix + part for part in _what(line).split("\n"))


def json_line(line: Line) -> str:
    return msgspec.json.encode(line).decode()


def _what(line: Line) -> str:
    about = f"{line.fields['instance']}: " if "instance" in line.fields else ""
    return f"{line.process}[{line.pid}] {about}{line.message}"


def pick_format(wanted: str, stderr_fd: int = 2) -> Callable[[Line], str]:
    """wanted: "text" or "json". Text becomes the journal's form if stderr is the journal (sd-daemon(3))."""
    if wanted == "json":
        return json_line
    status = os.fstat(stderr_fd)
    is_journal = os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return journal_line if is_journal else text_line


class RateLimit:
    """For each key at most `burst` at once and one more every `refill_ns`; counts what it refuses. Pure."""

    MAX_KEYS = 4096

    def __init__(self, burst: int = 50, refill_ns: int = NS_PER_S) -> None:
        self._burst = burst
        self._refill_ns = refill_ns
        self._full_at_ns: collections.OrderedDict[tuple[str, str], int] = collections.OrderedDict()
        self._refused: dict[tuple[str, str], int] = {}

    def allow(self, key: tuple[str, str], now_ns: int) -> bool:
        # A key is a bucket that is full again at `full_at`; each line moves that moment away by one refill.
        full_at = max(self._full_at_ns.get(key, now_ns), now_ns)
        if full_at - now_ns > (self._burst - 1) * self._refill_ns:
            self._refused[key] = self._refused.get(key, 0) + 1
            return False
        self._full_at_ns[key] = full_at + self._refill_ns
        self._full_at_ns.move_to_end(key)
        if len(self._full_at_ns) > self.MAX_KEYS:
            self._full_at_ns.popitem(last=False)
        return True

    def take_refused(self) -> dict[tuple[str, str], int]:
        """How many were refused for each key since the last call."""
        refused, self._refused = self._refused, {}
        return refused


class Output(Protocol):
    """Where lines go."""

    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


class Stderr:
    """File descriptor 2, written only when it takes a line without blocking."""

    MAX_WAITING = 1000

    def __init__(self, fd: int = 2) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._waiting: collections.deque[bytes] = collections.deque()
        self.lost = 0

    def write(self, text: str) -> None:
        self._waiting.append(text.encode(errors="replace") + b"\n")
        if len(self._waiting) > self.MAX_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self.flush()

    def flush(self) -> None:
        """Writes what can be written now."""
        while self._waiting and self._is_writable():
            if self.lost:
                self._waiting.appendleft(b"alived: %d log lines lost: nobody read them\n" % self.lost)
                self.lost = 0
            data = self._waiting.popleft()
            try:
                written = os.write(self._fd, data[:_ATOMIC])
            except OSError:
                self.lost += 1  # a full disk, a reader that is gone: said when somebody can read it again
                return
            if written < len(data):
                self._waiting.appendleft(data[written:])

    def _is_writable(self) -> bool:
        return any(events & select.POLLOUT for _, events in self._poll.poll(0))


_ATOMIC = select.PIPE_BUF
"""A pipe that polls writable takes this many bytes without blocking."""


class Source(NamedTuple):
    """The process that says something."""

    process: str
    pid: int


class Log:
    """Filters by level, limits floods, formats and writes."""

    def __init__(
        self,
        output: Output,
        form: Callable[[Line], str],
        *,
        level: str = "info",
        now_ns: Callable[[], int] = now_ns,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._output = output
        self._form = form
        self._threshold = LEVELS[level]
        self._now_ns = now_ns
        self._wall_time = wall_time
        self._limit = RateLimit()

    def change(self, form: Callable[[Line], str], level: str) -> None:
        """Another form or level from now on."""
        self._form = form
        self._threshold = LEVELS[level]

    def say(self, source: Source, level: str, code: str, message: str, fields: dict[str, str] | None = None) -> None:
        """A line, unless its level is filtered or its (source, code) flooded the log."""
        fields = fields or {}
        known = level if level in LEVELS else "error"
        if LEVELS[known] > self._threshold:
            return
        if self._limit.allow((fields.get("instance") or source.process, code), self._now_ns()):
            self._write(source, known, code, message, fields)

    def always(self, source: Source, level: str, code: str, message: str) -> None:
        """A line that no limit leaves out; for what an operator asked for."""
        self._write(source, level, code, message, {})

    def transition(self, source: Source, change: Transition) -> None:
        """A change of state is never left out."""
        fields = {
            "instance": change.name,
            "kind": change.kind,
            "old": str(change.old),
            "new": str(change.new),
            "priority": str(change.priority),
            "reason": change.reason,
            "evidence": "; ".join(change.evidence),
        }
        self._write(source, "info", "transition", f"{change.old} -> {change.new}: {change.reason}", fields)
        if self._threshold >= LEVELS["debug"] and change.evidence:
            about = {"instance": change.name}
            self._write(source, "debug", "evidence", "evidence: " + "; ".join(change.evidence), about)

    def report_suppressed(self) -> None:
        """Says what was left out; to be called every few seconds."""
        for (source, code), count in self._limit.take_refused().items():
            ours = Source("alived", os.getpid())
            self._write(ours, "warning", "suppressed", f"{source}: suppressed {count} lines ({code})", {})

    def flush(self) -> None:
        self._output.flush()

    def _write(self, source: Source, level: str, code: str, message: str, fields: dict[str, str]) -> None:
        time = datetime.datetime.fromtimestamp(self._wall_time(), datetime.UTC).astimezone()
        line = Line(
            time=time.isoformat(timespec="milliseconds"),
            level=level,
            process=source.process,
            pid=source.pid,
            code=code,
            message=message,
            fields=fields,
        )
        self._output.write(self._form(line))


def report_findings(log: Log, findings: Iterable[Diagnostic]) -> None:
    """What was found in a configuration, a line each."""
    ours = Source("alived", os.getpid())
    for finding in findings:
        log.always(ours, str(finding.severity), f"config-{finding.code}", str(finding))
