"""The notifier as the parent sees it: there while it is wanted, and told what its predecessor did not confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alived.adapters.loop import Loop
from alived.config.model import Config, GlobalDefs
from alived.daemon.parent.children import RoleHost
from alived.daemon.parent.notifier_place import ROLE, NotifierPlace, is_wanted
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    NewsDue,
    NewsTaken,
    NotifierSnapshot,
    NotifyTest,
    NotifyTested,
    SnapshotRequest,
)
from alived.hooks.events import Kind, Word
from alived.notify.config import MailSettings, Notifications, Webhook
from tests.notify.examples import news

HOOKED = Config(notifications=Notifications(webhooks=(Webhook(name="chat", url="http://192.0.2.1/"),)))


class Host:
    """A child that says nothing by itself."""

    role, pid, unconfirmed = ROLE, 1, 0

    def __init__(self) -> None:
        self.sent: list[BusMessage] = []
        self.started = 0
        self.ended: Callable[[bool], None] | None = None

    def start(self) -> None:
        self.started += 1

    def send(self, message: BusMessage) -> None:
        self.sent.append(message)

    def stop(self, limit_ns: int, ended: Callable[[bool], None]) -> None:
        assert limit_ns > 0 and self.ended is None
        self.ended = ended

    def told(self) -> list[str]:
        return [message.news.event_id for message in self.sent if isinstance(message, NewsDue)]


class Play:
    def __init__(self) -> None:
        self.loop = Loop()
        self.hosts: list[Host] = []
        self.placed: list[bool] = []
        self.notes: list[str] = []
        self.answers: list[Answer] = []
        self.place = NotifierPlace(self.loop, self._make, self._placed, lambda *note: self.notes.append(note[2]))

    def _make(self) -> Any:
        self.hosts.append(Host())
        return self.hosts[-1]

    def _placed(self, role: str, host: RoleHost | None) -> None:
        assert role == ROLE
        self.placed.append(host is not None)

    def begin(self) -> Host:
        self.place.start(HOOKED)
        self.place.born()
        return self.hosts[-1]

    def end(self, host: Host) -> None:
        assert host.ended is not None, "nobody asked it to end"
        host.ended(True)


@pytest.fixture
def play() -> Iterator[Play]:
    play = Play()
    yield play
    play.loop.close()


def test_it_is_wanted_for_mail_and_for_webhooks() -> None:
    assert is_wanted(HOOKED)
    assert is_wanted(Config(global_defs=GlobalDefs(mail=MailSettings(server="mx", recipients=("a@b",)))))
    assert not is_wanted(Config(global_defs=GlobalDefs(mail=MailSettings(server="mx"))))


def test_without_receivers_there_is_none_and_nothing_is_kept(play: Play) -> None:
    play.place.start(Config())
    play.place.tell(news())
    assert play.hosts == []
    seen: list[Any] = []
    play.place.look(lambda *what: seen.append(what))
    assert seen == [(None, None, 0)]
    play.place.configure(HOOKED)
    play.place.born()
    assert (play.hosts[0].started, play.hosts[0].told()) == (1, [])


def test_a_successor_is_told_what_was_not_confirmed(play: Play) -> None:
    host = play.begin()
    for event_id in ("e1", "e2", "e3"):
        play.place.tell(news(event_id=event_id))
    assert host.told() == ["e1", "e2", "e3"]
    play.place.heard(NewsTaken(1))
    play.place.died()
    host.sent.clear()
    play.place.born()
    assert host.told() == ["e2", "e3"]
    assert play.notes == []


def test_a_reload_reaches_it_starts_it_and_ends_it(play: Play) -> None:
    host = play.begin()
    play.place.configure(HOOKED)
    assert host.sent == [Configure(config=HOOKED)]
    play.place.configure(Config())
    play.place.configure(Config())
    assert (play.placed, host.ended is None) == ([True], False)
    play.end(host)
    assert play.placed == [True, False]


def test_one_that_is_wanted_again_while_it_ends_begins_anew(play: Play) -> None:
    first = play.begin()
    play.place.configure(Config())
    play.place.configure(HOOKED)
    play.place.tell(news(event_id="e1"))
    play.end(first)
    play.place.born()
    assert (play.placed, play.hosts[1].started) == ([True, False, True], 1)
    assert play.hosts[1].told() == ["e1"]


def test_the_end_of_the_daemon_waits_for_it_whether_it_is_there_or_not(play: Play) -> None:
    ended: list[str] = []
    play.place.stop(lambda: ended.append("none"))
    host = play.begin()
    play.place.stop(lambda: ended.append("one"))
    assert ended == ["none"]
    play.end(host)
    assert (ended, play.placed) == (["none", "one"], [True, False])


def test_a_test_message_is_answered_even_if_the_notifier_dies(play: Play) -> None:
    play.place.test("chat", play.answers.append)
    assert play.answers.pop().error == "nobody is told of anything: there is no webhook and no mail server"
    host = play.begin()
    for _ in range(3):
        play.place.test("chat", play.answers.append)
    asked = [message for message in host.sent if isinstance(message, NotifyTest)]
    assert [(one.name, one.news.kind, one.news.word) for one in asked] == [("chat", Kind.DAEMON, Word.TEST)] * 3
    assert len({one.news.event_id for one in asked}) == 3
    play.place.heard(NotifyTested(request_id=asked[0].request_id, ok=True, text="HTTP status 200"))
    play.place.heard(NotifyTested(request_id=asked[1].request_id, ok=False, text="HTTP status 401"))
    play.place.died()
    play.place.heard(NotifyTested(request_id=asked[2].request_id, ok=True, text="too late"))
    assert play.answers == [
        Answer(ok=True, result={"text": "HTTP status 200"}),
        Answer(ok=False, result={"text": "HTTP status 401"}, error="HTTP status 401"),
        Answer(ok=False, error="the process that tells others died"),
    ]


def test_it_shows_what_the_notifier_says_and_what_it_said_last(play: Play) -> None:
    host = play.begin()
    seen: list[Any] = []

    def look() -> int:
        play.place.look(lambda *what: seen.append(what))
        (request,) = (message for message in host.sent if isinstance(message, SnapshotRequest))
        host.sent.clear()
        return request.request_id

    snapshot = NotifierSnapshot(request_id=look(), now_ns=1, targets=())
    play.place.heard(snapshot)
    look()
    play.loop.call_later(10**9, play.loop.stop)
    play.loop.run()
    assert seen == [(snapshot, snapshot, 0), (None, snapshot, 0)]
