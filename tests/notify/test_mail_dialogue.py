"""Conversations with mail servers, good and bad."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.dialogue import Step, Verdict
from alived.notify.config import MailTls
from alived.notify.mail_dialogue import MAX_LINE, MAX_LINES, Envelope, MailDialogue


def envelope(**fields: object) -> Envelope:
    known = {
        "helo_name": "n1",
        "sender": "alived@example.com",
        "recipients": ("a@example.com", "b@example.com"),
        "message": b"Subject: x\r\n\r\n.hidden\r\n",
    }
    return Envelope(**(known | fields))  # type: ignore[arg-type]


class Talk:
    """`talk.hears(text)` gives what we say then; `talk.end` is the verdict."""

    def __init__(self, **fields: object) -> None:
        self.dialogue = MailDialogue(envelope(**fields))
        assert self.dialogue.begun() == Step()
        self.end: Verdict | None = None
        self.tls = False

    def hears(self, *lines: str) -> str:
        return self.take(self.dialogue.received("".join(f"{line}\r\n" for line in lines).encode()))

    def take(self, step: Step) -> str:
        self.end = self.end or step.verdict
        self.tls = self.tls or step.start_tls
        return step.send.decode()


def test_a_mail_to_two() -> None:
    talk = Talk()
    assert talk.hears("220 mx ESMTP") == "EHLO n1\r\n"
    assert talk.hears("250-mx", "250 SIZE 1000") == "MAIL FROM:<alived@example.com>\r\n"
    assert talk.hears("250 ok") == "RCPT TO:<a@example.com>\r\n"
    assert talk.hears("250 ok") == "RCPT TO:<b@example.com>\r\n"
    assert talk.hears("251 forwarded") == "DATA\r\n"
    assert talk.hears("354 go on") == "Subject: x\r\n\r\n..hidden\r\n.\r\n"
    assert talk.hears("250 queued") == "QUIT\r\n"
    assert talk.end == Verdict(True, "the server takes the mail")


def test_a_message_without_a_line_end_gets_one() -> None:
    talk = Talk(message=b"x", recipients=("a@b",))
    for line in ("220 a", "250 a", "250 a", "250 a"):
        talk.hears(line)
    assert talk.hears("354 a") == "x\r\n.\r\n"


def test_a_server_that_knows_no_ehlo_is_greeted_as_in_the_past() -> None:
    talk = Talk()
    talk.hears("220 mx")
    assert talk.hears("502 what") == "HELO n1\r\n"
    assert talk.hears("250 mx") == "MAIL FROM:<alived@example.com>\r\n"


def test_a_recipient_that_is_refused_does_not_cost_the_others_theirs() -> None:
    talk = Talk()
    for line in ("220 a", "250 a", "250 a", "550 no such user"):
        said = talk.hears(line)
    assert said == "RCPT TO:<b@example.com>\r\n"
    assert talk.hears("250 a") == "DATA\r\n"
    talk.hears("354 a")
    talk.hears("250 a")
    assert talk.end == Verdict(True, 'the server takes the mail, but not for a@example.com: "550 no such user"')


def refused_by_recipient(*answers: str, last: tuple[str, ...] = ("354 a", "250 a")) -> Talk:
    """Of as many recipients, a@example.com, b@example.com, ..."""
    talk = Talk(recipients=tuple(f"{chr(97 + number)}@example.com" for number in range(len(answers))))
    for line in ("220 a", "250 a", "250 a", *answers, *last):
        talk.hears(line)
    return talk


@pytest.mark.parametrize(
    ("first", "second", "permanent", "deferred", "exceptions"),
    [
        ("550", "551", True, (), 'not for a@example.com: "550 no"; not for b@example.com: "551 no"'),
        ("550", "550", True, (), 'not for a@example.com, b@example.com: "550 no"'),
        ("451", "451", False, (), 'not now for a@example.com, b@example.com: "451 no"'),
        ("530", "451", False, (), 'not now for a@example.com: "530 no"; not now for b@example.com: "451 no"'),
        (
            *("550", "451", True, (("b@example.com", '"451 no"'),)),
            'not for a@example.com: "550 no"; not now for b@example.com: "451 no"',
        ),
    ],
)
def test_nobody_may_have_it(
    first: str, second: str, permanent: bool, deferred: tuple[tuple[str, str], ...], exceptions: str
) -> None:
    talk = refused_by_recipient(f"{first} no", f"{second} no", last=())
    assert talk.end == Verdict(False, f"the server takes the mail for nobody: {exceptions}")
    assert (talk.dialogue.permanent, talk.dialogue.deferred) == (permanent, deferred)


def test_those_who_may_have_it_later_are_told_from_those_who_never_will() -> None:
    talk = refused_by_recipient("250 a", "550 no", "451 grey", "452 full")
    exceptions = 'not for b@example.com: "550 no"; not now for c@example.com: "451 grey"; not now for d@example.com: '
    assert talk.end == Verdict(True, f'the server takes the mail, but {exceptions}"452 full"')
    assert talk.dialogue.is_incomplete
    assert talk.dialogue.deferred == (("c@example.com", '"451 grey"'), ("d@example.com", '"452 full"'))


def test_who_may_have_it_later_does_not_make_it_incomplete() -> None:
    talk = refused_by_recipient("250 a", "451 grey")
    assert not talk.dialogue.is_incomplete
    assert talk.dialogue.deferred == (("b@example.com", '"451 grey"'),)


@pytest.mark.parametrize(("last", "permanent"), [("451 disk", False), ("552 too big", True)])
def test_a_mail_that_is_not_taken_at_all_is_deferred_for_nobody(last: str, permanent: bool) -> None:
    """All wait for it, or nobody gets it."""
    talk = refused_by_recipient("250 a", "451 grey", last=("354 a", last))
    assert talk.end == Verdict(False, f'the answer to the mail is "{last}"')
    assert (talk.dialogue.permanent, talk.dialogue.deferred) == (permanent, ())


def test_starttls_and_then_everything_anew() -> None:
    talk = Talk(tls=MailTls.STARTTLS, user="alived", password="sesame")
    talk.hears("220 mx")
    assert talk.hears("250-mx", "250-AUTH PLAIN", "250 STARTTLS") == "STARTTLS\r\n"
    assert talk.hears("220 go") == ""
    assert talk.tls
    assert talk.take(talk.dialogue.secured()) == "EHLO n1\r\n"
    credentials = base64.b64encode(b"\0alived\0sesame").decode()
    assert talk.hears("250-mx", "250 AUTH LOGIN PLAIN") == f"AUTH PLAIN {credentials}\r\n"
    assert talk.hears("235 welcome") == "MAIL FROM:<alived@example.com>\r\n"


def test_what_was_offered_before_tls_counts_no_more() -> None:
    talk = Talk(tls=MailTls.STARTTLS, user="alived", password="sesame")
    talk.hears("220 mx")
    talk.hears("250-mx", "250-AUTH PLAIN", "250 STARTTLS")
    talk.hears("220 go")
    talk.take(talk.dialogue.secured())
    assert talk.hears("250 mx") == "QUIT\r\n"
    assert talk.end == Verdict(False, "the server offers none of AUTH CRAM-MD5, LOGIN, PLAIN, but nothing")


def test_without_starttls_nothing_is_sent() -> None:
    talk = Talk(tls=MailTls.STARTTLS)
    talk.hears("220 mx")
    assert talk.hears("250 mx") == "QUIT\r\n"
    assert talk.end == Verdict(False, "the server offers no STARTTLS, and without it nothing is sent")


def test_auth_login() -> None:
    talk = Talk(user="alived", password="sesame")
    talk.hears("220 mx")
    assert talk.hears("250-mx", "250 AUTH LOGIN") == "AUTH LOGIN\r\n"
    assert talk.hears("334 VXNlcm5hbWU6") == base64.b64encode(b"alived").decode() + "\r\n"
    assert talk.hears("334 UGFzc3dvcmQ6") == base64.b64encode(b"sesame").decode() + "\r\n"
    assert talk.hears("334 more?") == "QUIT\r\n"
    assert talk.end is not None
    assert talk.end.reason == 'the answer to AUTH is "334 more?"'


CHALLENGE = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
"""Of the example in RFC 2195, as is the response."""


def test_without_tls_the_password_itself_is_not_said_if_the_server_knows_better() -> None:
    talk = Talk(user="tim", password="tanstaaftanstaaf")
    talk.hears("220 mx")
    assert talk.hears("250-mx", "250 AUTH PLAIN LOGIN CRAM-MD5") == "AUTH CRAM-MD5\r\n"
    assert talk.hears(CHALLENGE) == "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"
    assert talk.hears("235 welcome") == "MAIL FROM:<alived@example.com>\r\n"


@pytest.mark.parametrize(
    ("offered", "chosen"), [("CRAM-MD5 LOGIN PLAIN", "PLAIN"), ("CRAM-MD5 LOGIN", "LOGIN"), ("CRAM-MD5", "CRAM-MD5")]
)
def test_within_tls_the_simplest_that_is_offered(offered: str, chosen: str) -> None:
    talk = Talk(user="tim", password="x", tls=MailTls.TLS)
    talk.hears("220 mx")
    assert talk.hears("250-mx", f"250 AUTH {offered}").startswith(f"AUTH {chosen}")


def test_a_challenge_that_is_none() -> None:
    talk = Talk(user="tim", password="x")
    talk.hears("220 mx")
    talk.hears("250-mx", "250 AUTH CRAM-MD5")
    assert talk.hears("334 x") == "QUIT\r\n"
    assert talk.end == Verdict(False, 'the answer to AUTH is "334 x"')


def test_a_server_that_offers_none_that_we_know_says_which_it_offers() -> None:
    talk = Talk(user="tim", password="x")
    talk.hears("220 mx")
    talk.hears("250-mx", "250 AUTH GSSAPI DIGEST-MD5")
    no = "the server offers none of AUTH CRAM-MD5, LOGIN, PLAIN, but DIGEST-MD5, GSSAPI"
    assert talk.end == Verdict(False, no)


def test_a_server_that_wants_to_know_who_we_are_may_hear_it_later() -> None:
    """530 is about us, not about the mail: nothing is dropped for it."""
    talk = Talk()
    for line in ("220 a", "250 a", "530 5.7.0 Authentication required"):
        talk.hears(line)
    assert talk.end is not None
    assert (talk.end.ok, talk.dialogue.permanent) == (False, False)


def test_a_wrong_password_is_nothing_permanent_and_never_shown() -> None:
    talk = Talk(user="alived", password="sesame")
    talk.hears("220 mx")
    talk.hears("250-mx", "250 AUTH PLAIN")
    talk.hears("535 no")
    assert talk.end == Verdict(False, 'the answer to AUTH is "535 no"')
    assert not talk.dialogue.permanent


@pytest.mark.parametrize(
    ("lines", "reason", "permanent"),
    [
        (["554 go away"], 'the answer to greeting is "554 go away"', False),
        (["220 a", "421 busy"], 'the answer to EHLO is "421 busy"', False),
        (["220 a", "500 a", "500 b"], 'the answer to HELO is "500 b"', False),
        (["220 a", "250 a", "553 bad sender"], 'the answer to MAIL FROM is "553 bad sender"', True),
        (["220 a", "250 a", "451 later"], 'the answer to MAIL FROM is "451 later"', False),
        (["220 a", "250 a", "250 a", "250 a", "250 a", "451 no"], 'the answer to DATA is "451 no"', False),
        (
            ["220 a", "250 a", "250 a", "250 a", "250 a", "354 a", "552 too big"],
            'the answer to the mail is "552 too big"',
            True,
        ),
        (["hello"], 'the answer to greeting is no SMTP: "hello"', False),
        (["220 " + "x" * MAX_LINE], "a line of the answer to greeting is longer than 1024 octets", False),
    ],
)
def test_a_server_says_no(lines: list[str], reason: str, permanent: bool) -> None:
    talk = Talk()
    for line in lines:
        talk.hears(line)
    assert talk.end == Verdict(False, reason)
    assert talk.dialogue.permanent is permanent


def test_a_starttls_that_is_refused_ends_it() -> None:
    talk = Talk(tls=MailTls.STARTTLS)
    talk.hears("220 mx")
    talk.hears("250-mx", "250 STARTTLS")
    talk.hears("454 no")
    assert talk.end == Verdict(False, 'the answer to STARTTLS is "454 no"')


def test_an_endless_answer_ends_it() -> None:
    talk = Talk()
    talk.hears(*["220-x"] * MAX_LINES)
    assert talk.end == Verdict(False, f"the answer to greeting has more than {MAX_LINES} lines")


def test_silence_says_what_was_awaited() -> None:
    talk = Talk()
    assert talk.dialogue.timed_out() == Verdict(False, "no greeting in time")
    talk.hears("220 a")
    assert talk.dialogue.ended() == Verdict(False, "the server ended the connection before its answer to EHLO")


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([b"220 a\r\n", b"250 a\r\n", b"354 a\n"])))
)
def test_whatever_it_hears_it_never_breaks_and_ends_once(pieces: list[bytes]) -> None:
    dialogue = MailDialogue(envelope(user="u", password="p"))
    dialogue.begun()
    for piece in pieces:
        step = dialogue.received(piece)
        assert step.send.endswith(b"\r\n") or not step.send
        if step.verdict is not None:
            return
    assert not dialogue.ended().ok
