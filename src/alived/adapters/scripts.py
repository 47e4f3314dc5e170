"""Runs the operator's scripts: argv without a shell, as another user, in a session of its own.

A script gets a bare environment, /dev/null as input, and no open file of ours (`script_process`). What it prints comes
back line by line, bounded. Its end is seen by a pidfd. If this process dies, its parent kills the scripts that it finds
noted (`running_scripts`), so that the one that replaces us does not run them a second time beside the first.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from alived.adapters.loop import Loop, now_ns
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.script_process import Account, start_process

MAX_LINE = 1000
"""Bytes of a line of output; the rest of it is left out."""
MAX_LINES = 200
"""Lines of output of one run; more are counted only."""
_READ_SIZE = 1 << 14
_READS_AT_END = 8
"""More than a pipe holds; not for ever, since a daemon that the script left behind may go on writing."""


class ScriptRunner:
    """Starts scripts and reports their lines and their ends by the number that the caller gave them.

    on_end(run, status): status as ScriptEnded has it. on_line(run, line) for what it prints.
    """

    def __init__(
        self,
        loop: Loop,
        running: RunningScripts,
        on_end: Callable[[int, int], None],
        on_line: Callable[[int, str], None],
    ) -> None:
        self._loop = loop
        self._noted = running
        self._on_end = on_end
        self._on_line = on_line
        self._running: dict[int, _Run] = {}

    def start(
        self,
        run: int,
        argv: Sequence[str],
        account: Account,
        environment: Mapping[str, str],
        program_fd: int | None = None,
    ) -> None:
        """program_fd: the opened program, see `start_process`. Raises ScriptError."""
        since_ns = now_ns()
        pid, output = start_process(argv, account, environment, program_fd)
        slot = self._noted.begun(pid, since_ns)
        self._running[run] = _Run(
            self._loop,
            pid,
            output,
            lambda status: self._ended(run, slot, status),
            lambda line: self._on_line(run, line),
        )

    def terminate(self, run: int) -> None:
        """What is left of its process group when it has ended is killed."""
        self._signal(run, signal.SIGTERM)

    def kill(self, run: int) -> None:
        self._signal(run, signal.SIGKILL)

    def close(self) -> None:
        """Kills what still runs."""
        for run in list(self._running):
            self.kill(run)

    def _signal(self, run: int, signum: signal.Signals) -> None:
        if (running := self._running.get(run)) is not None:
            running.signal_group(signum)

    def _ended(self, run: int, slot: int | None, status: int) -> None:
        del self._running[run]
        self._noted.ended(slot)
        self._on_end(run, status)


class _Run:
    """A script that runs: its end by pidfd, its output by a pipe, which a daemon that it left behind may keep open."""

    def __init__(
        self,
        loop: Loop,
        pid: int,
        output: int,
        on_end: Callable[[int], None],
        on_line: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._pid = pid
        self._on_end = on_end
        self._on_line = on_line
        self._output = output
        """-1: at its end"""
        self._lines = 0
        self._partial = b""
        self._terminated = False
        self._pidfd = os.pidfd_open(pid)
        loop.add_reader(self._pidfd, self._exited)
        loop.add_reader(output, self._readable)

    def signal_group(self, signum: signal.Signals) -> None:
        self._terminated = True
        with contextlib.suppress(ProcessLookupError):  # ended, and so did all that it started
            os.killpg(self._pid, signum)

    def _exited(self) -> None:
        if self._terminated:
            self.signal_group(signal.SIGKILL)  # its time was over, so was that of all that it started
        _, status = os.waitpid(self._pid, 0)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        for _ in range(_READS_AT_END):
            if not self._read_once():
                break
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        if self._lines > MAX_LINES:
            self._on_line(f"({self._lines - MAX_LINES} more lines left out)")
        self._lines = MAX_LINES  # a daemon that it left behind may go on writing, to nobody
        self._on_end(os.waitstatus_to_exitcode(status))

    def _readable(self) -> None:
        self._read_once()

    def _read_once(self) -> bool:
        """False if there is nothing to read now."""
        if self._output < 0:
            return False
        try:
            data = os.read(self._output, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line)
        self._partial = self._partial[:MAX_LINE]
        return True

    def _line(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= MAX_LINES and line:
            self._on_line(line[:MAX_LINE].decode(errors="backslashreplace"))
