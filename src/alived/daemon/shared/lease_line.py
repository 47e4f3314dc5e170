"""The line between the raft process and the engine: leases one way, what became of them the other way.

A pair of datagram sockets that the parent makes before the first fork and keeps: either child may die and be replaced,
the line stays. Both sides say all they know each time, so that a lost datagram (nobody read for long) does no harm. It
does not run through the parent, who has no real-time priority: a lease is worth 0.1 s.

That the engine is there, the raft process sees without being told: the engine leaves the number of the leases that it
has carried out in memory that both share. An answer to each renewal would be a wake-up more of the raft process.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from alived.adapters.loop import Loop
from alived.raft.member_events import EngineReported, Leases

MAX_DATAGRAM = 1 << 16
_READS_A_TURN = 32
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Leases | EngineReported] = msgspec.msgpack.Decoder(Leases | EngineReported)


class LineEnd(NamedTuple):
    """What a child inherits through the fork."""

    socket: socket.socket
    carried_out: memoryview
    """[0]: number of the newest leases that an engine has carried out; of 8 bytes, written at once"""


class LinePair:
    """Both ends, in the parent."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._carried_out = memoryview(self._memory).cast("q")
        self.engine_end, self.raft_end = (
            LineEnd(one, self._carried_out) for one in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        )
        for end in (self.engine_end, self.raft_end):
            end.socket.setblocking(False)

    def close(self) -> None:
        self.engine_end.socket.close()
        self.raft_end.socket.close()
        self._carried_out.release()
        self._memory.close()


class LeaseLine:
    """One end, in a child."""

    def __init__(self, loop: Loop, end: LineEnd, heard: Callable[[Leases | EngineReported], None]) -> None:
        """What waits there was meant for a predecessor: it is thrown away."""
        self._loop, (self._socket, self._carried_out) = loop, end
        self._heard = heard
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(MAX_DATAGRAM)
        loop.add_reader(self._socket.fileno(), self._readable)

    def carry_out(self, number: int) -> None:
        """The engine has carried out the leases of this number."""
        self._carried_out[0] = number

    def carried_out(self) -> int:
        """Number of the newest leases that the engine has carried out; 0: none yet."""
        return self._carried_out[0]

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
