"""aiosmtpd, a mail server."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from tests.servers.process import ServerProcess, directory, free_port, running


@contextlib.contextmanager
def smtp(*options: str) -> Iterator[ServerProcess]:
    """options: as in `--tlscert FILE`."""
    with directory() as place:
        port = free_port()
        argv = (sys.executable, "-m", "aiosmtpd", "--nosetuid", "--listen", f"127.0.0.1:{port}", *options)
        with running(ServerProcess(argv, port, place / "log")) as server:
            yield server
