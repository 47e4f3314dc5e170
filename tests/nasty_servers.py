"""Servers that behave badly, on loopback, each in threads of its own: for tests of whoever asks servers.

`with Server(behaviour) as server:` serves on `server.address`, `server.port`. A behaviour is a function of one
connection; it may take as long as it likes and must stop when `conn.over` says so (its socket then fails as well).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

from alived.adapters.probe_sockets import LINGER_NONE

CHUNK = 1 << 16


class Connection:
    """What a behaviour has to do with."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self._over = over
        self.sent = 0
        """Octets that the kernel has taken"""

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.sent += len(data)

    def read_request(self) -> bytes:
        """Up to an empty line, or what came before the client ended."""
        data = b""
        while b"\r\n\r\n" not in data and (piece := self.sock.recv(CHUNK)):
            data += piece
        return data

    def wait(self, seconds: float | None = None) -> None:
        """Until the test is over, or so long."""
        self._over.wait(seconds)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        self.sock.close()


Behaviour = Callable[[Connection], None]


class Server:
    """Accepts and behaves."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        address: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        backlog: int = 100,
    ) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self._over = threading.Event()
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=self._family, backlog=backlog)
        self.address, self.port = self._listener.getsockname()[:2]
        self.connections: list[Connection] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Server:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends accept(2)
        self._threads[0].join()
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock, self._over)
        self.connections.append(connection)
        with contextlib.suppress(OSError):  # the client may leave at any time
            if self._tls is not None:
                connection.sock = self._tls.wrap_socket(sock, server_side=True)
            self._behaviour(connection)
        connection.sock.close()


def answer(data: bytes) -> Behaviour:
    """Reads a request, answers, ends."""

    def behave(conn: Connection) -> None:
        conn.read_request()
        conn.send(data)

    return behave


def greet(data: bytes) -> Behaviour:
    """Speaks first, then waits."""

    def behave(conn: Connection) -> None:
        conn.send(data)
        conn.wait()

    return behave


def drip(data: bytes, gap_s: float) -> Behaviour:
    """One octet at a time."""

    def behave(conn: Connection) -> None:
        conn.read_request()
        for octet in data:
            if conn.over:
                return
            conn.send(bytes((octet,)))
            conn.wait(gap_s)

    return behave


def silent(conn: Connection) -> None:
    """Half open: takes the connection and what is said, never answers."""
    conn.wait()


def reset(conn: Connection) -> None:
    """Resets before a word was said."""
    conn.reset()


def reset_after_request(conn: Connection) -> None:
    conn.read_request()
    conn.reset()


def end_at_once(conn: Connection) -> None:
    """FIN before a word was said."""


def endlessly(head: bytes, piece: bytes) -> Behaviour:
    """Never stops: endless headers, gigabytes, babble."""

    def behave(conn: Connection) -> None:
        if head:
            conn.read_request()
            conn.send(head)
        while not conn.over:
            conn.send(piece)

    return behave


@contextlib.contextmanager
def full_backlog(address: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """A port whose server accepts nobody any more: further SYNs are dropped, as by a firewall that drops."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, backlog=0) as listener, contextlib.ExitStack() as clients:
        host, port = listener.getsockname()[:2]
        for _ in itertools.repeat(None, 4):
            client = clients.enter_context(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            client.connect_ex((host, port))
        yield host, port


def refused_port(address: str = "127.0.0.1") -> int:
    """A port where nobody listens."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        port: int = listener.getsockname()[1]
        return port
