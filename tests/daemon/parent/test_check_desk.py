"""Whoever asks for a check gets one answer, whatever becomes of the worker."""

from __future__ import annotations

from typing import Any

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS
from alived.daemon.parent import check_desk
from alived.daemon.parent.check_desk import CheckDesk
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import BusMessage, CheckAsked, CheckReported
from alived.health.check_events import Sight
from alived.health.check_report import CheckReport, Speech, StageReport
from alived.health.recording import Side

STAGE = StageReport(
    name="/a",
    ok=False,
    reason="HTTP status 503, not 200-299",
    took_ns=1_234_567,
    speeches=(Speech(Side.HEARD, 900, ("HTTP/1.0 503",)),),
    left_out=2,
    sight=Sight(exit_status=None, certificate_until_s=99),
)
REPORT = CheckReport(
    name="web",
    subject="check web",
    keyword="SSL_GET",
    target="192.0.2.1:443",
    patience_ns=5_000_000_000,
    stages=(STAGE,),
    up=True,
    outlook="the check is up",
)


class Play:
    def __init__(self) -> None:
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.answers: list[Answer] = []
        self.desk = CheckDesk(self.loop, self.sent.append)

    def ask(self, **arguments: Any) -> None:
        self.desk.run(arguments, self.answers.append)


def test_the_report_as_plain_values() -> None:
    play = Play()
    play.ask(name="web")
    assert play.sent == [CheckAsked(1, "web")]
    play.desk.reported(CheckReported(request_id=1, report=REPORT))
    (answer,) = play.answers
    assert answer.ok
    assert answer.result == {
        "name": "web",
        "subject": "check web",
        "kind": "SSL_GET",
        "target": "192.0.2.1:443",
        "timeout_s": 5.0,
        "ok": False,
        "stages": [
            {
                "url": "/a",
                "ok": False,
                "reason": "HTTP status 503, not 200-299",
                "took_ms": 1.23,
                "said": [{"side": "heard", "octets": 900, "lines": ["HTTP/1.0 503"]}],
                "left_out": 2,
                "exit_status": None,
                "output": [],
                "certificate_until": 99,
            }
        ],
        "verdict": "up",
        "meaning": "the check is up",
    }


def test_each_asker_gets_his_own_answer() -> None:
    play = Play()
    play.ask(name="a")
    play.ask(name="b")
    play.desk.reported(CheckReported(request_id=2, error="there is no check 'b'"))
    play.desk.reported(CheckReported(request_id=2, error="again"))
    assert play.answers == [Answer(ok=False, error="there is no check 'b'")]
    play.desk.worker_died()
    play.desk.worker_died()
    assert play.answers[1:] == [Answer(ok=False, error="the process that asks died meanwhile")]


def test_a_name_that_is_none() -> None:
    play = Play()
    play.ask(name=7)
    assert play.answers == [Answer(ok=False, error="name must be that of a check, not 7")]
    assert play.sent == []


def test_no_answer_in_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(check_desk, "LIMIT_NS", NS_PER_MS)
    play = Play()
    play.ask(name="web")
    while not play.answers:
        play.loop.turn()
    assert play.answers[0].error.startswith("no answer within")
    play.desk.reported(CheckReported(request_id=1, report=REPORT))
    assert len(play.answers) == 1
