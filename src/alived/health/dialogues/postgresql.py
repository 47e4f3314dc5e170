"""A check of PostgreSQL: does it take connections (as pg_isready asks), does it let a user in, is it a master.

Without a password it is enough that the server asks for one, and without a user also that it does not know ours or
lets nobody in from here. "The database system is starting up", "too many clients" and every other error are failures.
"""

from __future__ import annotations

from alived.base import DecodeError
from alived.health.config import PostgresqlCheck, Role
from alived.health.dialogue import WAIT, Step, verdict
from alived.health.dialogues.conversation import Conversation, printable, shown
from alived.wire import postgresql as wire
from alived.wire.scram import MECHANISM, Scram

STRANGER = "alived"
"""Who logs in if the check names nobody."""
QUERY = "SELECT pg_is_in_recovery()"
_NOT_ADMITTED = ("28", "3D")
"""Classes of SQLSTATE: invalid authorization, invalid catalog name."""
_NO_NEWS = ("S", "K", "N", "v", "T", "C")
"""ParameterStatus, BackendKeyData, NoticeResponse, NegotiateProtocolVersion, RowDescription, CommandComplete."""
_HELD = 1 + wire.MAX_MESSAGE
_ROLES = {b"f": Role.MASTER, b"t": Role.REPLICA}


class PostgresqlDialogue(Conversation):
    def __init__(self, check: PostgresqlCheck, password: str, nonce: str) -> None:
        """nonce: of SCRAM, see there."""
        self._check = check
        self._user = check.user or STRANGER
        self._password = password if check.user else ""
        self._scram = Scram("", self._password, nonce)
        self._heard = b""
        self._wants_tls = check.tls
        self._asks = False
        """Whether the question about recovery is asked."""
        self.awaited = "answer to the request for TLS" if check.tls else "answer to the login"

    def begun(self) -> Step:
        return Step(send=wire.SSL_REQUEST) if self._wants_tls else self._log_in()

    def secured(self) -> Step:
        return self._log_in()

    def _log_in(self) -> Step:
        self.awaited = "answer to the login"
        return Step(send=wire.startup(self._user, self._check.database), patience=True)

    def received(self, data: bytes) -> Step:
        if self._wants_tls:
            return self._tls_answered(data[:1])
        while data:
            room = _HELD - len(self._heard)
            self._heard, data = self._heard + data[:room], data[room:]
            step = self._read_messages()
            if step is not WAIT:
                return step
        return WAIT

    def _tls_answered(self, answer: bytes) -> Step:
        """What comes in the same piece is not secured and dropped."""
        self._wants_tls = False
        if answer == b"S":
            self.awaited = "end of the TLS handshake"
            return Step(start_tls=True, patience=True)
        return verdict(False, "the server offers no TLS" if answer == b"N" else "the server is no PostgreSQL")

    def _read_messages(self) -> Step:
        try:
            while (found := wire.unframe(self._heard)) is not None:
                kind, content, self._heard = found
                step = self._hear(kind, content)
                if step is not WAIT:
                    return step
        except DecodeError as error:
            return verdict(False, f"the {self.awaited} is wrong: {error.detail}")
        return WAIT

    def _hear(self, kind: str, content: bytes) -> Step:
        match kind:
            case "R":
                return self._authentication(*wire.decode_authentication(content))
            case "E":
                return self._refused(wire.decode_error(content))
            case "Z":
                return self._ready()
            case "D" if self._asks:
                return self._recovery(wire.decode_first_column(content))
            case _ if kind in _NO_NEWS:
                return WAIT
            case _:
                raise DecodeError("unknown-type", f"a message of type {printable(kind)}")

    def _refused(self, error: wire.ErrorResponse) -> Step:
        said = f"{shown(error.text)} ({printable(error.code[:5])})"
        if error.code[:2] in _NOT_ADMITTED and not self._check.user:
            return verdict(True, f"the server takes connections: {said}")
        return verdict(False, f"the {self.awaited} is an error: {said}")

    # The login

    def _authentication(self, wanted: int, data: bytes) -> Step:
        if wanted == wire.AUTHENTICATION_OK:
            return WAIT
        if not self._password:
            return self._asked_for_password()
        answer = self._answer(wanted, data)
        return Step(send=wire.frame("p", answer), patience=True) if isinstance(answer, bytes) else answer

    def _answer(self, wanted: int, data: bytes) -> bytes | Step:
        match wanted:
            case wire.CLEARTEXT_PASSWORD if self._check.tls:
                return self._password.encode(errors="surrogateescape") + b"\0"
            case wire.CLEARTEXT_PASSWORD:
                return verdict(False, "the server wants the password as it is, and it is sent so only in TLS")
            case wire.MD5_PASSWORD:
                return wire.md5_answer(self._user, self._password, data)
            case wire.SASL | wire.SASL_CONTINUE | wire.SASL_FINAL:
                return self._scram_answer(wanted, data)
            case _:
                return self._unknown(f"number {wanted}")

    def _scram_answer(self, wanted: int, data: bytes) -> bytes | Step:
        if wanted == wire.SASL_CONTINUE:
            return self._scram.final(data)
        if wanted == wire.SASL_FINAL:
            self._scram.verify(data)
            return WAIT
        if MECHANISM.encode() in data.split(b"\0"):
            return wire.sasl_initial_response(MECHANISM, self._scram.first())
        return self._unknown(shown(data.rstrip(b"\0")))

    def _unknown(self, what: str) -> Step:
        return verdict(False, f"the server wants an authentication that a check does not know: {what}")

    def _asked_for_password(self) -> Step:
        if self._check.role is not None:
            return verdict(False, f"the server wants a password of {self._user}, and there is none")
        return verdict(True, f"the server takes connections: it asks {self._user} for a password")

    # After it

    def _ready(self) -> Step:
        if self._asks:
            return verdict(False, f"the {self.awaited} has no row")
        if self._check.role is None:
            return verdict(True, f"the server lets {self._user} in", wire.TERMINATE)
        self._asks = True
        self.awaited = f"answer to {QUERY}"
        return Step(send=wire.frame("Q", QUERY.encode() + b"\0"), patience=True)

    def _recovery(self, value: bytes) -> Step:
        role, due = _ROLES.get(value), self._check.role
        said = f"pg_is_in_recovery() is {shown(value)}"
        if role is due:
            return verdict(True, f"a {role}: {said}", wire.TERMINATE)
        return verdict(False, f"{said}: it is a {role or 'server of an unknown kind'}, not a {due}", wire.TERMINATE)
