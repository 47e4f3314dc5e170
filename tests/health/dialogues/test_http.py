"""HTTP_GET: what is asked, what is made of the answer, and answers of all kinds of nonsense."""

from __future__ import annotations

import hashlib
import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.config import Comparison, HttpCheck, HttpProtocol, JsonAssertion, SslContext, Url
from alived.health.dialogue import Tls
from alived.health.dialogues import http
from alived.health.dialogues.http_body import MAX_CHUNK_LINE, MAX_TRAILER
from alived.health.dialogues.http_conditions import Contains
from tests.health.dialogues.talking import Talk, check_bears, converse, in_octets, pieces_like

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"all is well\n"


def check(**fields: Any) -> HttpCheck:
    return HttpCheck(**({"connect_ip": "192.0.2.8", "connect_port": 80, "urls": ()} | fields))


def url(**fields: Any) -> Url:
    return Url(**({"path": "/"} | fields))


def dialogue(**fields: Any) -> http.HttpDialogue:
    return http.dialogue(check(), url(**fields))


def hear(*pieces: bytes, **fields: Any) -> Talk:
    return converse(dialogue(**fields), *pieces)


def end(*pieces: bytes, **fields: Any) -> tuple[bool, str]:
    """The server sends this and ends the connection."""
    talk = hear(*pieces, **fields)
    found = talk.verdict or talk.dialogue.ended()
    return found.ok, found.reason


def answer(body: bytes = b"", *fields: bytes, status: bytes = OK) -> bytes:
    return status + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


# -- the request --


@pytest.mark.parametrize(
    ("of_check", "of_url", "request_"),
    [
        ({}, {}, b"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.8:80\r\n\r\n"),
        (
            {"http_protocol": HttpProtocol.HTTP_1_1, "connect_ip": "2001:db8::8", "connect_port": 8080},
            {"path": "/a?b"},
            b"GET /a?b HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\n"
            b"Host: [2001:db8::8]:8080\r\n\r\n",
        ),
        (
            {"http_protocol": HttpProtocol.HTTP_1_0_CLOSE},
            {"virtualhost": "www.example.com"},
            b"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.com\r\n\r\n",
        ),
        (
            {},
            {"method": "POST", "headers": (("user-agent", "me"), ("X-A", "1"), ("X-A", "2")), "body": "é"},
            b"POST / HTTP/1.0\r\nHost: 192.0.2.8:80\r\nContent-Length: 2\r\nuser-agent: me\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
            b"\xc3\xa9",
        ),
        (
            {},
            {"method": "PUT"},
            b"PUT / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.8:80\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
def test_the_request(of_check: dict[str, Any], of_url: dict[str, Any], request_: bytes) -> None:
    talk = Talk(http.dialogue(check(**of_check), url(**of_url)))
    assert talk.said == [request_] and talk.patience == 1


# -- header --


def test_an_answer_that_is_well_in_one_piece_and_in_octets() -> None:
    for pieces in ([answer(BODY)], in_octets(answer(BODY)), [answer(), BODY]):
        assert end(*pieces) == (True, "HTTP status 200")


def test_the_end_of_the_connection_is_awaited_as_in_keepalived() -> None:
    talk = hear(answer(BODY, b"Content-Length: 12"))
    assert talk.verdict is None and talk.patience == 2
    assert talk.dialogue.timed_out().reason == (
        "the answer is whole, but the server did not end the connection in time: http_protocol 1.0C or 1.1 asks it to"
    )
    assert hear(answer(BODY)).dialogue.timed_out().reason == "the body did not end in time, 12 octets came"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"HTTP/1.1 503 Service Unavailable", "HTTP status 503, not 200-299"),
        (b"HTTP/1.1 200", 'no status code in "HTTP/1.1 200"'),
        (b"HTTP/1.1 20 OK", 'no status code in "HTTP/1.1 20 OK"'),
        (b"HTTP/1.1 2000 OK", 'no status code in "HTTP/1.1 2000 OK"'),
        (b"HTTP/1.1  200 OK", 'no status code in "HTTP/1.1  200 OK"'),
        (b"", 'no status code in ""'),
        (b"SSH-2.0-\x1b[2J", 'no status code in "SSH-2.0-\\x1b[2J"'),
    ],
)
def test_a_wrong_status_is_known_before_the_body(line: bytes, reason: str) -> None:
    assert hear(line + b"\r\nX: y\r\n\r\n").outcome == (False, reason)


