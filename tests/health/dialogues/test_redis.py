"""The check of Redis: what a server says, by hand from the description of RESP2 and of its commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.health.config import RedisCheck, Role
from alived.health.dialogues.redis import MAX_BULK, MAX_LINE, RedisDialogue, Reply, read_reply
from tests.health.dialogues.talking import check_bears, converse, in_octets, pieces_like

PING = b"*1\r\n$4\r\nPING\r\n"
INFO = b"*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n"
PONG = b"+PONG\r\n"


def dialogue(password: str = "", **fields: object) -> RedisDialogue:
    return RedisDialogue(RedisCheck(connect_ip="192.0.2.6", **fields), password)  # type: ignore[arg-type]


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


MASTER = bulk("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n")
REPLICA = bulk("# Replication\r\nrole:slave\r\nmaster_host:192.0.2.7\r\nmaster_link_status:up\r\n")
LONELY = bulk("# Replication\r\nrole:slave\r\nmaster_host:192.0.2.7\r\nmaster_link_status:down\r\n")


def test_pong() -> None:
    talk = converse(dialogue(), *in_octets(PONG))
    assert talk.said == [PING]
    assert talk.outcome == (True, "PONG")


def test_with_a_password() -> None:
    talk = converse(dialogue("s 3\r\ncret"), b"+OK\r\n", PONG)
    assert talk.said == [b"*2\r\n$4\r\nAUTH\r\n$9\r\ns 3\r\ncret\r\n", PING]
    assert talk.outcome[0]


def test_a_password_of_any_octets() -> None:
    """A file need not be UTF-8: its octets come as surrogates and leave as they were."""
    (said,) = converse(dialogue(b"\xff\x01".decode(errors="surrogateescape"))).said
    assert said == b"*2\r\n$4\r\nAUTH\r\n$2\r\n\xff\x01\r\n"


def test_with_a_user() -> None:
    talk = converse(dialogue("secret", user="lb"), b"-WRONGPASS invalid username-password pair\r\n")
    assert talk.said == [b"*3\r\n$4\r\nAUTH\r\n$2\r\nlb\r\n$6\r\nsecret\r\n"]
    assert talk.outcome == (False, 'the answer to AUTH is "WRONGPASS invalid username-password pair"')


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"-LOADING Redis is loading", 'the answer to PING is "LOADING Redis is loading"'),
        (b"-NOAUTH Authentication required.", 'the answer to PING is "NOAUTH Authentication required."'),
        (b"+QUEUED", 'the answer to PING is "QUEUED", not PONG'),
        (b":1", 'the answer to PING is "1", not PONG'),
        (b"220 mail", 'the answer to PING is none of Redis: "220 mail"'),
        (b"$-1", 'the answer to PING is none of Redis: "$-1"'),
        (b"$999999999999", "the answer to PING is none of Redis: a string of more than 65536 octets"),
        (b"+" * 2000, "the answer to PING is none of Redis: a line of more than 1024 octets"),
    ],
)
def test_another_answer_is_a_failure(said: bytes, reason: str) -> None:
    assert converse(dialogue(), said + b"\r\n").outcome == (False, reason)


def test_another_answer_to_auth() -> None:
    assert converse(dialogue("x"), b"+PONG\r\n").outcome == (False, 'the answer to AUTH is "PONG", not OK')


@pytest.mark.parametrize(
    ("role", "link", "said", "outcome"),
    [
        (Role.MASTER, False, MASTER, (True, "PONG from a master")),
        (Role.MASTER, False, REPLICA, (False, "it is a replica, not a master")),
        (Role.REPLICA, False, MASTER, (False, "it is a master, not a replica")),
        (Role.REPLICA, False, LONELY, (True, "PONG from a replica")),
        (Role.REPLICA, True, LONELY, (False, 'it is a replica and its link to its master is "down"')),
        (None, True, REPLICA, (True, "PONG from a replica")),
        (None, True, MASTER, (True, "PONG from a master")),
        (None, True, b"+role\r\n", (False, 'the answer to INFO names no role: "role"')),
    ],
)
def test_roles(role: Role | None, link: bool, said: bytes, outcome: tuple[bool, str]) -> None:
    talk = converse(dialogue(role=role, replication_link=link), PONG, *in_octets(said))
    assert talk.said == [PING, INFO]
    assert talk.outcome == outcome


def test_nothing() -> None:
    talk = converse(dialogue("x"), b"+O")
    assert talk.dialogue.timed_out().reason == "no answer to AUTH in time"
    assert talk.hears(b"K\r\n").dialogue.ended().reason == "the server ended the connection before its answer to PING"


def test_replies_are_read_when_they_are_whole() -> None:
    assert read_reply(b"$3\r\nabc\r") is None
    assert read_reply(b"$3\r\nabc\r\nmore") == Reply("$", b"abc")
    assert read_reply(b"$0\r\n\r\n") == Reply("$", b"")
    longest = b"$%d\r\n" % MAX_BULK + bytes(MAX_BULK)
    assert read_reply(longest) is None
    assert read_reply(longest + b"\r\n") == Reply("$", bytes(MAX_BULK))
    with pytest.raises(DecodeError, match="too-long"):
        read_reply(b"-" + bytes(MAX_LINE))


@given(
    pieces_like(PONG, b"+OK\r\n", MASTER, LONELY, b"-ERR x\r\n", b"$65536\r\n", bytes(30000)),
    st.sampled_from(["", "secret"]),
    st.booleans(),
)
def test_bears_anything(pieces: list[bytes], password: str, link: bool) -> None:
    check_bears(lambda: dialogue(password, replication_link=link), pieces)
