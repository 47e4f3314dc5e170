"""Webhooks over HTTPS, to receivers that verify, are busy, send us elsewhere, hang or babble."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from alived.base import NS_PER_S
from alived.notify.config import MessageFormat
from alived.notify.post import MAX_ANSWER
from tests import nasty_servers
from tests.adapters.certificates import Authority
from tests.daemon.notifier.notifier_play import MakePlay, Web, hooked
from tests.daemon.notifier.test_mail_servers import showing
from tests.nasty_servers import Behaviour, Server

SECRET = "SEC of ours, with = and a space"


@pytest.fixture
def secure_web(authority: Authority) -> Iterator[Web]:
    with contextlib.closing(Web(showing(authority, "web"))) as web:
        yield web


@pytest.fixture
def secret_file(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return str(path)


def hmac_by_openssl(key: str, message: bytes) -> bytes:
    """HMAC-SHA-256, by a program that shares nothing with ours."""
    command = ["openssl", "dgst", "-sha256", "-binary", "-mac", "HMAC", "-macopt", f"hexkey:{key.encode().hex()}"]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


def on_disk(tmp_path: pathlib.Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "spool" / "chat"))


def test_a_receiver_can_verify_over_https_what_it_was_told(
    play: MakePlay, secure_web: Web, authority: Authority, secret_file: str
) -> None:
    one = play(hooked(secure_web.url, ca_file=str(authority.certificate), secret_file=secret_file))
    one.tell("e1", reason="原因: é")
    one.until(lambda: secure_web.taken, "it is told")
    (heard,) = secure_web.taken
    signed = heard.headers["X-Alived-Timestamp"].encode() + b"." + heard.body
    assert heard.headers["X-Alived-Signature"] == "sha256=" + hmac_by_openssl(SECRET, signed).hex()
    assert json.loads(heard.body)["reason"] == "原因: é"


def test_dingtalk_verifies_the_url(play: MakePlay, web: Web, secret_file: str) -> None:
    """Its documentation: sign = urlEncode(base64(HmacSHA256(timestamp + "\\n" + secret, secret))), timestamp in ms."""
    web.content = b'{"errcode":0,"errmsg":"ok"}'
    one = play(hooked(f"{web.url}?access_token=t", format=MessageFormat.DINGTALK, secret_file=secret_file))
    one.tell("e1")
    one.until(lambda: one.target().delivered, "it is taken")
    (heard,) = web.asked
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(heard.path).query, strict_parsing=True)
    (stamp,), (sign,) = query["timestamp"], query["sign"]
    assert base64.b64decode(sign) == hmac_by_openssl(SECRET, f"{stamp}\n{SECRET}".encode())
    assert (query["access_token"], len(stamp)) == (["t"], 13)
    assert heard.headers["Content-Type"] == "application/json; charset=utf-8"
    body = json.loads(heard.body)
    assert set(body) == {"msgtype", "text"}
    assert (body["msgtype"], list(body["text"])) == ("text", ["content"])


def test_feishu_verifies_the_body(play: MakePlay, web: Web, secret_file: str) -> None:
    """Its documentation: sign = base64(HmacSHA256("", key = timestamp + "\\n" + secret)), timestamp in seconds."""
    web.content = b'{"code":0,"msg":"success","data":{}}'
    one = play(hooked(web.url, format=MessageFormat.FEISHU, secret_file=secret_file))
    one.tell("e1")
    one.until(lambda: one.target().delivered, "it is taken")
    body = json.loads(web.asked[0].body)
    assert base64.b64decode(body["sign"]) == hmac_by_openssl(f"{body['timestamp']}\n{SECRET}", b"")
    assert (body["msg_type"], list(body["content"]), len(body["timestamp"])) == ("text", ["text"], 10)


@pytest.mark.parametrize(
    ("format", "content", "shape"),
    [
        (MessageFormat.SLACK, b"ok", {"text": str}),
        (MessageFormat.WECOM, b'{"errcode":0,"errmsg":"ok"}', {"msgtype": "text", "text": {"content": str}}),
    ],
)
def test_slack_and_wecom_know_no_signature(
    play: MakePlay, web: Web, format: MessageFormat, content: bytes, shape: dict[str, Any]
) -> None:
    web.content = content
    one = play(hooked(web.url, format=format))
    one.tell("e1")
    one.until(lambda: one.target().delivered, "it is taken")
    assert fits(json.loads(web.asked[0].body), shape)


def fits(said: Any, shape: Any) -> bool:
    if isinstance(shape, dict):
        return set(said) == set(shape) and all(fits(said[name], shape[name]) for name in shape)
    return isinstance(said, shape) if isinstance(shape, type) else bool(said == shape)


@pytest.mark.parametrize(
    ("certificate", "trusted", "reason"),
    [
        ({"days": -1}, True, "certificate has expired"),
        ({"addresses": ("192.0.2.1",)}, True, "127.0.0.1"),
        ({}, False, "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_is_wrong_keeps_the_message_here_until_the_operator_says_that_it_does_not_matter(
    play: MakePlay,
    authority: Authority,
    tmp_path: pathlib.Path,
    certificate: dict[str, Any],
    trusted: bool,
    reason: str,
) -> None:
    ca_file = str(authority.certificate) if trusted else ""
    with contextlib.closing(Web(showing(authority, "wrong", **certificate))) as web:
        one = play(hooked(web.url, ca_file=ca_file))
        one.tell("e1")
        said = one.until_error()
        assert said.startswith("TLS: ")
        assert reason in said
        assert (web.asked, on_disk(tmp_path)) == ([], ["000000000001.json"])
        one.configure(hooked(web.url, ca_file=ca_file, verify=False))
        one.until(lambda: web.taken, "it is told")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["7", "Sun, 06 Nov 1994 08:49:44 GMT"])
def test_who_is_busy_is_asked_again_when_it_says(play: MakePlay, web: Web, status: int, asked: str) -> None:
    """The server's own clock may be wrong by decades."""
    web.status, web.headers = status, {"Retry-After": asked}
    web.date = "Sun, 06 Nov 1994 08:49:37 GMT"
    one = play(hooked(web.url))
    one.tell("e1")
    assert one.until_error() == f"HTTP status {status}"
    found = one.target()
    assert found.next_ns is not None and found.last_error_ns is not None
    assert found.next_ns - found.last_error_ns == 7 * NS_PER_S
    web.status = 200
    one.configure(hooked(web.url, language="zh"))
    one.until(lambda: web.events() == ["e1"], "it is told")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_sent_elsewhere(
    play: MakePlay, web: Web, tmp_path: pathlib.Path, secret_file: str, status: int
) -> None:
    with contextlib.closing(Web()) as elsewhere:
        web.status, web.headers = status, {"Location": elsewhere.url}
        one = play(hooked(web.url, secret_file=secret_file))
        one.tell("e1")
        assert one.until_error() == f"HTTP status {status}; redirects are not followed"
        assert (elsewhere.asked, on_disk(tmp_path)) == ([], ["000000000001.json"])


