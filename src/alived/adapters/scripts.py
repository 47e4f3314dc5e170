"""Runs the operator's scripts: argv without a shell, as another user, in a session of its own.

A script gets a bare environment, /dev/null as input, and no open file of ours (`script_process`). What it prints comes
back line by line, bounded. Its end is seen by a pidfd. If this process dies, its parent kills the scripts that it finds
noted (`running_scripts`), so that the one that replaces us does not run them a second time beside the first.
"""

from __future__ import annotations

import collections
import functools
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from alived.adapters.loop import Loop, now_ns
from alived.adapters.running_scripts import RunningScripts, signal_if_it_is
from alived.adapters.script_process import Account, Program
from alived.adapters.starters import Failure, Starter, Starters
from alived.health.dialogues.conversation import printable

MAX_LINE = 1000
"""Bytes of a line of output; the rest of it is left out."""
MAX_LINES = 200
"""Lines of output of one run that are reported as they come; more are counted only."""
LAST_LINES = 5
"""But for so many at its end: they say what it died of."""
_READ_SIZE = 1 << 16
MOST_LEFT = 32
"""Outputs that stay open for what scripts have left behind. Of more the oldest is closed, and who writes there ends: a
script that leaves something behind each time must not use up our files, without which nothing can be asked."""
_READS_AT_END = 8
"""More than a pipe holds; not for ever, since a daemon that the script left behind may go on writing."""


class ScriptHost:
    """What all runners of a process share: who starts scripts, and the notes of what runs."""

    def __init__(self, loop: Loop, running: RunningScripts) -> None:
        self.loop = loop
        self.running = running
        self.starters = Starters(loop, running)
        self._left: dict[int, Callable[[], None]] = {}
        """Outputs of scripts that have ended, oldest first, and how each is closed."""

    def keep(self, output: int, close: Callable[[], None]) -> None:
        """Somebody still has it. close: calls `closed`."""
        self._left[output] = close
        if len(self._left) > MOST_LEFT:
            next(iter(self._left.values()))()

    def closed(self, output: int) -> None:
        """Nobody has it any more."""
        self._left.pop(output, None)


class ScriptRunner:
    """Starts scripts and reports their lines and their ends by the number that the caller gave them.

    on_end(run, status): status as ScriptEnded has it. on_failure(run, failure): it was not started, or its end cannot
    be known. One of the two is called, once, and neither before `start` has returned. on_line(run, line) for what it
    prints.
    """

    def __init__(
        self,
        host: ScriptHost,
        on_end: Callable[[int, int], None],
        on_failure: Callable[[int, Failure], None],
        on_line: Callable[[int, str], None],
    ) -> None:
        self._host = host
        self._on_end = on_end
        self._on_failure = on_failure
        self._on_line = on_line
        self._running: dict[int, _Run] = {}

    def start(
        self,
        run: int,
        argv: Sequence[str],
        account: Account,
        environment: Mapping[str, str],
        opened: int | None = None,
    ) -> None:
        """opened: the opened program, see `spawn`."""
        try:
            starter = self._host.starters.of(account)
            output, its_output = os.pipe2(os.O_CLOEXEC)
        except OSError as error:
            self.refuse(run, Failure(f"{argv[0]}: no process can be made for it: {error.strerror}", ours=True))
            return
        os.set_blocking(output, False)
        over, on_line = functools.partial(self._over, run), functools.partial(self._on_line, run)
        script = _Run(self._host, starter, output, over, on_line)
        self._running[run] = script
        starter.start(Program.of(argv, account.environment() | dict(environment)), its_output, opened, script)
        os.close(its_output)

    def refuse(self, run: int, failure: Failure) -> None:
        """Reports a failure of what was not even tried."""
        self._host.loop.call_soon(functools.partial(self._on_failure, run, failure))

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

    def _over(self, run: int, end: int | Failure) -> None:
        del self._running[run]
        if isinstance(end, Failure):
            self._on_failure(run, end)
        else:
            self._on_end(run, end)


class _Run:
    """A script from the order to its end: its process by pidfd, its output by a pipe, which a daemon that it left
    behind may keep open."""

    def __init__(
        self,
        host: ScriptHost,
        starter: Starter,
        output: int,
        over: Callable[[int | Failure], None],
        on_line: Callable[[str], None],
    ) -> None:
        self._host = host
        self._loop = host.loop
        self._starter = starter
        self._over = over
        self._on_line = on_line
        self._output = output
        """-1: at its end"""
        self._lines = 0
        self._last: collections.deque[bytes] = collections.deque(maxlen=LAST_LINES)
        """Of those that were not reported"""
        self._partial = b""
        self._ordered_ns = now_ns()
        self._pid = self._since_ns = 0
        """0: it has not begun, or has ended"""
        self._pidfd = -1
        self._slot: int | None = None
        self._signal: signal.Signals | None = None
        """The last that it was sent, or shall be as soon as it has begun"""
        self._loop.add_reader(output, self._readable)

    def begun(self, pid: int, since_ns: int) -> None:
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return  # the starter died with it, and `failed` comes
        self._pid = pid
        # Another account must not name for root what is older than our order.
        self._since_ns = max(since_ns, self._ordered_ns)
        self._slot = self._host.running.begun(pid, self._since_ns)
        self._loop.add_reader(self._pidfd, self._exited)
        if self._signal is not None:
            self.signal_group(self._signal)

    def signal_group(self, signum: signal.Signals) -> None:
        self._signal = signum
        if self._pid:
            self._starter.signal_group(self._pid, signum)

    def _exited(self) -> None:
        if self._signal is not None:
            self.signal_group(signal.SIGKILL)  # its time was over, so was that of all that it started
        pid = self._pid
        self._forget_process()
        self._starter.reap(pid)

    def ended(self, status: int) -> None:
        self._finish_output()
        self._over(status)

    def failed(self, failure: Failure) -> None:
        if self._pid:
            signal_if_it_is(self._pid, self._since_ns, signal.SIGKILL)
            self._forget_process()
        self._finish_output()
        self._over(failure)

    def _forget_process(self) -> None:
        self._pid = 0
        self._host.running.ended(self._slot)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)

    def _finish_output(self) -> None:
        for _ in range(_READS_AT_END):
            if not self._read_once():
                break
        if self._partial:
            self._take([self._partial])
            self._partial = b""
        if (left_out := self._lines - MAX_LINES - len(self._last)) > 0:
            self._on_line(f"({left_out} lines left out)")
        for line in self._last:
            self._report(line)
        self._lines = MAX_LINES  # a daemon that it left behind may go on writing, to nobody
        if self._output >= 0:
            self._host.keep(self._output, self._close_output)

    def _close_output(self) -> None:
        self._loop.remove_reader(self._output)
        os.close(self._output)
        self._host.closed(self._output)
        self._output = -1

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
            self._close_output()
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._take(lines)
        self._partial = self._partial[:MAX_LINE]
        return True

    def _take(self, lines: list[bytes]) -> None:
        """Of a flood nothing is done line by line: it must cost whoever prints it more than us."""
        room = max(MAX_LINES - self._lines, 0)
        self._lines += len(lines)
        for line in lines[:room]:
            self._report(line)
        self._last.extend(line[:MAX_LINE] for line in lines[room:][-LAST_LINES:])

    def _report(self, line: bytes) -> None:
        if line:
            self._on_line(printable(line[:MAX_LINE].decode(errors="backslashreplace").expandtabs()))
