"""What happened, in a sentence for people, in English and Chinese. Reasons are passed on as they are."""

from __future__ import annotations

from alived.hooks.events import Kind, Word
from alived.notify.config import Language
from alived.notify.news import News

_KINDS = {
    Language.ENGLISH: {
        Kind.INSTANCE: "VRRP instance",
        Kind.GROUP: "VRRP group",
        Kind.RAFT: "Raft group",
        Kind.REAL_SERVER: "real server",
        Kind.VIRTUAL_SERVER: "virtual server",
        Kind.DAEMON: "alived",
    },
    Language.CHINESE: {
        Kind.INSTANCE: "VRRP 实例",
        Kind.GROUP: "VRRP 组",
        Kind.RAFT: "Raft 组",
        Kind.REAL_SERVER: "真实服务器",
        Kind.VIRTUAL_SERVER: "虚拟服务器",
        Kind.DAEMON: "alived",
    },
}
_WORDS = {
    Language.ENGLISH: {
        Word.MASTER: "is MASTER",
        Word.BACKUP: "is BACKUP",
        Word.FAULT: "is in FAULT",
        Word.STOP: "has stopped",
        Word.DELETED: "was deleted by a reload",
        Word.MASTER_RX_LOWER_PRI: "heard another MASTER of a lower priority",
        Word.MASTER_PRIORITY: "has another priority, as MASTER",
        Word.BACKUP_PRIORITY: "has another priority",
        Word.UP: "is UP",
        Word.DOWN: "is DOWN",
        Word.TEST: "sends a test message; nothing has happened",
    },
    Language.CHINESE: {
        Word.MASTER: "成为 MASTER",
        Word.BACKUP: "成为 BACKUP",
        Word.FAULT: "进入 FAULT 状态",
        Word.STOP: "已停止",
        Word.DELETED: "已被重新加载的配置删除",
        Word.MASTER_RX_LOWER_PRI: "收到另一个优先级较低的 MASTER 的通告",
        Word.MASTER_PRIORITY: "优先级已变化（MASTER）",
        Word.BACKUP_PRIORITY: "优先级已变化",
        Word.UP: "恢复（UP）",
        Word.DOWN: "故障（DOWN）",
        Word.TEST: "发送测试消息；没有发生任何变化",
    },
}
_ELLIPSIS = "…"
OF_OWNERS = (Kind.INSTANCE, Kind.RAFT)


def headline(news: News, node: str, language: Language) -> str:
    """[n1] VRRP instance VI_1 is MASTER (was BACKUP, priority 100)"""
    chinese = language is Language.CHINESE
    of = f" ({news.virtual_server})" if news.virtual_server else ""
    thing = " ".join(filter(None, (_KINDS[language][news.kind], news.name))) + of
    details = []
    if news.old and news.old != news.new:
        details.append(f"原为 {news.old}" if chinese else f"was {news.old}")
    if news.kind in OF_OWNERS and news.priority:
        details.append(f"优先级 {news.priority}" if chinese else f"priority {news.priority}")
    if news.term:
        details.append(f"任期 {news.term}" if chinese else f"term {news.term}")
    more = ""
    if details:
        more = f"（{'，'.join(details)}）" if chinese else f" ({', '.join(details)})"
    return one_line(f"[{node}] {thing} {_WORDS[language][news.word]}{more}")


def paragraph(news: News, node: str, language: Language) -> str:
    """The headline, then the reason."""
    reason = one_line(news.reason)
    label = "原因：" if language is Language.CHINESE else "Reason: "
    return headline(news, node, language) + (f"\n{label}{reason}" if reason else "")


def one_line(text: str) -> str:
    """Without what would end a line or lead a terminal astray."""
    return "".join(char if char.isprintable() else " " for char in text)


def fitting(text: str, octets: int) -> str:
    """As much of it as fits in UTF-8, with an ellipsis if that is not all."""
    encoded = text.encode()
    if len(encoded) <= octets:
        return text
    return encoded[: octets - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS
