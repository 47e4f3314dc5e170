"""Members of a cluster in one process, each with a transport of its own over loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alived.adapters.loop import Loop
from alived.raft.config import Cluster, Member
from alived.raft.directory import node_number
from alived.raft.messages import Heartbeat
from alived.raft.packets import Packet
from tests.segment import until

A, B, C = (node_number(name) for name in "abc")


def free_port(kind: socket.SocketKind, address: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.bind((address, 0))
        port: int = sock.getsockname()[1]
        return port


def beat(round_: int, sender: int = A, to: int = B) -> Heartbeat:
    return Heartbeat(sender=sender, to=to, term=1, round=round_)


class Node:
    """A member: what has arrived there and what it has logged. `open_` makes its transport."""

    def __init__(
        self, loop: Loop, open_: Callable[..., Any], name: str, members: dict[str, Member], **values: Any
    ) -> None:
        self.loop = loop
        self.arrived: list[tuple[int, Packet]] = []
        self.log: list[tuple[str, str, str]] = []
        self._open = open_
        self.members = {node_number(member.id): member for member in members.values()}
        self.cluster = Cluster(
            **{
                "node_id": name,
                "data_dir": "",
                "members": tuple(members.values()),
                "listen_address": members[name].address,
                "listen_port": members[name].port,
                "cluster_id": "blue",
                **values,
            }
        )
        self.peers = self.started()

    def started(self) -> Any:
        peers = self._open(self.loop, self.cluster, self._hear, lambda *line: self.log.append(line))
        peers.configure(self.members)
        return peers

    def restart(self) -> None:
        self.peers.close()
        self.peers = self.started()

    def _hear(self, sender: int, packet: Packet, more: bool) -> None:
        self.arrived.append((sender, packet))

    def say(self, to: Node, packet: Packet) -> None:
        """Until it has arrived; said again, as a member of a cluster would."""

        def there() -> bool:
            if (number, packet) in to.arrived:
                return True
            self.peers.send(node_number(to.cluster.node_id), packet)
            return False

        number = node_number(self.cluster.node_id)
        until(self.loop, there, f"{packet} at {to.cluster.node_id}")

    def codes(self) -> list[str]:
        return [code for _, code, _ in self.log]


Make = Callable[..., Node]


def making(loop: Loop, open_: Callable[..., Any], own: Callable[[str], dict[str, Any]]) -> Iterator[Make]:
    """For a fixture: makes nodes, and closes them after the test. own: what a configuration says by the node's name."""
    nodes: list[Node] = []

    def make(name: str, members: dict[str, Member], **values: Any) -> Node:
        nodes.append(Node(loop, open_, name, members, **{**own(name), **values}))
        return nodes[-1]

    yield make
    for node in nodes:
        node.peers.close()


def drain_hears_what_waits(a: Node, b: Node, count: int) -> None:
    """Before silence is judged, without a turn of the loop."""
    a.say(b, beat(1))
    for number in range(count):
        a.peers.send(B, beat(number + 2))
    b.peers.drain()
    assert b.arrived[-1] == (A, beat(count + 1))


def who_closes_in_the_middle_hears_no_more(a: Node, b: Node) -> None:
    a.say(b, beat(1))
    del b.arrived[:]
    b.peers._arrived = lambda sender, packet, more: (b.arrived.append((sender, packet)), b.peers.close())
    for number in range(5):
        a.peers.send(B, beat(number + 2))
    b.peers.drain()
    assert b.arrived == [(A, beat(2))]


def members(kind: socket.SocketKind, names: str = "ab", address: str = "127.0.0.1") -> dict[str, Member]:
    return {name: Member(id=name, address=address, port=free_port(kind, address)) for name in names}


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()
