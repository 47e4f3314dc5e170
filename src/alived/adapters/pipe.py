"""A named pipe that we write lines to, whoever reads it or does not.

It is open for reading and writing, as keepalived has it: so it can be opened without a reader, what is written waits
in the kernel for one (64 KiB), and a reader that ends breaks nothing. Beyond that lines wait here; of too many the
oldest go. Nothing of this ever blocks.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import stat

from alived.adapters.loop import Loop
from alived.base import AlivedError

MAX_WAITING = 1000
"""Lines that wait here, behind those in the kernel."""
_MODE = 0o644


class PipeError(AlivedError):
    """The pipe cannot be used; the text is for the operator."""


class Pipe:
    """dropped and waiting are for the status."""

    def __init__(self, loop: Loop, path: str) -> None:
        self._loop = loop
        self.path = path
        self.dropped = 0
        """Lines that no reader will see"""
        self._lines: collections.deque[bytes] = collections.deque()
        self._fd = -1
        self._made = False

    @property
    def waiting(self) -> int:
        return len(self._lines)

    @property
    def is_open(self) -> bool:
        return self._fd >= 0

    def open(self, uid: int, gid: int) -> None:
        """Makes it if it is not there, for this owner; writes what waits. Raises PipeError."""
        assert not self.is_open
        try:
            self._make(uid, gid)
            fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise PipeError(f"{self.path}: {why}") from error
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise PipeError(f"{self.path} is there and is no named pipe")
        self._fd = fd
        self._flush()

    def _make(self, uid: int, gid: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.path, _MODE)
            self._made = True
            os.chmod(self.path, _MODE)  # whatever the umask
            if (uid, gid) != (os.geteuid(), os.getegid()):
                os.chown(self.path, uid, gid)

    def write(self, line: bytes) -> bool:
        """False: an older line had to go for this one."""
        self._lines.append(line)
        if len(self._lines) == 1 and self.is_open:
            self._flush()
        if len(self._lines) <= MAX_WAITING:
            return True
        self._lines.popleft()
        self.dropped += 1
        return False

    def close(self) -> None:
        """A reader finds its end behind the last line. The name goes first, if we made it, so that a reader that opens
        it again does not wait for ever."""
        if self._made:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self._made = False
        if self.is_open:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _flush(self) -> None:
        """A line is shorter than PIPE_BUF: the kernel takes all of it or nothing."""
        while self._lines:
            try:
                os.write(self._fd, self._lines[0])
            except BlockingIOError:
                self._loop.add_writer(self._fd, self._flush)
                return
            self._lines.popleft()
        self._loop.remove_writer(self._fd)
