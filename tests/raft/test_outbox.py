"""The order of what a step wants, and what waits until nothing is owned."""

from __future__ import annotations

import pytest

from alived.raft.member_events import Finished, MemberNoticed, Save, Send
from alived.raft.messages import (
    NOBODY,
    AppendResponse,
    Heartbeat,
    HeartbeatResponse,
    Message,
    TimeoutNow,
    VoteRequest,
    VoteResponse,
)
from alived.raft.outbox import Outbox, helps
from alived.raft.packets import Report

REPORT = Send(2, Report(number=1, groups=()))


def test_what_is_late_follows_the_consensus_and_a_save_is_the_last() -> None:
    for last in (Save(), Finished()):
        outbox = Outbox()
        outbox.add_late(REPORT)
        outbox.notice("info", "code", "message")
        outbox.add(last)
        effects = outbox.take()
        assert effects[0] == MemberNoticed("info", "code", "message")
        assert effects.index(REPORT) == (1 if isinstance(last, Save) else 2)
    assert outbox.take() == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (VoteResponse(sender=1, to=2), True),
        (VoteResponse(sender=1, to=2, reject=True), False),
        (VoteResponse(sender=1, to=2, pre=True), False),
        (AppendResponse(sender=1, to=2), True),
        (HeartbeatResponse(sender=1, to=2), True),
        (TimeoutNow(sender=1, to=2), True),
        (Heartbeat(sender=1, to=2), False),
        (VoteRequest(sender=1, to=2, index=1, log_term=1), False),
    ],
)
def test_what_helps_another_to_own(message: Message, expected: bool) -> None:
    assert helps(message) is expected
    outbox = Outbox()
    outbox.shut = True
    outbox.send([message])
    assert outbox.waits is expected
    assert outbox.take() == ([] if expected else [Send(2, message)])
    outbox.open()
    assert outbox.take() == ([Send(2, message)] if expected else [])
    assert not outbox.waits


def test_who_alone_owns_is_helped_at_once() -> None:
    outbox = Outbox()
    outbox.bar(NOBODY)
    outbox.send([TimeoutNow(sender=1, to=2), TimeoutNow(sender=1, to=3)])
    assert outbox.take() == []
    outbox.bar(2)
    assert outbox.take() == [Send(2, TimeoutNow(sender=1, to=2))]
    outbox.bar(NOBODY)
    outbox.send([TimeoutNow(sender=1, to=2)])
    assert outbox.take() == []
    outbox.open()
    assert [send.to for send in outbox.take() if isinstance(send, Send)] == [3, 2]
