"""SMTP_CHECK: keepalived's reading of answers, and ours with `multiline` and `starttls`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.config import SmtpCheck
from alived.health.dialogues.smtp import MAX_LINES, SmtpDialogue
from tests.health.dialogues.talking import check_bears, converse, in_octets, pieces_like

GREETING = b"220 mail.example.com ESMTP\r\n"
OK = b"250 Hello\r\n"
BYE = b"221 Bye\r\n"
EHLO = b"250-mail.example.com\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n"


def dialogue(**fields: object) -> SmtpDialogue:
    return SmtpDialogue(SmtpCheck(connect_ip="192.0.2.25", helo_name="lb.example.com", **fields))  # type: ignore[arg-type]


def test_a_server_that_is_well() -> None:
    talk = converse(dialogue(), GREETING, OK, BYE)
    assert talk.said == [b"HELO lb.example.com\r\n", b"QUIT\r\n"]
    assert talk.outcome == (True, "the server greets and says good-bye")
    assert talk.patience == 2, "each answer has its time"


def test_the_same_octet_by_octet() -> None:
    assert converse(dialogue(), *in_octets(GREETING, OK, BYE)).outcome[0]


def test_what_follows_a_line_in_the_same_piece_is_dropped() -> None:
    talk = converse(dialogue(), GREETING + b"554 too early\r\n", OK)
    assert (talk.verdict, talk.said[-1]) == (None, b"QUIT\r\n")


def test_any_line_is_a_good_bye() -> None:
    assert converse(dialogue(), GREETING, OK, b"\n").outcome[0]
    assert converse(dialogue(), GREETING, OK, b"5" * 2000, b"\n").outcome[0]


def test_no_good_bye_is_a_failure() -> None:
    talk = converse(dialogue(), GREETING, OK, b"221 By")
    assert talk.verdict is None
    assert talk.dialogue.ended().reason == "the server ended the connection before its answer to QUIT"
    assert talk.dialogue.timed_out().reason == "no answer to QUIT in time"


@pytest.mark.parametrize(
    "line", [b"554 no", b"2200 long", b"220x", b"22", b"", b" 220 a", b"\xff\x00", b"421 Too many connections"]
)
def test_a_wrong_greeting(line: bytes) -> None:
    talk = converse(dialogue(), line + b"\r\n")
    ok, reason = talk.outcome
    assert not ok
    assert reason.startswith('the greeting is "')
    assert reason.endswith(", not 220")


def test_a_wrong_answer_to_helo_is_shown() -> None:
    talk = converse(dialogue(), GREETING, b"501 \x1b[31mno\r\n")
    assert talk.outcome == (False, r'the answer to HELO is "501 \x1b[31mno", not 250')


def test_a_code_without_a_text() -> None:
    assert converse(dialogue(), b"220\r\n", b"250\n", BYE).outcome[0]


def test_several_lines_fail_unless_they_are_wanted() -> None:
    lines = b"220-mail.example.com\r\n220 at your service\r\n"
    expected = 'the greeting has several lines: "220-mail.example.com"; `multiline` reads them'
    assert converse(dialogue(), lines).outcome == (False, expected)
    assert converse(dialogue(multiline=True), lines, EHLO, BYE).outcome[0]
    assert converse(dialogue(multiline=True), *in_octets(lines), *in_octets(EHLO), *in_octets(BYE)).outcome[0]


def test_each_of_several_lines_has_the_code() -> None:
    talk = converse(dialogue(multiline=True), b"220-a\r\n554 b\r\n")
    assert talk.outcome == (False, 'the greeting is "554 b", not 220')


def test_lines_without_an_end() -> None:
    talk = converse(dialogue(multiline=True), b"220-x\r\n" * MAX_LINES)
    assert talk.outcome == (False, f"the greeting has more than {MAX_LINES} lines")
    talk = converse(dialogue(), b"220 ", *[b"x" * 100] * 6)
    assert talk.outcome == (False, "a line of the greeting is longer than 512 octets")


def test_starttls() -> None:
    talk = converse(dialogue(starttls=True), GREETING, EHLO, b"220 Go ahead\r\n")
    assert talk.in_tls
    assert talk.hears(EHLO, BYE).outcome[0]
    hello = b"EHLO lb.example.com\r\n"
    assert talk.said == [hello, b"STARTTLS\r\n", hello, b"QUIT\r\n"]


def test_words_injected_before_the_handshake_are_dropped() -> None:
    """RFC 3207, section 4.2: nothing from before TLS may be believed."""
    talk = converse(dialogue(starttls=True), GREETING, EHLO, b"220 Go ahead\r\n250 I am inside\r\n")
    assert talk.said[-1] == b"EHLO lb.example.com\r\n"
    assert talk.verdict is None


def test_starttls_refused_or_broken_off() -> None:
    talk = converse(dialogue(starttls=True), GREETING, EHLO, b"454 TLS not available\r\n")
    assert talk.outcome == (False, 'the answer to STARTTLS is "454 TLS not available", not 220')
    subject = dialogue(starttls=True)
    for piece in (GREETING, EHLO, b"220 Go ahead\r\n"):
        subject.received(piece)
    assert subject.timed_out().reason == "no end of the TLS handshake in time"


@given(pieces_like(GREETING, OK, BYE, EHLO, b"220 Go ahead\r\n", b"220-\r\n" * 50), st.booleans(), st.booleans())
def test_bears_anything(pieces: list[bytes], multiline: bool, starttls: bool) -> None:
    check_bears(lambda: dialogue(multiline=multiline, starttls=starttls), pieces)