def test_any_first_word_does_and_codes_may_be_chosen() -> None:
    assert end(b"ICY 204 fine\r\n\r\n") == (True, "HTTP status 204")
    wanted = {"status_code": ((301, 301), (400, 499))}
    assert end(b"HTTP/1.1 404 Not Found\r\n\r\n", **wanted) == (True, "HTTP status 404")
    assert end(answer(), **wanted) == (False, "HTTP status 200, not 301 400-499")


def test_the_header_ends_within_4096_octets() -> None:
    start = OK + b"X: "
    exactly = start + b"y" * (4096 - len(start) - 4) + b"\r\n\r\n"
    assert end(exactly + BODY) == (True, "HTTP status 200")
    longer = exactly.replace(b"y", b"yy", 1)
    assert hear(longer).outcome == (False, "the header does not end within 4096 octets")
    assert hear(*in_octets(longer)).outcome == (False, "the header does not end within 4096 octets")
    assert hear(b"x" * 100_000).outcome[0] is False


def test_what_ends_too_early() -> None:
    assert end() == (False, "the server ended the connection without an answer")
    assert end(OK) == (False, "the server ended the connection within the header, after 17 octets")
    assert hear(OK).dialogue.timed_out().reason == "the header did not end in time, 17 octets came"
    assert hear().dialogue.timed_out().reason == "no answer in time"
    assert hear().dialogue.broken("connection reset").reason == "connection reset, no answer"
    assert hear(answer(BODY)).dialogue.broken("reset").reason == "reset after 12 octets of its answer"


# -- body --


def test_a_wrong_length_is_tolerated_as_in_keepalived() -> None:
    assert end(answer(BODY, b"Content-Length: 99"))[0]
    assert end(answer(BODY, b"content-length: 3"), digest=hashlib.md5(BODY[:3]).hexdigest())[0]


def test_the_digest() -> None:
    right = hashlib.md5(BODY).hexdigest()
    assert end(*in_octets(answer(BODY)), digest=right)[0]
    assert end(answer(BODY + b"!"), digest=right) == (
        False,
        f"the digest of the body is {hashlib.md5(BODY + b'!').hexdigest()}, not {right}",
    )


def test_chunks_are_raw_unless_they_are_decoded() -> None:
    raw = b"6\r\nall is\r\n6;x=y\r\n well\n\r\n0\r\nTrailer: a\r\n\r\n"
    header = b"Transfer-Encoding: gzip, chunked"
    digests = {False: hashlib.md5(raw).hexdigest(), True: hashlib.md5(BODY).hexdigest()}
    for decoded, digest in digests.items():
        for pieces in ([answer(raw, header)], in_octets(answer(raw, header))):
            assert end(*pieces, digest=digest, decode_chunked=decoded)[0]
    assert end(answer(BODY), digest=digests[True], decode_chunked=True)[0], "a body without chunks"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"x\r\n", "the chunks of the body are broken"),
        (b"\r\n", "the chunks of the body are broken"),
        (b"-1\r\n", "the chunks of the body are broken"),
        (b"2\r\nabc\r\n", "the chunks of the body are broken"),
        (b"f" * 16 + b"\r\n", "the chunks of the body are broken"),
        (b"1" * 2000, f"a line between two chunks is longer than {MAX_CHUNK_LINE} octets"),
        (b"0\r\n" + b"X: y\r\n" * 1000, f"the trailer is longer than {MAX_TRAILER} octets"),
        (b"2\r\na", "the server ended the connection within the body, after 1 octets"),
        (b"2\r\nab\r\n0\r\n", "the server ended the connection within the body, after 2 octets"),
    ],
)
def test_broken_chunks(raw: bytes, reason: str) -> None:
    header = b"Transfer-Encoding: chunked"
    assert end(answer(raw, header), decode_chunked=True) == (False, reason)
    assert end(*in_octets(answer(raw, header)), decode_chunked=True) == (False, reason)


