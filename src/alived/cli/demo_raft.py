"""`alived demo --engine raft`: three nodes that elect an owner by majority. Whatever happens, there are never two."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import msgspec

from alived.adapters.control_client import NotRunning, ask
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.base import NS_PER_S
from alived.cli.demo_cluster import GroupText, MemberText, cluster_document, write_key
from alived.cli.demo_lab import PRIORITIES, STATUS_LIMIT_S, VIP, Node, Stage
from alived.cli.demo_step import Step
from alived.raft.config import Profile
from alived.raft.member_events import Transfer
from alived.raft.profiles import TIMERS

_TIMERS = TIMERS[Profile.LAN]
ELECTION_S = ((_TIMERS.election_ns - _TIMERS.heartbeat_ns) / NS_PER_S, 2 * _TIMERS.election_ns / NS_PER_S)
"""From the loss of the leader to a campaign: the shortest timeout since its last heartbeat, and the longest."""
AT_ONCE_S = (0.0, 0.01)
"""Of what is planned: the aim for a hand-over"""
_TRANSFER_LIMIT_S = 30


class Fault(msgspec.Struct, frozen=True):
    """What happens to the owner, and how it is mended; {} in the titles is its name."""

    title: str
    act: Callable[[Node], object]
    theory_s: tuple[float, float]
    mended: str
    mend: Callable[[Node], object]


class RaftStage(Stage):
    """All nodes have the same priority: who comes back moves nothing."""

    explanation = (
        "theory: an election timeout after the last heartbeat; twice as long if the first to campaign fails.",
        "two answered: from the new owner's first answer to the old one's last; must be empty.",
    )

    def configuration_of(self, node: Node) -> str:
        key_file = self.network.directory / "cluster.key"
        write_key(key_file)
        return cluster_document(
            node.name,
            [MemberText(id=name, address=self.network.address(name)) for name in PRIORITIES],
            [GroupText(addresses=[f"{VIP}/24"])],
            directory=node.daemon.directory,
            key_file=key_file,
        )

    @property
    def about(self) -> str:
        return f"an owner by majority, heartbeats every {_TIMERS.heartbeat_ns / NS_PER_S:g} s"

    def script(self, owner: Callable[[], str]) -> Iterator[Step]:
        """Whoever owns is hit by everything, and mended; at last it hands over because it is asked to."""
        for fault in self._faults():
            node = self.nodes[owner()]
            others = tuple(name for name in self.nodes if name != node.name)
            yield _step(fault.title, fault.act, node, others, fault.theory_s)
            repaired = _step(fault.mended, fault.mend, node, (owner(),), None)
            yield msgspec.structs.replace(repaired, done=lambda node=node: _takes_part(node))
        old = self.nodes[owner()]
        to = next(node for node in self.nodes.values() if node is not old)
        yield _step(
            f"{{}} is asked to hand over to {to.name}", lambda _: self._transfer(to), old, (to.name,), AT_ONCE_S
        )

    def _faults(self) -> Iterator[Fault]:
        yield Fault("kill -9 of all processes of {}", _kill, ELECTION_S, "{} starts again", _start)
        yield Fault("{} freezes (SIGSTOP)", Node.freeze, ELECTION_S, "{} thaws (SIGCONT)", Node.thaw)
        yield Fault("{} and the others hear each other no more", self._cut, ELECTION_S, "the cut is mended", self._mend)
        yield Fault("nobody hears {} any more", self._mute, ELECTION_S, "{} is heard again", self._mend)
        yield Fault("{}'s cable is pulled", self._pull, ELECTION_S, "{}'s cable is plugged in", self._plug)
        yield Fault("{} stops gracefully (SIGTERM)", _terminate, AT_ONCE_S, "{} starts again", _start)

    def _cut(self, node: Node) -> None:
        """The client hears them all."""
        self.network.drop([pair for pair in itertools.permutations(self.nodes, 2) if node.name in pair])

    def _mute(self, node: Node) -> None:
        self.network.drop([(node.name, other) for other in self.nodes if other != node.name])

    def _mend(self, _node: Node) -> None:
        self.network.drop([])

    def _pull(self, node: Node) -> None:
        self.plug(node, plugged=False)

    def _plug(self, node: Node) -> None:
        self.plug(node, plugged=True)

    def _transfer(self, to: Node) -> None:
        """As `alived cluster transfer` does; what comes of it is seen on the wire. Not by that command: the client must
        be listened to meanwhile, and its start would count as time without an owner."""
        arguments = {"command": msgspec.to_builtins(Transfer(to.name))}
        with contextlib.suppress(NotRunning):  # then nothing moves, and the table says so
            ask(str(to.daemon.directory / "run"), SOCKET_FILE, "cluster", arguments, _TRANSFER_LIMIT_S)


def _step(
    title: str, act: Callable[[Node], object], node: Node, owners: tuple[str, ...], theory_s: tuple[float, float] | None
) -> Step:
    note = "" if theory_s else "nothing moves"
    return Step(title.format(node.name), lambda: act(node), owners, theory_s, note, never_two=True)


def _takes_part(node: Node) -> bool:
    """Whether it follows a leader."""
    try:
        answer = ask(str(node.daemon.directory / "run"), SOCKET_FILE, "members", {}, STATUS_LIMIT_S)
    except NotRunning:
        return False
    return bool(answer["ok"] and answer["result"].get("leader"))


def _kill(node: Node) -> None:
    node.daemon.kill()


def _start(node: Node) -> None:
    node.daemon.start()


def _terminate(node: Node) -> None:
    node.daemon.terminate()
