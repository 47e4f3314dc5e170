"""The control socket's server: JSON lines over a stream socket in the runtime directory.

Many clients on a loop, each bounded in what it may send and in what may wait for it.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import socket
from collections.abc import Callable

from alived.adapters.control_client import GROUP, socket_address
from alived.adapters.loop import Loop, Timer
from alived.base import NS_PER_S

MAX_REQUEST = 16 << 20
"""Bytes of a request line: a configuration of 5000 instances has 8 MB."""
MAX_UNREAD = 1 << 16
"""Bytes of further requests of a client that waits for an answer."""
MAX_INPUT = 48 << 20
"""Bytes of unfinished requests of all clients together."""
_READ_SIZE = 1 << 16
MAX_WAITING = 64 << 20
"""Bytes of answers that may wait for a client that does not read; then it is cut off."""
MAX_CLIENTS = 32
IDLE_LIMIT_NS = 30 * NS_PER_S
"""A client that neither sends nor takes anything for so long is cut off, unless it waits for an answer of ours."""
Reply = Callable[[bytes], None]
Handler = Callable[[bytes, Reply], None]


class ControlServer:
    """Listens in a directory. `handler` gets each request line and a `reply` to call once, now or later."""

    def __init__(self, loop: Loop, directory: str, name: str, handler: Handler) -> None:
        """A socket file that a former daemon left is replaced. Raises OSError."""
        self._loop = loop
        self._handler = handler
        self._path = os.path.join(directory, name)
        self._clients: set[_Client] = set()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        before = os.umask(0o177)
        try:
            with socket_address(directory, name) as address:
                self._sock.bind(address)
        finally:
            os.umask(before)
        self._open_to_group()
        self._sock.listen(MAX_CLIENTS)
        loop.add_reader(self._sock.fileno(), self._accept)

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    def close(self) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        for client in list(self._clients):
            client.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def _open_to_group(self) -> None:
        try:
            gid = grp.getgrnam(GROUP).gr_gid
            os.chown(self._path, -1, gid)
            os.chmod(self._path, 0o660)
        except (KeyError, PermissionError):
            return  # no such group, or we may not give files to it: the owner only

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            sock, _ = self._sock.accept()
            if len(self._clients) >= MAX_CLIENTS:
                sock.close()
                return
            self._clients.add(_Client(self._loop, sock, self._handler, self._clients))


class _Client:
    """One connection: requests are answered in their order, one at a time."""

    def __init__(self, loop: Loop, sock: socket.socket, handler: Handler, clients: set[_Client]) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._handler = handler
        self._clients = clients
        self._input = bytearray()
        self._line_ends = False
        self._output = bytearray()
        self._busy = False
        self._closed = False
        self._writing = False
        self._ending = False
        self._idle: Timer = loop.call_later(IDLE_LIMIT_NS, self._idle_too_long)
        loop.add_reader(sock.fileno(), self._readable)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._idle.cancel()
            self._loop.remove_reader(self._sock.fileno())
            self._want_writes(False)
            self._sock.close()
            self._clients.discard(self)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            # The client has said all it wants; what it asked for is still answered.
            self._loop.remove_reader(self._sock.fileno())
            self._ending = True
            self._close_when_done()
            return
        self._touch()
        self._line_ends = self._line_ends or b"\n" in data
        self._input += data
        self._next_request()
        self._bound_input()

    def _next_request(self) -> None:
        """Looks for the end of a line only where there is one: a long line comes in many pieces."""
        while self._line_ends and not self._busy and not self._closed:
            end = self._input.index(b"\n")
            line = bytes(memoryview(self._input)[:end])
            del self._input[: end + 1]
            self._line_ends = b"\n" in self._input
            self._busy = True
            self._handler(line, self._answered)

    def _bound_input(self) -> None:
        waiting = len(self._input)
        if self._closed or waiting <= MAX_UNREAD:
            return
        if self._busy or self._line_ends:
            self._refuse("too many requests at once")
        elif waiting > MAX_REQUEST:
            self._refuse(f"a request has at most {MAX_REQUEST} bytes")
        elif sum(len(client._input) for client in self._clients) > MAX_INPUT:
            self._refuse("others are asking too much at the moment")

    def _refuse(self, reason: str) -> None:
        self._output += json.dumps({"ok": False, "result": None, "error": reason}).encode() + b"\n"
        self._input.clear()
        self._line_ends = False
        if not self._ending:
            self._ending = True
            self._loop.remove_reader(self._sock.fileno())
        self._flush()

    def _answered(self, answer: bytes) -> None:
        if self._closed:
            return
        self._busy = False
        if len(self._output) + len(answer) > MAX_WAITING:
            self.close()
            return
        self._output += answer + b"\n"
        self._flush()
        self._loop.call_soon(self._next_request)

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._output)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent:
            self._touch()
            del self._output[:sent]
        self._want_writes(bool(self._output))
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._ending and not self._output and not self._busy and not self._line_ends:
            self.close()

    def _want_writes(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._sock.fileno(), self._flush)
            else:
                self._loop.remove_writer(self._sock.fileno())

    def _touch(self) -> None:
        self._idle.cancel()
        self._idle = self._loop.call_later(IDLE_LIMIT_NS, self._idle_too_long)

    def _idle_too_long(self) -> None:
        if self._busy:
            self._touch()  # the handler answers, however long it takes
        else:
            self.close()
