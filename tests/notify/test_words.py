"""Sentences for people."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.hooks.events import Kind, Word
from alived.notify.config import Language
from alived.notify.words import headline, one_line, paragraph
from tests.notify.examples import MASTER, news

ENGLISH, CHINESE = Language.ENGLISH, Language.CHINESE


def test_in_english() -> None:
    assert paragraph(MASTER, "n1", ENGLISH) == (
        "[n1] VRRP instance VI_1 is MASTER (was BACKUP, priority 100)\nReason: no advert heard for 3.6 s"
    )


def test_in_chinese() -> None:
    assert paragraph(MASTER, "n1", CHINESE) == (
        "[n1] VRRP 实例 VI_1 成为 MASTER（原为 BACKUP，优先级 100）\n原因：no advert heard for 3.6 s"
    )


def test_of_a_lease_and_of_a_server() -> None:
    owned = news(kind=Kind.RAFT, term=7, reason="")
    assert paragraph(owned, "n1", ENGLISH) == "[n1] Raft group VI_1 is MASTER (was BACKUP, priority 100, term 7)"
    assert headline(owned, "n1", CHINESE).endswith("任期 7）")
    server = news(kind=Kind.REAL_SERVER, name="[192.0.2.9]:tcp:80", virtual_server="[192.0.2.1]:tcp:80", word=Word.DOWN)
    assert headline(server, "n1", ENGLISH) == (
        "[n1] real server [192.0.2.9]:tcp:80 ([192.0.2.1]:tcp:80) is DOWN (was BACKUP)"
    )


def test_what_did_not_change_is_not_said() -> None:
    assert headline(news(old="MASTER", priority=0), "n1", ENGLISH) == "[n1] VRRP instance VI_1 is MASTER"


@pytest.mark.parametrize(("kind", "word", "language"), list(itertools.product(Kind, Word, Language)))
def test_there_is_a_sentence_for_everything(kind: Kind, word: Word, language: Language) -> None:
    assert headline(news(kind=kind, word=word), "n1", language).startswith("[n1] ")


@given(st.text())
def test_a_line_is_a_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert one_line(text).isprintable()
