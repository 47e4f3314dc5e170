"""A check of MySQL and MariaDB: the greeting, a login, and `read_only` if it matters whether the server takes writes.

A client that only reads the greeting and leaves is counted by the server as an interrupted connection, and after
`max_connect_errors` of them (100) it blocks the host; whatever such a client sends for a good-bye is counted too. Only
a whole login is not, even one that is refused. So without a user this check logs in as one that nobody has, and that
the server refuses it (SQLSTATE 28000) is the success. Every other error is a failure and its text the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from alived.base import DecodeError
from alived.health.config import MysqlCheck, Role
from alived.health.dialogue import WAIT, Step, verdict
from alived.health.dialogues.conversation import Conversation, printable, shown
from alived.wire import mysql as wire

STRANGER = "alived"
"""Who logs in if the check names nobody."""
QUERY = "SELECT @@global.read_only"
_WRITABLE = (b"0", b"OFF")
_BEFORE_THE_ROW = 3
"""Packets: number of columns, a column, their end."""
_HELD = wire.HEADER_BYTES + wire.MAX_PACKET
_Hear: TypeAlias = Callable[[bytes], Step]


class MysqlDialogue(Conversation):
    awaited = "greeting"

    def __init__(self, check: MysqlCheck, password: str = "") -> None:
        self._check = check
        self._user = check.user or STRANGER
        self._password = password if check.user else ""
        self._heard = b""
        self._sequence = 0
        """Of the next packet."""
        self._hear: _Hear = self._greeted
        self._greeting: wire.Greeting | None = None
        self._plugin = wire.NATIVE
        self._before_the_row = _BEFORE_THE_ROW

    def begun(self) -> Step:
        return WAIT

    def received(self, data: bytes) -> Step:
        while data:
            room = _HELD - len(self._heard)
            self._heard, data = self._heard + data[:room], data[room:]
            step = self._read_packets()
            if step is not WAIT:
                return step
        return WAIT

    def _read_packets(self) -> Step:
        """All that are whole, up to one that is answered. Nothing can follow one that is."""
        try:
            while (found := wire.unframe(self._heard)) is not None:
                number, payload, self._heard = found
                self._sequence = number + 1
                step = self._read(payload)
                if step is not WAIT:
                    self._heard = b""
                    return step
        except DecodeError as error:
            return verdict(False, f"the {self.awaited} is wrong: {error.detail}")
        return WAIT

    def _read(self, payload: bytes) -> Step:
        if payload[:1] == bytes((wire.ERROR,)):
            return self._refused(wire.decode_error(payload))
        return self._hear(payload)

    def _refused(self, error: wire.ServerError) -> Step:
        if error.state == wire.ACCESS_DENIED_STATE and not self._check.user and self._greeting:
            return verdict(True, f"{self._server} takes logins")
        return verdict(False, f"the {self.awaited} is error {error.code}: {shown(error.text)}")

    def _say(self, payload: bytes, awaited: str, hear: _Hear) -> Step:
        self.awaited, self._hear = awaited, hear
        return Step(send=wire.frame(self._sequence, payload), patience=True)

    @property
    def _server(self) -> str:
        return f"server {printable(self._greeting.version)}" if self._greeting else "the server"

    # The login

    def _greeted(self, payload: bytes) -> Step:
        greeting = self._greeting = wire.decode_greeting(payload)
        if greeting.plugin == wire.CACHING_SHA2:
            self._plugin = wire.CACHING_SHA2
        if not self._check.tls:
            return self._log_in()
        if not greeting.capabilities & wire.CLIENT_SSL:
            return verdict(False, f"{self._server} offers no TLS")
        request = wire.frame(self._sequence, wire.tls_request())
        self._sequence += 1
        self.awaited = "end of the TLS handshake"
        return Step(send=request, start_tls=True, patience=True)

    def secured(self) -> Step:
        return self._log_in()

    def _log_in(self) -> Step:
        assert self._greeting is not None
        answer = wire.scramble(self._plugin, self._password, self._greeting.nonce) or b""
        packet = wire.login(self._user, self._plugin, answer, self._check.tls)
        return self._say(packet, "answer to the login", self._logged_in)

    def _logged_in(self, payload: bytes) -> Step:
        match payload[:1], payload[1:]:
            case b"\x00", _:
                return self._is_in()
            case b"\xfe", _:
                return self._switch(*wire.decode_switch(payload))
            case b"\x01", b"\x03":
                return WAIT  # the fast way of caching_sha2_password: OK follows
            case b"\x01", b"\x04":
                return self._whole_password()
            case _:
                raise DecodeError("no-answer", shown(payload))

    def _switch(self, plugin: str, nonce: bytes) -> Step:
        answer = wire.scramble(plugin, self._password, nonce)
        if answer is None:
            return verdict(
                False, f'the server wants a login by "{printable(plugin[:64])}", which a check does not know'
            )
        return self._say(answer, "answer to the login", self._logged_in)

    def _whole_password(self) -> Step:
        if not self._check.tls:
            reason = f"the server does not remember the password of {self._user}, and it is sent whole only in TLS"
            return verdict(False, reason)
        return self._say(
            self._password.encode(errors="surrogateescape") + b"\0", "answer to the login", self._logged_in
        )

    # After it

    def _is_in(self) -> Step:
        if self._check.role is None:
            return self._leave(True, f"{self._server} lets {self._user} in")
        self._sequence = 0
        return self._say(wire.COM_QUERY + QUERY.encode(), f"answer to {QUERY}", self._queried)

    def _queried(self, payload: bytes) -> Step:
        if self._before_the_row:
            self._before_the_row -= 1
            return WAIT
        value = wire.decode_text(payload)
        role = Role.MASTER if value in _WRITABLE else Role.REPLICA
        if role is self._check.role:
            return self._leave(True, f"a {role}: read_only is {shown(value)}")
        return self._leave(False, f"read_only is {shown(value)}: it is a {role}, not a {self._check.role}")

    def _leave(self, ok: bool, reason: str) -> Step:
        """With a good-bye: a client that is let in and only closes is counted as aborted."""
        return verdict(ok, reason, wire.frame(0, wire.COM_QUIT))
