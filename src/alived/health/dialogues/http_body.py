"""Where the body of an answer over HTTP ends (RFC 9112 section 6), and chunks taken apart. Keeps nothing of it."""

from __future__ import annotations

import enum
import re

MAX_CHUNK_LINE = 1024
MAX_TRAILER = 4096
_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\nTransfer-Encoding:[ \t]*(?:[^\r\n]*,[ \t]*)?chunked[ \t]*\r\n", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r?\Z", re.DOTALL)


class Body:
    """What comes is the body, up to `length` octets if there is a length that counts; then it is `complete`."""

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.read = 0
        """Octets of the body so far"""
        self.error = ""
        """A sentence, once it is broken"""

    @property
    def complete(self) -> bool:
        return self.length is not None and self.read >= self.length

    def incomplete(self, length_counts: bool) -> bool:
        """Whether an end of the connection now cuts it. length_counts: fewer octets than announced are too few."""
        return length_counts and self.length is not None and not self.complete

    def feed(self, data: bytes) -> bytes:
        """The part of it that belongs to the body."""
        if self.length is not None:
            data = data[: self.length - self.read]
        self.read += len(data)
        return data


class _Part(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    END_OF_DATA = enum.auto()
    TRAILER = enum.auto()
    COMPLETE = enum.auto()


class ChunkedBody(Body):
    """Without the marks of its chunks, and without the trailer."""

    def __init__(self) -> None:
        super().__init__()
        self._part = _Part.SIZE
        self._line = b""
        self._left = 0
        """Octets of this chunk that have not come yet"""
        self._trailer = 0

    @property
    def complete(self) -> bool:
        return self._part is _Part.COMPLETE

    def incomplete(self, length_counts: bool) -> bool:
        return not self.complete

    def feed(self, data: bytes) -> bytes:
        content: list[bytes] = []
        while data and not self.error and not self.complete:
            if self._part is _Part.DATA:
                piece, data = data[: self._left], data[self._left :]
                content.append(piece)
                self._left -= len(piece)
                if not self._left:
                    self._part = _Part.END_OF_DATA
            else:
                data = self._read_line(data)
        whole = b"".join(content)
        self.read += len(whole)
        return whole

    def _read_line(self, data: bytes) -> bytes:
        """The rest after a line, or after a part of one."""
        head, end, rest = data.partition(b"\n")
        self._line += head[: MAX_CHUNK_LINE + 1 - len(self._line)]
        if len(self._line) > MAX_CHUNK_LINE:
            self.error = f"a line between two chunks is longer than {MAX_CHUNK_LINE} octets"
        elif end:
            line, self._line = self._line, b""
            self._take_line(line)
        return rest

    def _take_line(self, line: bytes) -> None:
        empty = line in (b"", b"\r")
        match self._part:
            case _Part.SIZE if found := _SIZE.match(line):
                self._left = int(found[1], 16)
                self._part = _Part.DATA if self._left else _Part.TRAILER
            case _Part.END_OF_DATA if empty:
                self._part = _Part.SIZE
            case _Part.TRAILER if empty:
                self._part = _Part.COMPLETE
            case _Part.TRAILER:
                self._trailer += len(line)
                if self._trailer > MAX_TRAILER:
                    self.error = f"the trailer is longer than {MAX_TRAILER} octets"
            case _:
                self.error = "the chunks of the body are broken"


def body_of(status: int, header: bytes, *, decode_chunked: bool = True) -> Body:
    """The body that comes behind this header, whose lines all end with CRLF, to anything but HEAD."""
    if status in (204, 304) or status < 200:
        return Body(0)
    if decode_chunked and _CHUNKED.search(header):
        return ChunkedBody()
    length = _LENGTH.search(header)
    return Body(int(length[1]) if length else None)
