"""The worker: runs what the operator wrote. It may be late; it may die.

Scripts of changes and hooks run in the order that the hook queue decides, tracked ones when their trackers want it,
checks when their checkers do.
"""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.loop import now_ns
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    CheckAsked,
    Configure,
    Configured,
    HookDue,
    NewsDue,
    NewsTaken,
    ServerChanged,
    SnapshotRequest,
    TrackerVerdicts,
    Transition,
    WorkerSnapshot,
)
from alived.daemon.worker.change_scripts import ChangeScripts
from alived.daemon.worker.checks import Checks
from alived.daemon.worker.file_checks import FileChecks
from alived.daemon.worker.gateway_checks import GatewayChecks
from alived.daemon.worker.pipes import Pipes
from alived.daemon.worker.process_checks import ProcessChecks
from alived.daemon.worker.script_checks import ScriptChecks
from alived.daemon.worker.unit_checks import UnitChecks


def make_worker(context: ChildContext) -> Worker:
    return Worker(context)


class Worker:
    """The role of the process that runs scripts and checks."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._config = context.config
        self._changes = ChangeScripts(context)
        self._scripts = ScriptChecks(context)
        self._checks = Checks(context)
        self._others = (ProcessChecks(context), FileChecks(context), GatewayChecks(context), UnitChecks(context))
        self._watches = (self._scripts, self._checks, *self._others)
        self._pipes = Pipes(context)

    def start(self) -> None:
        """Nothing runs before the parent says what is known."""
        self._changes.start()
        self._pipes.configure(self._config)

    def handle(self, message: BusMessage) -> None:
        match message:
            case Transition():
                self._changes.reached(message)
            case ServerChanged():
                self._changes.server_changed(message)
            case NewsDue(number, news):
                self._pipes.tell(news)
                self._changes.happened(news)
                self._context.send(NewsTaken(number))
            case HookDue():
                self._changes.due(message)
            case Configure(config):
                self._config = config
                self._changes.configure(config)
                for watch in self._watches:
                    watch.configure(config)
                self._pipes.configure(config)
                self._context.send(Configured(changes=()))
            case TrackerVerdicts(known):
                for watch in self._watches:
                    watch.begin(self._config, known)
            case SnapshotRequest(request_id):
                self._context.send(self._snapshot(request_id))
            case CheckAsked():
                self._checks.perform(message)
            case _:
                raise AssertionError(f"the worker does not expect {type(message).__name__}")

    def _snapshot(self, request_id: int) -> WorkerSnapshot:
        return WorkerSnapshot(
            request_id=request_id,
            now_ns=now_ns(),
            scripts=self._scripts.snapshots(),
            checks=self._checks.snapshots(),
            pipes=self._pipes.snapshots(),
            trackers=tuple(shown for watch in self._others for shown in watch.snapshots()),
        )

    def stop(self, done: Callable[[], None]) -> None:
        """Ends when all scripts have run, those of the stop included; the parent's patience is the limit."""
        for watch in self._watches:
            watch.close()
        self._changes.close(lambda: self._pipes.close(done))
