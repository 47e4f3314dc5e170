"""The machine that a configuration is read on: files, names, environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from alived.config.text.host import Kind
from alived.config.text.tokens import MAX_BYTES

Reader = Callable[[str], bytes]
"""Gives the bytes of a file or raises OSError."""


def read_file(path: str) -> bytes:
    """The bytes of a file, one more than MAX_BYTES at most. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)


class ThisHost:
    """read: where the bytes of a path come from, if it is not the file itself."""

    def __init__(self, read: Reader = read_file) -> None:
        self._read = read

    def read(self, path: str) -> bytes:
        return self._read(path)

    def names(self, directory: str) -> Sequence[str]:
        return os.listdir(directory or ".")

    def kind(self, path: str) -> Kind:
        try:
            mode = os.stat(path or ".").st_mode
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return Kind.LOOSE_LINK if os.path.islink(path) else Kind.NOTHING
        if stat.S_ISDIR(mode):
            return Kind.DIRECTORY
        if not stat.S_ISREG(mode):
            return Kind.OTHER
        return Kind.PROGRAM if mode & 0o111 else Kind.FILE

    def real_path(self, path: str) -> str:
        return os.path.realpath(path)

    def name(self) -> str:
        return os.uname().nodename

    def variable(self, name: str) -> str | None:
        return os.environ.get(name)
