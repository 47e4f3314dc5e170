"""DNS_CHECK as keepalived makes it: questions and answers by hand from RFC 1035."""

from __future__ import annotations

import pytest
from hypothesis import given

from alived.health.config import DnsCheck, DnsType
from alived.health.dialogue import WAIT
from alived.health.dialogues.dns import DnsDialogue
from alived.wire.dns import Type
from tests.health.dialogues.talking import check_bears, converse, pieces_like

ID = 0xBEEF


def dialogue(name: str = "www.example.com", kind: DnsType = DnsType.A) -> DnsDialogue:
    return DnsDialogue(DnsCheck(connect_ip="192.0.2.53", name=name, type=kind), ID)


def answer(flags: int, query_id: int = ID, answers: int = 0) -> bytes:
    return b"".join(field.to_bytes(2) for field in (query_id, flags, 1, answers, 0, 0))


def test_the_question() -> None:
    expected = b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01"
    assert converse(dialogue()).said == [expected]


@pytest.mark.parametrize("kind", DnsType)
def test_every_type_has_its_number(kind: DnsType) -> None:
    (question,) = converse(dialogue(".", kind)).said
    assert question[12:] == b"\0" + Type[kind].to_bytes(2) + b"\0\x01"


def test_an_answer_without_an_error_is_a_success_whatever_it_says() -> None:
    assert converse(dialogue(), answer(0x8180, answers=2)).outcome == (
        True,
        "www.example.com A is answered, number of records: 2",
    )
    assert converse(dialogue(), answer(0x8380)).outcome[0], "truncated, no record"


@pytest.mark.parametrize(
    ("rcode", "name"), [(1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (15, "code 15")]
)
def test_an_error_code_is_a_failure_at_once(rcode: int, name: str) -> None:
    assert converse(dialogue(), answer(0x8180 | rcode)).outcome == (False, f"www.example.com A is answered by {name}")


def test_datagrams_that_are_no_answer_are_passed_over() -> None:
    strangers = answer(0x8182)[:11], answer(0x8182, query_id=ID ^ 1), answer(0x0100)
    talk = converse(dialogue(), *strangers)
    assert talk.verdict is None
    assert talk.dialogue.timed_out().reason == "no answer to www.example.com A in time; other datagrams: 3"
    assert talk.hears(answer(0x8180)).outcome[0]


def test_nothing_or_a_refusal() -> None:
    talk = converse(dialogue())
    assert talk.dialogue.timed_out().reason == "no answer to www.example.com A in time"
    assert talk.dialogue.broken("port unreachable").reason == "port unreachable before the answer to www.example.com A"
    assert not talk.dialogue.ended().ok
    assert talk.dialogue.secured() is WAIT


@given(pieces_like(answer(0x8180), answer(0x8182), answer(0x0100)))
def test_bears_anything(pieces: list[bytes]) -> None:
    check_bears(dialogue, pieces)
