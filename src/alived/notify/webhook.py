"""A webhook's request and what its answer means, in the JSON of the receiver.

The services answer 200 even if they do not take a message, and say so in the JSON of the answer. Only an answer that
says that this message itself is wrong makes us drop it; whatever an operator can mend (a secret, a URL, a service that
is down) is tried again.
"""

from __future__ import annotations

import datetime
from typing import Any, assert_never
from urllib.parse import urlsplit

import msgspec

from alived.hooks.events import Kind
from alived.notify.config import MessageFormat, Webhook
from alived.notify.news import News
from alived.notify.outbox_events import Outcome, Reply
from alived.notify.signatures import dingtalk_query, feishu_signature, our_signature
from alived.notify.words import fitting, paragraph

WRONG_MESSAGE = frozenset({400, 413, 422})
SHOWN = 200
"""Characters of an answer that a sentence shows."""
MOST_TEXT = 16_000
MOST_TEXT_OF_WECOM = 2048
"""Octets. Services refuse a message whose text is longer, each time, and the others would wait behind it for a day."""
PORTS = {"http": 80, "https": 443}


class Request(msgspec.Struct, frozen=True):
    """Where to, and what."""

    host: str
    port: int
    tls: bool
    octets: bytes


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    retry_after_s: int = 0


def is_wanted(news: News, hook: Webhook) -> bool:
    """Whether the operator wants to hear of it there: the event, the kind of object and the object."""
    if news.word not in hook.events or news.kind not in hook.kinds:
        return False
    return not hook.objects or news.name in hook.objects or (news.virtual_server or None) in hook.objects


def request(hook: Webhook, news: News, node: str, secret: bytes, now_s: float) -> Request:
    """secret b"": not signed. now_s: time.time(), which is part of what is signed."""
    url = urlsplit(hook.url)
    host = url.hostname or ""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if hook.format is MessageFormat.DINGTALK and secret:
        target += ("&" if url.query else "?") + dingtalk_query(secret, int(now_s * 1000))
    content = msgspec.json.encode(_content(hook, news, node, secret, int(now_s)))
    headers = {
        "Host": f"[{host}]" if ":" in host else host,
        "User-Agent": "alived",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(content)),
        "Connection": "close",
        "X-Alived-Event-Id": news.event_id,
    }
    if url.port is not None:
        headers["Host"] += f":{url.port}"
    if hook.format is MessageFormat.JSON and secret:
        headers["X-Alived-Timestamp"] = str(int(now_s))
        headers["X-Alived-Signature"] = our_signature(secret, int(now_s), content)
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers | dict(hook.headers)).items())]
    head = "\r\n".join(lines) + "\r\n\r\n"
    return Request(host, url.port or PORTS[url.scheme], url.scheme == "https", head.encode() + content)


def _content(hook: Webhook, news: News, node: str, secret: bytes, now_s: int) -> dict[str, Any]:
    most = MOST_TEXT_OF_WECOM if hook.format is MessageFormat.WECOM else MOST_TEXT
    text = fitting(paragraph(news, node, hook.language), most)
    match hook.format:
        case MessageFormat.JSON:
            return _event(news, node)
        case MessageFormat.SLACK:
            return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
        case MessageFormat.DINGTALK | MessageFormat.WECOM:
            return {"msgtype": "text", "text": {"content": text}}
        case MessageFormat.FEISHU:
            signed = {"timestamp": str(now_s), "sign": feishu_signature(secret, now_s)} if secret else {}
            return signed | {"msg_type": "text", "content": {"text": text}}
        case _:
            assert_never(hook.format)


def _event(news: News, node: str) -> dict[str, Any]:
    moment = datetime.datetime.fromtimestamp(news.wall_time, datetime.UTC)
    return {
        "event_id": news.event_id,
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "node": node,
        "kind": str(news.kind) if news.kind is not Kind.DAEMON else "DAEMON",
        "name": news.name,
        "virtual_server": news.virtual_server or None,
        "event": str(news.word),
        "old_state": news.old or None,
        "new_state": news.new or None,
        "priority": news.priority,
        "term": news.term,
        "reason": news.reason,
    }


def judge(format: MessageFormat, answer: Answer) -> Outcome:
    """What an answer means."""
    said = _shown(answer.body)
    if 200 <= answer.status < 300:
        complaint = _complaint(format, answer.body)
        if complaint:
            return Outcome(Reply.AGAIN, f"the service answers {complaint}", answer.retry_after_s * 1_000_000_000)
        return Outcome(Reply.TAKEN, f"HTTP status {answer.status}")
    text = f"HTTP status {answer.status}" + (f": {said}" if said else "")
    if 300 <= answer.status < 400:
        text += "; redirects are not followed"
    reply = Reply.REFUSED if answer.status in WRONG_MESSAGE else Reply.AGAIN
    return Outcome(reply, text, answer.retry_after_s * 1_000_000_000)


_CODES = {
    MessageFormat.DINGTALK: ("errcode", "errmsg"),
    MessageFormat.WECOM: ("errcode", "errmsg"),
    MessageFormat.FEISHU: ("code", "msg"),
}


def _complaint(format: MessageFormat, body: bytes) -> str:
    """ "": the service took it."""
    if format not in _CODES:
        return ""
    field, text = _CODES[format]
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return f"no JSON: {_shown(body)}"
    code = said.get(field, said.get("StatusCode"))
    return "" if code == 0 else f"{field} {code}: {_shown(str(said.get(text, '')).encode())}"


def _shown(body: bytes) -> str:
    text = body[: 4 * SHOWN].decode("utf-8", "backslashreplace")[:SHOWN].strip()
    return "".join(char if char.isprintable() else " " for char in text)
