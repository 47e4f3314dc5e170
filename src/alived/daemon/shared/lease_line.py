"""The line between the raft process and the engine: leases one way, what became of them the other way.

A pair of datagram sockets that the parent makes before the first fork and keeps: either child may die and be replaced,
the line stays. Both sides say all they know each time, so that a lost datagram (nobody read for long) does no harm. It
does not run through the parent, who has no real-time priority: a lease is worth 0.1 s.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import msgspec

from alived.adapters.loop import Loop
from alived.raft.member_events import EngineReported, Leases

MAX_DATAGRAM = 1 << 16
_READS_A_TURN = 32
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Leases | EngineReported] = msgspec.msgpack.Decoder(Leases | EngineReported)


class LinePair:
    """Both ends, in the parent."""

    def __init__(self) -> None:
        self.engine_end, self.raft_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self.engine_end, self.raft_end):
            end.setblocking(False)

    def close(self) -> None:
        self.engine_end.close()
        self.raft_end.close()


class LeaseLine:
    """One end, in a child."""

    def __init__(self, loop: Loop, end: socket.socket, heard: Callable[[Leases | EngineReported], None]) -> None:
        """What waits there was meant for a predecessor: it is thrown away."""
        self._loop, self._socket = loop, end
        self._heard = heard
        with contextlib.suppress(BlockingIOError):
            while True:
                end.recv(MAX_DATAGRAM)
        loop.add_reader(end.fileno(), self._readable)

    def send(self, news: Leases | EngineReported) -> bool:
        """False: the other side has not read for long; say it again later."""
        try:
            self._socket.send(_encoder.encode(news))
        except (BlockingIOError, ConnectionRefusedError):
            return False
        return True

    def _readable(self) -> None:
        """Only the newest of what waits counts: the one before it may be about leases that have ended since."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_READS_A_TURN):
                data = self._socket.recv(MAX_DATAGRAM)
        if data:
            self._heard(_decoder.decode(data))

    def close(self) -> None:
        """Hears nothing more; the end is the parent's, and stays open for a successor."""
        self._loop.remove_reader(self._socket.fileno())
