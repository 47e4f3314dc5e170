"""A request and whatever a server may answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.health.dialogue import Verdict
from alived.notify.post import MAX_ANSWER, Post
from alived.notify.webhook import Answer


def talk(answer: bytes, *, piece: int = 1 << 20, ends: bool = False) -> tuple[Verdict | None, Post]:
    """The verdict, None if it goes on waiting."""
    post = Post(b"POST / HTTP/1.1\r\n\r\n")
    assert post.begun().send == b"POST / HTTP/1.1\r\n\r\n"
    for at in range(0, len(answer), piece):
        if (verdict := post.received(answer[at : at + piece]).verdict) is not None:
            return verdict, post
    return (post.ended() if ends else None), post


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Answer(204, b"")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Answer(200, b"ok")),
        (CHUNKED + b"2\r\nok\r\n3;x=y\r\n...\r\n0\r\n\r\n", Answer(200, b"ok...")),
        (b"HTTP/1.1 429 Slow down\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", Answer(429, b"", 17)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nContent-Length: 1\r\n\r\nx", Answer(200, b"x")),
    ],
)
def test_an_answer_with_an_end(octets: bytes, answer: Answer, piece: int) -> None:
    verdict, post = talk(octets, piece=piece)
    assert verdict is not None
    assert verdict.ok is (answer.status < 300)
    assert verdict.reason == f"HTTP status {answer.status}"
    assert post.answer == answer


def test_an_answer_ends_with_the_connection() -> None:
    octets = b"HTTP/1.1 200 OK\r\n\r\nhello"
    assert talk(octets)[0] is None
    verdict, post = talk(octets, ends=True)
    assert verdict == Verdict(True, "HTTP status 200")
    assert post.answer == Answer(200, b"hello")


def test_an_endless_answer_is_cut() -> None:
    verdict, post = talk(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * MAX_ANSWER), piece=5000)
    assert verdict == Verdict(True, "HTTP status 200")
    assert post.answer is not None
    assert len(post.answer.body) < MAX_ANSWER


AT = b"Sun, 06 Nov 1994 08:49:%b GMT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Date: %b\r\nRetry-After: %b" % (AT % b"07", AT % b"37"), 30),
        (b"retry-after:%b\r\nDATE:%b" % (AT % b"37", AT % b"07"), 30),
        (b"Date: %b\r\nRetry-After: %b" % (AT % b"37", AT % b"07"), 0),
        (b"Retry-After: %b" % (AT % b"37"), 0),
        (b"Date: yesterday\r\nRetry-After: %b" % (AT % b"37"), 0),
        (b"Date: %b\r\nRetry-After: soon" % (AT % b"37"), 0),
        (b"Retry-After: -5", 0),
        (b"Retry-After: 1000000000", 0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_until_a_moment_of_the_servers_clock(header: bytes, seconds: int) -> None:
    answer = b"HTTP/1.1 503 Service Unavailable\r\n%b\r\nContent-Length: 0\r\n\r\n" % header
    assert talk(answer)[1].answer == Answer(503, b"", seconds)


def test_the_header_is_the_answer_however_the_body_ends() -> None:
    """Told again, it would be told twice."""
    for end in (Post.ended, Post.timed_out, lambda post: Post.broken(post, "Connection reset by peer")):
        post = talk(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")[1]
        assert end(post) == Verdict(True, "HTTP status 200")
        assert post.answer == Answer(200, b"begun")


def test_without_a_header_there_is_no_answer_however_it_ends() -> None:
    for end, reason in (
        (Post.timed_out, "no answer in time"),
        (lambda post: Post.broken(post, "Connection reset by peer"), "Connection reset by peer before the answer"),
    ):
        post = talk(b"HTTP/1.1 200 OK\r\n")[1]
        assert (end(post), post.answer) == (Verdict(False, reason), None)


def test_one_that_says_continue_all_the_time_is_not_followed_without_an_end() -> None:
    verdict, post = talk(b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_ANSWER // 20))
    assert verdict == Verdict(False, "the header does not end within 65536 octets")
    assert post.answer is None


def test_a_chunked_answer_that_stops_counts_as_far_as_it_came() -> None:
    assert talk(CHUNKED + b"5\r\nhel", ends=True)[1].answer == Answer(200, b"hel")
    verdict, post = talk(CHUNKED + b"2\r\nok\r\nnonsense\r\n")
    assert verdict is not None
    assert post.answer == Answer(200, b"ok")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"SSH-2.0-x\r\n\r\n", 'the answer is no HTTP: "SSH-2.0-x'),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_ANSWER, "the header does not end within 65536 octets"),
    ],
)
def test_nonsense_is_said(octets: bytes, reason: str) -> None:
    verdict, post = talk(octets)
    assert verdict is not None
    assert reason in verdict.reason
    assert (verdict.ok, post.answer) == (False, None)


def test_an_end_before_the_answer_is_a_failure() -> None:
    assert talk(b"", ends=True)[0] == Verdict(False, "the server ended the connection before its answer")
    assert talk(b"HTTP/1.1 200 OK\r\nX", ends=True)[0] == Verdict(
        False, "the server ended the connection before its answer"
    )


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=20), st.booleans())
def test_whatever_it_hears_it_ends_at_most_once_and_never_breaks(pieces: list[bytes], http: bool) -> None:
    post = Post(b"")
    post.begun()
    for piece in ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] if http else []) + pieces:
        if post.received(piece).verdict is not None:
            return
    assert post.ended().reason
