"""dnsmasq, a DNS server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.servers.process import ServerProcess, directory, free_port, program, running


@contextlib.contextmanager
def dnsmasq(*options: str) -> Iterator[ServerProcess]:
    """It knows what options say, as in `--address=/example.org/192.0.2.1`, and asks nobody else."""
    with directory() as place:
        port = free_port()
        base = (
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
            "--pid-file=",
        )
        listen = (f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--log-facility=-")
        argv = (program("dnsmasq"), *base, *listen, *options)
        with running(ServerProcess(argv, port, place / "log")) as server:
            yield server
