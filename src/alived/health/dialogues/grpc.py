"""A check of a gRPC server: grpc.health.v1.Health/Check, one request over HTTP/2. SERVING is the success.

The client is as small as the question: it says all at once, offers no dynamic table and no push, and acknowledges what
must be acknowledged. A server that does not have the health service (UNIMPLEMENTED) or does not know the service that
is asked for (NOT_FOUND) is a failure, as for grpc-health-probe.
"""

from __future__ import annotations

import re

from alived.base import DecodeError
from alived.health.config import GrpcCheck
from alived.health.dialogue import WAIT, Step, Verdict
from alived.health.dialogues.conversation import Conversation, printable, shown
from alived.wire import grpc, hpack, http2
from alived.wire.http2 import Frame, Type

STREAM = 1
MAX_BLOCK = 1 << 13
"""Octets of a header, all its frames together."""
MAX_BODY = 1 << 12
_HELD = http2.HEAD_BYTES + http2.MAX_FRAME
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


class GrpcDialogue(Conversation):
    awaited = "answer"

    def __init__(self, check: GrpcCheck) -> None:
        self._check = check
        self._heard = b""
        self._say = b""
        """What is to be said after the frames that were heard."""
        self._greeted = False
        """By its SETTINGS, which must be first."""
        self._block: bytes | None = None
        """A header that is not whole yet."""
        self._is_last = False
        """Whether that header ends the stream."""
        self._headers: dict[bytes, bytes] = {}
        self._body = b""

    def begun(self) -> Step:
        check = self._check
        headers = hpack.encode(
            [
                (b":method", b"POST"),
                (b":scheme", b"https" if check.tls else b"http"),
                (b":path", grpc.HEALTH_PATH.encode()),
                (b":authority", _authority(check).encode()),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
                (b"user-agent", b"alived"),
            ]
        )
        request = grpc.encode_message(grpc.health_request(check.service))
        parts = (
            http2.PREFACE,
            http2.settings({http2.HEADER_TABLE_SIZE: 0, http2.ENABLE_PUSH: 0}),
            http2.encode(Type.HEADERS, http2.END_HEADERS, STREAM, headers),
            http2.encode(Type.DATA, http2.END_STREAM, STREAM, request),
        )
        return Step(send=b"".join(parts))

    def received(self, data: bytes) -> Step:
        while data:
            room = _HELD - len(self._heard)
            self._heard, data = self._heard + data[:room], data[room:]
            try:
                verdict = self._read_frames()
            except DecodeError as error:
                detail = error.detail if self._greeted else "the server speaks no HTTP/2"
                verdict = Verdict(False, f"the {self.awaited} is wrong: {detail}")
            if verdict is not None:
                return Step(send=self._say + http2.goaway(), verdict=verdict)
        say, self._say = self._say, b""
        return Step(send=say) if say else WAIT

    def _read_frames(self) -> Verdict | None:
        while (found := http2.decode(self._heard)) is not None:
            frame, self._heard = found
            verdict = self._hear(frame)
            if verdict is not None:
                return verdict
        return None

    def _hear(self, frame: Frame) -> Verdict | None:
        if not self._greeted and frame.type != Type.SETTINGS:
            raise DecodeError("no-settings", "the server speaks no HTTP/2")
        if self._block is not None and frame.type != Type.CONTINUATION:
            raise DecodeError("no-continuation", "a header is not continued")
        match frame.type:
            case Type.SETTINGS | Type.PING:
                self._acknowledge(frame)
            case Type.GOAWAY:
                return self._dismissed(http2.error_code(frame), int.from_bytes(frame.payload[:4]))
            case Type.RST_STREAM:
                return Verdict(False, f"the server resets the stream (HTTP/2 error {http2.error_code(frame)})")
            case Type.HEADERS:
                self._block, self._is_last = b"", bool(frame.flags & http2.END_STREAM)
                return self._more_header(frame, http2.content(frame))
            case Type.CONTINUATION:
                return self._more_header(frame, frame.payload)
            case Type.DATA:
                return self._more_body(frame)
        return None

    def _acknowledge(self, frame: Frame) -> None:
        self._greeted = True
        if frame.flags & http2.ACK:
            return
        payload = frame.payload if frame.type == Type.PING else b""
        if len(self._say) > MAX_BODY:
            raise DecodeError("too-many", "the server wants too much acknowledged")
        self._say += http2.encode(Type(frame.type), http2.ACK, 0, payload[:8])

    def _dismissed(self, error: int, last_stream: int) -> Verdict | None:
        """A server that shuts down in order answers what it has begun."""
        if error == http2.NO_ERROR and last_stream & 0x7FFFFFFF >= STREAM:
            return None
        return Verdict(False, f"the server closes the connection (HTTP/2 error {error})")

    def _more_header(self, frame: Frame, piece: bytes) -> Verdict | None:
        if self._block is None or len(self._block) + len(piece) > MAX_BLOCK:
            raise DecodeError("bad-header", "a header without a beginning, or without an end")
        self._block += piece
        if not frame.flags & http2.END_HEADERS:
            return None
        headers, self._block = dict(hpack.decode(self._block)), None
        status = headers.get(b":status", b"200")
        if status[:1] == b"1":
            return None  # informational
        if status != b"200":
            return Verdict(False, f"HTTP status {shown(status)}")
        self._headers = headers
        return self._judge() if self._is_last else None

    def _more_body(self, frame: Frame) -> Verdict | None:
        self._body += http2.content(frame)
        if len(self._body) > MAX_BODY:
            raise DecodeError("too-long", f"more than {MAX_BODY} octets")
        return self._judge() if frame.flags & http2.END_STREAM else None

    def _judge(self) -> Verdict:
        """The stream has ended."""
        status = self._headers.get(b"grpc-status", b"")
        if status != b"0":
            return Verdict(False, f"gRPC status {_status_name(status)}{self._message()}")
        number = grpc.health_status(grpc.decode_message(self._body))
        name = grpc.ServingStatus(number).name if number in list(grpc.ServingStatus) else f"in state {number}"
        what = f"service {self._check.service}" if self._check.service else "the server"
        return Verdict(number == grpc.ServingStatus.SERVING, f"{what} is {name}")

    def _message(self) -> str:
        said = self._headers.get(b"grpc-message", b"")
        return f": {shown(_ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), said))}" if said else ""


def _status_name(status: bytes) -> str:
    number = int(status) if re.fullmatch(rb"[0-9]{1,2}", status) else len(grpc.STATUS_NAMES)
    return grpc.STATUS_NAMES[number] if number < len(grpc.STATUS_NAMES) else printable(shown(status))


def _authority(check: GrpcCheck) -> str:
    host = f"[{check.connect_ip}]" if ":" in check.connect_ip else check.connect_ip
    return check.authority or check.tls_name or f"{host}:{check.connect_port}"
