"""The worker: runs what the operator wrote. It may be late; it may die.

Scripts of changes and hooks run in the order that the hook queue decides, tracked ones when their trackers want it.
"""

from __future__ import annotations

from collections.abc import Callable

from alived.daemon.change_scripts import ChangeScripts
from alived.daemon.child import ChildContext
from alived.daemon.messages import (
    BusMessage,
    Configure,
    Configured,
    HookDue,
    SnapshotRequest,
    TrackerVerdicts,
    Transition,
)
from alived.daemon.script_checks import ScriptChecks


def make_worker(context: ChildContext) -> Worker:
    return Worker(context)


class Worker:
    """The role of the process that runs scripts."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._config = context.config
        self._changes = ChangeScripts(context)
        self._checks = ScriptChecks(context)

    def start(self) -> None:
        """Nothing runs before the parent says what is known."""
        self._changes.start()

    def handle(self, message: BusMessage) -> None:
        match message:
            case Transition():
                self._changes.reached(message)
            case HookDue():
                self._changes.due(message)
            case Configure(config):
                self._config = config
                self._changes.configure(config)
                self._checks.configure(config)
                self._context.send(Configured(changes=()))
            case TrackerVerdicts(known):
                self._checks.begin(self._config, known)
            case SnapshotRequest(request_id):
                self._context.send(self._checks.snapshot(request_id))
            case _:
                raise AssertionError(f"the worker does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        """Ends when all scripts have run, those of the stop included; the parent's patience is the limit."""
        self._checks.close()
        self._changes.close(done)