@pytest.mark.parametrize(("status", "given_up"), [(400, True), (413, True), (422, True), (401, False), (404, False)])
def test_only_what_the_receiver_calls_wrong_is_given_up(
    play: MakePlay, web: Web, tmp_path: pathlib.Path, status: int, given_up: bool
) -> None:
    web.status, web.content = status, b"because"
    one = play(hooked(web.url))
    one.tell("e1")
    one.tell("e2")
    assert one.until_error() == f"HTTP status {status}: because"
    if given_up:
        one.until(lambda: one.target().refused == 2, "both are given up")
        assert on_disk(tmp_path) == []
        assert f"chat refuses e1, which is dropped: HTTP status {status}: because" in one.log()
    else:
        one.until(lambda: len(on_disk(tmp_path)) == 2, "both wait")
        assert one.target().refused == 0


ENDLESS = b"HTTP/1.1 200 OK\r\nX-Endless: "


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (nasty_servers.reset, "connection reset by the server before the answer"),
        (nasty_servers.reset_after_request, "connection reset by the server before the answer"),
        (nasty_servers.end_at_once, "before the answer"),
        (nasty_servers.silent, "no answer in time"),
        (nasty_servers.drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000, 0.05), "no answer in time"),
        (nasty_servers.endlessly(ENDLESS, b"y" * 1000), f"the header does not end within {MAX_ANSWER} octets"),
        (nasty_servers.endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), "does not end within"),
        (nasty_servers.answer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), 'the answer is no HTTP: "SSH-2.0-OpenSSH_9.2'),
        (nasty_servers.answer(b"HTTP/1.1 200 OK\r\n"), "the server ended the connection before its answer"),
    ],
    ids=["reset", "reset later", "end", "silent", "drip", "header", "continue", "ssh", "half"],
)
def test_a_receiver_of_the_worst_kind_costs_no_message(
    play: MakePlay, web: Web, tmp_path: pathlib.Path, behaviour: Behaviour, reason: str
) -> None:
    with Server(behaviour) as server:
        one = play(hooked(f"http://127.0.0.1:{server.port}/"))
        one.tell("e1")
        assert reason in one.until_error()
        one.until(lambda: on_disk(tmp_path) == ["000000000001.json"], "it is on disk")
    one.configure(hooked(web.url))
    one.until(lambda: web.events() == ["e1"], "it is told where it can be")


def test_gigabytes_of_an_answer_are_not_read(play: MakePlay) -> None:
    with Server(nasty_servers.endlessly(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000)) as server:
        one = play(hooked(f"http://127.0.0.1:{server.port}/"))
        one.tell("e1")
        one.until(lambda: one.target().delivered == 1, "its status is the answer")
