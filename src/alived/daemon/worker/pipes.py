"""`notify_fifo`, `vrrp_notify_fifo` and `lvs_notify_fifo` in the worker, each with the script that reads it.

A reload leaves a pipe alone whose lines in the configuration stay the same (keepalived makes all of them anew and
starts all scripts again). A script that ends is started again, with a growing delay.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from alived.adapters.loop import Timer, now_ns
from alived.adapters.pipe import Pipe, PipeError
from alived.adapters.script_process import Account, ScriptError
from alived.adapters.scripts import ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.heartbeat import Backoff
from alived.daemon.worker.script_start import start_script
from alived.notify.config import Fifo
from alived.notify.news import News
from alived.notify.pipe_lines import PipeSnapshot, fifos_of, goes_to, line

GRACE_NS = 500 * NS_PER_MS
"""A script has so long to read to the end of its pipe and to end by itself, and again after SIGTERM."""


class Pipes:
    """The pipes of the configuration in force, and those of older ones until their scripts have ended."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._runner = ScriptRunner(context.scripts, self._script_ended, self._script_failed, self._script_said)
        self._runs = itertools.count(1)
        self._by_keyword: dict[str, _Outlet] = {}
        self._leaving: set[_Outlet] = set()
        self._running: dict[int, _Outlet] = {}
        self._closed: Callable[[], None] | None = None

    def configure(self, config: Config) -> None:
        wanted = dict(fifos_of(config.global_defs.fifos))
        for keyword, outlet in list(self._by_keyword.items()):
            if outlet.fifo != wanted.get(keyword):
                del self._by_keyword[keyword]
                self._leave(outlet)
        for keyword, fifo in wanted.items():
            if keyword not in self._by_keyword:
                outlet = _Outlet(self._context, keyword, fifo, self._start_script)
                self._by_keyword[keyword] = outlet
            self._by_keyword[keyword].begin(config.global_defs)

    def tell(self, news: News) -> None:
        for keyword, outlet in self._by_keyword.items():
            if goes_to(keyword, news):
                outlet.write(line(news))

    def snapshots(self) -> tuple[PipeSnapshot, ...]:
        return tuple(outlet.snapshot() for outlet in self._by_keyword.values())

    def close(self, closed: Callable[[], None]) -> None:
        """Calls back when all scripts have ended."""
        for outlet in self._by_keyword.values():
            self._leave(outlet)
        self._by_keyword.clear()
        self._closed = closed
        self._look_whether_closed()

    def _leave(self, outlet: _Outlet) -> None:
        outlet.close()
        run = outlet.run
        if run is None:
            return
        self._leaving.add(outlet)
        loop = self._context.loop
        loop.call_later(GRACE_NS, lambda: self._runner.terminate(run))
        loop.call_later(2 * GRACE_NS, lambda: self._runner.kill(run))

    def _look_whether_closed(self) -> None:
        if self._closed is not None and not self._leaving:
            closed, self._closed = self._closed, None
            closed()

    def _start_script(self, outlet: _Outlet, defaults: GlobalDefs) -> int:
        script = outlet.fifo.script
        assert script is not None
        run = next(self._runs)
        argv = (*script.argv, outlet.fifo.path)
        start_script(self._runner, run, argv, (script.user, script.group), {}, defaults)
        self._running[run] = outlet
        return run

    def _script_ended(self, run: int, status: int) -> None:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self._script_over(run, f"{self._running[run].keyword}_script {how}")

    def _script_failed(self, run: int, failure: Failure) -> None:
        self._script_over(run, failure.why)

    def _script_over(self, run: int, why: str) -> None:
        outlet = self._running.pop(run)
        self._leaving.discard(outlet)
        outlet.script_over(why)
        self._look_whether_closed()

    def _script_said(self, run: int, text: str) -> None:
        self._context.log("info", "fifo-script-output", f"{self._running[run].keyword}_script: {text}")


class _Outlet:
    """A pipe and its script."""

    def __init__(
        self, context: ChildContext, keyword: str, fifo: Fifo, start: Callable[[_Outlet, GlobalDefs], int]
    ) -> None:
        self._context, self._start = context, start
        self.keyword, self.fifo = keyword, fifo
        self.run: int | None = None
        """Of the script, while it runs"""
        self._pipe = Pipe(context.loop, fifo.path)
        self._defaults = GlobalDefs()
        self._backoff = Backoff()
        self._starts = 0
        self._since_ns = 0
        self._again: Timer | None = None
        self._dropping = False
        self._left = False

    def begin(self, defaults: GlobalDefs) -> None:
        """Opens the pipe and starts the script, unless both is done."""
        self._defaults = defaults
        self._cancel()
        try:
            if not self._pipe.is_open:
                self._pipe.open(*self._owner())
            if self.fifo.script is not None and self.run is None:
                self.run = self._start(self, defaults)
                self._starts += 1
                self._since_ns = now_ns()
        except (PipeError, ScriptError) as error:
            self._later(f"{error}")

    def _owner(self) -> tuple[int, int]:
        """User and group of the pipe: by default those of scripts, as keepalived has it. Raises ScriptError."""
        defaults = self._defaults
        account = Account(self.fifo.user or defaults.script_user, self.fifo.group or defaults.script_group)
        return account.uid, account.gid

    def write(self, text: bytes) -> None:
        if self._pipe.write(text):
            self._dropping = self._dropping and self._pipe.waiting > 0
        elif not self._dropping:
            self._dropping = True
            message = f"{self.keyword} {self.fifo.path}: nobody reads it: the oldest lines are dropped"
            self._context.log("warning", "fifo-full", message)

    def close(self) -> None:
        self._left = True
        self._cancel()
        if self._pipe.waiting:
            message = f"{self.keyword} {self.fifo.path}: {self._pipe.waiting} lines were never read"
            self._context.log("warning", "fifo-full", message)
        self._pipe.close()

    def script_over(self, why: str) -> None:
        self.run = None
        if not self._left:
            self._later(why)

    def snapshot(self) -> PipeSnapshot:
        return PipeSnapshot(
            keyword=self.keyword,
            path=self.fifo.path,
            open=self._pipe.is_open,
            waiting=self._pipe.waiting,
            dropped=self._pipe.dropped,
            script=self.fifo.script.argv[0] if self.fifo.script else "",
            script_runs=self.run is not None,
            script_starts=self._starts,
        )

    def _later(self, why: str) -> None:
        delay_ns = max(self._backoff.delay_ns(now_ns() - self._since_ns), NS_PER_S)
        message = f"{self.keyword}: {why}; again in {delay_ns // NS_PER_S} s"
        self._context.log("error", "fifo-trouble", message)
        self._again = self._context.loop.call_later(delay_ns, lambda: self.begin(self._defaults))

    def _cancel(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
