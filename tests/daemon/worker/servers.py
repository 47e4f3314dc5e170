"""A server on loopback, in this process, that says what it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def saying(*lines: bytes, connections: int = 1) -> Iterator[int]:
    """Sends the first line, and the next one for each piece that it hears; then it ends the connection. Its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, lines, connections))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def _serve(server: socket.socket, lines: tuple[bytes, ...], connections: int) -> None:
    for _ in range(connections):
        client, _ = server.accept()
        with client:
            for number, line in enumerate(lines):
                if number:
                    client.recv(4096)
                client.sendall(line)
