"""One request over HTTP/1.1 and its answer, on a connection of its own (RFC 9112). The answer is small, or cut.

The header is the answer: whatever happens to the body after it, the status counts.
"""

from __future__ import annotations

import datetime
import re

from alived.health.dialogue import WAIT, Step, Verdict, verdict
from alived.health.dialogues.conversation import Conversation, shown
from alived.health.dialogues.http_body import Body, body_of
from alived.notify.webhook import Answer

MAX_ANSWER = 1 << 16
"""Octets, header and body; what comes after them is not read."""
_END_OF_HEADER = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_DATE = re.compile(rb"\r\ndate:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_SECONDS = re.compile(rb"\d{1,9}\Z")


class Post(Conversation):
    """answer: what was said; None while there is no whole header."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._header = self._content = b""
        self._left = MAX_ANSWER
        self._status = self._retry_after_s = 0
        self._body: Body | None = None
        self.answer: Answer | None = None

    def begun(self) -> Step:
        return Step(send=self._octets)

    def received(self, data: bytes) -> Step:
        data = data[: self._left]
        self._left -= len(data)
        if self._body is not None:
            return self._take_body(self._body, data)
        self._header += data
        return self._take_header()

    def ended(self) -> Verdict:
        return self._judge() if self._body is not None else super().ended()

    def broken(self, why: str) -> Verdict:
        return self._judge() if self._body is not None else super().broken(why)

    def timed_out(self) -> Verdict:
        return self._judge() if self._body is not None else super().timed_out()

    def _take_header(self) -> Step:
        header, end, rest = self._header.partition(_END_OF_HEADER)
        while end:
            header += b"\r\n"
            found = _STATUS.match(header)
            if found is None:
                return verdict(False, f"the answer is no HTTP: {shown(header)}")
            self._status, self._header = int(found[1]), rest
            if self._status >= 200:
                self._retry_after_s = _retry_after_s(header)
                self._body = body_of(self._status, header)
                return self._take_body(self._body, rest)
            # 100 Continue and its like: the answer is still to come.
            header, end, rest = rest.partition(_END_OF_HEADER)
        too_long = f"the header does not end within {MAX_ANSWER} octets"
        return WAIT if self._left else verdict(False, too_long)

    def _take_body(self, body: Body, data: bytes) -> Step:
        self._content += body.feed(data)
        return Step(verdict=self._judge()) if body.complete or body.error or not self._left else WAIT

    def _judge(self) -> Verdict:
        """By the header, and as much of the body as came."""
        self.answer = Answer(self._status, self._content, self._retry_after_s)
        return Verdict(200 <= self._status < 300, f"HTTP status {self._status}")


def _retry_after_s(header: bytes) -> int:
    """What it asks for (RFC 9110 section 10.2.3); 0: nothing. A moment is compared with the server's own `Date`, so
    its clock need not agree with ours."""
    asked = _RETRY_AFTER.search(header)
    if asked is None:
        return 0
    if _SECONDS.match(asked[1]):
        return int(asked[1])
    date = _DATE.search(header)
    then, now = _moment(asked[1]), _moment(date[1]) if date else None
    return max(0, round((then - now).total_seconds())) if then and now else 0


def _moment(text: bytes) -> datetime.datetime | None:
    """Sun, 06 Nov 1994 08:49:37 GMT"""
    try:
        return datetime.datetime.strptime(text.decode("latin-1"), "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return None
