"""Mails: keepalived's subjects, our reasons, and nothing that a name could break."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.hooks.events import Kind, Word
from alived.notify.mail import MAILED, body, message, subject
from tests.notify.examples import MASTER, news

PEOPLE = ("a@example.com", "b@example.com")


def parsed(octets: bytes) -> EmailMessage:
    found = email.message_from_bytes(octets, policy=email.policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "[n1] VRRP Instance VI_1 - Entering MASTER state"),
        ({"word": Word.STOP}, "[n1] VRRP Instance VI_1 - Stopping"),
        ({"kind": Kind.GROUP, "word": Word.FAULT}, "[n1] VRRP Group VI_1 - Entering FAULT state"),
        ({"kind": Kind.RAFT}, "[n1] Raft Group VI_1 - Entering MASTER state"),
        ({"kind": Kind.VIRTUAL_SERVER, "word": Word.DOWN}, "[n1] Virtualserver VI_1 - DOWN"),
        (
            {"kind": Kind.REAL_SERVER, "word": Word.UP, "virtual_server": "[192.0.2.1]:tcp:80"},
            "[n1] Realserver VI_1 of virtual server [192.0.2.1]:tcp:80 - UP",
        ),
        ({"kind": Kind.DAEMON, "word": Word.TEST}, "[n1] Test message"),
    ],
)
def test_the_subject_is_keepalived_s(fields: dict[str, object], text: str) -> None:
    assert subject(news(**fields), "n1") == text


def test_the_body_has_keepalived_s_line_and_our_reason() -> None:
    assert body(MASTER, "n1").splitlines() == [
        "=> VRRP Instance is now owning VRRP VIPs <=",
        "",
        "Reason: no advert heard for 3.6 s",
        "State before: BACKUP",
        "Time: 2026-11-21 21:45:54 UTC",
        "Priority: 100",
        "Event: ab-1",
    ]
    group = body(news(kind=Kind.GROUP, word=Word.BACKUP), "n1")
    assert group.startswith("=> All VRRP group instances are now in BACKUP state <=\n")
    server = body(news(kind=Kind.VIRTUAL_SERVER, word=Word.UP, old="DOWN"), "n1")
    assert server.startswith("=> [n1] virtual server VI_1 is UP (was DOWN) <=\n")


def test_a_mail_reads_as_it_was_written_in_chinese_too() -> None:
    what = news(name="主机房", reason="没有收到通告")
    octets = message(what, "n1", "alived@example.com", PEOPLE, "n1.example.com")
    octets.decode("ascii")  # no server needs to know SMTPUTF8
    found = parsed(octets)
    assert found["Subject"] == "[n1] VRRP Instance 主机房 - Entering MASTER state"
    assert "Reason: 没有收到通告" in found.get_content()
    assert found["To"] == "a@example.com, b@example.com"
    assert found["Message-ID"] == "<ab-1@n1.example.com>"
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


@given(st.text(max_size=80), st.text(max_size=300), st.sampled_from(sorted(MAILED)), st.sampled_from(Kind))
def test_no_name_and_no_reason_adds_a_header_or_ends_one(name: str, reason: str, word: Word, kind: Kind) -> None:
    octets = message(news(name=name, reason=reason, word=word, kind=kind), "n1", "a@example.com", PEOPLE, "n1")
    found = parsed(octets)
    assert found.keys() == [
        *("Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert found["To"] == "a@example.com, b@example.com"
    assert found["From"] == "a@example.com"


def test_an_attack_stays_text() -> None:
    octets = message(news(name="x\r\nBcc: evil@example.com\r\n\r\nboo"), "n1", "a@example.com", PEOPLE, "n1")
    found = parsed(octets)
    assert "Bcc" not in found
    assert "Bcc: evil@example.com" in found["Subject"]
