"""Runs the operator's scripts: argv without a shell, as another user, in a session of its own.

A script gets a bare environment, /dev/null as input, and no open file of ours. What it prints comes back line by line,
bounded. Its end is seen by a pidfd. If this process dies, the kernel kills the script, so that the one that replaces us
does not run it a second time beside the first.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from alived.adapters.loop import Loop
from alived.adapters.privileges import signal_at_parent_death
from alived.base import AlivedError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAX_LINE = 1000
"""Bytes of a line of output; the rest of it is left out."""
MAX_LINES = 200
"""Lines of output of one run; more are counted only."""
DEFAULT_USER = "keepalived_script"
"""keepalived's name for the user of scripts that say nothing else, if the machine has it; root otherwise."""
_READ_SIZE = 1 << 14
_READS_AT_END = 8
"""More than a pipe holds; not for ever, since a daemon that the script left behind may go on writing."""


class ScriptError(AlivedError):
    """A script that cannot be started; the text is for the operator."""


class Account:
    """Who a script runs as."""

    def __init__(self, user: str, group: str) -> None:
        """user "": DEFAULT_USER or root; group "": the user's own. Raises ScriptError for one that is unknown."""
        entry = _user(user)
        self.name = entry.pw_name
        self.uid = entry.pw_uid
        self.gid = _gid(group) if group else entry.pw_gid
        self.home = entry.pw_dir

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid() and self.gid == os.getegid()


def _user(name: str) -> pwd.struct_passwd:
    if not name:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(DEFAULT_USER)
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise ScriptError(f"there is no user {name}") from None


def _gid(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ScriptError(f"there is no group {name}") from None


class ScriptRunner:
    """Starts scripts and reports their lines and their ends by the number that the caller gave them.

    on_end(run, status): status as ScriptEnded has it. on_line(run, line) for what it prints.
    """

    def __init__(self, loop: Loop, on_end: Callable[[int, int], None], on_line: Callable[[int, str], None]) -> None:
        self._loop = loop
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
        """program_fd: the opened program, which runs in place of whatever argv[0] names by now. Raises ScriptError.

        The script has that file open: an interpreter reads it as /proc/self/fd/N, which is then its $0.
        """
        base = {"PATH": PATH, "HOME": account.home, "USER": account.name, "LOGNAME": account.name, "LANG": "C.UTF-8"}
        # Without privileges there is nothing to change, and the kernel would refuse even to try.
        changes = os.geteuid() == 0 or not account.is_ours
        try:
            process = subprocess.Popen(
                list(argv),
                executable=argv[0] if program_fd is None else f"/proc/self/fd/{program_fd}",
                pass_fds=() if program_fd is None else (program_fd,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=base | dict(environment),
                start_new_session=True,
                restore_signals=True,
                # One thread, so code between fork and exec is safe; the account is in force already when it runs.
                preexec_fn=_prepare,
                user=account.uid if changes else None,
                group=account.gid if changes else None,
                extra_groups=[] if changes else None,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise ScriptError(f"{argv[0]}: {_why_not_started(error, argv[0])}") from error
        self._running[run] = _Run(
            self._loop, process, lambda status: self._ended(run, status), lambda line: self._on_line(run, line)
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

    def _ended(self, run: int, status: int) -> None:
        del self._running[run]
        self._on_end(run, status)


def _why_not_started(error: Exception, path: str) -> str:
    """What execve(2) says, in terms of the file where it means something else than it seems to say."""
    match error:
        case FileNotFoundError() if os.path.exists(path):
            return "the interpreter that its first line names is not there (line ends of Windows?)"
        case OSError(errno=errno.ENOEXEC):
            return "neither a program nor a script: its first line does not begin with #!"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return str(error)


def _prepare() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(signum, signal.SIG_DFL)
    signal_at_parent_death(signal.SIGKILL)


class _Run:
    """A script that runs: its end by pidfd, its output by a pipe, which a daemon that it left behind may keep open."""

    def __init__(
        self,
        loop: Loop,
        process: subprocess.Popen[bytes],
        on_end: Callable[[int], None],
        on_line: Callable[[str], None],
    ) -> None:
        assert process.stdout is not None
        self._loop = loop
        self._process = process
        self._on_end = on_end
        self._on_line = on_line
        self._output = process.stdout
        self._lines = 0
        self._partial = b""
        self._terminated = False
        os.set_blocking(self._output.fileno(), False)
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._exited)
        loop.add_reader(self._output.fileno(), self._readable)

    def signal_group(self, signum: signal.Signals) -> None:
        self._terminated = True
        with contextlib.suppress(ProcessLookupError):  # ended, and so did all that it started
            os.killpg(self._process.pid, signum)

    def _exited(self) -> None:
        if self._terminated:
            self.signal_group(signal.SIGKILL)  # its time was over, so was that of all that it started
        status = self._process.wait()
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
        self._on_end(status)

    def _readable(self) -> None:
        self._read_once()

    def _read_once(self) -> bool:
        """False if there is nothing to read now."""
        if self._output.closed:
            return False
        try:
            data = os.read(self._output.fileno(), _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._output.fileno())
            self._output.close()
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
