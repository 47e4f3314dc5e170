"""Lines, floods and readers that do not read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from alived.base import NS_PER_S
from alived.daemon.parent.logs import (
    Line,
    Log,
    RateLimit,
    Source,
    Stderr,
    journal_line,
    json_line,
    pick_format,
    text_line,
)
from alived.daemon.shared.messages import Transition
from alived.vrrp.config import State

ENGINE = Source("engine", 812)


class Lines:
    """An output that keeps what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.flushes = 0

    def write(self, text: str) -> None:
        self.lines.append(text)

    def flush(self) -> None:
        self.flushes += 1


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def change(evidence: tuple[str, ...] = ()) -> Transition:
    return Transition(
        kind="INSTANCE",
        name="VI_1",
        old=State.BACKUP,
        new=State.MASTER,
        priority=100,
        reason="no advert for 3.6 s",
        evidence=evidence,
        time_ns=1,
        wall_time=2.0,
    )


def line(**changes: object) -> Line:
    facts = {
        "time": "2026-11-21T11:38:46.123+01:00",
        "level": "info",
        "process": "engine",
        "pid": 812,
        "code": "c",
        "message": "hello",
    }
    return Line(**(facts | changes))  # type: ignore[arg-type]


def test_text() -> None:
    assert text_line(line()) == "2026-11-21 11:38:46.123 INFO engine[812] hello"
    assert text_line(line(fields={"instance": "VI_1"})).endswith("INFO engine[812] VI_1: hello")


def test_the_journal_gets_a_level_for_each_of_several_lines() -> None:
    assert journal_line(line(level="error", message="a\nb")) == "<3>engine[812] a\n<3>b"


def test_json_has_the_same_facts() -> None:
    assert json.loads(json_line(line(fields={"k": "v"}))) == {
        "time": "2026-11-21T11:38:46.123+01:00",
        "level": "info",
        "process": "engine",
        "pid": 812,
        "code": "c",
        "message": "hello",
        "fields": {"k": "v"},
    }


def test_a_line_has_the_time_of_the_clock() -> None:
    lines = Lines()
    Log(lines, text_line, wall_time=lambda: 1.5).say(ENGINE, "info", "c", "hello")
    assert re.fullmatch(r"19(69|70)-\d\d-\d\d \d\d:\d\d:\d\d\.500 INFO engine\[812\] hello", lines.lines[0])


def test_a_transition_is_a_sentence_with_its_reason() -> None:
    lines = Lines()
    Log(lines, text_line).transition(ENGINE, change(("heard nothing",)))
    assert [text.partition("INFO ")[2] for text in lines.lines] == [
        "engine[812] VI_1: BACKUP -> MASTER: no advert for 3.6 s"
    ]


def test_debug_adds_the_evidence() -> None:
    lines = Lines()
    Log(lines, text_line, level="debug").transition(ENGINE, change(("timer", "peer gone")))
    assert lines.lines[1].endswith("DEBUG engine[812] VI_1: evidence: timer; peer gone")


def test_levels_filter_and_an_unknown_one_is_loud() -> None:
    lines = Lines()
    log = Log(lines, text_line, level="warning")
    for level in ("debug", "info", "warning", "error", "panic"):
        log.say(ENGINE, level, level, level)
    assert [text.split()[2] for text in lines.lines] == ["WARNING", "ERROR", "ERROR"]


def test_a_flood_is_cut_and_counted_for_each_source_and_code() -> None:
    lines, clock = Lines(), Clock()
    log = Log(lines, text_line, now_ns=clock)
    for _ in range(60):
        log.say(ENGINE, "info", "noise", "again", {"instance": "VI_1"})
    log.say(ENGINE, "info", "noise", "other", {"instance": "VI_2"})
    log.say(ENGINE, "info", "other", "other", {"instance": "VI_1"})
    assert len(lines.lines) == 52
    log.report_suppressed()
    assert lines.lines[-1].endswith("VI_1: suppressed 10 lines (noise)")
    log.report_suppressed()
    assert len(lines.lines) == 53, "said once"
    log.always(ENGINE, "info", "noise", "asked for")
    assert len(lines.lines) == 54


def test_a_limit_refills_with_time_and_is_bounded_in_keys() -> None:
    limit = RateLimit(burst=2, refill_ns=NS_PER_S)
    assert [limit.allow(("a", "b"), 0) for _ in range(3)] == [True, True, False]
    assert limit.allow(("a", "b"), NS_PER_S)
    assert not limit.allow(("a", "b"), NS_PER_S)
    assert [limit.allow(("a", "b"), 100 * NS_PER_S) for _ in range(3)] == [True, True, False]
    for number in range(RateLimit.MAX_KEYS + 10):
        assert limit.allow((str(number), ""), 100 * NS_PER_S)
    assert limit.allow(("a", "b"), 100 * NS_PER_S), "forgotten for newer ones"


def test_a_reader_that_does_not_read_costs_lines_and_not_time() -> None:
    read_fd, write_fd = os.pipe()
    stderr = Stderr(write_fd)
    for number in range(5000):
        stderr.write(f"{number} " + "x" * 100)
    os.set_blocking(read_fd, False)
    received = b""
    while True:
        try:
            received += os.read(read_fd, 1 << 16)
        except BlockingIOError:
            break
        stderr.flush()
    texts = received.decode().splitlines()
    assert texts[0].startswith("0 ") and texts[-1].startswith("4999 ")
    (lost,) = [text for text in texts if "log lines lost" in text]
    assert int(lost.split()[1]) == 5000 - (len(texts) - 1)
    os.close(write_fd)
    os.close(read_fd)


def test_a_line_longer_than_a_pipe_takes_at_once_comes_whole() -> None:
    read_fd, write_fd = os.pipe()
    stderr = Stderr(write_fd)
    stderr.write("x" * 10_000)
    assert len(os.read(read_fd, 1 << 16)) == 10_001
    os.close(write_fd)
    os.close(read_fd)


def test_a_reader_that_is_gone_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    stderr = Stderr(write_fd)
    stderr.write("to nobody")
    stderr.flush()
    assert stderr.lost == 1
    os.close(write_fd)


def test_the_format_follows_the_wish_and_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "log", "wb") as file:
        status = os.fstat(file.fileno())
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert pick_format("text", file.fileno()) is text_line
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert pick_format("text", file.fileno()) is journal_line
        assert pick_format("json", file.fileno()) is json_line
