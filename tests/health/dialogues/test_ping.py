"""PING_CHECK as keepalived makes it."""

from __future__ import annotations

import pytest
from hypothesis import given

from alived.health.dialogues.ping import PingDialogue
from tests.health.dialogues.talking import check_bears, converse, pieces_like

SEQUENCE = 0x1234


def dialogue() -> PingDialogue:
    return PingDialogue(SEQUENCE)


def message(kind: int, sequence: int = SEQUENCE) -> bytes:
    return bytes((kind, 0, 0x12, 0x34, 0, 7)) + sequence.to_bytes(2) + b"payload"


def test_the_echo_is_answered() -> None:
    talk = converse(dialogue())
    (sent,) = talk.said
    assert sent[:8] == bytes((8, 0, 0, 0, 0, 0)) + SEQUENCE.to_bytes(2)
    assert len(sent) == 8 + 128
    assert talk.hears(message(0)).outcome == (True, "the echo is answered")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (message(0)[:7], "the answer has 7 octets and is none of ICMP"),
        (message(3), "the answer is of ICMP type 3, code 0: no echo reply"),
        (message(129), "the answer is of ICMP type 129, code 0: no echo reply"),
        (message(0, SEQUENCE - 1), f"the echo reply has sequence number {SEQUENCE - 1}, not {SEQUENCE}"),
    ],
)
def test_another_answer_is_a_failure(answer: bytes, reason: str) -> None:
    assert converse(dialogue(), answer).outcome == (False, reason)


def test_nothing_or_an_error() -> None:
    assert dialogue().timed_out().reason == "no echo reply in time"
    assert dialogue().broken("no route to host").reason == "no route to host before the echo reply"


@given(pieces_like(message(0), message(129), message(3)))
def test_bears_anything(pieces: list[bytes]) -> None:
    check_bears(dialogue, pieces)
