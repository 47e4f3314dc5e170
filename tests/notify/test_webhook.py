"""Requests of webhooks in the JSON of their receivers, and what answers mean."""

from __future__ import annotations

import email.parser
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.hooks.events import Kind, Word
from alived.notify.config import Language, MessageFormat, Webhook
from alived.notify.outbox_events import Reply
from alived.notify.signatures import feishu_signature, our_signature
from alived.notify.webhook import Answer, is_wanted, judge, request
from alived.notify.words import paragraph
from tests.notify.examples import MASTER, news

NOW_S = 1795297560.75


def parsed(octets: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = octets.partition(b"\r\n\r\n")
    line, _, fields = head.decode().partition("\r\n")
    return line, dict(email.parser.Parser().parsestr(fields).items()), body


def asked(secret: bytes = b"", what: Any = MASTER, **fields: Any) -> tuple[str, dict[str, str], Any]:
    hook = Webhook(**({"name": "chat", "url": "https://example.com/x?key=1"} | fields))
    line, headers, body = parsed(request(hook, what, "n1", secret, NOW_S).octets)
    assert headers["Content-Length"] == str(len(body))
    return line, headers, json.loads(body)


def test_json_says_everything() -> None:
    line, headers, body = asked()
    assert line == "POST /x?key=1 HTTP/1.1"
    assert headers["Host"] == "example.com"
    assert headers["X-Alived-Event-Id"] == "ab-1"
    assert "X-Alived-Signature" not in headers
    assert body == {
        "event_id": "ab-1",
        "time": "2026-11-21T21:45:54.250Z",
        "node": "n1",
        "kind": "INSTANCE",
        "name": "VI_1",
        "virtual_server": None,
        "event": "MASTER",
        "old_state": "BACKUP",
        "new_state": "MASTER",
        "priority": 100,
        "term": 0,
        "reason": "no advert heard for 3.6 s",
    }
    assert asked(what=news(kind=Kind.DAEMON, word=Word.TEST))[2]["kind"] == "DAEMON"


SERVER = news(kind=Kind.REAL_SERVER, name="[192.0.2.7]:tcp:80", virtual_server="[192.0.2.1]:tcp:80", word=Word.DOWN)


@pytest.mark.parametrize(
    ("what", "said", "wanted"),
    [
        (MASTER, {}, True),
        (MASTER, {"events": (Word.FAULT,)}, False),
        (MASTER, {"kinds": (Kind.RAFT,)}, False),
        (MASTER, {"objects": ("VI_2", "VI_1")}, True),
        (MASTER, {"objects": ("VI_2",)}, False),
        (MASTER, {"objects": ("",)}, False),
        (MASTER, {"objects": ("VI_1",), "events": (Word.FAULT,)}, False),
        (SERVER, {"objects": ("[192.0.2.7]:tcp:80",)}, True),
        (SERVER, {"objects": ("[192.0.2.1]:tcp:80",)}, True),
        (SERVER, {"objects": ("[192.0.2.1]:tcp:80",), "kinds": (Kind.VIRTUAL_SERVER,)}, False),
        (SERVER, {"objects": ("[192.0.2.2]:tcp:80",)}, False),
    ],
)
def test_who_is_told_of_what(what: Any, said: dict[str, Any], wanted: bool) -> None:
    assert is_wanted(what, Webhook(name="chat", url="https://example.com/", **said)) is wanted


def test_json_is_signed_with_the_time() -> None:
    hook = Webhook(name="chat", url="https://example.com/x")
    _, headers, body = parsed(request(hook, MASTER, "n1", b"SEC", NOW_S).octets)
    assert headers["X-Alived-Timestamp"] == "1795297560"
    assert headers["X-Alived-Signature"] == our_signature(b"SEC", 1795297560, body)


@pytest.mark.parametrize("language", Language)
def test_each_service_has_its_json(language: Language) -> None:
    text = paragraph(MASTER, "n1", language)
    ask = {"language": language}
    assert asked(format=MessageFormat.SLACK, **ask)[2] == {"text": text}
    assert asked(format=MessageFormat.WECOM, **ask)[2] == {"msgtype": "text", "text": {"content": text}}
    assert asked(format=MessageFormat.DINGTALK, **ask)[2] == {"msgtype": "text", "text": {"content": text}}
    assert asked(format=MessageFormat.FEISHU, **ask)[2] == {"msg_type": "text", "content": {"text": text}}


@pytest.mark.parametrize(("format", "octets"), [(MessageFormat.WECOM, 2048), (MessageFormat.DINGTALK, 16_000)])
def test_a_reason_that_is_too_long_for_a_service_is_cut_between_characters(format: MessageFormat, octets: int) -> None:
    """WeCom documents 2048 octets of text."""
    for reason in ("原" * 20_000, "x原" * 20_000, "xy原" * 20_000):
        text = asked(format=format, what=news(reason=reason))[2]["text"]["content"]
        assert octets - 4 < len(text.encode()) <= octets
        assert text.endswith("…")
        assert set(text.rpartition("Reason: ")[2][:-1]) <= set(reason)


def test_nothing_in_a_name_is_markup_of_slack() -> None:
    body = asked(format=MessageFormat.SLACK, what=news(name="<!channel> & co"))[2]
    assert "&lt;!channel&gt; &amp; co" in body["text"]


def test_dingtalk_is_signed_in_the_url() -> None:
    line, headers, _ = asked(b"SEC", format=MessageFormat.DINGTALK)
    assert line.startswith("POST /x?key=1&timestamp=1795297560750&sign=")
    assert "X-Alived-Signature" not in headers
    assert asked(b"SEC", format=MessageFormat.DINGTALK, url="https://h/x")[0].startswith("POST /x?timestamp=")


def test_feishu_is_signed_in_the_body() -> None:
    body = asked(b"SEC", format=MessageFormat.FEISHU)[2]
    assert (body["timestamp"], body["sign"]) == ("1795297560", feishu_signature(b"SEC", 1795297560))


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "header", "line"),
    [
        ("http://[2001:db8::1]:8080/a", "2001:db8::1", 8080, False, "[2001:db8::1]:8080", "POST /a HTTP/1.1"),
        ("https://example.com", "example.com", 443, True, "example.com", "POST / HTTP/1.1"),
        ("http://192.0.2.1?x=1", "192.0.2.1", 80, False, "192.0.2.1", "POST /?x=1 HTTP/1.1"),
    ],
)
def test_where_it_goes(url: str, host: str, port: int, tls: bool, header: str, line: str) -> None:
    made = request(Webhook(name="chat", url=url), MASTER, "n1", b"", NOW_S)
    first, headers, _ = parsed(made.octets)
    assert (made.host, made.port, made.tls, headers["Host"], first) == (host, port, tls, header, line)


