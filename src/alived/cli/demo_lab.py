"""The stage of the demo: three nodes and a client on one bridge, a daemon in each node, and what is known of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from alived.adapters.control_client import NotRunning, ask
from alived.adapters.netns import Network, mac_of
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.cli.demo_daemons import Alived, Daemon
from alived.cli.demo_step import Step

VIP = "192.0.2.100"
CLIENT = "client"
PRIORITIES = {"n1": 150, "n2": 100, "n3": 50}
STATUS_LIMIT_S = 0.3


def addresses(number: int, _segment: int) -> Sequence[str]:
    return [f"192.0.2.{number}/24"]


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a node at a moment."""

    name: str
    daemon: str
    state: str
    """The daemon's own word, or why it has none."""
    priority: int
    has_vip: bool
    """What the kernel of the node says."""


class Node:
    """A node with its daemon."""

    def __init__(self, network: Network, name: str, daemon: Daemon) -> None:
        self.name = name
        self.priority = PRIORITIES[name]
        self.daemon = daemon
        self.mac = mac_of(network.numbers[name]).hex(":")
        self.frozen = False

    def freeze(self) -> None:
        self.frozen = True
        self.daemon.freeze()

    def thaw(self) -> None:
        self.frozen = False
        self.daemon.thaw()

    def view(self, answering: frozenset[str]) -> NodeView:
        """answering: the MACs that answer for the VIP now."""
        return NodeView(
            name=self.name,
            daemon=self.daemon.name,
            state=self._state(answering),
            priority=self.priority,
            has_vip=self._has_vip(),
        )

    def _state(self, answering: frozenset[str]) -> str:
        if not self.daemon.alive:
            return "not running"
        if self.frozen:
            return "frozen"
        if not isinstance(self.daemon, Alived):
            return "answers" if self.mac in answering else "silent"
        try:
            answer = ask(str(self.daemon.runtime_dir), SOCKET_FILE, "status", {}, STATUS_LIMIT_S)
        except NotRunning:
            return "no answer yet"
        return _state_in(answer.get("result"))

    def _has_vip(self) -> bool:
        command = ["ip", "-n", self.daemon.namespace, "-j", "-4", "address", "show", "dev", "eth0"]
        shown = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
        if shown.returncode or not shown.stdout.strip():
            return False
        return any(a["local"] == VIP for link in json.loads(shown.stdout) for a in link.get("addr_info", ()))


def _state_in(status: object) -> str:
    """The state of the only owner in the answer to "status", whoever elects it."""
    for kind in ("instances", "raft_groups"):
        found = status.get(kind) if isinstance(status, dict) else None
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return str(found[0].get("state", "unknown"))
    return "unknown"


class Stage:
    """`with Stage()` builds it with all daemons started and takes it down. Subclasses say who elects an owner."""

    explanation: tuple[str, str]
    """What the columns "theory" and "two answered" mean"""

    def __init__(self) -> None:
        self.network = Network([*PRIORITIES, CLIENT], addresses, label="alived-demo")
        self.nodes: dict[str, Node] = {}

    def daemon_of(self, name: str) -> type[Daemon]:
        """What runs in a node."""
        return Alived

    def configuration_of(self, node: Node) -> str:
        """What its daemon reads."""
        raise NotImplementedError

    @property
    def about(self) -> str:
        """How owners are elected, in a few words."""
        raise NotImplementedError

    @property
    def first_owners(self) -> tuple[str, ...]:
        """Who may own when all have started."""
        return tuple(self.nodes)

    @property
    def first_wait_s(self) -> float:
        """How long that takes in theory."""
        return 0.0

    def script(self, owner: Callable[[], str]) -> Iterator[Step]:
        """What happens. owner: who owns when a step begins."""
        raise NotImplementedError

    def plug(self, node: Node, *, plugged: bool) -> None:
        self.network.set_cable(node.name, plugged=plugged)

    def __enter__(self) -> Stage:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            undo.callback(self._stop)
            self._start()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _start(self) -> None:
        for name in PRIORITIES:
            daemon = self.daemon_of(name)(self.network.namespace(name), self.network.directory / name)
            self.nodes[name] = Node(self.network, name, daemon)
        for node in self.nodes.values():
            node.daemon.config.write_text(self.configuration_of(node))
            node.daemon.start()

    def _stop(self) -> None:
        running = [node.daemon for node in self.nodes.values() if node.daemon.alive]
        for daemon in running:
            daemon.thaw()
            daemon.terminate()
        for daemon in running:
            daemon.wait(5)

    def name_of(self, mac: str) -> str:
        return next((node.name for node in self.nodes.values() if node.mac == mac), mac)


class Watcher:
    """Asks every node how it is, a few times a second, in a thread of its own: a frozen daemon answers late."""

    def __init__(self, stage: Stage, period_s: float = 0.25) -> None:
        self._stage = stage
        self._period_s = period_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answering: frozenset[str] = frozenset()
        """MACs that answer the client's questions for the VIP now."""
        self.views: tuple[NodeView, ...] = ()

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.views = tuple(node.view(self.answering) for node in self._stage.nodes.values())
            self._stop.wait(self._period_s)
