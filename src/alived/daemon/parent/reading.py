"""Reads and validates a configuration in a forked helper (ADR 0005).

The parent watches children and answers clients, so it must not stop for a reader that takes long, let alone one that
never ends or eats the memory of the machine on a file that is not what it seems. The helper dies with what it read;
the parent gets a `Config` of its own, and never even imports a YAML parser.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import NoReturn

import msgspec

from alived.adapters.forked import EXIT_CRASHED, forget_parent, fork_into
from alived.adapters.loop import Loop
from alived.adapters.privileges import signal_at_parent_death
from alived.base import NS_PER_S, ConfigError, Diagnostic, Location, Severity
from alived.config.model import Config

READ_LIMIT_NS = 60 * NS_PER_S
_READ_SIZE = 1 << 20


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file: config is None if it cannot run."""

    config: Config | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)


Load = Callable[[str], Reading]
"""Reads a file; may raise ConfigError or OSError, or whatever a defect makes it raise."""


def failure(path: str, code: str, message: str) -> Reading:
    return Reading(config=None, diagnostics=(Diagnostic(Severity.ERROR, Location(path), code, message),))


class Reader:
    """Reads one file at a time without stopping the loop."""

    def __init__(self, loop: Loop, load: Load) -> None:
        self._loop = loop
        self._load = load

    def read(self, path: str, done: Callable[[Reading], None], limit_ns: int = READ_LIMIT_NS) -> None:
        """Calls done from the loop, exactly once, whatever happens to the helper."""
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            pid = fork_into(functools.partial(_helper, self._load, path, write_fd))
        except OSError as error:
            os.close(read_fd)
            reading = failure(path, "not-read", f"no process to read the file in: {error.strerror}")
            self._loop.call_soon(lambda: done(reading))
            return
        finally:
            os.close(write_fd)
        _Helper(self._loop, path, pid, read_fd, done, limit_ns)


class _Helper:
    """The parent's side of a running helper."""

    def __init__(
        self, loop: Loop, path: str, pid: int, fd: int, done: Callable[[Reading], None], limit_ns: int
    ) -> None:
        self._loop = loop
        self._path = path
        self._pid = pid
        self._fd = fd
        self._done = done
        self._data = bytearray()
        self._limit_ns = limit_ns
        self._timed_out = False
        self._timer = loop.call_later(limit_ns, self._too_slow)
        loop.add_reader(fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._data += data
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._timer.cancel()
        _, status = os.waitpid(self._pid, 0)  # it closed the pipe by ending
        self._done(self._result(status))

    def _too_slow(self) -> None:
        self._timed_out = True
        os.kill(self._pid, signal.SIGKILL)

    def _result(self, status: int) -> Reading:
        if self._timed_out:
            return failure(self._path, "not-read", f"reading took longer than {self._limit_ns // NS_PER_S} s")
        if status != 0:
            code = os.waitstatus_to_exitcode(status)
            return failure(self._path, "reader-died", f"the process that read the file died (status {code})")
        return msgspec.msgpack.decode(self._data, type=Reading)


def _helper(load: Load, path: str, fd: int) -> NoReturn:
    status = EXIT_CRASHED
    try:
        forget_parent({fd})
        signal_at_parent_death(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.set_blocking(fd, True)
        with os.fdopen(fd, "wb") as pipe:
            pipe.write(msgspec.msgpack.encode(read_here(load, path)))
        status = 0
    finally:
        os._exit(status)


def read_here(load: Load, path: str) -> Reading:
    """Reads in this process; a defect of a reader becomes a diagnostic, since the operator must hear of it anyway."""
    try:
        return load(path)
    except ConfigError as error:
        return Reading(config=None, diagnostics=error.diagnostics)
    except OSError as error:
        return failure(path, "not-read", f"cannot be read: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - see the docstring
        return failure(path, "reader-defect", f"alived failed on this file, please report it: {error!r}")
