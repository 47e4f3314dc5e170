"""The directory of a node's log: made if missing, locked against a second process, and its files.

    data_dir/lock                    flock(2); holds the pid of the process that has it
    data_dir/log-0000000000000007    a segment; a higher number replaces all lower ones
    data_dir/log-...07.new           one that is being begun; worth nothing
    data_dir/log-...07.20261121...   a copy made before a recovery; never read, never removed

Other files are left alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re

from alived.base import AlivedError

LOCK_FILE = "lock"
_SEGMENT = re.compile(r"log-(\d{16})")
_UNFINISHED = re.compile(r"log-\d{16}(\..*)?\.new")


class WalError(AlivedError):
    """The directory cannot be used; nothing that was saved in it was changed. The text says why and what to do."""


def segment_name(number: int) -> str:
    return f"log-{number:016d}"


class WalDirectory:
    """The directory, made if missing, locked, and what is done with files in it."""

    def __init__(self, path: str) -> None:
        """Raises WalError."""
        self.path = path
        self._fds: list[int] = []
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
            self._fds.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._fds.append(self._open(LOCK_FILE, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            self.close()
            raise WalError(_inaccessible(path, error)) from error
        self._lock()

    @property
    def _fd(self) -> int:
        return self._fds[0]

    def _lock(self) -> None:
        lock = self._fds[1]
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
            self.close()
            raise WalError(
                f"data_dir {self.path} is in use by process {pid or 'unknown'}: two processes cannot be the same node; "
                "end that one, or give this node a data_dir of its own"
            ) from error
        with contextlib.suppress(OSError):  # a full disk: only the sentence above lacks the number then
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def segments(self) -> list[int]:
        return [int(match[1]) for name in os.listdir(self._fd) if (match := _SEGMENT.fullmatch(name))]

    def content(self, name: str) -> bytes:
        with open(self._open(name, os.O_RDONLY), "rb") as file:
            return file.read()

    def create(self, name: str, data: bytes) -> None:
        """A file with this content; it and its name are on the disk when this returns, or there is no such file."""
        unfinished = f"{name}.new"
        try:
            with open(self._open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb", buffering=0) as file:
                write(file.fileno(), data)
                os.fsync(file.fileno())
            os.rename(unfinished, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except OSError:
            self._remove(unfinished)
            raise
        os.fsync(self._fd)

    def extend(self, name: str) -> int:
        """A descriptor that writes at the end of a file; the caller closes it."""
        return self._open(name, os.O_WRONLY | os.O_APPEND)

    def remove_all_but(self, number: int) -> None:
        """Segments other than this one, and files that were being begun."""
        for name in os.listdir(self._fd):
            segment = _SEGMENT.fullmatch(name)
            if _UNFINISHED.fullmatch(name) or (segment and int(segment[1]) != number):
                self._remove(name)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)

    def _open(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=self._fd)


def write(fd: int, data: bytes) -> None:
    """All of it; what a full disk took of it stays in the file."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _inaccessible(path: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        hint = "make the directory above it first"
    elif error.errno in (errno.EACCES, errno.EPERM):
        hint = f"user {os.geteuid()} must be able to read and write there"
    else:
        hint = "name another one, or put it right"
    return f"cannot use data_dir {path}: {error.strerror}; {hint}"
