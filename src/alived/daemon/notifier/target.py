"""One receiver in the notifier: its outbox decides, and here is what it decides about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import assert_never

from alived.adapters.loop import Timer, now_ns
from alived.adapters.probes import Prober, Run
from alived.adapters.spool import Spool
from alived.base import NS_PER_S, DeadlineReached
from alived.daemon.notifier.carriers import Carrier, CarrierError
from alived.daemon.shared.child import ChildContext
from alived.notify.news import News
from alived.notify.outbox import Outbox
from alived.notify.outbox_events import (
    Accepted,
    Answered,
    Closed,
    Deliver,
    DiskFailed,
    Forget,
    Keep,
    Kept,
    Letter,
    NotKept,
    OutboxEffect,
    OutboxEvent,
    OutboxNoticed,
    OutboxSnapshot,
    Outcome,
    Reply,
    Restored,
    TryNow,
)


class Target:
    def __init__(
        self, context: ChildContext, carrier: Carrier, spool: Spool, prober: Prober, moved: Callable[[], None]
    ) -> None:
        """moved: called whenever something may have reached the disk or the receiver."""
        self._context = context
        self.carrier = carrier
        self._spool = spool
        self._prober = prober
        self._moved = moved
        self._outbox = Outbox(carrier.name, carrier.retry_for_ns, carrier.recipients)
        self._timer: Timer | None = None
        self._run: Run | None = None
        self._idle: Callable[[], None] | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether something is on its way that has not failed before."""
        return self._outbox.snapshot().untried

    def begin(self) -> None:
        """With what an earlier process left."""
        try:
            found = self._spool.load()
        except OSError as error:
            self._feed(DiskFailed(f"what an earlier daemon left cannot be read: {self._why(error)}"))
            return
        for complaint in found.complaints:
            self._context.log("error", "spool-damaged", complaint)
        oldest = time.time() - self.carrier.retry_for_ns / NS_PER_S
        fresh = tuple(letter for letter in found.letters if letter.news.wall_time >= oldest)
        if stale := [letter.number for letter in found.letters if letter not in fresh]:
            self._context.log("warning", "message-dropped", f"{self.carrier.name}: {len(stale)} messages are too old")
            self._forget(stale)
        self._feed(Restored(fresh))

    def change(self, carrier: Carrier) -> None:
        """The operator says something else about it: tried at once."""
        if carrier != self.carrier:
            self.carrier = carrier
            self._outbox.retry_for_ns = carrier.retry_for_ns
            self._feed(TryNow(carrier.recipients))

    def take(self, news: News) -> None:
        self._feed(Accepted(news))

    def try_now(self, news: News, done: Callable[[Outcome], None]) -> None:
        """Beside the queue, once."""
        self._send(news, (), done)

    def is_at_risk(self, event_id: str) -> bool:
        return self._outbox.is_at_risk(event_id)

    def snapshot(self) -> OutboxSnapshot:
        return self._outbox.snapshot()

    def when_idle(self, idle: Callable[[], None]) -> None:
        """Calls back once nothing is on its way, except what has failed already."""
        self._idle = idle
        self._look_whether_idle()

    def close(self) -> None:
        self._idle = None
        if self._run is not None:
            self._run.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._step(Closed())
        self._closed = True

    def _feed(self, event: OutboxEvent) -> None:
        if not self._closed:  # else what the disk or the receiver still said comes too late
            self._step(event)
            self._arm()
            self._moved()
            self._look_whether_idle()

    def _step(self, event: OutboxEvent) -> None:
        for effect in self._outbox.step(event, now_ns()):
            self._apply(effect)

    def _look_whether_idle(self) -> None:
        if self._idle is not None and not self.busy:
            idle, self._idle = self._idle, None
            idle()

    def _apply(self, effect: OutboxEffect) -> None:
        match effect:
            case Keep(letter):
                self._keep(letter)
            case Forget(number):
                self._forget([number])
            case Deliver(letter, recipients):
                self._run = self._send(letter.news, recipients, self._answered)
            case OutboxNoticed(level, code, message):
                self._context.log(level, code, message)
            case _:
                assert_never(effect)

    def _keep(self, letter: Letter) -> None:
        try:
            self._spool.keep(letter)
        except OSError as error:
            self._soon(NotKept(letter.number, self._why(error)))
        else:
            self._soon(Kept(letter.number))

    def _forget(self, numbers: list[int]) -> None:
        try:
            self._spool.forget(numbers)
        except OSError as error:
            self._soon(
                DiskFailed(f"what was told stays on disk, and is told again after a restart: {self._why(error)}")
            )

    def _send(self, news: News, recipients: tuple[str, ...], done: Callable[[Outcome], None]) -> Run | None:
        try:
            errand = self.carrier.errand(news, recipients)
        except CarrierError as error:
            outcome = Outcome(Reply.AGAIN, str(error))
            self._context.loop.call_soon(lambda: done(outcome))
            return None
        return self._prober.start(errand.inquiry, lambda end: done(errand.outcome(end)))

    def _answered(self, outcome: Outcome) -> None:
        self._run = None
        self._feed(Answered(outcome))

    def _soon(self, event: OutboxEvent) -> None:
        """Not at once: the outbox is in the middle of a step."""
        self._context.loop.call_soon(lambda: self._feed(event))

    def _why(self, error: OSError) -> str:
        return f"{self._spool.path}: {error.strerror}"

    def _arm(self) -> None:
        deadline = self._outbox.deadline_ns
        if self._timer is not None and self._timer.deadline_ns != deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and deadline is not None:
            self._timer = self._context.loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        self._feed(DeadlineReached())
