"""The stage of the measures of Raft: three nodes that elect one owner, and a client that asks all of them for the VIP.

`Ownership` is what all players have in common, whoever elects: alived by Raft, and holders of a lease in etcd.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Self

import bench.stage
from alived.adapters.control_client import NotRunning, ask
from alived.adapters.netns import Network
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.cli.demo_cluster import PORT, GroupText, MemberText, cluster_document, write_key
from alived.cli.demo_daemons import Daemon
from alived.cli.demo_wire import PROBER
from bench.client import Client, Event, Kind
from bench.stage import CLIENT, BenchAlived, NotSettled, addresses_of, vip_of

NODES = 3
SETTLED_S = 0.5
PATIENCE_S = 30.0


class Ownership:
    """`with ...:` three nodes, of which `start` makes one the owner. Numbers of nodes count from 1."""

    def __init__(self, vips: int = 1) -> None:
        self.numbers = range(1, NODES + 1)
        self.vips = [vip_of(0, index) for index in range(vips)]
        self.network = Network([*(f"r{n}" for n in self.numbers), CLIENT], addresses_of, label="alived-bench")
        self.daemons: dict[int, Daemon] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            undo.callback(self._put_away)
            self.client = undo.enter_context(self.new_client([Kind.REPLY]))
            undo.callback(self._stop)
            self.prepare()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def prepare(self) -> None:
        """Makes the daemons, not started."""
        raise NotImplementedError

    def others(self, n: int) -> list[int]:
        return [one for one in self.numbers if one != n]

    def is_whole(self) -> bool:
        """Whether all nodes take part."""
        return all(daemon.alive for daemon in self.daemons.values())

    def new_client(self, kinds: Collection[Kind]) -> Client:
        return Client(self.network.namespace(CLIENT), [0], [f"198.18.0.{PROBER}"], kinds)

    def question(self, vip: str) -> tuple[Any, bytes]:
        """(socket, frame) that asks everybody for a VIP."""
        return self.client.question(vip, 0)

    def start(self) -> None:
        for daemon in self.daemons.values():
            daemon.start()

    def settle(self) -> int:
        """Waits until all nodes take part and one has been the only one to answer for a while; gives its number."""
        end = time.monotonic() + PATIENCE_S
        while True:
            events = self.ask_for(SETTLED_S)
            owners = {event.router for event in events}
            whole = len(events) > SETTLED_S / 0.005 / 2  # a question every 5 ms; half of the answers may be missing
            if len(owners) == 1 and whole and self.is_whole():
                return owners.pop()
            if time.monotonic() > end:
                logs = "".join(f"--- r{n} ---\n{daemon.log[-1500:]}" for n, daemon in self.daemons.items())
                raise NotSettled(f"who answers: {sorted(owners) or 'nobody'}\n{logs}")

    def ask_for(self, seconds: float) -> list[Event]:
        """Answers for the first VIP, asked for every 5 ms."""
        sock, frame = self.question(self.vips[0])
        self.client.events()
        found: list[Event] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sock.send(frame)
            found += self.client.watch(0.005)
        return found

    def _stop(self) -> None:
        for daemon in self.daemons.values():
            if daemon.alive:
                daemon.kill()

    def _put_away(self) -> None:
        if bench.stage.KEEP is not None:
            kept = bench.stage.KEEP / self.network.tag
            shutil.copytree(self.network.directory, kept, ignore=shutil.ignore_patterns("*.sock"))


class RaftNodes(Ownership):
    """alived on all nodes, profile lan; who comes back moves nothing."""

    group_keywords: ClassVar[Mapping[str, Any]] = {}

    def top_keywords(self, n: int) -> Mapping[str, Any]:
        """Of the configuration of node n."""
        return {}

    def __init__(self, *, vips: int = 1, groups: int = 1) -> None:
        super().__init__(vips)
        self._groups = groups

    def prepare(self) -> None:
        key_file = self.network.directory / "cluster.key"
        write_key(key_file)
        members = [MemberText(id=f"r{n}", address=self.network.address(f"r{n}")) for n in self.numbers]
        shares = [self.vips[number :: self._groups] for number in range(self._groups)]
        groups = [
            GroupText(name=f"g{number}", addresses=[f"{vip}/19" for vip in share], more=self.group_keywords)
            for number, share in enumerate(shares)
        ]
        for n in self.numbers:
            daemon = BenchAlived(self.network.namespace(f"r{n}"), self.network.directory / f"r{n}")
            place = {"directory": daemon.directory, "key_file": key_file}
            document = cluster_document(f"r{n}", members, groups, **place, top=self.top_keywords(n))
            daemon.config.write_text(document)
            self.daemons[n] = daemon

    def is_whole(self) -> bool:
        if not super().is_whole():
            return False
        views = [self.view(n) for n in self.numbers]
        return len({view.get("leader") for view in views}) == 1 and all(view.get("leader") for view in views)

    def view(self, n: int) -> dict[str, Any]:
        """What `alived cluster members --json` shows there; {} if nobody answers."""
        with contextlib.suppress(NotRunning):
            answer = ask(str(self.daemons[n].directory / "run"), SOCKET_FILE, "members", {}, 2.0)
            if answer["ok"]:
                result: dict[str, Any] = answer["result"]
                return result
        return {}

    def ask_to_hand_over(self, n: int, to: int) -> subprocess.Popen[bytes]:
        """`alived cluster transfer` at node n, which ends when it is done."""
        command = [sys.executable, "-m", "alived", "cluster", "transfer", f"r{to}"]
        command += ["--runtime-dir", str(self.daemons[n].directory / "run")]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    # -- faults --

    def drop(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Between the nodes only: the client hears all of them."""
        self.network.drop([(f"r{a}", f"r{b}") for a, b in pairs])


Act = Callable[[RaftNodes, int], object]


def _cut(stage: RaftNodes, n: int) -> None:
    stage.drop([pair for pair in itertools.permutations(stage.numbers, 2) if n in pair])


def _thaw(stage: RaftNodes, n: int) -> None:
    stage.daemons[n].thaw()


def _start(stage: RaftNodes, n: int) -> None:
    stage.daemons[n].start()


def _mend(stage: RaftNodes, _n: int) -> None:
    stage.drop([])


FAULTS: dict[str, tuple[Act, Act]] = {
    "kill": (lambda stage, n: stage.daemons[n].kill(), _start),
    "stop": (lambda stage, n: stage.daemons[n].freeze(), _thaw),
    "drop": (_cut, _mend),
    "mute": (lambda stage, n: stage.drop([(n, one) for one in stage.others(n)]), _mend),
    "deaf": (lambda stage, n: stage.drop([(one, n) for one in stage.others(n)]), _mend),
    "refuse": (lambda stage, n: stage.network.refuse(f"r{n}", PORT), lambda stage, n: stage.network.accept(f"r{n}")),
    "cable": (
        lambda stage, n: stage.network.set_cable(f"r{n}", plugged=False),
        lambda stage, n: stage.network.set_cable(f"r{n}", plugged=True),
    ),
}
"""Fault and repair. kill: kill -9 of the whole tree. stop: SIGSTOP of it. drop: both ways between owner and others.
mute: nobody hears the owner. deaf: it hears nobody. refuse: their port answers that nobody is there."""
