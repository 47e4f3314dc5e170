"""What was said, as text for people."""

from __future__ import annotations

import pytest

from alived.health.check_events import NOTHING_SEEN
from alived.health.check_report import CheckReport, Speech, StageReport, speeches
from alived.health.recording import Said, Side


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"HELO me\r\n", ("HELO me",)),
        (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", ("GET / HTTP/1.0", "Host: a", "")),
        (b"\x12\xff\x1b[2J", ("\\x12\\xff\\x1b[2J",)),
        (b"half", ("half",)),
        ("Grüße\n".encode(), ("Grüße",)),
    ],
)
def test_lines(data: bytes, lines: tuple[str, ...]) -> None:
    assert speeches([Said(Side.HEARD, data, 5000)]) == (Speech(Side.HEARD, 5000, lines),)


def stage(ok: bool | None) -> StageReport:
    return StageReport(name="", ok=ok, reason="", took_ns=1, speeches=(), left_out=0, sight=NOTHING_SEEN)


@pytest.mark.parametrize("last", [True, False, None])
def test_the_last_stage_decides(last: bool | None) -> None:
    report = CheckReport(
        name="web",
        subject="check web",
        keyword="HTTP_GET",
        target="192.0.2.1:80",
        patience_ns=1,
        stages=(stage(True), stage(last)),
        up=True,
        outlook="",
    )
    assert report.ok is last
