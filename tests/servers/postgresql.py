"""PostgreSQL with a new, empty data directory."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import PAUSE_S, ServerProcess, directory, free_port, program, running, unprivileged

_DEBIAN = Path("/usr/lib/postgresql")
ADMISSION = """local all all trust
host all root,trusted 127.0.0.1/32 trust
host all clear 127.0.0.1/32 password
hostssl all safe 127.0.0.1/32 scram-sha-256
host all stranger 127.0.0.1/32 reject
host all hashed 127.0.0.1/32 md5
host all all 127.0.0.1/32 scram-sha-256
"""
"""pg_hba.conf."""


class PostgreSql(ServerProcess):
    place: Path

    def await_departures(self) -> None:
        """Until no process of it serves a client: what one has to write to the log, it writes before it ends."""
        while any(map(self._serves, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())):
            self.check_alive()
            time.sleep(PAUSE_S)

    def _serves(self, pid: str) -> bool:
        """Whether this process is for a client: its title names him, as soon as it has one."""
        try:
            title = Path(f"/proc/{pid}/cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return self.address in title or not title.startswith("postgres: ")

    def execute(self, statement: str) -> str:
        """As the superuser over its socket: rows without names of columns."""
        argv = [_program("psql"), "-XAtq", "-h", str(self.place), "-p", str(self.port), "-U", "root", "-d", "postgres"]
        return subprocess.run([*argv, "-c", statement], check=True, capture_output=True, text=True).stdout


def _program(name: str) -> str:
    """Of the newest version that Debian has installed."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda path: [int(n) for n in re.findall("[0-9]+", str(path))])
    return program(name, *map(str, reversed(versions)))


@contextlib.contextmanager
def cluster() -> Iterator[Path]:
    """A directory with new data, of which nobody makes use yet."""
    with directory() as place:
        data = place / "data"
        install = (_program("initdb"), "-D", str(data), "-U", "root", "-N", "-E", "UTF8", "--no-locale", "-A", "trust")
        subprocess.run(install, check=True, capture_output=True, user=unprivileged(), cwd=place)
        (data / "pg_hba.conf").write_text(ADMISSION)
        yield place


@contextlib.contextmanager
def postgresql(place: Path, *settings: str) -> Iterator[PostgreSql]:
    """place: of a cluster. settings: as in `max_connections=5`."""
    port = free_port()
    argv = [_program("postgres"), "-D", str(place / "data"), "-F", "-p", str(port), "-h", "127.0.0.1", "-k", str(place)]
    options = [word for setting in settings for word in ("-c", setting)]
    server = PostgreSql([*argv, *options], port, place / "log", user=unprivileged(), ending=signal.SIGQUIT)
    server.place = place
    with running(server):
        yield server
