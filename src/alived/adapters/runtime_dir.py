"""The runtime directory: made, locked against a second daemon, with a pid file and small files that appear at once.

The lock is flock(2) on `alived.pid`. Children inherit it, so it is held until the last process that may own an address
has ended, however the parent died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from alived.base import AlivedError

DEFAULT = "/run/alived"
ENVIRONMENT = "ALIVED_RUNTIME_DIR"
PID_FILE = "alived.pid"
SOCKET_FILE = "alived.sock"
HISTORY_FILE = "history.jsonl"
_LOCK_WAIT_S = 2.0


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
        """Writes a file so that readers see the old or the new one, never half of it. Raises OSError."""
        temporary = self.file(f".{name}.{os.getpid()}")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, self.file(name))

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.file(name))

    def close(self) -> None:
        """Gives the directory back; the pid file goes first, while it is still ours."""
        self.remove(PID_FILE)
        os.close(self._fd)

    def _lock(self) -> None:
        give_up = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() > give_up:
                    pid = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
                    os.close(self._fd)
                    raise RuntimeDirError(
                        f"another alived (pid {pid or 'unknown'}, or a child that it left) runs with the runtime "
                        f"directory {self.path}; give this one its own with --runtime-dir"
                    ) from error
                time.sleep(0.02)
                continue
            if self._is_current():
                return
            # The daemon before us removed the file between our open and our lock: lock the file of that name.
            os.close(self._fd)
            self._fd = os.open(self.file(PID_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self.file(PID_FILE)))
        except FileNotFoundError:
            return False
