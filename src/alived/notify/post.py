"""One request over HTTP/1.1 and its answer, on a connection of its own (RFC 9112). The answer is small, or cut."""

from __future__ import annotations

import re

from alived.health.dialogue import Step, Verdict, verdict
from alived.health.dialogues.conversation import Conversation, shown
from alived.notify.webhook import Answer

MAX_ANSWER = 1 << 16
"""Octets, header and body; what comes after them is not read."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*(?:[^\r\n]*,[ \t]*)?chunked[ \t]*\r\n", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class Post(Conversation):
    """answer: what was said; None while nothing, or nothing whole."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._heard = b""
        self.answer: Answer | None = None

    def begun(self) -> Step:
        return Step(send=self._octets)

    def received(self, data: bytes) -> Step:
        self._heard += data[: MAX_ANSWER - len(self._heard)]
        return self._look(at_end=len(self._heard) == MAX_ANSWER) or Step()

    def ended(self) -> Verdict:
        step = self._look(at_end=True)
        return step.verdict if step and step.verdict else super().ended()

    def _look(self, *, at_end: bool) -> Step | None:
        """at_end: no more is heard. None: more is needed."""
        header, end, body = self._heard.partition(b"\r\n\r\n")
        if not end:
            return verdict(False, f"the header does not end within {MAX_ANSWER} octets") if self._is_full else None
        header += b"\r\n"
        status = _STATUS.match(header)
        if status is None:
            return verdict(False, f"the answer is no HTTP: {shown(header)}")
        code = int(status[1])
        if code < 200:  # 100 Continue and its like: the answer is still to come
            self._heard = body
            return self._look(at_end=at_end)
        content = _body(header, body, at_end)
        if content is None:
            return None
        asked = _RETRY_AFTER.search(header)
        self.answer = Answer(code, content, int(asked[1]) if asked else 0)
        return verdict(200 <= code < 300, f"HTTP status {code}")

    @property
    def _is_full(self) -> bool:
        return len(self._heard) >= MAX_ANSWER


def _body(header: bytes, rest: bytes, at_end: bool) -> bytes | None:
    """As far as it came; None: more of it is needed."""
    if _CHUNKED.search(header):
        content, complete = _unchunked(rest)
        return content if complete or at_end else None
    length = _LENGTH.search(header)
    if length and len(rest) >= int(length[1]):
        return rest[: int(length[1])]
    return rest if at_end else None


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    """The content of the chunks, and whether the last of them is there (or they make no sense)."""
    content, at = b"", 0
    while found := _CHUNK.match(data, at):
        size = int(found[1], 16)
        if size == 0:
            return content, True
        content += data[found.end() : found.end() + size]
        at = found.end() + size + 2
    return content, at < len(data) and b"\n" in data[at:]
