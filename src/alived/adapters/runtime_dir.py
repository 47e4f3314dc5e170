"""The runtime directory: made, locked against a second daemon, with a pid file and small files that appear at once.

The lock is flock(2) on `alived.pid`. Children inherit it, so it is held until the last process that may own an address
has ended, however the parent died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time

from alived.base import AlivedError

DEFAULT = "/run/alived"
ENVIRONMENT = "ALIVED_RUNTIME_DIR"
PID_FILE = "alived.pid"
SOCKET_FILE = "alived.sock"
HISTORY_FILE = "history.jsonl"
_LOCK_WAIT_S = 2.0
_LOCK_POLL_S = 0.02
_PROC = "/proc"
CHILD_NAME_PREFIX = "alived: "
"""How the names of our children begin (`ps -o comm`)."""


class RuntimeDirError(AlivedError):
    """The directory cannot be used; the text is for the operator."""


def choose(wanted: str | None) -> str:
    """The directory of the command line, else of the environment, else the default."""
    return wanted or os.environ.get(ENVIRONMENT) or DEFAULT


class RuntimeDir:
    """A directory that this daemon has for itself."""

    def __init__(self, path: str) -> None:
        """Makes and locks it. Waits a little for a daemon that is about to end; raises RuntimeDirError."""
        self.path = path
        try:
            os.makedirs(path, mode=0o755, exist_ok=True)
            self._fd = os.open(self.file(PID_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RuntimeDirError(f"cannot use the runtime directory {path}: {error.strerror}") from error
        self._lock()

    @property
    def lock_fd(self) -> int:
        """To be kept open by children."""
        return self._fd

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def write_pid(self) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def replace(self, name: str, text: str) -> None:
        """Writes a file, for the owner only (a configuration has passwords), so that readers see the old or the new
        one, never half of it. Raises OSError."""
        temporary = self.file(f".{name}.{os.getpid()}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, self.file(name))

    def has(self, name: str) -> bool:
        return os.path.exists(self.file(name))

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.file(name))

    def close(self) -> None:
        """Gives the directory back; the pid file goes first, while it is still ours."""
        self.remove(PID_FILE)
        os.close(self._fd)

    def _lock(self) -> None:
        if self._try_lock(_LOCK_WAIT_S):
            return
        pid = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
        holders = self._holders()
        if pid.isdigit() and int(pid) not in holders:
            # The parent is dead, yet a child of it has not noticed: it is frozen or wedged, and if it ever wakes it
            # acts as an owner. It must not.
            for orphan in holders:
                _kill_child(orphan)
            if self._try_lock(_LOCK_WAIT_S):
                return
        os.close(self._fd)
        raise RuntimeDirError(
            f"another alived (pid {pid or 'unknown'}) runs with the runtime directory {self.path}; "
            "give this one its own with --runtime-dir"
        )

    def _try_lock(self, limit_s: float) -> bool:
        give_up = time.monotonic() + limit_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    return False
                time.sleep(_LOCK_POLL_S)
                continue
            if self._is_current():
                return True
            # The daemon before us removed the file between our open and our lock: lock the file of that name.
            os.close(self._fd)
            self._fd = os.open(self.file(PID_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _holders(self) -> set[int]:
        """Processes, other than this one, that have our pid file open."""
        ours = os.fstat(self._fd)
        holders = set()
        for name in os.listdir(_PROC):
            if name.isdigit() and int(name) != os.getpid() and _has_open(int(name), ours):
                holders.add(int(name))
        return holders

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self.file(PID_FILE)))
        except FileNotFoundError:
            return False


def _has_open(pid: int, file: os.stat_result) -> bool:
    directory = f"{_PROC}/{pid}/fd"
    try:
        return any(os.path.samestat(os.stat(f"{directory}/{fd}"), file) for fd in os.listdir(directory))
    except OSError:
        return False  # it ended, closed that file, or is none of our business


def _kill_child(pid: int) -> None:
    """SIGKILL to a process that is called like a child of ours."""
    with contextlib.suppress(OSError):  # it ended by itself
        pidfd = os.pidfd_open(pid)
        try:
            with open(f"{_PROC}/{pid}/comm") as file:
                if file.read().startswith(CHILD_NAME_PREFIX):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)
