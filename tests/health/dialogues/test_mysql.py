"""The check of MySQL and MariaDB against words of a server written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.config import MysqlCheck, Role
from alived.health.dialogues.mysql import MysqlDialogue
from alived.wire.mysql import CACHING_SHA2, CLIENT_SSL, NATIVE, frame, login, scramble, tls_request
from tests.health.dialogues.talking import check_bears, converse, in_octets, pieces_like

NONCE = b"abcdefghijklmnopqrst"
OTHER_NONCE = b"ABCDEFGHIJKLMNOPQRST"
OK = b"\0\0\0\x02\0\0\0"
QUIT = frame(0, b"\x01")
DENIED = b"\xff\x15\x04#28000Access denied for user 'alived'@'192.0.2.1' (using password: NO)"
SERVER = "server 8.0.36"


def greeting(plugin: str = NATIVE, capabilities: int = 0x81FFF7FE | CLIENT_SSL) -> bytes:
    low, high = (capabilities & 0xFFFF).to_bytes(2, "little"), (capabilities >> 16).to_bytes(2, "little")
    head = b"\x0a8.0.36\0\x2a\0\0\0" + NONCE[:8] + b"\0" + low + b"\xff\x02\0" + high + b"\x15" + bytes(10)
    return frame(0, head + NONCE[8:] + b"\0" + plugin.encode() + b"\0")


GREETING = greeting()
SWITCH = b"\xfe" + CACHING_SHA2.encode() + b"\0" + OTHER_NONCE + b"\0"


def dialogue(password: str = "", **fields: object) -> MysqlDialogue:
    return MysqlDialogue(MysqlCheck(connect_ip="192.0.2.7", **fields), password)  # type: ignore[arg-type]


def test_a_stranger_who_is_refused_is_a_success() -> None:
    talk = converse(dialogue(), *in_octets(GREETING, frame(2, DENIED)))
    assert talk.said == [frame(1, login("alived", NATIVE, b"", in_tls=False))]
    assert talk.outcome == (True, f"{SERVER} takes logins")


def test_a_stranger_who_is_let_in_leaves_politely() -> None:
    talk = converse(dialogue(), GREETING, frame(2, OK))
    assert talk.said[-1] == QUIT
    assert talk.outcome == (True, f"{SERVER} lets alived in")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"\xff\x10\x04Too many connections", 'the greeting is error 1040: "Too many connections"'),
        (b"\xff\x15\x04#28000Access", 'the greeting is error 1045: "Access"'),
        (b"\xff", "the greeting is wrong: an error without a number"),
        (b"\x09old", "the greeting is wrong: no greeting of protocol 10"),
        (b"", "the greeting is wrong: no greeting of protocol 10"),
    ],
)
def test_another_greeting_is_a_failure(said: bytes, reason: str) -> None:
    assert converse(dialogue(), frame(0, said)).outcome == (False, reason)


def test_a_server_of_another_kind() -> None:
    reason = "the greeting is wrong: a packet of 5526600 octets"
    assert converse(dialogue(), b"HTTP/1.1 400 Bad Request\r\n\r\n").outcome == (False, reason)


def test_another_error_than_a_refusal() -> None:
    talk = converse(dialogue(), GREETING, frame(2, b"\xff\x57\x0c#HY000Connections using insecure transport"))
    assert talk.outcome == (False, 'the answer to the login is error 3159: "Connections using insecure transport"')


def test_a_user_who_is_refused_is_a_failure() -> None:
    talk = converse(dialogue(user="lb"), GREETING, frame(2, b"\xff\x15\x04#28000Access denied"))
    assert talk.outcome == (False, 'the answer to the login is error 1045: "Access denied"')


def test_a_user_with_a_password() -> None:
    talk = converse(dialogue("secret", user="lb"), GREETING, frame(2, OK))
    answer = scramble(NATIVE, "secret", NONCE) or b""
    assert talk.said == [frame(1, login("lb", NATIVE, answer, in_tls=False)), QUIT]
    assert talk.outcome == (True, f"{SERVER} lets lb in")


def test_a_switch_of_the_plugin_and_the_fast_way() -> None:
    talk = converse(dialogue("secret", user="lb"), GREETING, frame(2, SWITCH))
    assert talk.said[-1] == frame(3, scramble(CACHING_SHA2, "secret", OTHER_NONCE) or b"")
    assert talk.hears(frame(4, b"\x01\x03") + frame(5, OK)).outcome[0]


def test_the_plugin_of_the_greeting_is_used() -> None:
    talk = converse(dialogue("secret", user="lb"), greeting(CACHING_SHA2))
    answer = scramble(CACHING_SHA2, "secret", NONCE) or b""
    assert talk.said == [frame(1, login("lb", CACHING_SHA2, answer, in_tls=False))]


def test_a_plugin_that_nobody_knows() -> None:
    talk = converse(dialogue("secret", user="lb"), GREETING, frame(2, b"\xfeclient_ed25519\0" + OTHER_NONCE))
    expected = 'the server wants a login by "client_ed25519", which a check does not know'
    assert talk.outcome == (False, expected)


def test_the_whole_password_is_sent_only_in_tls() -> None:
    whole = frame(2, b"\x01\x04")
    talk = converse(dialogue("secret", user="lb"), greeting(CACHING_SHA2), whole)
    expected = "the server does not remember the password of lb, and it is sent whole only in TLS"
    assert talk.outcome == (False, expected)
    talk = converse(dialogue("secret", user="lb", tls=True), greeting(CACHING_SHA2), frame(3, b"\x01\x04"))
    assert talk.said[-1] == frame(4, b"secret\0")


def test_tls() -> None:
    talk = converse(dialogue(tls=True), GREETING)
    assert talk.in_tls
    assert talk.said == [frame(1, tls_request()), frame(2, login("alived", NATIVE, b"", in_tls=True))]
    assert talk.hears(frame(3, DENIED)).outcome[0]


def test_no_tls() -> None:
    talk = converse(dialogue(tls=True), greeting(capabilities=0x81FFF7FE & ~CLIENT_SSL))
    assert talk.outcome == (False, f"{SERVER} offers no TLS")


ROWS = [frame(1, b"\x01"), frame(2, b"\x03def..."), frame(3, b"\xfe\0\0\x02\0")]


@pytest.mark.parametrize(
    ("role", "value", "outcome"),
    [
        (Role.MASTER, b"0", (True, 'a master: read_only is "0"')),
        (Role.MASTER, b"1", (False, 'read_only is "1": it is a replica, not a master')),
        (Role.REPLICA, b"1", (True, 'a replica: read_only is "1"')),
        (Role.REPLICA, b"OFF", (False, 'read_only is "OFF": it is a master, not a replica')),
    ],
)
def test_roles(role: Role, value: bytes, outcome: tuple[bool, str]) -> None:
    talk = converse(dialogue(user="lb", role=role), GREETING, frame(2, OK))
    assert talk.said[-1] == frame(0, b"\x03SELECT @@global.read_only")
    row = frame(4, bytes((len(value),)) + value)
    assert talk.hears(*in_octets(*ROWS, row)).outcome == outcome
    assert talk.said[-1] == QUIT


def test_a_question_that_is_refused() -> None:
    talk = converse(dialogue(user="lb", role=Role.MASTER), GREETING, frame(2, OK), frame(1, b"\xff\x88\x13#HY000no"))
    assert talk.outcome == (False, 'the answer to SELECT @@global.read_only is error 5000: "no"')


def test_an_answer_to_the_login_that_is_none() -> None:
    talk = converse(dialogue(), GREETING, frame(2, b"\x05??"))
    assert talk.outcome == (False, r'the answer to the login is wrong: "\x05??"')


def test_nothing() -> None:
    assert dialogue().timed_out().reason == "no greeting in time"
    talk = converse(dialogue(), GREETING)
    assert talk.dialogue.ended().reason == "the server ended the connection before its answer to the login"


@given(
    pieces_like(GREETING, greeting(CACHING_SHA2), frame(2, OK), frame(2, DENIED), frame(2, SWITCH), *ROWS, bytes(9000)),
    st.sampled_from(["", "lb"]),
    st.booleans(),
)
def test_bears_anything(pieces: list[bytes], user: str, tls: bool) -> None:
    check_bears(lambda: dialogue("secret", user=user, tls=tls, role=Role.MASTER if user else None), pieces)
