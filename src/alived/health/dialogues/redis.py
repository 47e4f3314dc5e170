"""A check of Redis by its protocol RESP2: AUTH if there is a password, PING, and INFO replication if that matters.

Any error is a failure and its text the reason: a server that loads its data answers PING by -LOADING, a replica that
does not serve stale data by -MASTERDOWN, one that wants a password by -NOAUTH.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from alived.base import DecodeError
from alived.health.config import RedisCheck, Role
from alived.health.dialogue import WAIT, Step, verdict
from alived.health.dialogues.conversation import Conversation, shown

MAX_LINE = 1024
MAX_BULK = 1 << 16
"""Octets of INFO replication: a line for each replica."""
_MAX_REPLY = MAX_BULK + 16
_ROLES = {b"master": Role.MASTER, b"slave": Role.REPLICA}


class Reply(msgspec.Struct, frozen=True):
    """kind: its first sign, "+", "-", ":", "$", ...; text: what follows, of "$" the string itself."""

    kind: str
    text: bytes


def read_reply(data: bytes) -> Reply | None:
    """The reply that `data` begins with; None: it is not whole yet. Raises DecodeError: too long, or no RESP."""
    line, end, rest = data.partition(b"\r\n")
    if len(line) > MAX_LINE:
        raise DecodeError("too-long", f"a line of more than {MAX_LINE} octets")
    if not end:
        return None
    kind, text = line[:1].decode("latin-1"), line[1:]
    if kind in ("+", "-", ":"):
        return Reply(kind, text)
    if kind != "$" or not text.isdigit():
        raise DecodeError("no-resp", shown(line))
    length = int(text[:9])
    if length > MAX_BULK:
        raise DecodeError("too-long", f"a string of more than {MAX_BULK} octets")
    return Reply(kind, rest[:length]) if len(rest) >= length + len(b"\r\n") else None


def command(*words: str) -> bytes:
    """An array of bulk strings."""
    encoded = [word.encode(errors="surrogateescape") for word in words]
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)])


_Judge: TypeAlias = Callable[[Reply], Step | None]
"""None: as it should be."""


class RedisDialogue(Conversation):
    def __init__(self, check: RedisCheck, password: str = "") -> None:
        self._check = check
        self._heard = b""
        self._judge: _Judge
        self._plan: list[tuple[str, bytes, _Judge]] = [("PING", command("PING"), self._is_pong)]
        if password:
            words = ("AUTH", check.user, password) if check.user else ("AUTH", password)
            self._plan.insert(0, ("AUTH", command(*words), self._is_ok))
        if check.role is not None or check.replication_link:
            self._plan.append(("INFO", command("INFO", "replication"), self._replication))

    def begun(self) -> Step:
        return self._say_next()

    def _say_next(self) -> Step:
        name, words, self._judge = self._plan.pop(0)
        self.awaited = f"answer to {name}"
        self._heard = b""
        return Step(send=words, patience=True)

    def received(self, data: bytes) -> Step:
        self._heard += data[: _MAX_REPLY - len(self._heard)]
        try:
            reply = read_reply(self._heard)
        except DecodeError as error:
            return verdict(False, f"the {self.awaited} is none of Redis: {error.detail}")
        if reply is None:
            return WAIT
        if reply.kind == "-":
            return verdict(False, f"the {self.awaited} is {shown(reply.text)}")
        wrong = self._judge(reply)
        if wrong is not None:
            return wrong
        return self._say_next() if self._plan else verdict(True, "PONG")

    def _is_ok(self, reply: Reply) -> Step | None:
        return None if reply.text == b"OK" else self._not(reply, "OK")

    def _is_pong(self, reply: Reply) -> Step | None:
        return None if reply.text == b"PONG" else self._not(reply, "PONG")

    def _not(self, reply: Reply, due: str) -> Step:
        return verdict(False, f"the {self.awaited} is {shown(reply.text)}, not {due}")

    def _replication(self, reply: Reply) -> Step | None:
        check = self._check
        fields = dict(line.partition(b":")[::2] for line in reply.text.split(b"\r\n"))
        role = _ROLES.get(fields.get(b"role", b""))
        link = fields.get(b"master_link_status", b"")
        if role is None:
            return verdict(False, f"the {self.awaited} names no role: {shown(reply.text)}")
        if check.role is not None and role is not check.role:
            return verdict(False, f"it is a {role}, not a {check.role}")
        if check.replication_link and role is Role.REPLICA and link != b"up":
            return verdict(False, f"it is a replica and its link to its master is {shown(link)}")
        return verdict(True, f"PONG from a {role}")
