"""A disk of which a crash keeps what was synced, and any part of the rest.

`Recorder` stands for the module `os` while files of one directory are written: everything really happens, and is noted.
`Recorder.crash` then builds a directory as a crash at some moment may have left it: of data written since the last sync
of a file any sectors, with a size anywhere up to the new one, sectors that are missing read as zeros; of names given or
taken since the last sync of the directory any.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

SECTOR = 512
Choose = Callable[[int], int]
"""choose(n): a number from 0 to n - 1"""


class Write(NamedTuple):
    file: int
    offset: int
    data: bytes


class Sync(NamedTuple):
    file: int


class Name(NamedTuple):
    """file 0: the name is taken away."""

    name: str
    file: int


class SyncNames(NamedTuple):
    pass


Operation = Write | Sync | Name | SyncNames


class Recorder:
    """Delegates to `os`, and notes what changes the directory. Files are numbered from 1 as they are made, as the
    kernel gives the inode of a removed one to the next; 0 is the directory."""

    def __init__(self) -> None:
        self._opened: dict[int, int] = {}
        self._named: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self.operations: list[Operation] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        fd = os.open(path, flags, mode, dir_fd=dir_fd)
        if dir_fd is None:
            self._opened[fd] = 0
            return fd
        if path not in self._named:
            self._named[path] = len(self._sizes) + 1
            self._sizes[self._named[path]] = 0
            self.operations.append(Name(path, self._named[path]))
        self._opened[fd] = self._named[path]
        return fd

    def write(self, fd: int, data: bytes) -> int:
        file = self._opened[fd]
        written = os.write(fd, data)
        self.operations.append(Write(file, self._sizes[file], bytes(data[:written])))
        self._sizes[file] += written
        return written

    def fsync(self, fd: int) -> None:
        self.operations.append(Sync(self._opened[fd]) if self._opened[fd] else SyncNames())
        os.fsync(fd)

    def fdatasync(self, fd: int) -> None:
        self.operations.append(Sync(self._opened[fd]))
        os.fdatasync(fd)

    def rename(self, old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        os.rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self._named[new] = self._named.pop(old)
        self.operations += [Name(new, self._named[new]), Name(old, 0)]

    def unlink(self, name: str, *, dir_fd: int) -> None:
        os.unlink(name, dir_fd=dir_fd)
        del self._named[name]
        self.operations.append(Name(name, 0))

    def crash(self, moment: int, into: Path, choose: Choose) -> None:
        """What a crash after the first `moment` operations may leave."""
        disk = _Disk()
        for operation in self.operations[:moment]:
            disk.take(operation)
        into.mkdir()
        for name, file in disk.names_after_crash(choose).items():
            (into / name).write_bytes(disk.content_after_crash(file, choose))


class _Disk:
    def __init__(self) -> None:
        self._synced: dict[int, bytes] = {}
        self._written: dict[int, bytes] = {}
        self._names: dict[str, int] = {}
        self._names_pending: list[Name] = []

    def take(self, operation: Operation) -> None:
        match operation:
            case Write(file, offset, data):
                assert offset == len(self._written.get(file, b"")), "a log is only ever extended"
                self._written[file] = self._written.get(file, b"") + data
            case Sync(file):
                self._synced[file] = self._written.get(file, b"")
            case Name():
                self._names_pending.append(operation)
            case SyncNames():
                self._names = self._named(self._names_pending)
                self._names_pending = []

    def _named(self, changes: list[Name]) -> dict[str, int]:
        names = dict(self._names)
        for name, file in changes:
            names.pop(name, None)
            if file:
                names[name] = file
        return names

    def names_after_crash(self, choose: Choose) -> dict[str, int]:
        return self._named([change for change in self._names_pending if choose(2)])

    def content_after_crash(self, file: int, choose: Choose) -> bytes:
        synced, written = self._synced.get(file, b""), self._written.get(file, b"")
        size = len(synced) + choose(len(written) - len(synced) + 1)
        content = bytearray(synced.ljust(size, b"\0"))
        for sector in range(len(synced) // SECTOR, size // SECTOR + 1):
            if choose(2):
                begin, end = max(sector * SECTOR, len(synced)), min((sector + 1) * SECTOR, size)
                content[begin:end] = written[begin:end]
        return bytes(content)
