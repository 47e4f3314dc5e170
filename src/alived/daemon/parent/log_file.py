"""The log in a file, written by a process of its own: a disk that hangs costs lines, never the time of the daemon.

The parent writes into a pipe and loses lines, counted, if nobody reads it. The process appends them to the file, opens
it anew when it was moved away (logrotate needs no signal), and ends when the daemon is gone, with everything written.
"""

from __future__ import annotations

import functools
import os
import signal
from typing import NoReturn

from alived.adapters.forked import EXIT_CRASHED, forget_parent, fork_into
from alived.adapters.privileges import set_process_name
from alived.daemon.parent.logs import Stderr

MODE = 0o640
_READ_SIZE = 1 << 16


def open_log(path: str) -> int:
    """Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)


class LogFile(Stderr):
    """An output for `Log`. Raises OSError if the file cannot be written to."""

    def __init__(self, path: str) -> None:
        file = open_log(path)
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(write_fd, False)
        try:
            fork_into(functools.partial(_writer, path, file, read_fd))
        finally:
            os.close(read_fd)
            os.close(file)
        super().__init__(write_fd)


def _writer(path: str, file: int, source: int) -> NoReturn:
    status = EXIT_CRASHED
    try:
        forget_parent({file, source})
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        set_process_name("alived: log")
        appender = Appender(path, file)
        while data := os.read(source, _READ_SIZE):
            appender.write(data)
        status = 0
    finally:
        os._exit(status)


class Appender:
    """Appends to the file that has this name now. What cannot be written is counted, and said when it can be again."""

    def __init__(self, path: str, file: int) -> None:
        self._path = path
        self._file = file
        self._lost = 0
        self._why = ""

    def write(self, data: bytes) -> None:
        """data: lines; the last one may go on in what comes next."""
        try:
            if not self._is_current():
                fresh = open_log(self._path)
                os.close(self._file)
                self._file = fresh
            note = b"alived: %d log lines lost: %s\n" % (self._lost, self._why.encode()) if self._lost else b""
            _write_all(self._file, note + data)
        except OSError as error:
            self._lost += data.count(b"\n")
            self._why = error.strerror or str(error)
        else:
            self._lost = 0

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except OSError:
            return False  # moved away


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
