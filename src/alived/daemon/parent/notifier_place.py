"""The notifier as the parent sees it: there while somebody is to be told by mail or webhook; it may die.

What it has not confirmed is told to the next one, a bounded amount of it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from alived.adapters.loop import Loop
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.children import RoleHost
from alived.daemon.parent.snapshots import Snapshots
from alived.daemon.parent.unconfirmed import Note, Unconfirmed
from alived.daemon.shared.child import ChildContext, Role, RoleFactory
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import BusMessage, Configure, NewsTaken, NotifierSnapshot, NotifyTest, NotifyTested
from alived.hooks.events import Kind, Word
from alived.notify.news import News

ROLE = "notifier"
STOP_LIMIT_NS = 4 * NS_PER_S
Finish = Callable[[Answer], None]


class NotifierPlace:
    """One notifier, or none."""

    def __init__(
        self,
        loop: Loop,
        make_host: Callable[[], RoleHost],
        placed: Callable[[str, RoleHost | None], None],
        note: Note,
    ) -> None:
        """make_host: a host that is not started. placed: told of each one, and of its end with None."""
        self._make_host, self._placed, self._note = make_host, placed, note
        self._host: RoleHost | None = None
        self._wanted = False
        self._leaving = False
        self._ended: Callable[[], None] | None = None
        self._unconfirmed = Unconfirmed()
        self._snapshots: Snapshots[NotifierSnapshot] = Snapshots(loop, self._send)
        self._ids = itertools.count(1)
        self._tests: dict[int, Finish] = {}

    def start(self, config: Config) -> None:
        self._wanted = is_wanted(config)
        if self._wanted:
            self._begin()

    def configure(self, config: Config) -> None:
        self._wanted = is_wanted(config)
        if self._host is None and self._wanted:
            self._begin()
        elif self._host is not None and not self._leaving:
            if self._wanted:
                self._host.send(Configure(config=config))
            else:
                self._leave()

    def stop(self, ended: Callable[[], None]) -> None:
        """For good."""
        self._wanted = False
        if self._host is None:
            ended()
        else:
            self._ended = ended
            self._leave()

    def tell(self, news: News) -> None:
        if self._wanted:
            self._send(self._unconfirmed.add(news))

    def born(self) -> None:
        for due in self._unconfirmed.for_successor(ROLE, self._note):
            self._send(due)

    def died(self) -> None:
        for finish in self._tests.values():
            finish(Answer(ok=False, error="the process that tells others died"))
        self._tests.clear()

    def heard(self, message: NewsTaken | NotifierSnapshot | NotifyTested) -> None:
        match message:
            case NewsTaken(number):
                self._unconfirmed.taken(number)
            case NotifierSnapshot():
                self._snapshots.received(message)
            case NotifyTested(request_id=request_id, ok=ok, text=text):
                if finish := self._tests.pop(request_id, None):
                    finish(Answer(ok=ok, result={"text": text}, error="" if ok else text))

    def look(self, done: Callable[[NotifierSnapshot | None, NotifierSnapshot | None, int], None]) -> None:
        """Gives a fresh snapshot, or None; the newest that ever came; how many were not even told it."""
        if self._host is None:
            done(None, None, 0)
        else:
            lost = self._unconfirmed.lost
            self._snapshots.ask(lambda fresh: done(fresh, self._snapshots.last, lost))

    def test(self, name: str, finish: Finish) -> None:
        """Tells a receiver that nothing has happened."""
        if self._host is None:
            finish(Answer(ok=False, error="nobody is told of anything: there is no webhook and no mail server"))
            return
        request_id = next(self._ids)
        self._tests[request_id] = finish
        wall_time = time.time()
        news = News(
            event_id=f"test-{int(wall_time):x}-{request_id}",
            kind=Kind.DAEMON,
            name="",
            word=Word.TEST,
            reason="an operator asked for it: alived notify test",
            wall_time=wall_time,
        )
        self._send(NotifyTest(request_id=request_id, name=name, news=news))

    def _send(self, message: BusMessage) -> None:
        if self._host is not None:
            self._host.send(message)

    def _begin(self) -> None:
        self._host = self._make_host()
        self._placed(ROLE, self._host)
        self._host.start()

    def _leave(self) -> None:
        assert self._host is not None
        if not self._leaving:
            self._leaving = True
            self._host.stop(STOP_LIMIT_NS, self._gone)

    def _gone(self, _graceful: bool) -> None:
        self._leaving = False
        self._host = None
        self.died()
        self._placed(ROLE, None)
        if self._wanted:
            self._begin()
        elif self._ended is not None:
            self._ended()


def is_wanted(config: Config) -> bool:
    return config.global_defs.mail.is_complete or bool(config.notifications.webhooks)


def make_notifier(directory: str) -> RoleFactory:
    """directory: of the runtime."""

    def make(context: ChildContext) -> Role:
        from alived.daemon.notifier.notifier import (
            Notifier,  # mail and TLS: only for a configuration that has receivers
        )

        return Notifier(context, directory)

    return make
