"""Mail over TLS, with passwords, to servers that are not what they should be."""

from __future__ import annotations

import contextlib
import os
import pathlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alived.notify.config import MailTls
from tests.adapters.certificates import Authority
from tests.daemon.notifier.notifier_play import Mailbox, MakePlay, Play, mailing

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
HERE = ("127.0.0.1",)
USER = ("alived", "tanstaaftanstaaf")
MakeMailbox = Callable[..., Mailbox]


@pytest.fixture
def make_mailbox() -> Iterator[MakeMailbox]:
    with contextlib.ExitStack() as stack:
        yield lambda **fields: stack.enter_context(contextlib.closing(Mailbox(**fields)))


def showing(authority: Authority, name: str, **fields: Any) -> ssl.SSLContext:
    """What a server needs that shows this certificate."""
    issued = authority.issue(name, **({"addresses": HERE} | fields))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    return context


@pytest.fixture
def password_file(tmp_path: pathlib.Path) -> pathlib.Path:
    return write_password(tmp_path / "password", USER[1])


def write_password(path: pathlib.Path, password: str) -> pathlib.Path:
    path.write_text(f"{password}\n")
    path.chmod(0o600)
    return path


def on_disk(tmp_path: pathlib.Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "spool" / "mail"))


def test_starttls_and_auth(
    play: MakePlay, make_mailbox: MakeMailbox, authority: Authority, password_file: pathlib.Path
) -> None:
    mailbox = make_mailbox(starttls=showing(authority, "mail"), user=USER)
    trusted = {"tls": MailTls.STARTTLS, "ca_file": str(authority.certificate)}
    one = play(mailing(mailbox.port, user=USER[0], password_file=str(password_file), **trusted))
    one.tell("e1")
    one.until(lambda: one.target("mail").delivered == 1, "it is taken")
    assert mailbox.logins == ["PLAIN"]
    assert mailbox.sessions[0].ssl is not None, "the mail itself went over TLS"
    assert b"Event: e1" in mailbox.mails[0].content


@pytest.mark.parametrize(
    ("without", "mechanism"), [((), "PLAIN"), (("PLAIN",), "LOGIN"), (("PLAIN", "LOGIN"), "CRAM-MD5")]
)
def test_tls_from_the_first_octet_on_and_each_mechanism(
    play: MakePlay,
    make_mailbox: MakeMailbox,
    authority: Authority,
    password_file: pathlib.Path,
    without: tuple[str, ...],
    mechanism: str,
) -> None:
    mailbox = make_mailbox(tls=showing(authority, "mail"), user=USER, without=without)
    trusted = {"tls": MailTls.TLS, "ca_file": str(authority.certificate)}
    one = play(mailing(mailbox.port, user=USER[0], password_file=str(password_file), **trusted))
    one.tell("e1")
    one.until(lambda: mailbox.mails, "it comes")
    assert mailbox.logins == [mechanism]


def test_without_tls_the_password_is_not_on_the_wire(
    play: MakePlay, make_mailbox: MakeMailbox, password_file: pathlib.Path
) -> None:
    mailbox = make_mailbox(user=USER)
    one = play(mailing(mailbox.port, user=USER[0], password_file=str(password_file)))
    one.tell("e1")
    one.until(lambda: mailbox.mails, "it comes")
    assert mailbox.logins == ["CRAM-MD5"]


@pytest.mark.parametrize("without", [(), ("CRAM-MD5",), ("CRAM-MD5", "PLAIN")])
def test_a_wrong_password_costs_no_mail(
    play: MakePlay,
    make_mailbox: MakeMailbox,
    tmp_path: pathlib.Path,
    password_file: pathlib.Path,
    without: tuple[str, ...],
) -> None:
    mailbox = make_mailbox(user=USER, without=without)
    write_password(password_file, "sesame")
    config = mailing(mailbox.port, user=USER[0], password_file=str(password_file))
    one = play(config)
    one.tell("e1")
    assert one.until_error("mail") == 'the answer to AUTH is "535 5.7.8 Authentication credentials invalid"'
    assert "sesame" not in repr(one.sent)
    assert (mailbox.mails, on_disk(tmp_path)) == ([], ["000000000001.json"])
    write_password(password_file, USER[1])
    one.until(lambda: mailbox.mails, "it comes once the password is right")
    one.until(lambda: on_disk(tmp_path) == [], "it waits no more")


def test_a_server_that_wants_a_password_that_nobody_configured(
    play: MakePlay, make_mailbox: MakeMailbox, tmp_path: pathlib.Path
) -> None:
    one = play(mailing(make_mailbox(user=USER).port))
    one.tell("e1")
    assert one.until_error("mail") == 'the answer to MAIL FROM is "530 5.7.0 Authentication required"'
    assert on_disk(tmp_path) == ["000000000001.json"], "the operator can mend it: nothing is dropped"


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.TLS])
@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"addresses": ("192.0.2.1",)}, "127.0.0.1"),
    ],
)
def test_a_certificate_that_is_wrong_keeps_the_mail_here(
    play: MakePlay,
    make_mailbox: MakeMailbox,
    authority: Authority,
    tmp_path: pathlib.Path,
    tls: MailTls,
    certificate: dict[str, Any],
    reason: str,
) -> None:
    shown = showing(authority, "wrong", **certificate)
    mailbox = make_mailbox(starttls=shown) if tls is MailTls.STARTTLS else make_mailbox(tls=shown)
    one = play(mailing(mailbox.port, tls=tls, ca_file=str(authority.certificate)))
    refused(one, mailbox, reason)
    assert on_disk(tmp_path) == ["000000000001.json"]


