"""`python -m bench.targets KIND FIRST COUNT [CERTIFICATE]`: many servers in one process, as lean as Python has them.

Each port of 127.0.0.1 takes connections and answers as `KIND` says: tcp nothing, http and https one small page.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import sys
from typing import Literal

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
Kind = Literal["tcp", "http", "https"]


class Targets:
    def __init__(self, first: int, count: int, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._epoll = select.epoll()
        self._listeners: dict[int, socket.socket] = {}
        self._clients: dict[int, socket.socket] = {}
        for port in range(first, first + count):
            listener = socket.create_server(("127.0.0.1", port), backlog=64)
            listener.setblocking(False)
            self._listeners[listener.fileno()] = listener
            self._epoll.register(listener, select.EPOLLIN)

    def serve(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if listener := self._listeners.get(fd):
                    self._accept(listener)
                else:
                    self._answer(fd)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # reset before we came
        client.setblocking(False)
        if self._context:
            client = self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        self._clients[client.fileno()] = client
        self._epoll.register(client, select.EPOLLIN)

    def _answer(self, fd: int) -> None:
        client = self._clients[fd]
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            try:
                if client.recv(4096):
                    client.send(PAGE)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
        self._epoll.unregister(fd)
        del self._clients[fd]
        client.close()


def main(_kind: str, first: str, count: str, certificate: str = "") -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    targets = Targets(int(first), int(count), context)
    print("ready", flush=True)
    targets.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
