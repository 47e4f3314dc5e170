"""The notifier with real receivers: a mail server, a web server, and their bad days."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, GlobalDefs, Instance
from alived.daemon.notifier.notifier import Notifier
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    LogLine,
    NewsDue,
    NewsTaken,
    NotifierSnapshot,
    NotifyTest,
    NotifyTested,
    SnapshotRequest,
)
from alived.hooks.events import Kind, Word
from alived.notify.config import MailSettings, Notifications, Webhook
from alived.notify.outbox import OutboxSnapshot
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance
from tests.daemon.processes import PATIENCE_S
from tests.notify.examples import news


class Web:
    """Answers `status`, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.heard = 200, list[dict[str, Any]]()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if web.status == 200:
                    web.heard.append(body)
                self.send_response(web.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not to the terminal."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def events(self) -> list[str]:
        return [body["event_id"] for body in self.heard]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


class Play:
    """A notifier on a loop, and what it said."""

    def __init__(self, directory: pathlib.Path, config: Config) -> None:
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.notifier = Notifier(ChildContext("notifier", self.loop, config, self.sent.append), str(directory))
        self.notifier.start()
        self.stopped = False
        self._number = 0

    def tell(self, event_id: str, **fields: object) -> None:
        self._number += 1
        told = news(event_id=event_id, wall_time=time.time(), **fields)
        self.notifier.handle(NewsDue(self._number, told))

    def until(self, condition: Callable[[], object], what: str) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up, f"never happened: {what}; {self.log()}"
            self.loop.call_later(5 * NS_PER_MS, self.loop.stop)
            self.loop.run()

    def log(self) -> list[str]:
        return [message.message for message in self.sent if isinstance(message, LogLine)]

    def targets(self) -> dict[str, OutboxSnapshot]:
        self.notifier.handle(SnapshotRequest(1))
        answer = self.sent.pop()
        assert isinstance(answer, NotifierSnapshot)
        return {target.name: target for target in answer.targets}

    def stop(self) -> None:
        def stopped() -> None:
            self.stopped = True

        self.notifier.stop(stopped)
        self.until(lambda: self.stopped, "it ends")
        self.loop.close()


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Iterator[Callable[[Config], Play]]:
    plays: list[Play] = []

    def make(config: Config) -> Play:
        plays.append(Play(tmp_path, config))
        return plays[-1]

    yield make
    for one in plays:
        if not one.stopped:
            one.stop()


MakePlay = Callable[[Config], Play]


def hooked(url: str, name: str = "chat", **fields: Any) -> Config:
    return Config(notifications=Notifications(webhooks=(Webhook(name=name, url=url, timeout_ns=NS_PER_S, **fields),)))


def refusing() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_a_webhook_hears_of_changes_in_order(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url))
    for number in range(5):
        one.tell(f"e{number}")
    assert [message.number for message in one.sent if isinstance(message, NewsTaken)] == [1, 2, 3, 4, 5]
    one.until(lambda: len(web.heard) == 5, "all are told")
    assert web.events() == [f"e{number}" for number in range(5)]
    one.until(lambda: one.targets()["chat"].delivered == 5, "all are taken")
    assert one.targets()["chat"].waiting == 0


def test_what_it_does_not_want_it_does_not_get(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url, events=(Word.FAULT,)))
    one.tell("e1")
    one.tell("e2", word=Word.FAULT)
    one.until(lambda: web.heard, "one is told")
    assert web.events() == ["e2"]


def test_what_was_not_taken_survives_the_process_and_is_told_once(
    play: MakePlay, web: Web, tmp_path: pathlib.Path
) -> None:
    web.status = 503
    first = play(hooked(web.url))
    first.tell("e1")
    first.tell("e2")
    first.until(lambda: first.targets()["chat"].last_error, "it fails")
    assert "chat did not take a message: HTTP status 503; again in 1 s" in first.log()
    first.stop()
    (tmp_path / "spool" / "chat" / "000000000007.json").write_text("not what it was")
    web.status = 200
    second = play(hooked(web.url))
    second.tell("e2")  # by a parent that does not know that it was kept
    second.tell("e3")
    second.until(lambda: second.targets()["chat"].delivered == 3, "all are told")
    assert web.events() == ["e1", "e2", "e3"]
    assert any("000000000007.json is no message and put aside" in line for line in second.log())


