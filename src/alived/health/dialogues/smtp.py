"""SMTP_CHECK (RFC 5321): greeting, HELO, QUIT; with `starttls` greeting, EHLO, STARTTLS (RFC 3207), EHLO, QUIT.

As keepalived: each answer is one line, what follows in the same piece is dropped, and what QUIT is answered does not
matter, only that it is. A greeting of several lines fails unless `multiline` says that they are read to the last. Here
a whole answer has one time to wait, not each piece of it, and a code without a text is right (section 4.2).
"""

from __future__ import annotations

import re

import msgspec

from alived.health.config import SmtpCheck
from alived.health.dialogue import WAIT, Step, verdict
from alived.health.dialogues.conversation import Conversation, shown

MAX_LINE = 512
"""Octets with CR LF (section 4.5.3.1.5)."""
MAX_LINES = 128
"""Of one answer."""
_REPLY = re.compile(rb"([0-9]{3})(-| |\r?\Z)")


class _Exchange(msgspec.Struct, frozen=True):
    """What we say and what must be said to it."""

    command: str
    awaited: str
    code: str = ""
    """ "": anything"""
    then_tls: bool = False


def _script(check: SmtpCheck) -> list[_Exchange]:
    greeting = _Exchange("", "greeting", "220")
    bye = _Exchange("QUIT", "answer to QUIT")
    if not check.starttls:
        return [greeting, _Exchange(f"HELO {check.helo_name}", "answer to HELO", "250"), bye]
    hello = f"EHLO {check.helo_name}"
    return [
        greeting,
        _Exchange(hello, "answer to EHLO", "250"),
        _Exchange("STARTTLS", "answer to STARTTLS", "220", then_tls=True),
        _Exchange(hello, "answer to EHLO in TLS", "250"),
        bye,
    ]


class SmtpDialogue(Conversation):
    def __init__(self, check: SmtpCheck) -> None:
        self._multiline = check.multiline or check.starttls
        self._script = _script(check)
        self._begin(self._script.pop(0))

    def _begin(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        self.awaited = exchange.awaited
        self._line = b""
        self._lines = 0
        """Lines of this answer that were not its last."""

    def begun(self) -> Step:
        return WAIT

    def received(self, data: bytes) -> Step:
        while data:
            head, end, data = data.partition(b"\n")
            self._line += head[: MAX_LINE + 1 - len(self._line)]
            if len(self._line) > MAX_LINE and self._exchange.code:
                return verdict(False, f"a line of the {self.awaited} is longer than {MAX_LINE} octets")
            if not end:
                break
            step = self._read_line()
            if step is not WAIT:
                return step
        return WAIT

    def _read_line(self) -> Step:
        """The step after a whole line; WAIT: more lines follow."""
        line, self._line = self._line, b""
        reply = _REPLY.match(line)
        several = reply is not None and reply[2] == b"-"
        right = reply is not None and reply[1].decode() == self._exchange.code
        if not self._exchange.code:
            return verdict(True, "the server greets and says good-bye")
        if not right:
            return verdict(False, f"the {self.awaited} is {shown(line)}, not {self._exchange.code}")
        if not several:
            return self._go_on()
        self._lines += 1
        if not self._multiline:
            return verdict(False, f"the {self.awaited} has several lines: {shown(line)}; `multiline` reads them")
        if self._lines >= MAX_LINES:
            return verdict(False, f"the {self.awaited} has more than {MAX_LINES} lines")
        return WAIT

    def _go_on(self) -> Step:
        if self._exchange.then_tls:
            self.awaited = "end of the TLS handshake"
            return Step(start_tls=True, patience=True)
        return self._say_next()

    def secured(self) -> Step:
        return self._say_next()

    def _say_next(self) -> Step:
        self._begin(self._script.pop(0))
        return Step(send=f"{self._exchange.command}\r\n".encode(), patience=True)
