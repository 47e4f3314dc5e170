"""A worker on a loop of the test, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS
from alived.config.model import Config
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    LogLine,
    SnapshotRequest,
    TrackerVerdict,
    TrackerVerdicts,
    WorkerSnapshot,
)
from alived.daemon.worker.worker import Worker
from alived.health.check_events import CheckSnapshot
from alived.health.script_events import ScriptSnapshot


class WorkerPlay:
    """A worker on a loop, and what it said."""

    def __init__(self, config: Config, *known: TrackerVerdict) -> None:
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.worker = Worker(ChildContext("worker", self.loop, config, self.sent.append))
        self.worker.start()
        self.worker.handle(TrackerVerdicts(known))

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.call_later(NS_PER_MS, lambda: None)
            self.loop.turn()

    def snapshot(self) -> WorkerSnapshot:
        self.worker.handle(SnapshotRequest(request_id=7))
        answer = self.sent.pop()
        assert isinstance(answer, WorkerSnapshot) and answer.request_id == 7
        return answer

    def script(self) -> ScriptSnapshot:
        return self.snapshot().scripts[0]

    def checks(self) -> dict[str, CheckSnapshot]:
        return self.snapshot().checks

    def check(self, name: str = "web") -> CheckSnapshot:
        return self.checks()[name]

    @property
    def log(self) -> list[LogLine]:
        return [message for message in self.sent if isinstance(message, LogLine)]

    def logged(self, code: str) -> list[str]:
        return [line.message for line in self.log if line.code == code]

    @property
    def verdicts(self) -> list[TrackerVerdict]:
        return [
            verdict for message in self.sent if isinstance(message, TrackerVerdicts) for verdict in message.verdicts
        ]

    def verdict(self) -> TrackerVerdict:
        """The newest."""
        self.until(lambda: self.verdicts)
        return self.verdicts[-1]

    def stop(self) -> None:
        done: list[bool] = []
        self.worker.stop(lambda: done.append(True))
        self.until(lambda: done)
        self.loop.close()


Begin = Callable[..., WorkerPlay]


def plays() -> Iterator[Begin]:
    """For a fixture: begins workers, and ends them after the test."""
    begun: list[WorkerPlay] = []

    def begin(config: Config, *known: TrackerVerdict) -> WorkerPlay:
        begun.append(WorkerPlay(config, *known))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()