def test_a_receiver_that_hangs_holds_up_nobody_else(play: MakePlay, web: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = Webhook(name="slow", url=f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_ns=NS_PER_S // 2)
        fine = Webhook(name="fine", url=web.url)
        one = play(Config(notifications=Notifications(webhooks=(slow, fine))))
        one.tell("e1")
        one.until(lambda: web.heard, "the other one hears")
        assert one.targets()["slow"].delivered == 0
        one.until(lambda: one.targets()["slow"].last_error, "the silent one is given up for now")
        assert one.targets()["slow"].last_error == "no answer in time"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file in place of the directory stands for a broken disk")
def test_a_disk_that_takes_nothing_costs_only_what_it_is_for(play: MakePlay, web: Web, tmp_path: pathlib.Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    one = play(hooked(web.url))
    one.tell("e1")
    one.until(lambda: web.heard, "it is told all the same")
    assert any("what waits is not on disk" in line for line in one.log())


def test_a_reload_mends_a_url_at_once(play: MakePlay, web: Web) -> None:
    one = play(hooked(f"http://127.0.0.1:{refusing()}/"))
    one.tell("e1")
    one.until(lambda: one.targets()["chat"].last_error, "nobody is there")
    assert "refused" in one.targets()["chat"].last_error
    one.notifier.handle(Configure(hooked(web.url)))
    assert Configured(changes=()) in one.sent
    one.until(lambda: web.heard, "it is told")
    one.notifier.handle(Configure(Config()))
    assert one.targets() == {}


def test_a_test_message_says_what_the_receiver_answers(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url))

    def tested(name: str) -> NotifyTested:
        test = news(event_id="t", kind=Kind.DAEMON, word=Word.TEST)
        one.notifier.handle(NotifyTest(request_id=4, name=name, news=test))
        one.until(lambda: any(isinstance(message, NotifyTested) for message in one.sent), "it answers")
        found = [message for message in one.sent if isinstance(message, NotifyTested)]
        one.sent.clear()
        return found[0]

    assert tested("chat") == NotifyTested(request_id=4, ok=True, text="HTTP status 200")
    web.status = 401
    assert tested("chat") == NotifyTested(request_id=4, ok=False, text="HTTP status 401")
    assert tested("nobody") == NotifyTested(request_id=4, ok=False, text="there is no 'nobody'; there are chat")


def test_a_secret_that_others_can_read_is_not_used(play: MakePlay, web: Web, tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SEC\n")
    secret.chmod(0o644)
    one = play(hooked(web.url, secret_file=str(secret)))
    one.tell("e1")
    one.until(lambda: one.targets()["chat"].last_error, "it is refused")
    assert "is open to others (mode 0644)" in one.targets()["chat"].last_error
    secret.chmod(0o600)
    one.until(lambda: web.heard, "it is told once the file is right")


class Mailbox:
    """A mail server."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=refusing())
        self._controller.start()
        self.port = self._controller.port

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


def mailing(port: int, *recipients: str, alert: bool = True, **fields: Any) -> Config:
    mail = MailSettings(server="127.0.0.1", port=port, recipients=recipients or ("a@example.com",), **fields)
    vrrp = VrrpInstance(name="VI_1", interface="eth0", virtual_router_id=1)
    instance = Instance(vrrp=vrrp, vips=VipGroup(name="VI_1"), smtp_alert=alert)
    return Config(global_defs=GlobalDefs(mail=mail, router_id="n1"), instances=(instance,))


def test_mail_goes_to_all_who_may_have_it(play: MakePlay, mailbox: Mailbox) -> None:
    one = play(mailing(mailbox.port, "a@example.com", "nobody@example.com", "b@example.com", sender="alived@n1"))
    one.tell("e1")
    one.until(lambda: mailbox.mails, "the mail comes")
    (mail,) = mailbox.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("alived@n1", ["a@example.com", "b@example.com"])
    assert b"Subject: [n1] VRRP Instance VI_1 - Entering MASTER state\r\n" in mail.content
    assert b"Reason: no advert heard for 3.6 s\r\n" in mail.content


def test_only_whom_it_may_concern_and_no_faults(play: MakePlay, mailbox: Mailbox) -> None:
    one = play(mailing(mailbox.port, no_email_faults=True))
    one.tell("e1", name="another")
    one.tell("e2", word=Word.FAULT)
    one.tell("e3", word=Word.BACKUP_PRIORITY)
    one.notifier.handle(Configure(mailing(mailbox.port, alert=False)))
    one.tell("e4")
    assert one.targets()["mail"].waiting == 0
    one.notifier.handle(Configure(mailing(mailbox.port)))
    one.tell("e5")
    one.until(lambda: mailbox.mails, "what is wanted comes")
    assert b"Event: e5" in mailbox.mails[0].content


def test_a_mail_server_that_is_away_gets_it_when_it_is_back(play: MakePlay, mailbox: Mailbox) -> None:
    one = play(mailing(refusing()))
    one.tell("e1")
    one.until(lambda: one.targets()["mail"].last_error, "nobody is there")
    one.notifier.handle(Configure(mailing(mailbox.port)))
    one.until(lambda: mailbox.mails, "the mail comes")
    assert len(mailbox.mails) == 1
