"""One mail over SMTP (RFC 5321): EHLO, STARTTLS (RFC 3207), AUTH (RFC 4954), MAIL, RCPT for each recipient, DATA, QUIT.

A server without EHLO gets HELO. A recipient that is refused does not cost the others theirs. Once the mail is taken
nothing that comes after it matters. A password goes nowhere without TLS, unless the operator has turned TLS off; even
then it is not said aloud if the server knows CRAM-MD5 (RFC 2195).
"""

from __future__ import annotations

import base64
import binascii
import enum
import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from alived.health.dialogue import WAIT, Step, verdict
from alived.health.dialogues.conversation import Conversation, shown
from alived.notify.config import MailTls

MAX_LINE = 1024
MAX_LINES = 100
_REPLY = re.compile(rb"([2-5][0-9]{2})(-| |\r?\Z)")
AUTHENTICATION_REQUIRED = 530
"""RFC 4954: nothing about the mail, but about us"""
_md5 = functools.partial(hashlib.md5, usedforsecurity=False)
_DOTS = re.compile(rb"^\.", re.MULTILINE)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses have no white space, control characters or angle brackets: whoever reads them sees to that."""

    helo_name: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    tls: MailTls = MailTls.OFF
    user: str = ""
    password: str = ""


_Credential = Callable[[bytes], str | None]
"""The answer to a challenge; None: there is no answer to that one"""


class _Said(NamedTuple):
    code: int
    lines: list[bytes]


class _Stage(enum.StrEnum):
    """What was said last; the value is how a sentence calls it."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    CONTENT = "the mail"


