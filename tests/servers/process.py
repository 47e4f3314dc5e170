"""A server as a process of the test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

NOBODY = "nobody"
"""Who runs servers that refuse to be run by root"""
PAUSE_S = 0.02


def program(name: str, *places: str) -> str:
    """Its path; skips the test if it is not there. places: directories beyond PATH."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", *places))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/setup test")
    return found


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """One that whoever runs the server may use: the directories of pytest are root's alone."""
    with tempfile.TemporaryDirectory(prefix="alived-server-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, NOBODY)
        yield Path(name)


def readable_by_servers(place: Path) -> None:
    """The files in it: of whoever runs servers, and private as keys must be."""
    for path in place.iterdir():
        if os.geteuid() == 0:
            shutil.chown(path, NOBODY)
        path.chmod(0o600)


def unprivileged() -> str | None:
    """The user for subprocess: nobody if we are root."""
    return NOBODY if os.geteuid() == 0 else None


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class ServerProcess:
    """One that listens on 127.0.0.1:port. directory: where it runs, if not where its log is. ending: the signal that
    ends it at once."""

    address = "127.0.0.1"

    def __init__(
        self,
        argv: Sequence[str],
        port: int,
        log: Path,
        *,
        user: str | None = None,
        directory: Path | None = None,
        env: Mapping[str, str] | None = None,
        ending: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.port = port
        self.log = log
        self._ending = ending
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory or log.parent,
                user=user,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def await_port(self) -> None:
        """Until somebody can connect."""
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port)):
                return
            self.check_alive()
            time.sleep(PAUSE_S)

    def check_alive(self) -> None:
        if self._process.poll() is not None:
            raise AssertionError(f"{self._process.args!r} has ended:\n{self.log.read_text(errors='replace')}")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The kernel takes connections for it, but nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(self._ending)
            self._process.wait()


@contextlib.contextmanager
def running(server: ServerProcess) -> Iterator[ServerProcess]:
    """Until the block is left, once it listens."""
    try:
        server.await_port()
        yield server
    finally:
        server.end()
