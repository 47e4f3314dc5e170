"""The check of gRPC servers against frames written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given

from alived.health.config import GrpcCheck
from alived.health.dialogues.grpc import MAX_BLOCK, GrpcDialogue
from alived.wire import hpack
from alived.wire.grpc import encode_message
from alived.wire.http2 import ACK, END_HEADERS, END_STREAM, PREFACE, Type, encode, goaway, settings
from tests.health.dialogues.talking import check_bears, converse, in_octets, pieces_like

SETTINGS = settings({3: 100})
SETTINGS_ACK = encode(Type.SETTINGS, ACK, 0, b"")
SERVING, NOT_SERVING = encode_message(b"\x08\x01"), encode_message(b"\x08\x02")


def dialogue(**fields: object) -> GrpcDialogue:
    return GrpcDialogue(GrpcCheck(**{"connect_ip": "192.0.2.8", "connect_port": 50051} | fields))  # type: ignore[arg-type]


def headers(flags: int = 0, **fields: str) -> bytes:
    """Names with "_" for "-"; status is `:status`."""
    names = {"status": ":status"}
    block = hpack.encode([(names.get(n, n.replace("_", "-")).encode(), v.encode()) for n, v in fields.items()])
    return encode(Type.HEADERS, END_HEADERS | flags, 1, block)


def data(payload: bytes, flags: int = 0) -> bytes:
    return encode(Type.DATA, flags, 1, payload)


HEAD = headers(status="200", content_type="application/grpc")
TRAILER = headers(END_STREAM, grpc_status="0")


def test_serving() -> None:
    talk = converse(dialogue(), *in_octets(SETTINGS, SETTINGS_ACK, HEAD, data(SERVING), TRAILER))
    assert talk.outcome == (True, "the server is SERVING")
    first, *rest = talk.said
    assert first.startswith(PREFACE)
    assert rest == [SETTINGS_ACK, goaway()]


def test_the_question() -> None:
    (said,) = converse(dialogue(service="shop", tls=True, connect_ip="2001:db8::1")).said
    expected = hpack.encode(
        [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":path", b"/grpc.health.v1.Health/Check"),
            (b":authority", b"[2001:db8::1]:50051"),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"alived"),
        ]
    )
    body = data(b"\0\0\0\0\x06\x0a\x04shop", END_STREAM)
    assert said == PREFACE + settings({1: 0, 2: 0}) + encode(Type.HEADERS, END_HEADERS, 1, expected) + body


@pytest.mark.parametrize(
    ("fields", "authority"),
    [({"tls_name": "a.example"}, b"a.example"), ({"tls_name": "a", "authority": "b.example"}, b"b.example")],
)
def test_authority(fields: dict[str, str], authority: bytes) -> None:
    (said,) = converse(dialogue(**fields)).said
    assert hpack.encode([(b":authority", authority)]) in said


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((HEAD, data(NOT_SERVING), TRAILER), "service shop is NOT_SERVING"),
        ((HEAD, data(encode_message(b"")), TRAILER), "service shop is UNKNOWN"),
        ((HEAD, data(encode_message(b"\x08\x09")), TRAILER), "service shop is in state 9"),
        ((HEAD, TRAILER), "the answer is wrong: the answer is not one message"),
        (
            (headers(END_STREAM, status="200", grpc_status="5", grpc_message="no%20such%C3%BC"),),
            'gRPC status NOT_FOUND: "no suchü"',
        ),
        ((headers(END_STREAM, status="200", grpc_status="12"),), "gRPC status UNIMPLEMENTED"),
        ((headers(END_STREAM, status="200", grpc_status="99"),), 'gRPC status "99"'),
        ((HEAD, data(SERVING, END_STREAM)), 'gRPC status ""'),
        ((headers(status="503"),), 'HTTP status "503"'),
        ((encode(Type.RST_STREAM, 0, 1, b"\0\0\0\x08"),), "the server resets the stream (HTTP/2 error 8)"),
        ((encode(Type.GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\x0b"),), "the server closes the connection (HTTP/2 error 11)"),
        ((encode(Type.GOAWAY, 0, 0, bytes(8)),), "the server closes the connection (HTTP/2 error 0)"),
        ((HEAD, data(bytes(9000))), "the answer is wrong: more than 4096 octets"),
        ((encode(Type.HEADERS, 0, 1, b""), TRAILER), "the answer is wrong: a header is not continued"),
        (
            (encode(Type.CONTINUATION, END_HEADERS, 1, b""),),
            "the answer is wrong: a header without a beginning, or without an end",
        ),
        (
            (encode(Type.HEADERS, 0, 1, bytes(MAX_BLOCK)), encode(Type.CONTINUATION, 0, 1, b"x")),
            "the answer is wrong: a header without a beginning, or without an end",
        ),
        ((encode(Type.HEADERS, END_HEADERS, 1, b"\xbe"),), "the answer is wrong: no header field has number 62"),
        ((encode(Type.PING, 0, 0, bytes(8)) * 500,), "the answer is wrong: the server wants too much acknowledged"),
    ],
)
def test_other_answers_are_failures(said: tuple[bytes, ...], reason: str) -> None:
    assert converse(dialogue(service="shop"), SETTINGS, *said).outcome == (False, reason)


def test_no_http2() -> None:
    expected = "the answer is wrong: the server speaks no HTTP/2"
    assert converse(dialogue(), b"HTTP/1.1 400 Bad Request\r\n").outcome == (False, expected)
    expected = "the answer is wrong: the server speaks no HTTP/2"
    assert converse(dialogue(), encode(Type.PING, 0, 0, bytes(8))).outcome == (False, expected)


def test_headers_in_pieces_and_what_is_passed_over() -> None:
    block = hpack.encode([(b":status", b"200")])
    said = (
        encode(Type.HEADERS, 0, 1, block[:3]) + encode(Type.CONTINUATION, END_HEADERS, 1, block[3:]),
        headers(status="100"),
        encode(Type.GOAWAY, 0, 0, b"\x7f\xff\xff\xff\0\0\0\0"),  # it shuts down in order and answers before
        b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01",  # WINDOW_UPDATE
        data(SERVING[:3]) + data(SERVING[3:]),
        TRAILER,
    )
    assert converse(dialogue(), SETTINGS, *said).outcome[0]


def test_pings_are_answered() -> None:
    talk = converse(dialogue(), SETTINGS + encode(Type.PING, 0, 0, b"12345678") + encode(Type.PING, ACK, 0, bytes(8)))
    assert talk.said[1] == SETTINGS_ACK + encode(Type.PING, ACK, 0, b"12345678")


def test_nothing() -> None:
    assert dialogue().timed_out().reason == "no answer in time"


@given(pieces_like(SETTINGS, SETTINGS_ACK, HEAD, data(SERVING), TRAILER, encode(Type.HEADERS, 0, 1, b""), bytes(20000)))
def test_bears_anything(pieces: list[bytes]) -> None:
    check_bears(dialogue, pieces)
    check_bears(dialogue, [SETTINGS, *pieces])
