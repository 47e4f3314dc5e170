"""Nodes that elect an owner by Raft, and an observer in a namespace of its own that counts answers by MAC address.

The observer asks for the VIP every few milliseconds, by ARP and by ping, in a process of its own; the kernel says when
each answer arrived. What is asserted is the order of the answers, never how fast they come.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alived.adapters.control_client import NotRunning
from alived.adapters.control_client import ask as ask_control
from alived.adapters.netns import mac_of, signal_all
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.cli.demo_cluster import GroupText, MemberText, cluster_document, write_key
from alived.cli.demo_probe import Probe
from alived.cli.demo_wire import Kind, Seen
from tests.lab.lab import CLIENT, PATIENCE_S, VIP4, Lab

GROUP = "demo"
RELAXED = {"profile": "relaxed"}
"""For scenes in which owner and term may not change: a leader is silent for a second before another one campaigns, so
a machine that stands still for some hundred milliseconds is no fault."""
SETTLED_NS = 600_000_000
"""So long exactly one node must have answered, before a fault and after it."""
GONE_NS = 400_000_000
"""An address that nobody has answered for in so long has no owner: two hundred questions went by."""
_BETWEEN_NS = 100_000_000
"""Who answers twice within this time has never stopped."""


class TwoOwners(AssertionError):
    """Two nodes answered for an address at the same time."""


class Observer:
    """Everything that answered for an address, in the order of the kernel's timestamps. It never stops asking, whatever
    the test waits for: a thread takes what it says."""

    def __init__(self, lab: ClusterLab, address: str) -> None:
        self._probe = Probe(lab.network.namespace(CLIENT), address, pings_per_question=2)
        self._node_of = {mac_of(number).hex(":"): node for node, number in lab.network.numbers.items()}
        self._address = address
        self._fresh: collections.deque[list[Seen]] = collections.deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.answers: list[tuple[int, str]] = []
        """(time_ns, node)"""

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._probe.close()

    def _read(self) -> None:
        while not self._closing.is_set():
            self._fresh.append(self._probe.read(0.05))

    def watch(self, seconds: float) -> None:
        time.sleep(seconds)
        while self._fresh:
            for seen in self._fresh.popleft():
                if mac := self._who(seen):
                    self.answers.append((seen.time_ns, self._node_of[mac]))
        self.answers.sort()

    def _who(self, seen: Seen) -> str:
        """The MAC that has the address according to this frame; "" if it says nothing about that."""
        if seen.address != self._address:
            return ""
        match seen.kind:
            case Kind.ANSWER:
                return seen.said_mac
            case Kind.PING:
                return seen.mac
            case _:
                return ""

    def since(self, time_ns: int) -> list[tuple[int, str]]:
        return [answer for answer in self.answers if answer[0] > time_ns]

    def owners(self, since_ns: int = 0) -> list[str]:
        """Who answered, one after the other. TwoOwners: somebody went on after another one had begun."""
        runs = [
            (node, [time_ns for time_ns, _ in run])
            for node, run in itertools.groupby(self.since(since_ns), key=lambda answer: answer[1])
        ]
        for (before, last), _, (after, again) in zip(runs, runs[1:], runs[2:]):
            if before == after and again[0] - last[-1] < _BETWEEN_NS:
                raise TwoOwners(f"{before} answered before and after another node:\n{self.story(since_ns)}")
        return [node for node, _ in runs]

    def story(self, since_ns: int = 0) -> str:
        """A line for each run of answers of one node."""
        lines = []
        for node, run in itertools.groupby(self.since(since_ns), key=lambda answer: answer[1]):
            times = [time_ns for time_ns, _ in run]
            lines.append(f"{times[0] / 1e9:.4f}..{times[-1] / 1e9:.4f} {node} x{len(times)}")
        return "\n".join(lines)


class ClusterLab(Lab):
    """`with ClusterLab("n1", "n2", "n3") as lab`: nodes that are told of each other, without daemons yet.

    `members` may be changed before nodes are configured. All have the same priority, so that an owner stays the owner.
    """

    def __init__(self, *nodes: str, spare: Sequence[str] = ()) -> None:
        """spare: nodes that are no members at first."""
        super().__init__(*nodes, *spare)
        self.members = [MemberText(id=node, address=self.network.address(node)) for node in nodes]
        self.groups = [self.group(f"{VIP4}/24")]

    def __enter__(self) -> ClusterLab:
        super().__enter__()
        self.key_file = self.network.directory / "cluster.key"
        write_key(self.key_file)
        self.observers: list[Observer] = []
        self._undo.callback(lambda: [observer.close() for observer in self.observers])
        return self

    def group(self, *addresses: str, **more: Any) -> GroupText:
        return GroupText(name=GROUP, addresses=addresses, more=more)

    def observe(self, address: str = VIP4) -> Observer:
        observer = Observer(self, address)
        self.observers.append(observer)
        return observer

    # -- daemons --

    def prepare(
        self,
        node: str,
        *,
        members: Sequence[MemberText] | None = None,
        cluster: Mapping[str, Any] = {},
        top: Mapping[str, Any] = {},
        key_file: pathlib.Path | None = None,
    ) -> None:
        """Writes the configuration of a node, and puts a daemon into it that is not started."""
        if node not in self.daemons:
            self.add(node)
        daemon = self.daemons[node]
        (daemon.directory / "data").mkdir(exist_ok=True)
        document = cluster_document(
            node,
            members or self.members,
            self.groups,
            directory=daemon.directory,
            key_file=key_file or self.key_file,
            cluster=cluster,
            top=top,
        )
        daemon.config.write_text(document)

    def start_all(self, **options: Any) -> str:
        """Starts all members; returns the owner when there is one."""
        for member in self.members:
            self.prepare(member.id, **options)
            self.daemons[member.id].start()
        return self.until_leader()

    def pid_of(self, node: str, role: str) -> int:
        return next(int(p["pid"]) for p in self.status(node)["processes"] if p["role"] == role)

    def member_view(self, node: str) -> dict[str, Any]:
        """What `alived cluster members --json` shows there; {} if nobody answers."""
        with contextlib.suppress(NotRunning):
            answer = ask_control(str(self.directory(node) / "run"), SOCKET_FILE, "members", {}, PATIENCE_S)
            if answer["ok"]:
                result: dict[str, Any] = answer["result"]
                return result
        return {}

    def directory(self, node: str) -> pathlib.Path:
        return self.daemons[node].directory

    def cluster(self, node: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`alived cluster ARGUMENTS` at a node."""
        command = [sys.executable, "-m", "alived", "cluster", *arguments]
        runtime_dir = str(self.directory(node) / "run")
        done = subprocess.run([*command, "--runtime-dir", runtime_dir], capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}\n{self.logs()}"
        return done

    def until_leader(self, among: Sequence[str] = ()) -> str:
        """Waits until one of these nodes (all) leads and a majority of them says so; gives its name."""
        nodes = among or [member.id for member in self.members]
        found: list[str] = []

        def agreed() -> bool:
            views = [self.member_view(node) for node in nodes]
            leaders = [view.get("leader", "") for view in views]
            found[:] = {leader for leader in leaders if leader and leaders.count(leader) > len(nodes) // 2}
            return bool(found)

        self.until(agreed, "a leader")
        return found[0]

    # -- what the observer sees --

    def until_settled(self, observer: Observer, among: Sequence[str] = ()) -> str:
        """Watches until exactly one node, of these, has answered for a while without a pause; gives its name."""
        give_up = time.monotonic() + PATIENCE_S
        while True:
            observer.watch(0.1)
            since_ns = time.time_ns() - SETTLED_NS
            answers = observer.since(since_ns)
            nodes = {node for _, node in answers}
            whole = bool(answers) and answers[0][0] - since_ns < _BETWEEN_NS
            if whole and len(nodes) == 1 and (not among or nodes <= set(among)):
                return answers[-1][1]
            assert time.monotonic() < give_up, (
                f"nobody settles: {observer.story(time.time_ns() - 5 * 10**9)}\n{self.logs()}"
            )

    def until_nobody(self, observer: Observer) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            observer.watch(GONE_NS / 1e9)
            if not observer.since(time.time_ns() - GONE_NS):
                return
            assert time.monotonic() < give_up, f"somebody goes on answering: {observer.story()}\n{self.logs()}"

    def until_another(self, observer: Observer, old: str) -> str:
        """Waits until another node than this one has settled as the owner; gives its name."""
        return self.until_settled(observer, [node for node in self.daemons if node != old])

    def assert_silent(self, observer: Observer, old: str, since_ns: int) -> None:
        """Once another node has answered, this one never does again. Who owns by now may differ from who owned first:
        a machine that stands still makes another one the owner."""
        assert old not in observer.owners(since_ns)[1:], self.explain(observer, since_ns)

    def explain(self, observer: Observer, since_ns: int) -> str:
        """For the message of a failed test."""
        return f"{observer.story(since_ns - 10**9)}\nfault at {since_ns / 1e9:.4f}\n{self.logs()}"

    # -- faults --

    def freeze(self, *pids: int) -> Callable[[], None]:
        """Stops processes; the result lets them go on."""
        signal_all(pids, signal.SIGSTOP)
        return lambda: signal_all(pids, signal.SIGCONT)


def term_of(view: Mapping[str, Any]) -> int:
    return int(view["term"])


def voters_of(view: Mapping[str, Any]) -> set[str]:
    return {one["id"] for one in view["members"] if one["role"] != "learner"}
