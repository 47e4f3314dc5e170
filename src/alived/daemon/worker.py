"""The worker: runs what the operator wrote. It may be late; it may die.

Scripts of changes run in the order that the hook queue decides, tracked ones when their trackers want it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from alived.adapters.loop import Timer, now_ns
from alived.adapters.scripts import ScriptError, ScriptRunner
from alived.base import DeadlineReached
from alived.config.model import Config
from alived.daemon.child import ChildContext
from alived.daemon.messages import (
    BusMessage,
    Configure,
    Configured,
    ScriptsRan,
    ScriptVerdicts,
    SnapshotRequest,
    Transition,
)
from alived.daemon.script_checks import ScriptChecks
from alived.daemon.script_start import start_script
from alived.hooks.config import NotifyScripts
from alived.hooks.events import (
    Close,
    Drained,
    HookNoticed,
    KillScript,
    HooksDone,
    Kind,
    QueueEffect,
    QueueEvent,
    RunScript,
    ScriptEnded,
    ScriptNotStarted,
    ScriptRan,
    StateDone,
    StateReached,
    TerminateScript,
    Word,
)
from alived.hooks.queue import HookQueue
from alived.vrrp.config import State

_WORDS = {State.MASTER: Word.MASTER, State.BACKUP: Word.BACKUP, State.FAULT: Word.FAULT, State.INIT: Word.STOP}


def make_worker(context: ChildContext) -> Worker:
    return Worker(context)


class Worker:
    """The role of the process that runs scripts."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._queue = HookQueue()
        self._checks = ScriptChecks(context)
        self._runner = ScriptRunner(context.loop, self._script_ended, self._script_said)
        self._labels: dict[int, tuple[str, str]] = {}
        self._timer: Timer | None = None
        self._done: Callable[[], None] | None = None
        self._config = context.config
        self._scripts = _scripts(context.config)
        """Also of objects that a reload deleted: their `notify_deleted` is still to come."""

    def start(self) -> None:
        """Nothing to do before the parent says what is known."""

    def handle(self, message: BusMessage) -> None:
        match message:
            case Transition():
                self._transition(message)
            case Configure():
                self._config = message.config
                self._scripts |= _scripts(message.config)
                self._checks.configure(message.config)
                self._context.send(Configured(changes=()))
            case ScriptVerdicts(known):
                self._checks.begin(self._config, known)
            case SnapshotRequest(request_id):
                self._context.send(self._checks.snapshot(request_id))
            case _:
                raise AssertionError(f"the worker does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        """Ends when all scripts have run, those of the stop included; the parent's patience is the limit."""
        self._done = done
        self._checks.close()
        self._feed(Close())

    def _transition(self, change: Transition) -> None:
        # Unknown to a worker that was started again after the reload that deleted the object: nothing to run.
        scripts = self._scripts.get((change.kind, change.name), NotifyScripts())
        self._feed(
            StateReached(
                kind=Kind(change.kind),
                name=change.name,
                word=Word.DELETED if change.deleted else _WORDS[change.new],
                priority=change.priority,
                reason=change.reason,
                scripts=scripts,
                time_ns=change.time_ns,
            )
        )

    def _feed(self, event: QueueEvent) -> None:
        for effect in self._queue.step(event, now_ns()):
            self._apply(effect)
        self._arm()

    def _arm(self) -> None:
        deadline = self._queue.deadline_ns
        if self._timer is not None and self._timer.deadline_ns != deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and deadline is not None:
            self._timer = self._context.loop.call_at(deadline, self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self._feed(DeadlineReached())

    def _apply(self, effect: QueueEffect) -> None:
        match effect:
            case RunScript():
                self._run(effect)
            case TerminateScript(run):
                self._runner.terminate(run)
            case KillScript(run):
                self._runner.kill(run)
            case HookNoticed(name, level, code, message):
                self._context.log(level, code, message, instance=name)
            case StateDone(kind, name, time_ns):
                self._context.send(ScriptsRan(kind=kind, name=name, time_ns=time_ns))
            case Drained():
                if self._done is not None:
                    self._done()
            case _:
                assert_never(effect)

    def _run(self, effect: RunScript) -> None:
        self._labels[effect.run] = effect.name, effect.label
        try:
            self._start(effect)
        except ScriptError as error:
            # Not at once: the queue is in the middle of a step.
            failed = ScriptNotStarted(effect.run, str(error))
            self._context.loop.call_soon(lambda: self._feed(failed))

    def _start(self, effect: RunScript) -> None:
        script = effect.script
        argv, owner = (*script.argv, *effect.arguments), (script.user, script.group)
        start_script(self._runner, effect.run, argv, owner, effect.environment, self._config.global_defs)

    def _script_ended(self, run: int, status: int) -> None:
        self._labels.pop(run, None)
        self._feed(ScriptEnded(run, status))

    def _script_said(self, run: int, line: str) -> None:
        name, label = self._labels[run]
        self._context.log("info", "hook-output", f"{label}: {line}", instance=name)


def _scripts(config: Config) -> dict[tuple[str, str], NotifyScripts]:
    instances = {(str(Kind.INSTANCE), i.vrrp.name): i.notify for i in config.instances}
    groups = {(str(Kind.GROUP), g.vrrp.name): g.notify for g in config.sync_groups}
    return instances | groups
