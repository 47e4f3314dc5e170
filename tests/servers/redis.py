"""Redis."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.servers.process import ServerProcess, directory, free_port, program, running


@contextlib.contextmanager
def redis(*options: str) -> Iterator[ServerProcess]:
    """options: as in `--requirepass secret`."""
    with directory() as place:
        port = free_port()
        base = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(place), "--save", "", "--daemonize", "no")
        argv = (program("redis-server"), *base, "--repl-diskless-sync-delay", "0", *options)
        with running(ServerProcess(argv, port, place / "log")) as server:
            yield server
