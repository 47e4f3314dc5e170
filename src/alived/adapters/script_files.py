"""Programs that others could exchange: who can, and how to run exactly what was looked at.

A path is a promise of whoever may write to its directories. So a hook is opened once, what was opened is checked, and
what was opened runs (/proc/self/fd/N): a file that takes its place in between is never executed. One with a pinned
digest is copied into sealed memory on the way, so that not even its owner changes what was measured.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import hmac
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from alived.adapters.script_process import Account, ScriptError

MAX_PINNED = 64 << 20
"""Bytes of a program whose digest is checked."""
ROOT = frozenset({0})
_READ_SIZE = 1 << 20
_MFD_EXEC = 0x10
"""Linux 6.3: asked for where memory may not be executed otherwise (vm.memfd_noexec = 1)."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def unsafe_part(path: str, trusted: frozenset[int] = ROOT) -> str:
    """The first part of a path that somebody else than `trusted` users could replace, "" if there is none.

    What keepalived checks under `enable_script_security` for scripts that run as root. Raises OSError.
    """
    parts = os.path.realpath(path).split("/")
    for depth in range(1, len(parts) + 1):
        part = "/".join(parts[:depth]) or "/"
        status = os.stat(part)
        sticky_directory = depth < len(parts) and status.st_mode & stat.S_ISVTX
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky_directory
        if status.st_uid not in trusted or writable:
            return part
    return ""


class Pin(msgspec.Struct, frozen=True):
    """What the content of a program must be."""

    digest: str
    """Hexadecimal SHA-256, or HMAC-SHA-256 with a key"""
    key: bytes = b""

    def measure(self) -> _Digest:
        return hmac.new(self.key, digestmod="sha256") if self.key else hashlib.sha256()

    def check(self, path: str, measured: _Digest) -> None:
        """Raises ScriptError. An HMAC that would be right is told to nobody."""
        found = measured.hexdigest()
        if not hmac.compare_digest(found, self.digest):
            what = "hmac says" if self.key else f"sha256 says: it has {found}"
            raise ScriptError(f"{path} has another content than its {what}")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@contextlib.contextmanager
def opened(path: str, account: Account, pins: Sequence[Pin] = ()) -> Iterator[int]:
    """The program at a path, open for `ScriptRunner.start`. Its content must be what all `pins` say.

    Raises ScriptError, also if others than root and the account that runs it could change it.
    """
    with contextlib.ExitStack() as stack:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            stack.callback(os.close, fd)
            _check(path, fd, account)
            if pins:
                fd = _pinned_copy(path, fd, pins)
                stack.callback(os.close, fd)
        except OSError as error:
            raise ScriptError(f"{path}: {error.strerror}") from error
        yield fd


def _check(path: str, fd: int, account: Account) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise ScriptError(f"{path} is not a file")
    if not status.st_mode & 0o111:
        raise ScriptError(f"{path} is not executable: chmod +x {path}")
    if status.st_uid not in (0, account.uid):
        who = "not to root" if account.uid == 0 else f"neither to root nor to {account.name}"
        raise ScriptError(f"{path} belongs to {_user_name(status.st_uid)}, {who}")
    # Of what was opened, wherever the path may lead by now.
    part = unsafe_part(os.readlink(f"/proc/self/fd/{fd}"), ROOT | {account.uid})
    if part:
        who = "root" if account.uid == 0 else f"root and {account.name}"
        raise ScriptError(f"{part} can be changed by others than {who}: {path} is not run")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _pinned_copy(path: str, fd: int, pins: Sequence[Pin]) -> int:
    """A sealed copy in memory of what is as the pins say."""
    copy = _memory(os.path.basename(path))
    measured = [pin.measure() for pin in pins]
    try:
        with open(f"/proc/self/fd/{fd}", "rb", buffering=0) as source:
            _copy(source.fileno(), copy, measured)
        for pin, digest in zip(pins, measured, strict=True):
            pin.check(path, digest)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
        # The kernel runs nothing that is open for writing.
        return os.open(f"/proc/self/fd/{copy}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(copy)


def _memory(name: str) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(name, flags)  # an older kernel, where all memory may be executed


def _copy(source: int, target: int, digests: Sequence[_Digest]) -> None:
    size = 0
    while data := os.read(source, _READ_SIZE):
        size += len(data)
        if size > MAX_PINNED:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        for digest in digests:
            digest.update(data)
        while data:
            data = data[os.write(target, data) :]
