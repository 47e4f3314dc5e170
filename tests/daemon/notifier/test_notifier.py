"""The notifier with real receivers: a mail server, a web server, and their bad days."""

from __future__ import annotations

import os
import pathlib
import socket
from email import policy
from email.parser import BytesParser

import msgspec
import pytest

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.messages import Configure, Configured, NotifyTest, NotifyTested
from alived.hooks.events import Kind, Word
from alived.notify.config import Notifications, Webhook
from tests.daemon.checked import pool
from tests.daemon.notifier.notifier_play import Mailbox, MakePlay, Web, hooked, mailing, refusing
from tests.notify.examples import news


def test_a_webhook_hears_of_changes_in_order(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url))
    for number in range(5):
        one.tell(f"e{number}")
    one.until(lambda: one.taken() == 5, "all are on disk or told")
    one.until(lambda: len(web.taken) == 5, "all are told")
    assert web.events() == [f"e{number}" for number in range(5)]
    one.until(lambda: one.targets()["chat"].delivered == 5, "all are taken")
    assert one.targets()["chat"].waiting == 0


def test_what_it_does_not_want_it_does_not_get(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url, events=(Word.FAULT,)))
    one.tell("e1")
    one.tell("e2", word=Word.FAULT)
    one.until(lambda: web.taken, "one is told")
    assert web.events() == ["e2"]


def test_of_a_kind_that_it_does_not_want_it_hears_nothing(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url, kinds=(Kind.VIRTUAL_SERVER, Kind.RAFT)))
    for number, kind in enumerate((Kind.INSTANCE, Kind.RAFT, Kind.GROUP, Kind.VIRTUAL_SERVER)):
        one.tell(f"e{number}", kind=kind)
    one.until(lambda: len(web.taken) == 2, "two are told")
    assert web.events() == ["e1", "e3"]


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
        one.until(lambda: web.taken, "the other one hears")
        assert one.targets()["slow"].delivered == 0
        one.until(lambda: one.targets()["slow"].last_error, "the silent one is given up for now")
        assert one.targets()["slow"].last_error == "no answer in time"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file in place of the directory stands for a broken disk")
def test_a_disk_that_takes_nothing_costs_only_what_it_is_for(play: MakePlay, web: Web, tmp_path: pathlib.Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    one = play(hooked(web.url))
    one.tell("e1")
    one.until(lambda: web.taken, "it is told all the same")
    assert any("what waits is not on disk" in line for line in one.log())


def test_a_reload_mends_a_url_at_once(play: MakePlay, web: Web) -> None:
    one = play(hooked(f"http://127.0.0.1:{refusing()}/"))
    one.tell("e1")
    one.until(lambda: one.targets()["chat"].last_error, "nobody is there")
    assert "refused" in one.targets()["chat"].last_error
    one.notifier.handle(Configure(hooked(web.url)))
    assert Configured(changes=()) in one.sent
    one.until(lambda: web.taken, "it is told")
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
    one.until(lambda: web.taken, "it is told once the file is right")


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


def serving(config: Config, *, of_servers: bool, of_quorums: bool) -> Config:
    """With a virtual server, 192.0.2.1, and its real server, 192.0.2.7."""
    (service,) = pool().virtual_servers
    members = tuple(msgspec.structs.replace(one, smtp_alert=of_servers) for one in service.pool)
    services = (msgspec.structs.replace(service, pool=members, smtp_alert=of_quorums),)
    return msgspec.structs.replace(config, virtual_servers=services)


@pytest.mark.parametrize(
    ("of_servers", "of_quorums", "subjects"),
    [
        (True, False, ["Realserver [192.0.2.7]:udp:80 of virtual server [192.0.2.1]:udp:80 - DOWN"] * 2),
        (False, True, ["Virtualserver [192.0.2.1]:udp:80 - DOWN"]),
    ],
)
def test_mail_of_servers_and_their_checks_and_of_quorums(
    play: MakePlay, mailbox: Mailbox, of_servers: bool, of_quorums: bool, subjects: list[str]
) -> None:
    one = play(serving(mailing(mailbox.port), of_servers=of_servers, of_quorums=of_quorums))
    virtual, real = "[192.0.2.1]:udp:80", "[192.0.2.7]:udp:80"
    of_server = {"kind": Kind.REAL_SERVER, "name": real, "virtual_server": virtual, "word": Word.DOWN, "old": ""}
    one.tell("e1", **of_server)
    one.tell("e2", **of_server, of_check=True)
    one.tell("e3", **of_server | {"virtual_server": "[192.0.2.9]:udp:80"})
    one.tell("e4", kind=Kind.VIRTUAL_SERVER, name=virtual, word=Word.DOWN, old="")
    one.until(lambda: mailbox.mails and not one.targets()["mail"].waiting, "all that is to be told has left")
    assert len(mailbox.mails) == len(subjects)
    found = [BytesParser(policy=policy.default).parsebytes(mail.content)["Subject"] for mail in mailbox.mails]
    assert found == [f"[n1] {subject}" for subject in subjects]


def test_a_webhook_does_not_hear_of_single_checks(play: MakePlay, web: Web) -> None:
    one = play(hooked(web.url))
    one.tell("e1", kind=Kind.REAL_SERVER, word=Word.DOWN, of_check=True)
    one.tell("e2", kind=Kind.REAL_SERVER, word=Word.DOWN)
    one.until(lambda: web.taken, "the server is told of")
    assert web.events() == ["e2"]


def test_a_mail_server_that_is_away_gets_it_when_it_is_back(play: MakePlay, mailbox: Mailbox) -> None:
    one = play(mailing(refusing()))
    one.tell("e1")
    one.until(lambda: one.targets()["mail"].last_error, "nobody is there")
    one.notifier.handle(Configure(mailing(mailbox.port)))
    one.until(lambda: mailbox.mails, "the mail comes")
    assert len(mailbox.mails) == 1
