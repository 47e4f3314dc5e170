"""Letters on disk, a file each: there is all of one or nothing, and one that makes no sense is put aside by name.

For one receiver: `DIRECTORY/000000000042.json`. All of it blocks, so it is for a process that may.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence

import msgspec

from alived.notify.outbox import MAX_WAITING
from alived.notify.outbox_events import Letter

MAX_BYTES = 1 << 16
MAX_DAMAGED = 10
"""Files put aside; more are removed."""
_NAME = re.compile(r"(\d{12})\.json\Z")
_DAMAGED = ".damaged"
_decoder = msgspec.json.Decoder(Letter)


class Found(msgspec.Struct, frozen=True):
    letters: tuple[Letter, ...]
    """The newest of them if there are too many, in order"""
    complaints: tuple[str, ...]
    """Sentences about files that make no sense"""


class Spool:
    """All methods may raise OSError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> Found:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        letters, complaints = [], []
        names = sorted(name for name in os.listdir(self.path) if _NAME.match(name))
        for name in names[:-MAX_WAITING]:
            self._remove(name)
        for name in names[-MAX_WAITING:]:
            letter = self._read(name)
            if isinstance(letter, Letter):
                letters.append(letter)
            else:
                complaints.append(f"{os.path.join(self.path, name)} is no message and put aside: {letter}")
                self._put_aside(name)
        return Found(tuple(letters), tuple(complaints))

    def keep(self, letter: Letter) -> None:
        """When this returns it survives a power cut."""
        name = f"{letter.number:012d}.json"
        temporary = os.path.join(self.path, f".{name}")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(msgspec.json.encode(letter))
                file.flush()
                os.fsync(fd)
            os.replace(temporary, os.path.join(self.path, name))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        self._sync_directory()

    def forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._remove(f"{number:012d}.json")

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, name))

    def _read(self, name: str) -> Letter | str:
        """A letter, or why it is none."""
        with open(os.path.join(self.path, name), "rb") as file:
            octets = file.read(MAX_BYTES + 1)
        if len(octets) > MAX_BYTES:
            return f"it has more than {MAX_BYTES} bytes"
        try:
            letter = _decoder.decode(octets)
        except msgspec.MsgspecError as error:
            return str(error)
        return letter if f"{letter.number:012d}.json" == name else f"it says that it is number {letter.number}"

    def _put_aside(self, name: str) -> None:
        aside = sorted(other for other in os.listdir(self.path) if other.endswith(_DAMAGED))
        for other in aside[: max(0, len(aside) + 1 - MAX_DAMAGED)]:
            self._remove(other)
        os.replace(os.path.join(self.path, name), os.path.join(self.path, name + _DAMAGED))

    def _sync_directory(self) -> None:
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
