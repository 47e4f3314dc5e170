"""Lines of `notify_fifo` and its kin, octet for octet as keepalived writes them.

Vrrp: `INSTANCE "VI_1" MASTER 100`, `GROUP "G" BACKUP 0`. Servers: `RS [192.0.2.10]:tcp:80 [192.0.2.1]:tcp:80 UP`,
`VS [192.0.2.1]:tcp:80 DOWN`. keepalived has no groups elected by Raft; theirs look like those of an instance.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alived.hooks.events import Kind
from alived.notify.config import Fifo, Fifos
from alived.notify.news import News

MAX_LINE = 4096
"""PIPE_BUF of Linux: up to here a line is written whole or not at all."""
_SERVERS = (Kind.REAL_SERVER, Kind.VIRTUAL_SERVER)


class PipeSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A pipe as `alived status` shows it."""

    keyword: str
    path: str
    open: bool
    waiting: int
    dropped: int
    script: str
    """"": it has none"""
    script_runs: bool
    script_starts: int


def line(news: News) -> bytes:
    match news.kind:
        case Kind.REAL_SERVER:
            text = f"RS {news.name} {news.virtual_server} {news.word}"
        case Kind.VIRTUAL_SERVER:
            text = f"VS {news.name} {news.word}"
        case _:
            text = f'{news.kind} "{news.name}" {news.word} {news.priority}'
    return " ".join(text.splitlines()).encode()[: MAX_LINE - 1] + b"\n"


def fifos_of(fifos: Fifos) -> Iterator[tuple[str, Fifo]]:
    """Those that are configured, by their keywords."""
    for keyword, fifo in (
        ("notify_fifo", fifos.all),
        ("vrrp_notify_fifo", fifos.vrrp),
        ("lvs_notify_fifo", fifos.lvs),
    ):
        if fifo is not None:
            yield keyword, fifo


def goes_to(keyword: str, news: News) -> bool:
    """Whether the pipe of this keyword gets a line."""
    if keyword == "notify_fifo":
        return True
    return (keyword == "lvs_notify_fifo") is (news.kind in _SERVERS)
