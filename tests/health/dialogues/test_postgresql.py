"""The check of PostgreSQL against words of a server written by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.config import PostgresqlCheck, Role
from alived.health.dialogues.postgresql import PostgresqlDialogue
from alived.wire.postgresql import SSL_REQUEST, TERMINATE, frame, md5_answer, startup
from tests.health.dialogues.talking import check_bears, converse, in_octets, pieces_like

NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
READY = frame("Z", b"I")
IS_IN = frame("R", b"\0\0\0\0") + frame("S", b"server_version\x0015\0") + frame("K", bytes(8)) + READY
WANTS_SASL = frame("R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
TRUE, FALSE = (frame("T", b"...") + frame("D", b"\0\x01\0\0\0\x01" + sign) for sign in (b"t", b"f"))


def error(code: str, text: str) -> bytes:
    return frame("E", f"SFATAL\0C{code}\0M{text}\0\0".encode())


STARTING = error("57P03", "the database system is starting up")
UNKNOWN = error("28000", 'role "alived" does not exist')


def dialogue(password: str = "", **fields: object) -> PostgresqlDialogue:
    return PostgresqlDialogue(PostgresqlCheck(connect_ip="192.0.2.5", **fields), password, NONCE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (WANTS_SASL, (True, "the server takes connections: it asks alived for a password")),
        (UNKNOWN, (True, 'the server takes connections: "role "alived" does not exist" (28000)')),
        (error("3D000", "none"), (True, 'the server takes connections: "none" (3D000)')),
        (
            STARTING,
            (False, 'the answer to the login is an error: "the database system is starting up" (57P03)'),
        ),
        (error("53300", "sorry"), (False, 'the answer to the login is an error: "sorry" (53300)')),
        (IS_IN, (True, "the server lets alived in")),
        (frame("?", b""), (False, "the answer to the login is wrong: a message of type ?")),
        (frame("D", b""), (False, "the answer to the login is wrong: a message of type D")),
        (b"HTTP/1.1 400", (False, "the answer to the login is wrong: a message of 1414811695 octets")),
        (frame("R", b""), (False, "the answer to the login is wrong: a request without a number")),
    ],
)
def test_does_it_take_connections(said: bytes, outcome: tuple[bool, str]) -> None:
    talk = converse(dialogue(), *in_octets(said))
    assert talk.said[0] == startup("alived", "")
    assert talk.outcome == outcome


def test_a_user_who_is_not_admitted_is_a_failure() -> None:
    talk = converse(dialogue(user="lb"), error("28P01", "no"))
    assert talk.outcome == (False, 'the answer to the login is an error: "no" (28P01)')


def test_a_user_without_a_password() -> None:
    talk = converse(dialogue(user="lb", database="shop"), IS_IN)
    assert talk.said == [startup("lb", "shop"), TERMINATE]
    assert talk.outcome == (True, "the server lets lb in")
    expected = "the server takes connections: it asks lb for a password"
    assert converse(dialogue(user="lb"), WANTS_SASL).outcome == (True, expected)


def test_scram() -> None:
    """The numbers are those of RFC 7677, with an empty name, as PostgreSQL wants it."""
    talk = converse(dialogue("pencil", user="lb"), WANTS_SASL)
    assert talk.said[-1] == b"p\0\0\0\x32SCRAM-SHA-256\0\0\0\0\x1cn,,n=,r=rOprNGfwEbeRWgbNEkqO"
    talk.hears(frame("R", b"\0\0\0\x0b" + SERVER_FIRST))
    proof = talk.said[-1][5:]
    assert proof.startswith(b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=")

    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    message = b"n=,r=rOprNGfwEbeRWgbNEkqO," + SERVER_FIRST + b"," + proof.partition(b",p=")[0]
    signature = b"v=" + base64.b64encode(hmac.digest(server_key, message, "sha256"))
    assert talk.hears(frame("R", b"\0\0\0\x0c" + signature) + IS_IN).outcome == (True, "the server lets lb in")


def test_a_server_that_does_not_know_the_password() -> None:
    said = WANTS_SASL, frame("R", b"\0\0\0\x0b" + SERVER_FIRST), frame("R", b"\0\0\0\x0cv=AAAA")
    talk = converse(dialogue("pencil", user="lb"), *said)
    assert talk.outcome == (False, "the answer to the login is wrong: it does not prove that it knows the password")


def test_md5() -> None:
    talk = converse(dialogue("secret", user="lb"), frame("R", b"\0\0\0\x05salt"))
    assert talk.said[-1] == frame("p", md5_answer("lb", "secret", b"salt"))


def test_the_password_as_it_is_goes_only_through_tls() -> None:
    wanted = frame("R", b"\0\0\0\x03")
    expected = "the server wants the password as it is, and it is sent so only in TLS"
    assert converse(dialogue("secret", user="lb"), wanted).outcome == (False, expected)
    assert converse(dialogue("secret", user="lb", tls=True), b"S", wanted).said[-1] == b"p\0\0\0\x0bsecret\0"


@pytest.mark.parametrize(
    ("wanted", "what"), [(b"\0\0\0\x07", "number 7"), (b"\0\0\0\x0aSCRAM-SHA-512\0\0", '"SCRAM-SHA-512"')]
)
def test_an_unknown_authentication(wanted: bytes, what: str) -> None:
    expected = f"the server wants an authentication that a check does not know: {what}"
    assert converse(dialogue("secret", user="lb"), frame("R", wanted)).outcome == (False, expected)


def test_tls() -> None:
    talk = converse(dialogue(tls=True), b"S" + UNKNOWN)
    assert talk.in_tls
    assert talk.said == [SSL_REQUEST, startup("alived", "")]
    assert talk.verdict is None, "what came before TLS is dropped"
    assert talk.hears(UNKNOWN).outcome[0]


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"N", "the server offers no TLS"), (b"E", "the server is no PostgreSQL")]
)
def test_no_tls(answer: bytes, reason: str) -> None:
    assert converse(dialogue(tls=True), answer).outcome == (False, reason)


@pytest.mark.parametrize(
    ("role", "row", "outcome"),
    [
        (Role.MASTER, FALSE, (True, 'a master: pg_is_in_recovery() is "f"')),
        (Role.MASTER, TRUE, (False, 'pg_is_in_recovery() is "t": it is a replica, not a master')),
        (Role.REPLICA, TRUE, (True, 'a replica: pg_is_in_recovery() is "t"')),
        (
            Role.REPLICA,
            frame("D", b"\0\x01\0\0\0\x01?"),
            (False, 'pg_is_in_recovery() is "?": it is a server of an unknown kind, not a replica'),
        ),
        (Role.MASTER, READY, (False, "the answer to SELECT pg_is_in_recovery() has no row")),
        (
            Role.MASTER,
            error("XX000", "x"),
            (False, 'the answer to SELECT pg_is_in_recovery() is an error: "x" (XX000)'),
        ),
    ],
)
def test_roles(role: Role, row: bytes, outcome: tuple[bool, str]) -> None:
    talk = converse(dialogue(user="lb", role=role), IS_IN)
    assert talk.said[-1] == b"Q\0\0\0\x1fSELECT pg_is_in_recovery()\0"
    assert talk.hears(*in_octets(row)).outcome == outcome


def test_a_role_needs_a_login() -> None:
    talk = converse(dialogue(user="lb", role=Role.MASTER), WANTS_SASL)
    assert talk.outcome == (False, "the server wants a password of lb, and there is none")


def test_nothing() -> None:
    assert dialogue(tls=True).timed_out().reason == "no answer to the request for TLS in time"
    assert dialogue().ended().reason == "the server ended the connection before its answer to the login"


@given(
    pieces_like(
        IS_IN, WANTS_SASL, READY, TRUE, UNKNOWN, STARTING, frame("R", b"\0\0\0\x0b" + SERVER_FIRST), bytes(9000)
    ),
    st.sampled_from(["", "lb"]),
    st.booleans(),
)
def test_bears_anything(pieces: list[bytes], user: str, tls: bool) -> None:
    role = Role.MASTER if user else None
    check_bears(lambda: dialogue("pencil", user=user, tls=tls, role=role), [b"S"] * tls + pieces)