def test_the_body_ends_at_its_length_if_asked() -> None:
    length = b"Content-Length: 12"
    assert hear(answer(BODY, length), end_at_length=True).outcome == (True, "HTTP status 200")
    assert hear(answer(BODY + b"more", length), end_at_length=True, regex="well\n$").outcome[0]
    assert hear(answer(b"", b"Content-Length: 0"), end_at_length=True).outcome[0]
    assert hear(answer(b"0\r\n\r\n", b"Transfer-Encoding: chunked"), end_at_length=True).outcome[0]
    assert end(answer(BODY[:5], length), end_at_length=True) == (
        False,
        "the server ended the connection within the body, after 5 octets",
    )
    assert hear(answer(BODY), end_at_length=True).verdict is None, "no length is said"
    assert end(answer(BODY), end_at_length=True)[0]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"204 No Content"), ("GET", b"304 Not Modified")]
)
def test_answers_without_a_body(method: str, status: bytes) -> None:
    given_ = b"HTTP/1.1 " + status + b"\r\nContent-Length: 500\r\n\r\n"
    assert hear(given_, method=method, end_at_length=True, status_code=((200, 399),)).outcome[0]


def test_no_more_than_max_body_is_read() -> None:
    endless = [answer()] + [b"x" * 1000] * 100
    talk = hear(*endless, max_body=5000)
    assert talk.outcome == (True, "HTTP status 200, the body is longer than max_body")
    assert hear(*endless, max_body=5000, digest="0" * 32).outcome == (
        False,
        "the body is longer than max_body, so its digest is not known",
    )
    assert hear(*endless, max_body=5000, contains="y").outcome == (False, '"y" is not in the body')
    whole = answer(BODY + b"z" * 9000, b"Content-Length: 12")
    assert hear(whole, max_body=100, digest=hashlib.md5(BODY).hexdigest()).outcome == (True, "HTTP status 200")


# -- conditions --


def test_a_regex_and_its_opposite() -> None:
    assert end(*in_octets(answer(BODY)), regex="is w.ll$")[0]
    assert end(answer(BODY), regex="is w.ll$", regex_no_match=True) == (
        False,
        "regex is w.ll$ matches, but must not",
    )
    assert end(answer(BODY), regex="IS") == (False, "regex IS does not match the body")
    assert end(answer(BODY), regex="IS", regex_options=("caseless",), regex_min_offset=4, regex_max_offset=4)[0]
    assert not end(answer(BODY), regex="is", regex_min_offset=5)[0]
    assert end(answer(BODY), regex="nothing", regex_no_match=True)[0]


def test_a_regex_that_takes_too_much_work() -> None:
    body = bytes(random.Random(1).choices(b"ac", k=60_000))
    for inverted in (False, True):
        assert end(answer(body), regex="a[ac]{400}b", regex_no_match=inverted) == (
            False,
            "regex takes too much work on this body",
        )


def test_digest_decides_before_regex_and_status_before_both() -> None:
    wanted = {"digest": "0" * 32, "regex": "nothing", "contains": "nothing"}
    assert end(answer(BODY, status=b"HTTP/1.0 500 X\r\n"), **wanted)[1] == "HTTP status 500, not 200-299"
    assert end(answer(BODY), **wanted)[1].startswith("the digest")
    assert end(answer(BODY), **wanted | {"digest": ""})[1].startswith("regex")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_text_that_must_be_there_may_come_in_pieces(size: int) -> None:
    data = answer(b"x" * 20 + b"is wel" + BODY)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert end(*pieces, contains="is well\n")[0]
    assert end(*pieces, contains="is well!") == (False, '"is well!" is not in the body')


