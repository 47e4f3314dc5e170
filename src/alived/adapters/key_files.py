"""Files with the shared keys of a cluster: for this user only, and long enough to be no word of a dictionary."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from alived.base import AlivedError

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 4096


class KeyFileError(AlivedError):
    """A key file that must not or cannot be used; the text says why and what to do."""


def read_keys(paths: Sequence[str]) -> list[bytes]:
    """The contents of the files, in this order, without white space around them. Raises KeyFileError."""
    return [_read_key(path) for path in paths]


def private_content(path: str, what: str, most: int) -> bytes:
    """Of a file that nobody but this user (and root) can read or exchange, up to a byte more than `most`.

    what: how messages call it. Raises KeyFileError.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(most + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read {what} {path}: {error.strerror}") from error
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise KeyFileError(f"{what} {path} is open to others (mode {mode:04o}): chmod 600 it, and consider a new key")
    if status.st_uid not in (0, os.geteuid()):
        raise KeyFileError(f"{what} {path} belongs to user {status.st_uid}, who could exchange it: chown root it")
    return content


def _read_key(path: str) -> bytes:
    content = private_content(path, "key file", MAX_KEY_BYTES)
    key = content.strip()
    if len(key) < MIN_KEY_BYTES:
        raise KeyFileError(
            f"key file {path} has {len(key)} bytes, and a key {MIN_KEY_BYTES} or more: alived cluster keygen makes one"
        )
    if len(content) > MAX_KEY_BYTES:
        raise KeyFileError(f"key file {path} has more than {MAX_KEY_BYTES} bytes: that is no key")
    return key
