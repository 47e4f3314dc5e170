"""A dialogue that is over when it begins."""

from __future__ import annotations

import pytest

from alived.health.config import TcpCheck
from alived.health.dialogue import Verdict
from alived.health.dialogues import tcp


def test_a_connection_is_all_it_wants() -> None:
    assert tcp.dialogue(TcpCheck(connect_ip="192.0.2.1", connect_port=80)).begun().verdict == Verdict(True, "connected")


def test_it_says_why_it_broke() -> None:
    assert tcp.TcpDialogue().broken("connection reset") == Verdict(False, "connection reset")


@pytest.mark.parametrize("ask", ["ended", "timed_out", "secured"])
def test_nobody_asks_it_twice(ask: str) -> None:
    with pytest.raises(AssertionError):
        getattr(tcp.TcpDialogue(), ask)()
    with pytest.raises(AssertionError):
        tcp.TcpDialogue().received(b"x")
