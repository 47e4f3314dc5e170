"""Commands of MISC_CHECK: their time, their ends, and how many of them run at once.

A command that outlives `misc_timeout` has failed at that moment. Its process group gets SIGTERM, and SIGKILL after a
grace. While one cannot be ended at all no other is started for the same check, and each try is a failure.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable

from alived.adapters.loop import Timer, now_ns
from alived.adapters.probe import Undecided
from alived.adapters.scripts import ScriptHost, ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_S
from alived.config.model import GlobalDefs
from alived.daemon.worker.script_start import start_script
from alived.health.check_events import Sight
from alived.health.config import MiscCheck
from alived.health.dialogue import Verdict
from alived.health.misc import misc_verdict
from alived.health.script_tracker import KILL_GRACE_NS

MOST_AT_ONCE = 128
"""Others wait for their turn, and their time does not run."""
KEPT_LINES = 5
"""Of the output: the last ones that were read (adapters.scripts.MAX_LINES)."""
Done = Callable[[Verdict | Undecided, int, Sight], None]
"""Verdict, nanoseconds that it took, what it printed."""


class Commands:
    """`start` never calls back before it returns."""

    def __init__(self, scripts: ScriptHost) -> None:
        self._loop = scripts.loop
        self._runner = ScriptRunner(scripts, self._ended, self._failed, self._said)
        self._running: dict[int, Command] = {}
        self._waiting: collections.deque[Command] = collections.deque()
        self._count = 0

    def start(self, check: MiscCheck, defaults: GlobalDefs, done: Done, before: Command | None = None) -> Command:
        """before: the last run of the same check; if that cannot be ended, this one has failed."""
        self._count += 1
        command = Command(self, self._count, check, defaults, done)
        if before is not None and before.number in self._running:
            self._soon(command, f"the run before hangs: it was to end {before.overdue_s:.1f} s ago")
        else:
            self._waiting.append(command)
            self._begin_waiting()
        return command

    def close(self) -> None:
        """Kills what runs and starts nothing any more."""
        self._waiting.clear()
        for command in self._running.values():
            command.cancel()

    def cancelled(self, command: Command) -> None:
        """Nobody wants to hear of it any more."""
        if command.number in self._running:
            self._runner.kill(command.number)
        elif command in self._waiting:
            self._waiting.remove(command)

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < MOST_AT_ONCE:
            self._begin(self._waiting.popleft())

    def _begin(self, command: Command) -> None:
        check = command.check
        command.since_ns = now_ns()
        self._running[command.number] = command
        command.timer = self._loop.call_later(check.misc_timeout_ns, functools.partial(self._late, command))
        start_script(self._runner, command.number, check.argv, (check.user, check.group), {}, command.defaults)

    def _soon(self, command: Command, why: str) -> None:
        """Its failure, but not before `start` has returned."""
        self._loop.call_soon(functools.partial(command.report, Verdict(False, why)))

    def _late(self, command: Command) -> None:
        command.over_ns = now_ns()
        self._runner.terminate(command.number)
        command.timer = self._loop.call_later(KILL_GRACE_NS, functools.partial(self._runner.kill, command.number))
        command.report(Verdict(False, f"timed out after {command.check.misc_timeout_ns / NS_PER_S:g} s"))

    def _said(self, number: int, line: str) -> None:
        self._running[number].output.append(line)

    def _ended(self, number: int, status: int) -> None:
        command = self._over(number)
        command.report(misc_verdict(command.check, status), status)

    def _failed(self, number: int, failure: Failure) -> None:
        why = f"cannot be started: {failure.why}"
        self._over(number).report(Undecided(why) if failure.ours else Verdict(False, why))

    def _over(self, number: int) -> Command:
        command = self._running.pop(number)
        if command.timer is not None:
            command.timer.cancel()
        self._begin_waiting()
        return command


class Command:
    """A run that goes on, waits for its turn, or is over."""

    def __init__(self, commands: Commands, number: int, check: MiscCheck, defaults: GlobalDefs, done: Done) -> None:
        self._commands = commands
        self._done: Done | None = done
        self.number = number
        self.check = check
        self.defaults = defaults
        self.since_ns = now_ns()
        self.over_ns: int | None = None
        """Since when it is to end."""
        self.timer: Timer | None = None
        self.output: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)

    def cancel(self) -> None:
        """Kills it; `done` is not called any more."""
        self._done = None
        self.over_ns = self.over_ns or now_ns()
        self._commands.cancelled(self)

    @property
    def overdue_s(self) -> float:
        return (now_ns() - self.over_ns) / NS_PER_S if self.over_ns else 0.0

    def report(self, verdict: Verdict | Undecided, status: int | None = None) -> None:
        """The first report counts."""
        done, self._done = self._done, None
        if done is not None:
            done(verdict, now_ns() - self.since_ns, Sight(exit_status=status, output=tuple(self.output)))