def refused(one: Play, mailbox: Mailbox, reason: str) -> None:
    one.tell("e1")
    said = one.until_error("mail")
    assert said.startswith("TLS: ")
    assert reason in said
    assert f"mail did not take a message: {said}; again in 1 s" in one.log()
    assert mailbox.mails == []


def test_an_authority_that_nobody_knows_until_the_operator_names_it(
    play: MakePlay, make_mailbox: MakeMailbox, authority: Authority
) -> None:
    mailbox = make_mailbox(starttls=showing(authority, "mail"))
    one = play(mailing(mailbox.port, tls=MailTls.STARTTLS))
    refused(one, mailbox, "unable to get local issuer certificate")
    one.configure(mailing(mailbox.port, tls=MailTls.STARTTLS, ca_file=str(authority.certificate)))
    one.until(lambda: mailbox.mails, "it comes")


def test_a_server_without_starttls_gets_nothing(play: MakePlay, mailbox: Mailbox, tmp_path: pathlib.Path) -> None:
    one = play(mailing(mailbox.port, tls=MailTls.STARTTLS))
    one.tell("e1")
    assert one.until_error("mail") == "the server offers no STARTTLS, and without it nothing is sent"
    assert (mailbox.mails, on_disk(tmp_path)) == ([], ["000000000001.json"])


SEVERAL = ("a@example.com", "nobody@example.com", "later@example.com", "b@example.com")


def test_whoever_of_several_is_refused_is_named_and_the_others_get_it(play: MakePlay, mailbox: Mailbox) -> None:
    one = play(mailing(mailbox.port, *SEVERAL))
    one.tell("e1")
    one.until(lambda: one.target("mail").delivered == 1, "it is taken")
    assert mailbox.mails[0].rcpt_tos == ["a@example.com", "b@example.com"]
    said = 'the server takes the mail, but not for nobody@example.com: "550 no such user"; not now for '
    assert one.target("mail").last_error == f'{said}later@example.com: "450 not now"'
    assert f'mail: {said}later@example.com: "450 not now"' in one.log()
    assert 'mail to later@example.com did not take a message: "450 not now"; again in 1 s' in one.log()


def test_who_is_refused_for_now_gets_it_later_alone_and_who_is_refused_for_good_is_not_asked_again(
    play: MakePlay, mailbox: Mailbox, tmp_path: pathlib.Path
) -> None:
    one = play(mailing(mailbox.port, *SEVERAL))
    one.tell("e1")
    one.until(lambda: mailbox.asked.count("later@example.com") == 2, "he is asked for once more")
    assert on_disk(tmp_path) == ["000000000001.json"]
    mailbox.is_later = True
    one.until(lambda: len(mailbox.mails) == 2, "he gets it")
    first, second = mailbox.mails
    assert second.rcpt_tos == ["later@example.com"]
    assert (first.content, mailbox.asked.count("nobody@example.com")) == (second.content, 1)
    one.until(lambda: on_disk(tmp_path) == [], "nobody waits for it any more")


def test_who_is_refused_for_now_gets_it_alone_from_the_next_process_too(
    play: MakePlay, mailbox: Mailbox, tmp_path: pathlib.Path
) -> None:
    config = mailing(mailbox.port, "a@example.com", "later@example.com")
    one = play(config)
    one.tell("e1")
    kept = tmp_path / "spool" / "mail" / "000000000001.json"
    one.until(lambda: kept.exists() and b"later@example.com" in kept.read_bytes(), "it is on disk who waits for it")
    one.stop()
    mailbox.is_later = True
    two = play(config)
    two.tell("e2")
    two.until(lambda: on_disk(tmp_path) == [] and _told(mailbox, "a@example.com") == ["e1", "e2"], "all is told")
    assert _told(mailbox, "later@example.com") == ["e1", "e2"]


def _told(mailbox: Mailbox, recipient: str) -> list[str]:
    """Events, in the order in which he got them."""
    contents = [mail.content.decode() for mail in mailbox.mails if recipient in mail.rcpt_tos]
    return [event for content in contents for event in ("e1", "e2") if f"Event: {event}\r\n" in content]


@pytest.mark.parametrize(
    ("recipients", "refused_for_good", "waiting"),
    [
        (("nobody@example.com", "nobody.else@example.com"), 1, 0),
        (("nobody@example.com", "later@example.com"), 1, 1),
        (("later@example.com", "later.too@example.com"), 0, 1),
    ],
)
def test_if_nobody_may_have_it_now_it_waits_and_if_never_it_is_dropped(
    play: MakePlay, mailbox: Mailbox, recipients: tuple[str, ...], refused_for_good: int, waiting: int
) -> None:
    one = play(mailing(mailbox.port, *recipients))
    one.tell("e1")
    assert "the server takes the mail for nobody: not " in one.until_error("mail")
    found = one.target("mail")
    assert (found.refused, found.waiting) == (refused_for_good, waiting)
