"""Scripts of changes in the worker: the hook queue decides, and here is what it decides about."""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Callable
from typing import assert_never

from alived.adapters.loop import Timer, now_ns
from alived.adapters.scripts import ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_S, DeadlineReached
from alived.config.model import Config
from alived.daemon.shared import hook_facts
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import HookDue, HookOutcome, HookRan, ScriptsRan, ServerChanged, Transition
from alived.daemon.shared.told import WORDS, is_old_news, notify_scripts
from alived.daemon.worker.script_start import start_hook, start_script, why_not
from alived.hooks.config import Hook, NotifyScripts
from alived.hooks.events import (
    Close,
    Drained,
    HookNoticed,
    HooksDone,
    HooksDue,
    KillScript,
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
from alived.notify.news import News

KEPT_LINES = 10
"""Of the output of a run, for its record: the last ones that were read."""
Key = tuple[str, str]
"""Kind and name of an object."""


class ChangeScripts:
    """Notify scripts and hooks, in order."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._queue = HookQueue()
        self._runner = ScriptRunner(context.scripts, self._ended, self._failed, self._said)
        self._running: dict[int, RunScript] = {}
        """Also those that the queue has given up."""
        self._output: dict[int, collections.deque[str]] = {}
        self._numbers: dict[str, int] = {}
        """Event id -> number by which the engine waits for it"""
        self._timer: Timer | None = None
        self._drained: Callable[[], None] | None = None
        self._config = context.config
        self._notify = notify_scripts(context.config)
        """Also of objects that a reload deleted: their `notify_deleted` is still to come."""
        self._hooks = _hooks(context.config)
        """Likewise"""

    def start(self) -> None:
        self._context.loop.call_soon(self._look_at_hooks)  # a slow disk does not hold up the start

    def configure(self, config: Config) -> None:
        self._config = config
        self._notify |= notify_scripts(config)
        self._hooks |= _hooks(config)
        self._look_at_hooks()

    def close(self, drained: Callable[[], None]) -> None:
        """Nothing new comes; calls back when all have run."""
        self._drained = drained
        self._feed(Close())

    def reached(self, change: Transition) -> None:
        # Unknown to a worker that was started again after the reload that deleted the object: nothing to run.
        scripts = self._notify.get((change.kind, change.name), NotifyScripts())
        if is_old_news(change, scripts):
            scripts = NotifyScripts()
        self._feed(
            StateReached(
                kind=Kind(change.kind),
                name=change.name,
                word=Word.DELETED if change.deleted else WORDS[change.new],
                priority=change.priority,
                reason=change.reason,
                scripts=scripts,
                time_ns=change.time_ns,
            )
        )

    def server_changed(self, change: ServerChanged) -> None:
        self._feed(
            StateReached(
                kind=change.kind,
                name=change.name,
                word=change.new,
                priority=0,
                reason=change.reason,
                scripts=self._notify.get((change.kind, change.name), NotifyScripts()),
                time_ns=change.time_ns,
                environment=(
                    ("ALIVED_NAME", change.server or change.virtual_server),
                    ("ALIVED_VIRTUAL_SERVER", change.virtual_server),
                ),
            )
        )

    def happened(self, news: News) -> None:
        """Scripts of what is no change of state; those of states come with their `Transition`."""
        if news.word is Word.MASTER_RX_LOWER_PRI:
            scripts = self._notify.get((news.kind, news.name), NotifyScripts())
            self._feed(
                StateReached(
                    kind=news.kind,
                    name=news.name,
                    word=news.word,
                    priority=news.priority,
                    reason=news.reason,
                    scripts=scripts,
                    time_ns=0,
                )
            )

    def due(self, due: HookDue) -> None:
        hooks = self._hooks.get((due.kind, due.name))
        if hooks is None:  # deleted by a reload before this worker began
            hooks = hook_facts.hooks_of(self._config, due.kind, due.name)
        wanted = (hook for hook in hooks if hook.event is due.event and due.by_hand in ("", hook.script.argv[0]))
        self._numbers[due.event_id] = due.number
        self._feed(
            HooksDue(
                kind=Kind(due.kind),
                name=due.name,
                event=due.event,
                event_id=due.event_id,
                hooks=tuple(wanted),
                facts=hook_facts.facts(self._config, due, os.uname().nodename),
                by_hand=bool(due.by_hand),
            )
        )

    def _look_at_hooks(self) -> None:
        """Says now what would be learned in the moment of a fail-over."""
        for hook in dict.fromkeys(hook for hooks in _hooks(self._config).values() for hook in hooks):
            if reason := why_not(hook, self._config.global_defs):
                self._context.log("warning", "hook-not-runnable", f"{hook.event} would not run now: {reason}")

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
                self._log(name, level, code, message)
            case ScriptRan():
                self._report(effect)
            case StateDone(kind, name, time_ns):
                self._context.send(ScriptsRan(kind=kind, name=name, time_ns=time_ns))
            case HooksDone():
                self._answer(effect)
            case Drained():
                assert self._drained is not None
                self._drained()
            case _:
                assert_never(effect)

    def _run(self, effect: RunScript) -> None:
        self._running[effect.run] = effect
        self._output[effect.run] = collections.deque(maxlen=KEPT_LINES)
        script, defaults = effect.script, self._config.global_defs
        if effect.hook is not None:
            start_hook(self._runner, effect.run, effect.hook, effect.environment, defaults)
        else:
            argv, owner = (*script.argv, *effect.arguments), (script.user, script.group)
            start_script(self._runner, effect.run, argv, owner, effect.environment, defaults)

    def _ended(self, run: int, status: int) -> None:
        del self._running[run]
        self._feed(ScriptEnded(run, status))

    def _failed(self, run: int, failure: Failure) -> None:
        del self._running[run]
        self._feed(ScriptNotStarted(run, failure.why))

    def _said(self, run: int, line: str) -> None:
        effect = self._running[run]
        self._log(effect.name, "info", "hook-output", f"{effect.label}[{run}]: {line}")
        if run in self._output:
            self._output[run].append(line)

    def _log(self, name: str, level: str, code: str, message: str) -> None:
        self._context.log(level, code, message, **({"instance": name} if name else {}))

    def _report(self, ran: ScriptRan) -> None:
        self._context.send(
            HookRan(
                run=ran.run,
                kind=ran.kind,
                name=ran.name,
                label=ran.label,
                program=ran.program,
                event_id=ran.event_id,
                trigger=ran.trigger,
                by_hand=ran.by_hand,
                attempt=ran.attempt,
                wall_time=time.time() - (now_ns() - ran.since_ns) / NS_PER_S,
                duration_ns=ran.duration_ns,
                failure=ran.failure,
                status=ran.status,
                output=tuple(self._output.pop(ran.run)),
            )
        )

    def _answer(self, done: HooksDone) -> None:
        self._context.send(
            HookOutcome(
                kind=done.kind,
                name=done.name,
                event=done.event,
                number=self._numbers.pop(done.event_id),
                ok=done.ok,
                reason=done.reason,
                superseded=done.superseded,
                event_id=done.event_id,
            )
        )


def _hooks(config: Config) -> dict[Key, tuple[Hook, ...]]:
    return {(kind, name): hook_facts.hooks_of(config, kind, name) for kind, name in hook_facts.objects(config)}