def test_headers_of_the_operator_are_added() -> None:
    assert asked(headers=(("Authorization", "Bearer x"),))[1]["Authorization"] == "Bearer x"


@given(name=st.text(max_size=50), reason=st.text(max_size=200), format=st.sampled_from(MessageFormat))
def test_whatever_the_names_it_is_one_request_with_json(name: str, reason: str, format: MessageFormat) -> None:
    line, headers, body = asked(b"SEC", what=news(name=name, reason=reason), format=format)
    assert line.startswith("POST /x?key=1")
    assert isinstance(body, dict)
    assert set(headers) <= {
        *("Host", "User-Agent", "Content-Type", "Content-Length", "Connection"),
        *("X-Alived-Event-Id", "X-Alived-Timestamp", "X-Alived-Signature"),
    }


OK = {
    MessageFormat.JSON: b"",
    MessageFormat.SLACK: b"ok",
    MessageFormat.DINGTALK: b'{"errcode":0,"errmsg":"ok"}',
    MessageFormat.WECOM: b'{"errcode":0,"errmsg":"ok"}',
    MessageFormat.FEISHU: b'{"code":0,"msg":"success"}',
}


@pytest.mark.parametrize("format", MessageFormat)
def test_each_service_says_in_its_way_that_it_took_it(format: MessageFormat) -> None:
    assert judge(format, Answer(200, OK[format])).reply is Reply.TAKEN


def test_feishu_has_an_older_way() -> None:
    assert judge(MessageFormat.FEISHU, Answer(200, b'{"StatusCode":0}')).reply is Reply.TAKEN


@pytest.mark.parametrize(
    ("format", "body", "text"),
    [
        (
            MessageFormat.DINGTALK,
            b'{"errcode":310000,"errmsg":"sign not match"}',
            "the service answers errcode 310000: sign not match",
        ),
        (MessageFormat.FEISHU, b'{"code":19021,"msg":"sign match fail"}', "code 19021: sign match fail"),
        (MessageFormat.WECOM, b"<html>", "the service answers no JSON: <html>"),
        (MessageFormat.WECOM, b"[1]", "no JSON"),
    ],
)
def test_a_service_that_says_200_and_takes_nothing(format: MessageFormat, body: bytes, text: str) -> None:
    outcome = judge(format, Answer(200, body, 5))
    assert (outcome.reply, outcome.pause_ns) == (Reply.AGAIN, 5_000_000_000)
    assert text in outcome.text


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (204, Reply.TAKEN),
        (302, Reply.AGAIN),
        (400, Reply.REFUSED),
        (401, Reply.AGAIN),
        (404, Reply.AGAIN),
        (413, Reply.REFUSED),
        (429, Reply.AGAIN),
        (500, Reply.AGAIN),
    ],
)
def test_only_a_message_that_is_wrong_is_dropped(status: int, reply: Reply) -> None:
    outcome = judge(MessageFormat.JSON, Answer(status, b"because\x1b[31m of this"))
    assert outcome.reply is reply
    assert str(status) in outcome.text
    assert outcome.text.isprintable()
    assert ("redirects" in outcome.text) is (status == 302)
