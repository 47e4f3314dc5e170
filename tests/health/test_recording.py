"""What is said is noted, and changed in nothing."""

from __future__ import annotations

from alived.health.config import SmtpCheck
from alived.health.dialogue import Step, Verdict
from alived.health.dialogues.smtp import SmtpDialogue
from alived.health.dialogues.tcp import TcpDialogue
from alived.health.recording import KEPT_OCTETS, KEPT_PIECES, Recording, Said, Side

SMTP = SmtpCheck(connect_ip="192.0.2.1", connect_port=25, starttls=True)


def test_both_sides_in_their_order() -> None:
    recording = Recording(SmtpDialogue(SMTP))
    assert recording.begun() == Step()
    assert recording.received(b"220 hello\r\n").send == b"EHLO smtpchecker.keepalived.org\r\n"
    recording.received(b"250 hi\r\n")
    recording.received(b"220 go\r\n")
    recording.secured()
    assert recording.timed_out() == Verdict(False, "no answer to EHLO in TLS in time")
    assert [(said.side, said.data[:9]) for said in recording.pieces] == [
        (Side.HAPPENED, b"connected"),
        (Side.HEARD, b"220 hello"),
        (Side.SENT, b"EHLO smtp"),
        (Side.HEARD, b"250 hi\r\n"),
        (Side.SENT, b"STARTTLS\r"),
        (Side.HEARD, b"220 go\r\n"),
        (Side.HAPPENED, b"the TLS h"),
        (Side.SENT, b"EHLO smtp"),
        (Side.HAPPENED, b"the time "),
    ]


def test_what_has_no_connection_begins_otherwise() -> None:
    recording = Recording(TcpDialogue(), "there is a way to it")
    recording.begun()
    assert recording.pieces == [Said(Side.HAPPENED, b"there is a way to it", 20)]


def test_ends() -> None:
    recording = Recording(SmtpDialogue(SMTP))
    assert recording.ended().ok is False
    refused = Recording(TcpDialogue())
    assert refused.broken("Connection refused") == Verdict(False, "Connection refused")
    assert refused.pieces == [Said(Side.HAPPENED, b"Connection refused", 18)]
    assert recording.pieces[0].data == b"the server sends no more"
    assert Recording(TcpDialogue()).begun().verdict == Verdict(True, "connected")


def test_it_is_bounded() -> None:
    recording = Recording(SmtpDialogue(SmtpCheck(connect_ip="192.0.2.1", multiline=True)))
    recording.received(b"x" * 400)
    for _ in range(1000):
        recording.received(b"\x00" * 100_000)
    assert len(recording.pieces) == KEPT_PIECES
    assert recording.left_out == 1001 - KEPT_PIECES
    assert len(recording.pieces[-1].data) == KEPT_OCTETS
    assert recording.pieces[-1].octets == 100_000
