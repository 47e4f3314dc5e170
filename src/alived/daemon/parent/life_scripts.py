"""`startup_script` and `shutdown_script`: what the parent runs before anything starts, and after everything has ended.

As in keepalived a script that fails, or takes too long, is said in the log and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.loop import Loop, Timer
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.scripts import ScriptHost, ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.worker.script_start import start_script
from alived.hooks.config import Script

GRACE_NS = 2 * NS_PER_S
"""From SIGTERM to SIGKILL, and from there until it is waited for no longer."""
_ONLY = 1


class LifeScripts:
    """patience: told how long the next script may take, before it starts (ns); a service manager wants to know."""

    def __init__(
        self,
        loop: Loop,
        running: RunningScripts,
        config: Callable[[], Config],
        note: Callable[[str, str, str], None],
        patience: Callable[[int], None],
    ) -> None:
        self._loop, self._config, self._note, self._patience = loop, config, note, patience
        self._runner = ScriptRunner(ScriptHost(loop, running), self._ended, self._failed, self._said)
        self._keyword = ""
        self._then: Callable[[], None] | None = None
        self._timer: Timer | None = None

    def before(self, then: Callable[[], None]) -> None:
        """Calls back when it has ended or its time is over; at once if there is none."""
        self._run("startup_script", self._config().global_defs.scripts.startup, then)

    def after(self, then: Callable[[], None]) -> None:
        self._run("shutdown_script", self._config().global_defs.scripts.shutdown, then)

    def give_up(self) -> None:
        """The daemon is told to end while the script of its start runs: it is killed, and nothing follows."""
        self._then = None
        self._cancel()
        self._runner.close()

    def _run(self, keyword: str, script: Script | None, then: Callable[[], None]) -> None:
        if script is None:
            then()
            return
        self._keyword, self._then = keyword, then
        self._patience(script.timeout_ns + 2 * GRACE_NS)
        self._note("info", "life-script", f"{keyword} runs: {script.argv[0]}")
        self._timer = self._loop.call_later(script.timeout_ns, lambda: self._overdue(script.timeout_ns))
        start_script(self._runner, _ONLY, script.argv, (script.user, script.group), {}, self._config().global_defs)

    def _overdue(self, timeout_ns: int) -> None:
        message = f"{self._keyword} takes longer than {timeout_ns / NS_PER_S:g} s: SIGTERM"
        self._note("error", "life-script-failed", message)
        self._runner.terminate(_ONLY)
        self._timer = self._loop.call_later(GRACE_NS, self._kill)

    def _kill(self) -> None:
        self._runner.kill(_ONLY)
        self._timer = self._loop.call_later(GRACE_NS, lambda: self._go_on("does not even end by SIGKILL: given up"))

    def _ended(self, _run: int, status: int) -> None:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self._go_on(how if status else "")

    def _failed(self, _run: int, failure: Failure) -> None:
        self._go_on(f"could not be started: {failure.why}")

    def _said(self, _run: int, line: str) -> None:
        self._note("info", "life-script-output", f"{self._keyword}: {line}")

    def _go_on(self, failure: str) -> None:
        self._cancel()
        then, self._then = self._then, None
        if then is None:
            return  # given up
        if failure:
            self._note("error", "life-script-failed", f"{self._keyword} {failure}; alived goes on")
        then()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