class MailDialogue(Conversation):
    """What it came to, besides the verdict. permanent: after a failure, whether the server will never take this mail.
    is_incomplete: some of the recipients will never get it. deferred: those who may get it later, and what the server
    says of them; no others need it again."""

    awaited = "greeting"

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._stage = _Stage.GREETING
        self._line = b""
        self._lines: list[bytes] = []
        self._features: frozenset[str] = frozenset()
        self._mechanisms: frozenset[str] = frozenset()
        self._secure = envelope.tls is MailTls.TLS
        self._credentials: Iterator[_Credential] = iter(())
        """One after the other"""
        self._left = list(envelope.recipients)
        self._refused: dict[str, str] = {}
        """For good: recipient -> what the server said"""
        self._later: dict[str, str] = {}
        """For now, likewise"""
        self.is_incomplete = False
        self.deferred: tuple[tuple[str, str], ...] = ()
        self.permanent = False

    def begun(self) -> Step:
        return WAIT

    def received(self, data: bytes) -> Step:
        while data:
            head, end, data = data.partition(b"\n")
            self._line += head[: MAX_LINE + 1 - len(self._line)]
            if len(self._line) > MAX_LINE:
                return verdict(False, f"a line of the answer to {self._stage} is longer than {MAX_LINE} octets")
            if end and (step := self._take_line()) is not WAIT:
                return step  # a server that says more than it was asked is not listened to
        return WAIT

    def _take_line(self) -> Step:
        line, self._line = self._line, b""
        found = _REPLY.match(line)
        if found is None:
            return verdict(False, f"the answer to {self._stage} is no SMTP: {shown(line)}")
        self._lines.append(line)
        if found[2] == b"-":
            too_many = len(self._lines) >= MAX_LINES
            return verdict(False, f"the answer to {self._stage} has more than {MAX_LINES} lines") if too_many else WAIT
        said, self._lines = _Said(int(found[1]), self._lines), []
        return self._answered(said)

    def _answered(self, said: _Said) -> Step:
        match self._stage:
            case _Stage.GREETING | _Stage.EHLO | _Stage.HELO:
                return self._greeted(said)
            case _Stage.STARTTLS | _Stage.AUTH:
                return self._proven(said)
            case _:
                return self._carried(said)

    def _greeted(self, said: _Said) -> Step:
        match self._stage, said.code:
            case _Stage.GREETING, 220:
                return self._say(_Stage.EHLO, f"EHLO {self._envelope.helo_name}")
            case _Stage.EHLO, 250:
                self._learn(said)
                return self._after_hello()
            case _Stage.EHLO, code if code >= 500:
                return self._say(_Stage.HELO, f"HELO {self._envelope.helo_name}")
            case _Stage.HELO, 250:
                return self._after_hello()
            case _:
                return self._fail(said)

    def _proven(self, said: _Said) -> Step:
        match self._stage, said.code:
            case _Stage.STARTTLS, 220:
                self.awaited = "end of the TLS handshake"
                return Step(start_tls=True, patience=True)
            case _Stage.AUTH, 334:
                return self._challenged(said)
            case _Stage.AUTH, 235:
                return self._mail_from()
            case _:
                return self._fail(said)

    def _carried(self, said: _Said) -> Step:
        match self._stage, said.code:
            case _Stage.MAIL, 250:
                return self._next_recipient()
            case _Stage.RCPT, _:
                return self._recipient_answered(said)
            case _Stage.DATA, 354:
                return self._content()
            case _Stage.CONTENT, 250:
                return verdict(True, self._taken(), b"QUIT\r\n")
            case _:
                return self._fail(said)

    def secured(self) -> Step:
        """What was learned before TLS counts no more (RFC 3207 section 4.2)."""
        self._secure = True
        self._features = self._mechanisms = frozenset()
        return self._say(_Stage.EHLO, f"EHLO {self._envelope.helo_name}")

    def _learn(self, said: _Said) -> None:
        words = [line[4:].decode("ascii", "replace").upper().split() for line in said.lines[1:]]
        self._features = frozenset(each[0] for each in words if each)
        self._mechanisms = frozenset(name for each in words if each and each[0] == "AUTH" for name in each[1:])

    def _after_hello(self) -> Step:
        if self._envelope.tls is MailTls.STARTTLS and not self._secure:
            if "STARTTLS" not in self._features:
                return verdict(False, "the server offers no STARTTLS, and without it nothing is sent", b"QUIT\r\n")
            return self._say(_Stage.STARTTLS, "STARTTLS")
        return self._log_in() if self._envelope.user else self._mail_from()

    def _log_in(self) -> Step:
        user, password = self._envelope.user, self._envelope.password
        known = ("PLAIN", "LOGIN", "CRAM-MD5") if self._secure else ("CRAM-MD5", "PLAIN", "LOGIN")
        match next((mechanism for mechanism in known if mechanism in self._mechanisms), None):
            case "PLAIN":
                return self._say(_Stage.AUTH, f"AUTH PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
            case "LOGIN":
                self._credentials = iter((lambda _: _base64(user), lambda _: _base64(password)))
                return self._say(_Stage.AUTH, "AUTH LOGIN")
            case "CRAM-MD5":
                self._credentials = iter((lambda challenge: _cram_md5(user, password, challenge),))
                return self._say(_Stage.AUTH, "AUTH CRAM-MD5")
            case _:
                offered = ", ".join(sorted(self._mechanisms)) or "nothing"
                no = f"the server offers none of AUTH {', '.join(sorted(known))}, but {offered}"
                return verdict(False, no, b"QUIT\r\n")

    def _challenged(self, said: _Said) -> Step:
        credential = next(self._credentials, None)
        word = credential(said.lines[-1][4:]) if credential else None
        return self._fail(said) if word is None else self._say(_Stage.AUTH, word)

    def _mail_from(self) -> Step:
        return self._say(_Stage.MAIL, f"MAIL FROM:<{self._envelope.sender}>")

    def _next_recipient(self) -> Step:
        return self._say(_Stage.RCPT, f"RCPT TO:<{self._left[0]}>")

    def _recipient_answered(self, said: _Said) -> Step:
        recipient = self._left.pop(0)
        if said.code not in (250, 251):
            refusals = self._refused if _is_permanent(said) else self._later
            refusals[recipient] = shown(said.lines[-1])
        if self._left:
            return self._next_recipient()
        if len(self._refused) + len(self._later) < len(self._envelope.recipients):
            return self._say(_Stage.DATA, "DATA")
        return self._nobody()

    def _content(self) -> Step:
        self._stage = _Stage.CONTENT
        self.awaited = "answer to the mail"
        message = _DOTS.sub(b"..", self._envelope.message)
        return Step(send=message + (b"" if message.endswith(b"\r\n") else b"\r\n") + b".\r\n", patience=True)

    def _taken(self) -> str:
        self.is_incomplete, self.deferred = bool(self._refused), tuple(self._later.items())
        exceptions = self._exceptions()
        return f"the server takes the mail, but {exceptions}" if exceptions else "the server takes the mail"

    def _nobody(self) -> Step:
        """The server takes it for no recipient now; those whom it refuses for good are not tried again."""
        self.permanent = bool(self._refused)
        if self.permanent:
            self.deferred = tuple(self._later.items())
        return verdict(False, f"the server takes the mail for nobody: {self._exceptions()}", b"QUIT\r\n")

    def _exceptions(self) -> str:
        """Recipients by what the server says of them: it says the same of many."""
        found: dict[str, list[str]] = {}
        for answers, how in ((self._refused, "not for"), (self._later, "not now for")):
            for recipient, why in answers.items():
                found.setdefault(f"{how}{{}}: {why}", []).append(recipient)
        return "; ".join(text.replace("{}", f" {', '.join(who)}", 1) for text, who in found.items())

    def _fail(self, said: _Said) -> Step:
        about_the_mail = self._stage in (_Stage.MAIL, _Stage.CONTENT)
        self.permanent = about_the_mail and _is_permanent(said)
        # What is shown is what the server said, never what we said: that may be the password.
        return verdict(False, f"the answer to {self._stage} is {shown(said.lines[-1])}", b"QUIT\r\n")

    def _say(self, stage: _Stage, line: str) -> Step:
        self._stage = stage
        self.awaited = f"answer to {stage}"
        return Step(send=f"{line}\r\n".encode(), patience=True)


def _is_permanent(said: _Said) -> bool:
    return said.code >= 500 and said.code != AUTHENTICATION_REQUIRED


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _cram_md5(user: str, password: str, challenge: bytes) -> str | None:
    """RFC 2195; None: the challenge is no base64."""
    try:
        octets = base64.b64decode(challenge)
    except binascii.Error:
        return None
    return _base64(f"{user} {hmac.new(password.encode(), octets, _md5).hexdigest()}")
