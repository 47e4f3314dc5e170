"""The words that every package shares: cores, events, effects, diagnostics, errors, units.

Events in, a pure core decides, effects out. A *core* is an object without I/O: `step(event, now_ns)` returns the
effects in the order in which they must happen, `deadline_ns` is the next moment at which it wants a `DeadlineReached`,
`snapshot()` is its state as a value. Time is an int, nanoseconds of CLOCK_BOOTTIME, always given.

Errors by fault:

- `DecodeError`    *they* sent nonsense; its `reason` is the name of a counter
- `Diagnostic`     *the operator* erred; collected, never one at a time (`ConfigError` carries a list that stops a run)
- an event         *the world* failed (`BindFailed`, ...): the core decides what the failure means
- `AssertionError` *we* erred: the process dies and the parent starts it again
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

import msgspec

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000


class Event(msgspec.Struct, frozen=True, tag=True):
    """Something that happened, told to a core. Subclasses form closed unions, one for each core."""


class Effect(msgspec.Struct, frozen=True, tag=True):
    """Something that a core wants done. Subclasses form closed unions, one for each core."""


class DeadlineReached(Event, frozen=True, tag=True):
    """The moment `core.deadline_ns` has come."""


E_contra = TypeVar("E_contra", bound=Event, contravariant=True)
F_co = TypeVar("F_co", bound=Effect, covariant=True)


class Core(Protocol[E_contra, F_co]):
    """A pure state machine. It keeps no clock: the caller steps it with `DeadlineReached` at `deadline_ns`."""

    @property
    def deadline_ns(self) -> int | None: ...

    def step(self, event: E_contra, now_ns: int) -> Sequence[F_co]: ...

    def snapshot(self) -> msgspec.Struct: ...


class Family(enum.IntEnum):
    """Address family; the value is the kernel's AF_INET / AF_INET6."""

    IPV4 = 2
    IPV6 = 10

    @property
    def bits(self) -> int:
        return 32 if self is Family.IPV4 else 128


class Severity(enum.StrEnum):
    ERROR = "error"
    """The configuration cannot run."""
    WARNING = "warning"
    """It runs, but not as the text seems to say."""


class Location(msgspec.Struct, frozen=True):
    """A place in a configuration: line and column count from 1; 0 means the whole file.

    origin: where the text itself stands, if a name was written here that was replaced by that text.
    """

    file: str
    line: int = 0
    column: int = 0
    origin: Location | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def seen_from(self, other: Location) -> str:
        """As it is named in a finding about another place."""
        return f"line {self.line}" if self.line and self.file == other.file else str(self)


class Diagnostic(msgspec.Struct, frozen=True):
    """A finding about a configuration.

    `code` is a stable kebab-case word (`unknown-keyword`), `message` a sentence for the operator at three in the
    morning, `hint` what to do about it ("" if there is nothing to say).
    """

    severity: Severity
    location: Location
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.location}: {self.severity}: {self.message} [{self.code}]"
        return f"{text}\n    hint: {self.hint}" if self.hint else text


class AlivedError(Exception):
    """Base of what alived raises on purpose."""


def in_brief(texts: Collection[str], shown: int, separator: str = "; ") -> str:
    """The first few, and how many more there are: a sentence stays one that is read at three in the morning."""
    told = separator.join(itertools.islice(texts, shown))
    if len(texts) <= shown:
        return told
    return f"{told}{';' if separator == '; ' else ''} and {len(texts) - shown} more"


class DecodeError(AlivedError):
    """Bytes from outside that mean nothing. `reason` names the counter, e.g. "checksum", "too-short", "ttl"."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class ConfigError(AlivedError):
    """A configuration that cannot run; `diagnostics` has all findings, warnings too."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = tuple(diagnostics)
