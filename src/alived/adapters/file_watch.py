"""Hears of changes to files by inotify, whatever way they change: written, replaced, moved away, made again, reached by
a symbolic link that points elsewhere now, or in a directory that was not there before.

Not the file is watched but every step of the way to it: each directory for the next name. What inotify does not tell
(another host writes on a network file system; a file that stays open for writing) has to be read now and then.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

NAMES = 0x40 | 0x80 | 0x100 | 0x200 | 0x1000000
"""IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR (linux/inotify.h)"""
CONTENT = NAMES | 0x4 | 0x8
"""and IN_ATTRIB | IN_CLOSE_WRITE"""
IN_Q_OVERFLOW, IN_IGNORED = 0x4000, 0x8000
MAX_STEPS = 60
"""On the way to a file; symbolic links may go in circles"""
READ_BYTES = 1 << 16
_EVENT = struct.Struct("=iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class FileWatch:
    """Tells for which of the wanted paths to look again."""

    def __init__(self) -> None:
        """Raises OSError if the user has no more of them (fs.inotify.max_user_instances)."""
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._watches: dict[str, tuple[int, int]] = {}
        """Watch descriptor and mask by directory."""
        self._paths: dict[tuple[int, str], set[str]] = {}
        """Wanted paths by watch descriptor and name."""

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)

    def want(self, paths: Iterable[str]) -> dict[str, str]:
        """Watches the ways to these paths as they are now, and no others. Call it before reading the files, and again
        when something has changed. Returns why not, for those that cannot be watched."""
        masks: dict[str, int] = {}
        ways = {path: way_to(path) for path in paths}
        for way in ways.values():
            for directory, _ in way:
                masks[directory] = masks.get(directory, 0) | (CONTENT if directory == way[-1][0] else NAMES)
        for directory in self._watches.keys() - masks.keys():
            _libc.inotify_rm_watch(self._fd, self._watches.pop(directory)[0])
        failed = {d: error for d, mask in masks.items() if (error := self._add(d, mask))}
        self._paths = {}
        for path, way in ways.items():
            for directory, name in way:
                if directory in self._watches:
                    self._paths.setdefault((self._watches[directory][0], name), set()).add(path)
        return {path: failed[d] for path, way in ways.items() for d, _ in way if d in failed}

    def _add(self, directory: str, mask: int) -> str:
        """Always again: the directory may be another one of the same name."""
        number = _libc.inotify_add_watch(self._fd, os.fsencode(directory), mask)
        if number >= 0:
            self._watches[directory] = number, mask
            return ""
        self._watches.pop(directory, None)
        error = ctypes.get_errno()
        return "" if error in (errno.ENOENT, errno.ENOTDIR) else os.strerror(error)  # its parent is watched

    def changed(self) -> set[str]:
        """The paths that something has happened to."""
        found: set[str] = set()
        for number, mask, name in self._events():
            if mask & (IN_Q_OVERFLOW | IN_IGNORED):
                found.update(*self._paths.values())
            else:
                found |= self._paths.get((number, name), set())
        return found

    def _events(self) -> Iterable[tuple[int, int, str]]:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._fd, READ_BYTES)
            offset = 0
            while offset < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                yield number, mask, os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
                offset += length


def way_to(path: str) -> list[tuple[str, str]]:
    """The directories that lead to a path, each with the name that is looked up in it; symbolic links are followed. It
    ends where there is nothing any more."""
    way: list[tuple[str, str]] = []
    directory, names = "/", os.path.abspath(path).split("/")[1:]
    while names and len(way) < MAX_STEPS:
        name = names.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            directory = os.path.dirname(directory)
            continue
        way.append((directory, name))
        step = os.path.join(directory, name)
        try:
            target = os.readlink(step)
        except OSError:  # no link, or nothing at all
            directory = step
            continue
        names = [*target.split("/"), *names]
        directory = "/" if target.startswith("/") else directory
    return way


def read_beginning(path: str, octets: int) -> bytes:
    """The first octets of a regular file. Never waits for anybody; raises OSError, with a sentence for what is no file
    ("is a FIFO")."""
    _refuse_unless_regular(os.stat(path).st_mode)  # before it is opened: opening a device may do something
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _refuse_unless_regular(os.fstat(file).st_mode)
        return os.read(file, octets)
    finally:
        os.close(file)


def write_new(path: str, text: str, *, overwrite: bool) -> None:
    """Writes a file that is not there, or (overwrite) one that is, if it is a regular one. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(path, flags | (0 if overwrite else os.O_EXCL), 0o644)
    try:
        _refuse_unless_regular(os.fstat(file).st_mode)
        os.ftruncate(file, 0)
        os.write(file, text.encode())
    finally:
        os.close(file)


_KINDS = {
    stat.S_IFIFO: "is a FIFO",
    stat.S_IFDIR: "is a directory",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


def _refuse_unless_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"{_KINDS.get(stat.S_IFMT(mode), 'is no file')}, no regular file")
