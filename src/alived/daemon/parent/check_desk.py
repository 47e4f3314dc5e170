"""Operators who want a check performed now: on their way to the worker and back. Whoever asks gets one answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from alived.adapters.loop import Loop, Timer
from alived.base import NS_PER_MS, NS_PER_S
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import BusMessage, CheckAsked, CheckReported
from alived.daemon.status.view import Json
from alived.health.check_report import CheckReport, Speech, StageReport

LIMIT_NS = 300 * NS_PER_S
"""A check of several URLs, each of which drips."""
Finish = Callable[[Answer], None]


class _Waiting(msgspec.Struct, frozen=True):
    finish: Finish
    timer: Timer


class CheckDesk:
    def __init__(self, loop: Loop, to_worker: Callable[[BusMessage], None]) -> None:
        self._loop = loop
        self._to_worker = to_worker
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}

    def run(self, arguments: dict[str, Any], finish: Finish) -> None:
        """arguments: {"name"}. Calls back exactly once."""
        name = arguments.get("name")
        if not isinstance(name, str):
            finish(Answer(ok=False, error=f"name must be that of a check, not {name!r}"))
            return
        number = next(self._ids)
        error = f"no answer within {LIMIT_NS // NS_PER_S} s"
        timer = self._loop.call_later(LIMIT_NS, lambda: self._end(number, Answer(ok=False, error=error)))
        self._waiting[number] = _Waiting(finish, timer)
        self._to_worker(CheckAsked(number, name))

    def reported(self, message: CheckReported) -> None:
        if message.report is None:
            self._end(message.request_id, Answer(ok=False, error=message.error))
        else:
            self._end(message.request_id, Answer(ok=True, result=report_view(message.report)))

    def worker_died(self) -> None:
        """There is nobody who could still answer."""
        for number in list(self._waiting):
            self._end(number, Answer(ok=False, error="the process that asks died meanwhile"))

    def _end(self, number: int, answer: Answer) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:  # else it took too long
            waiting.timer.cancel()
            waiting.finish(answer)


def report_view(report: CheckReport) -> Json:
    """As `alived check run --json` has it."""
    return {
        "name": report.name,
        "subject": report.subject,
        "kind": report.keyword,
        "target": report.target,
        "timeout_s": report.patience_ns / NS_PER_S,
        "ok": report.ok,
        "stages": [_stage(stage) for stage in report.stages],
        "verdict": "unknown" if report.up is None else "up" if report.up else "down",
        "meaning": report.outlook,
    }


def _stage(stage: StageReport) -> Json:
    return {
        "url": stage.name,
        "ok": stage.ok,
        "reason": stage.reason,
        "took_ms": round(stage.took_ns / NS_PER_MS, 2),
        "said": [_speech(speech) for speech in stage.speeches],
        "left_out": stage.left_out,
        "exit_status": stage.sight.exit_status,
        "output": list(stage.sight.output),
        "certificate_until": stage.sight.certificate_until_s,
    }


def _speech(speech: Speech) -> Json:
    return {"side": str(speech.side), "octets": speech.octets, "lines": list(speech.lines)}
