"""MariaDB with a new, empty data directory."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import ServerProcess, directory, free_port, program, running, unprivileged

_QUICK = ("--no-defaults", "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=8M", "--skip-log-bin")


class MariaDb(ServerProcess):
    """Over TCP anybody is who the statements of a test made; over its socket we are root."""

    place: Path

    def execute(self, statement: str) -> str:
        """What the client prints: rows, without names of columns."""
        argv = [program("mariadb"), "--no-defaults", "-uroot", f"--socket={self.place}/s", "-Ns", "-e", statement]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def mariadb(*options: str) -> Iterator[MariaDb]:
    with directory() as place:
        user, port = unprivileged(), free_port()
        data = f"--datadir={place}/data"
        install = (program("mariadb-install-db"), *_QUICK, data, "--skip-test-db", "--skip-name-resolve")
        login = ("--auth-root-authentication-method=normal",)
        subprocess.run([*install, *login], check=True, capture_output=True, user=user, cwd=place)
        base = (program("mariadbd"), *_QUICK, data, f"--tmpdir={place}", f"--socket={place}/s", f"--port={port}")
        argv = (*base, "--bind-address=127.0.0.1", f"--pid-file={place}/pid", *options)
        server = MariaDb(argv, port, place / "log", user=user)
        server.place = place
        with running(server):
            yield server
