"""Commands on their way to the leader, and back."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import DecodeError
from alived.raft.member_events import Outcome, RemoveMember, Send, Transfer
from alived.raft.messages import NOBODY
from alived.raft.outbox import Outbox
from alived.raft.packets import Asked, Told
from alived.raft.relay import AGAIN_NS, LEADERLESS_NS, LIMIT_NS, Origin, Relay, decode_command

HERE = Origin(NOBODY, 5)
OWN, LEADER = 1, 2


def relay() -> tuple[Relay, Outbox]:
    outbox = Outbox()
    return Relay(outbox, 1_000), outbox


def test_a_command_is_sent_until_its_outcome_comes() -> None:
    one, outbox = relay()
    one.forward(HERE, Transfer("b"), 0)
    assert one.deadline_ns == 0
    asked = Asked(request=1_000, command=msgspec.json.encode(Transfer("b")))
    for now_ns in (0, AGAIN_NS):
        assert one.mind(LEADER, OWN, now_ns) == []
        assert outbox.take() == [Send(LEADER, asked)]
    assert one.mind(LEADER, OWN, AGAIN_NS + 1) == [] and outbox.take() == []
    one.mind(3, OWN, AGAIN_NS + 2)
    assert outbox.take() == [Send(3, asked)], "another leader is asked at once"
    one.told(Told(request=1_000, ok=True, text="done"))
    one.told(Told(request=1_000, ok=True, text="done"))
    assert outbox.take() == [Outcome(5, True, "done")]
    assert one.deadline_ns is None


def test_who_leads_does_it_itself() -> None:
    one, _ = relay()
    one.forward(HERE, Transfer("b"), 7)
    assert one.mind(OWN, OWN, 8) == [(HERE, Transfer("b"), 7, 1_000)]
    assert one.mind(OWN, OWN, 9) == []


def test_the_operator_is_told_that_nobody_answers() -> None:
    one, outbox = relay()
    one.forward(HERE, Transfer("b"), 0)
    one.mind(NOBODY, OWN, 0)
    one.mind(NOBODY, OWN, LEADERLESS_NS)
    [outcome] = outbox.take()
    assert isinstance(outcome, Outcome) and not outcome.ok and outcome.text.startswith("there is no leader")
    one.forward(HERE, Transfer("b"), 0)
    one.mind(LEADER, OWN, 0)
    one.mind(NOBODY, OWN, LEADERLESS_NS)
    outbox.take()
    one.mind(NOBODY, OWN, LIMIT_NS)
    [outcome] = outbox.take()
    assert isinstance(outcome, Outcome) and outcome.text.startswith("the leader has not answered for 15 s")


def test_an_answer_is_remembered_for_who_asks_again() -> None:
    one, outbox = relay()
    origins = [Origin(3, request) for request in range(40)]
    for origin in origins:
        assert not one.repeated(origin)
        one.answer(origin, "done", ok=True)
    outbox.take()
    assert one.repeated(origins[-1])
    assert outbox.take() == [Send(3, Told(request=39, ok=True, text="done"))]
    assert not one.repeated(origins[0]), "not for ever"


def test_commands_as_bytes() -> None:
    assert decode_command(msgspec.json.encode(RemoveMember("x"))) == RemoveMember("x")
    for nonsense in (b"{}", b'{"type":"Dance"}', b"\xff"):
        with pytest.raises(DecodeError):
            decode_command(nonsense)
