"""Members on two machines: a network that swallows everything for a while, in one direction or in both."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alived.adapters import tls_stream
from alived.adapters.loop import Loop
from alived.adapters.peer_tls import TlsPeers
from alived.adapters.peer_udp import UdpPeers
from alived.raft.config import Member
from tests.adapters.certificates import Authority
from tests.adapters.peering import A, B, Node, beat, free_port
from tests.adapters.peering import loop as loop
from tests.segment import OTHER_ADDRESS, OWN_ADDRESS, Segment, until

HEARTBEAT_NS = 20_000_000
Make = Callable[[str], Node]


@pytest.fixture(params=["udp", "tls"])
def make(request: pytest.FixtureRequest, segment: Segment, loop: Loop, tmp_path: Path) -> Iterator[Make]:
    """a is here and b at the neighbour. Only a speaks: what b would open later would be opened here."""
    if request.param == "tls" and shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")
    kind = socket.SOCK_DGRAM if request.param == "udp" else socket.SOCK_STREAM
    port = free_port(kind, OWN_ADDRESS)
    members = {
        "a": Member(id="a", address=OWN_ADDRESS, port=port),
        "b": Member(id="b", address=OTHER_ADDRESS, port=port),
    }
    authority = Authority(tmp_path / "ca") if request.param == "tls" else None
    nodes: list[Node] = []

    def make(name: str) -> Node:
        values: dict[str, Any] = {"tls": authority.issue(name)} if authority else {}
        nodes.append(Node(loop, TlsPeers if authority else UdpPeers, name, members, **values))
        return nodes[-1]

    yield make
    for node in nodes:
        node.peers.close()


class Heart:
    """a says something all the time, as a leader does."""

    def __init__(self, loop: Loop, node: Node) -> None:
        self._loop, self._node = loop, node
        self.round = 100
        self._beat()

    def _beat(self) -> None:
        self.round += 1
        self._node.peers.send(B, beat(self.round))
        self.timer = self._loop.call_later(HEARTBEAT_NS, self._beat)


@pytest.mark.lab
@pytest.mark.parametrize("cut", [[("own", "other")], [("other", "own")], [("own", "other"), ("other", "own")]])
def test_after_a_while_of_silence_they_speak_again(
    make: Make, segment: Segment, loop: Loop, monkeypatch: pytest.MonkeyPatch, cut: list[tuple[str, str]]
) -> None:
    """Long enough for a connection to be given up, and what was said meanwhile is not said later."""
    monkeypatch.setattr(tls_stream, "SILENCE_LIMIT_MS", 300)
    with segment.other():
        b = make("b")
    a = make("a")
    a.say(b, beat(1))
    heart = Heart(loop, a)
    until(loop, lambda: (A, beat(heart.round)) in b.arrived, "the heart beats")
    segment.network.drop(cut)
    silent_from = heart.round
    until(loop, lambda: heart.round > silent_from + 60, "more than a second")
    segment.network.drop([])
    healed_at = heart.round
    until(loop, lambda: any(packet.round > healed_at for _, packet in b.arrived), "b hears again")  # type: ignore[union-attr]
    heart.timer.cancel()
    rounds = [packet.round for _, packet in b.arrived if packet.round >= 100]  # type: ignore[union-attr]
    assert rounds == sorted(set(rounds)), "in their order, each once"
    if ("own", "other") in cut:
        late = [round_ for round_ in rounds if silent_from + 2 < round_ <= healed_at]
        assert len(late) <= 1, "only the newest had waited"
