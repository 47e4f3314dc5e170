"""Events, effects and the snapshot of an outbox."""

from __future__ import annotations

import enum

import msgspec

from alived.base import DeadlineReached, Effect, Event
from alived.notify.news import News


class Letter(msgspec.Struct, frozen=True):
    """number: in the order of the receiver, and for good."""

    number: int
    news: News
    recipients: tuple[str, ...] = ()
    """Who still has to get it, of those that the receiver took it for; (): all"""


class Reply(enum.Enum):
    TAKEN = enum.auto()
    AGAIN = enum.auto()
    """Not now: nobody answers, or the receiver is ill, or does not know us yet"""
    REFUSED = enum.auto()
    """It will never take this one"""


class Outcome(msgspec.Struct, frozen=True):
    """text: a sentence without the name of the receiver."""

    reply: Reply
    text: str
    pause_ns: int = 0
    """What the receiver asks for; 0: nothing"""
    incomplete: bool = False
    """Taken, but not for everybody: the text says for whom not"""
    deferred: tuple[tuple[str, str], ...] = ()
    """Recipients that the receiver does not take it for now, each with a sentence; those of TAKEN and REFUSED"""


class Restored(Event, frozen=True, tag=True):
    """What an earlier process left on disk, in order. Said first."""

    letters: tuple[Letter, ...]


class Accepted(Event, frozen=True, tag=True):
    news: News


class Answered(Event, frozen=True, tag=True):
    """The end of a `Deliver`."""

    outcome: Outcome


class Kept(Event, frozen=True, tag=True):
    """A letter is on disk."""

    number: int


class NotKept(Event, frozen=True, tag=True):
    """The disk did not take a letter. why: a sentence."""

    number: int
    why: str


class DiskFailed(Event, frozen=True, tag=True):
    """What an earlier process left cannot be read, or what was told cannot be removed. what: a sentence."""

    what: str


class TryNow(Event, frozen=True, tag=True):
    """The operator has changed something about the receiver: it is not waited for any longer. recipients: whom it has
    now; () of one that knows none."""

    recipients: tuple[str, ...] = ()


class Closed(Event, frozen=True, tag=True):
    """This process ends, or the receiver is none any more. Said last."""


OutboxEvent = Restored | Accepted | Answered | Kept | NotKept | DiskFailed | TryNow | Closed | DeadlineReached


class Keep(Effect, frozen=True, tag=True):
    """On disk, in the place of an older one of this number; `Kept` or `NotKept` follows, in any case."""

    letter: Letter


class Forget(Effect, frozen=True, tag=True):
    number: int


class Deliver(Effect, frozen=True, tag=True):
    """`Answered` follows, in any case. recipients: whom it is for; (): all."""

    letter: Letter
    recipients: tuple[str, ...] = ()


class OutboxNoticed(Effect, frozen=True, tag=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


OutboxEffect = Keep | Forget | Deliver | OutboxNoticed


class LateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient that the receiver did not take a message for, while it took it for others."""

    recipient: str
    waiting: int
    attempt: int
    next_ns: int | None
    """As of the whole receiver"""
    last_error: str


class OutboxSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    waiting: int
    """Messages, each once, however many recipients still have to get it"""
    attempt: int
    """How often the oldest that all have to get has been tried"""
    next_ns: int | None
    """When it is tried again; None: it is being tried, or there is none"""
    delivered: int
    refused: int
    dropped: int
    """Too many waited, or it became too old"""
    last_success_ns: int | None
    last_error: str
    last_error_ns: int | None
    disk: str
    """What is wrong with the disk; "": nothing"""
    at_risk: int = 0
    """How many of those that wait are in memory only"""
    late: tuple[LateSnapshot, ...] = ()
    untried: bool = False
    """Whether something waits for a conversation, or is in one, that nothing has failed before"""