def test_json() -> None:
    wanted = (JsonAssertion("$.status", Comparison.EQUAL, "UP"), JsonAssertion("$.lag", Comparison.LESS, 5))
    assert end(*in_octets(answer(b'{"status": "UP", "lag": 4}')), json_path=wanted)[0]
    assert end(answer(b'{"status": "UP", "lag": 5}'), json_path=wanted) == (False, "$.lag is 5, not < 5")
    assert end(answer(b" " * 2_000_000), json_path=wanted)[1].startswith("the body is longer than")


def test_what_is_compressed_is_not_unpacked() -> None:
    """A few octets that would become gigabytes are a few octets."""
    bomb = bytes.fromhex("1f8b08") + bytes(1000)
    talk = hear(answer(bomb, b"Content-Encoding: gzip", b"Content-Length: 1003"), end_at_length=True, contains="\x00")
    assert talk.outcome[0]


# -- TLS --


def test_tls_as_keepalived_and_as_asked() -> None:
    files = SslContext(ca="ca", certificate="cert", key="key", password="secret")
    page = url(virtualhost="www.example.com", tls_compliant=True)
    assert http.tls(check(), page, files) is None
    plain = http.tls(check(tls=True), page, files)
    assert plain == Tls(ca="ca", certificate="cert", key="key", password="secret", close_notify=True)
    named = http.tls(check(tls=True, enable_sni=True), page, SslContext())
    assert named == Tls(server_name="www.example.com", close_notify=True)
    assert http.tls(check(tls=True, enable_sni=True, sni_name="a"), page, SslContext()) == Tls(
        server_name="a", close_notify=True
    )
    own = check(tls=True, tls_verify=True, tls_name="b", tls_ca="ca2", tls_certificate="cert2")
    assert http.tls(own, url(), files) == Tls(
        server_name="b", verify=True, ca="ca2", certificate="cert2", password="secret"
    )


# -- any octets --


FRAGMENTS = (
    answer(BODY, b"Content-Length: 12"),
    answer(b"6\r\nall is\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    answer(b'{"a": [1]}'),
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"0\r\n\r\n",
)


@given(
    pieces_like(*FRAGMENTS),
    st.fixed_dictionaries(
        {},
        optional={
            "decode_chunked": st.booleans(),
            "end_at_length": st.booleans(),
            "regex": st.sampled_from(["a+l", "^$", r"\bwell$"]),
            "regex_options": st.sampled_from([("utf",), ("multiline",)]),
            "digest": st.just("0" * 32),
            "contains": st.just("is"),
            "json_path": st.just((JsonAssertion("$.a[0]", Comparison.EQUAL, 1),)),
            "max_body": st.integers(0, 200),
            "method": st.sampled_from(["GET", "HEAD"]),
        },
    ),
)
def test_it_bears_anything(pieces: list[bytes], fields: dict[str, Any]) -> None:
    check_bears(lambda: dialogue(**fields), pieces)


@given(st.binary(max_size=100), st.lists(st.integers(0, 200), max_size=5), st.booleans(), st.booleans())
def test_how_an_answer_is_cut_does_not_matter(body: bytes, places: list[int], chunked: bool, length: bool) -> None:
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked and body else body
    header = b"Transfer-Encoding: chunked" if framed is not body else b"X: y"
    data = answer(framed, header)
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    pieces = [data[first:last] for first, last in itertools.pairwise(edges)]
    fields = {"decode_chunked": True, "end_at_length": length, "digest": hashlib.md5(body).hexdigest()}
    assert end(*pieces, **fields) == end(data, **fields) == (True, "HTTP status 200")


def test_what_is_found_stays_found() -> None:
    condition = Contains("well")
    for piece in (b"all is we", b"ll, ", b"really"):
        condition.feed(piece)
    assert condition.failure(cut=False) == ""
