"""Lines of pipes are keepalived's, octet for octet (recorded from keepalived 2.2.7, except those of Raft)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.hooks.events import Kind, Word
from alived.notify.config import Fifo, Fifos
from alived.notify.news import News
from alived.notify.pipe_lines import MAX_LINE, fifos_of, goes_to, line


def news(kind: Kind, name: str, word: Word, priority: int = 0, **more: str) -> News:
    return News(event_id="e-1", kind=kind, name=name, word=word, priority=priority, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (news(Kind.INSTANCE, "VI_1", Word.MASTER, 100), 'INSTANCE "VI_1" MASTER 100\n'),
        (news(Kind.GROUP, "G", Word.FAULT), 'GROUP "G" FAULT 0\n'),
        (news(Kind.INSTANCE, "VI", Word.MASTER_RX_LOWER_PRI, 150), 'INSTANCE "VI" MASTER_RX_LOWER_PRI 150\n'),
        (news(Kind.INSTANCE, "VI", Word.BACKUP_PRIORITY, 120), 'INSTANCE "VI" BACKUP_PRIORITY 120\n'),
        (news(Kind.RAFT, "web", Word.MASTER, 100), 'RAFT "web" MASTER 100\n'),
        (
            news(Kind.REAL_SERVER, "[192.0.2.9]:tcp:80", Word.UP, virtual_server="[192.0.2.1]:tcp:80"),
            "RS [192.0.2.9]:tcp:80 [192.0.2.1]:tcp:80 UP\n",
        ),
        (news(Kind.VIRTUAL_SERVER, "[192.0.2.1]:tcp:80", Word.DOWN), "VS [192.0.2.1]:tcp:80 DOWN\n"),
    ],
)
def test_a_line(what: News, text: str) -> None:
    assert line(what) == text.encode()


@given(st.text(max_size=3000), st.sampled_from(Kind), st.sampled_from(Word))
def test_whatever_the_name_it_is_one_line_that_a_pipe_takes_whole(name: str, kind: Kind, word: Word) -> None:
    text = line(news(kind, name, word))
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    assert len(text) <= MAX_LINE


def test_each_pipe_gets_its_part() -> None:
    instance, server = news(Kind.INSTANCE, "a", Word.MASTER), news(Kind.REAL_SERVER, "b", Word.UP)
    assert [goes_to(keyword, instance) for keyword in ("notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo")] == [
        True,
        True,
        False,
    ]
    assert [goes_to(keyword, server) for keyword in ("notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo")] == [
        True,
        False,
        True,
    ]


def test_only_what_is_configured_is_there() -> None:
    one = Fifo(path="/run/x")
    assert list(fifos_of(Fifos())) == []
    assert list(fifos_of(Fifos(all=one, lvs=one))) == [("notify_fifo", one), ("lvs_notify_fifo", one)]
