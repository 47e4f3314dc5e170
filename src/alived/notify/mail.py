"""The mail that tells of something: keepalived's subject and first line, then our reason.

Subject and body may have any characters (names of instances in Chinese, say): they are encoded as RFC 2047 and MIME
want it. What a header must not have is taken out before, so nobody's name adds a header or a recipient.
"""

from __future__ import annotations

import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from alived.hooks.events import Kind, Word
from alived.notify.config import Language
from alived.notify.news import News
from alived.notify.words import headline, one_line

_STATES = {
    Word.MASTER: "Entering MASTER state",
    Word.BACKUP: "Entering BACKUP state",
    Word.FAULT: "Entering FAULT state",
    Word.STOP: "Stopping",
    Word.DELETED: "Deleted",
    Word.UP: "UP",
    Word.DOWN: "DOWN",
    Word.TEST: "Test message",
}
_OF_INSTANCES = {
    Word.MASTER: "VRRP Instance is now owning VRRP VIPs",
    Word.BACKUP: "VRRP Instance is no longer owning VRRP VIPs",
    Word.FAULT: "VRRP Instance is no longer owning VRRP VIPs",
    Word.STOP: "VRRP Instance stopping",
    Word.DELETED: "VRRP Deleted at reload",
}
_OF_GROUPS = {
    Word.MASTER: "All VRRP group instances are now in MASTER state",
    Word.BACKUP: "All VRRP group instances are now in BACKUP state",
    Word.FAULT: "All VRRP group instances are now in FAULT state",
    Word.STOP: "All VRRP group instances are now stopping",
}
_NAMES = {
    Kind.INSTANCE: "VRRP Instance {name} - ",
    Kind.GROUP: "VRRP Group {name} - ",
    Kind.RAFT: "Raft Group {name} - ",
    Kind.REAL_SERVER: "Realserver {name} of virtual server {virtual_server} - ",
    Kind.VIRTUAL_SERVER: "Virtualserver {name} - ",
    Kind.DAEMON: "",
}
MAILED = frozenset(_STATES)


def subject(news: News, node: str) -> str:
    """[n1] VRRP Instance VI_1 - Entering MASTER state"""
    name = _NAMES[news.kind].format(name=news.name, virtual_server=news.virtual_server)
    return one_line(f"[{node}] {name}{_STATES[news.word]}")


def body(news: News, node: str) -> str:
    words = {Kind.INSTANCE: _OF_INSTANCES, Kind.GROUP: _OF_GROUPS}.get(news.kind, {})
    first = f"=> {words[news.word]} <=" if news.word in words else f"=> {headline(news, node, Language.ENGLISH)} <="
    moment = datetime.datetime.fromtimestamp(news.wall_time, datetime.UTC)
    facts = [("Reason", one_line(news.reason)), ("State before", news.old), ("Time", f"{moment:%Y-%m-%d %H:%M:%S} UTC")]
    if news.kind in (Kind.INSTANCE, Kind.RAFT):
        facts.append(("Priority", str(news.priority)))
    lines = [first, "", *(f"{name}: {value}" for name, value in facts if value), f"Event: {news.event_id}"]
    return "\n".join(lines) + "\n"


def message(news: News, node: str, sender: str, recipients: tuple[str, ...], helo_name: str) -> bytes:
    """With line ends of SMTP, not yet with the dots that DATA wants."""
    mail = EmailMessage(policy=SMTP)
    moment = datetime.datetime.fromtimestamp(news.wall_time, datetime.UTC)
    mail["Date"] = format_datetime(moment)
    mail["From"] = one_line(sender)
    mail["To"] = ", ".join(map(one_line, recipients))
    mail["Subject"] = subject(news, node)
    mail["Message-ID"] = one_line(f"<{news.event_id}@{helo_name}>").replace(" ", "")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body(news, node), charset="utf-8", cte="quoted-printable")
    return mail.as_bytes()
