"""The bus: typed messages over a stream between the parent and one child.

A frame is a length (4 bytes, big endian) and a msgpack body of the `BusMessage` union. Encoding and `FrameDecoder` are
pure; `Endpoint` puts them on a non-blocking socket and a loop.

A peer that does not read must neither block nor bloat us. What waits for it is bounded: once `SOFT_LIMIT` waits, the
messages that somebody asks for again or nobody needs (log lines, snapshots) are dropped, beyond `HARD_LIMIT` all are;
`Endpoint.dropped` counts them. One snapshot may be larger than `SOFT_LIMIT`: thousands of checks have more to show.

A peer that says much at once is heard a piece a turn, so that a thousand verdicts hold no advert up.
"""

from __future__ import annotations

import collections
import socket
import struct
from collections.abc import Callable

import msgspec

from alived.adapters.loop import Loop
from alived.base import DecodeError
from alived.daemon.shared.messages import (
    BusMessage,
    EngineSnapshot,
    LogLine,
    RaftSnapshot,
    SnapshotRequest,
    WorkerSnapshot,
)

MAX_FRAME = 64 << 20
"""Bytes of a body: a configuration of 5000 instances has 8 MB."""
SOFT_LIMIT = 1 << 20
HARD_LIMIT = MAX_FRAME
DISPENSABLE = (LogLine, EngineSnapshot, WorkerSnapshot, RaftSnapshot, SnapshotRequest)
PEER_GONE = "the peer is gone"
_READ_SIZE = 1 << 13
"""A piece: some 50 verdicts, which cost the engine 2 ms."""
_READS_A_TURN = 128
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[BusMessage] = msgspec.msgpack.Decoder(BusMessage)


def encode(message: BusMessage) -> bytes:
    """The frame of a message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Bytes in, messages out; a frame may come in any number of pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[BusMessage]:
        """The messages that `data` completes.

        Raises DecodeError "frame-too-long" or "frame-malformed"; the stream is of no use after that.
        """
        self._buffer += data
        messages: list[BusMessage] = []
        offset = 0
        while len(self._buffer) - offset >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, offset)
            if length > MAX_FRAME:
                raise DecodeError("frame-too-long", f"{length} bytes")
            end = offset + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            messages.append(_decode(self._buffer[offset + _LENGTH.size : end]))
            offset = end
        del self._buffer[:offset]
        return messages


def _decode(body: bytearray) -> BusMessage:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise DecodeError("frame-malformed", str(error)) from error


def _nobody_listens(_: object) -> None:
    raise AssertionError("an endpoint calls back after listen() only")


class Endpoint:
    """One end of the bus on a loop."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._on_message: Callable[[BusMessage], None] = _nobody_listens
        self._on_closed: Callable[[str], None] = _nobody_listens
        self._decoder = FrameDecoder()
        self._queue: collections.deque[memoryview] = collections.deque()
        self._writing = False
        self.closed = False
        self.waiting = 0
        """Bytes that the peer has not taken yet."""
        self.dropped = 0
        self.heard = 0
        """Messages so far."""

    def listen(self, on_message: Callable[[BusMessage], None], on_closed: Callable[[str], None]) -> None:
        """Calls on_message for each message, and on_closed once, with the reason, when the peer has gone or talks
        nonsense; both from the loop, never from `send`."""
        self._on_message = on_message
        self._on_closed = on_closed
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def send(self, message: BusMessage) -> bool:
        """Sends or queues; False if the message was dropped, because of the bounds or because the peer is gone."""
        if self.closed:
            return False
        frame = encode(message)
        is_too_much = self.waiting + len(frame) > HARD_LIMIT
        if isinstance(message, DISPENSABLE):
            is_too_much = self.waiting >= SOFT_LIMIT
        if self._queue and is_too_much:
            self.dropped += 1
            return False
        self._queue.append(memoryview(frame))
        self.waiting += len(frame)
        if not self._writing:
            self._flush()
        return True

    def close(self) -> None:
        """Forgets the peer without a call of on_closed."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._want_writes(False)
            self._queue.clear()
            self.waiting = 0
            self._sock.close()

    def drain(self) -> None:
        """Reads what a peer that has ended left behind, up to its end."""
        while self._read_once():
            pass

    def _readable(self) -> None:
        """Up to the first piece that completes messages; the pieces of a long one cost nothing yet."""
        heard = self.heard
        for _ in range(_READS_A_TURN):
            if self._read_once() < _READ_SIZE or self.heard > heard:
                return

    def _read_once(self) -> int:
        """How many bytes there were; 0 at the end or if there is nothing now."""
        if self.closed:
            return 0
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return 0
        except ConnectionResetError:  # it ended without having read what we sent
            return self._lost(PEER_GONE)
        if not data:
            return self._lost(PEER_GONE)
        try:
            messages = self._decoder.feed(data)
        except DecodeError as error:
            return self._lost(str(error))
        self.heard += len(messages)
        for message in messages:
            self._on_message(message)
        return len(data)

    def _flush(self) -> None:
        try:
            while self._queue:
                sent = self._sock.send(self._queue[0])
                self.waiting -= sent
                if sent == len(self._queue[0]):
                    self._queue.popleft()
                else:
                    self._queue[0] = self._queue[0][sent:]
        except BlockingIOError:
            self._want_writes(True)
            return
        except OSError:
            # The reader will see the end too, after what the peer still had to say.
            self._queue.clear()
            self.waiting = 0
        self._want_writes(False)

    def _want_writes(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._sock.fileno(), self._flush)
            else:
                self._loop.remove_writer(self._sock.fileno())

    def _lost(self, reason: str) -> int:
        self.close()
        self._on_closed(reason)
        return 0
