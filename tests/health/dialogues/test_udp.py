"""UDP_CHECK as keepalived makes it."""

from __future__ import annotations

import pytest
from hypothesis import given

from alived.health.config import UdpCheck
from alived.health.dialogues.udp import UdpDialogue
from tests.health.dialogues.talking import check_bears, converse, pieces_like


def dialogue(**fields: object) -> UdpDialogue:
    return UdpDialogue(UdpCheck(connect_ip="192.0.2.1", **fields))  # type: ignore[arg-type]


def reply(due: str, **fields: object) -> UdpDialogue:
    """due: "xx" is an octet that is not compared."""
    octets = bytes(0 if pair == "xx" else int(pair, 16) for pair in due.split())
    mask = bytes(0 if pair == "xx" else 0xFF for pair in due.split())
    return dialogue(require_reply=True, reply=octets, reply_mask=mask, **fields)


def test_sends_its_payload_or_as_many_octets_as_keepalived() -> None:
    assert converse(dialogue(payload=b"\x01\x02")).said == [b"\x01\x02"]
    (sent,) = converse(dialogue()).said
    assert len(sent) == 32


def test_silence_is_a_success_and_so_is_any_reply() -> None:
    assert dialogue().timed_out().ok
    assert converse(dialogue(), b"\xff").outcome == (True, "a reply of 1 octets")


def test_an_icmp_error_is_a_failure() -> None:
    verdict = dialogue().broken("port unreachable")
    assert (verdict.ok, verdict.reason) == (False, "port unreachable before the reply")


def test_with_require_reply_silence_is_a_failure() -> None:
    verdict = dialogue(require_reply=True).timed_out()
    assert (verdict.ok, verdict.reason) == (False, "no reply in time")
    assert converse(dialogue(require_reply=True, max_reply_length=1), b"any of any length").outcome[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x01\xee\x0a", "the right reply of 3 octets"),
        (b"\x01\x00\x0a and more", "the right reply of 12 octets"),
        (b"\x01", "the right reply of 1 octets"),
    ],
)
def test_the_first_octets_are_compared_as_far_as_they_are_there(data: bytes, reason: str) -> None:
    assert converse(reply("01 xx 0a"), data).outcome == (True, reason)


def test_a_wrong_reply_is_a_failure_at_once() -> None:
    assert converse(reply("01 xx 0a"), b"\x01\x02\x0b").outcome == (False, "the reply begins with 01 02 0b")


@pytest.mark.parametrize("length", [1, 5])
def test_a_length_that_is_not_allowed(length: int) -> None:
    talk = converse(reply("xx", min_reply_length=2, max_reply_length=4), bytes(length))
    assert talk.outcome == (False, f"the reply has {length} octets, not 2 to 4")


@given(pieces_like(b"\x01\x02\x0a"))
def test_bears_anything(pieces: list[bytes]) -> None:
    check_bears(dialogue, pieces)
    check_bears(lambda: reply("01 xx 0a", min_reply_length=2), pieces)
