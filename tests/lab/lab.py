"""Real daemons on real kernels: nodes in network namespaces, a client that asks, a tap on every port of the switch.

The tap tells which node sent a frame by the port that it came in by, whatever MAC it carries: so two owners are seen
even if both use the virtual MAC. Everything that the tap saw stays in `Lab.frames`.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from alived.adapters.control_client import ask as ask_control
from alived.adapters.netns import SWITCH, Network, inside
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.cli.demo_daemons import Alived, Daemon, InstanceText, Keepalived, keepalived_conf
from alived.cli.demo_wire import ETH_P_ALL, PACKET_IGNORE_OUTGOING, SO_TIMESTAMPNS, SOL_PACKET, Kind, Seen, Wire, parse
from tests.lab.entering_keepalived import EnteringKeepalived
from tests.lab.frr import Frr

VRID = 51
VIP4, VIP6 = "192.0.2.100", "2001:db8::100"
VIP6_LINK_LOCAL = "fe80::100"
CLIENT = "client"
PATIENCE_S = 30.0
"""How long a test waits for what must come; it says nothing about how fast it should come."""
CALM = 0.3
"""Seconds between adverts in scenes in which nobody may take over: a machine that stands still for half a second is no
silence of the master."""
SO_RCVBUFFORCE = 33
UNDER_TEST = os.environ.get("ALIVED_LAB_DAEMON", "alived")
"""`keepalived` shows what keepalived does in alived's place."""
READY = {"alived": " ready: ", "keepalived": "Startup complete", "frr": "Initialize -> Backup"}
"""What the log of a daemon says when it takes part."""
ADAPTERS: dict[str, type[Daemon]] = {
    "alived": Alived,
    "keepalived": Keepalived,
    "entering keepalived": EnteringKeepalived,
    "frr": Frr,
}


class Frame(NamedTuple):
    """node: whose cable it came by."""

    node: str
    seen: Seen


class Tap:
    """Hears each frame once, where it enters the switch."""

    def __init__(self, network: Network) -> None:
        self._node_of = {network.port(node, s): node for node in network.numbers for s in network.segments}
        with inside(network.namespace(SWITCH)):
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._sock.setblocking(False)

    def close(self) -> None:
        self._sock.close()

    def read(self) -> list[Frame]:
        found = []
        while True:
            try:
                frame, control, _, source = self._sock.recvmsg(256, 64)
            except BlockingIOError:
                return found
            seconds, nanoseconds = struct.unpack("ll", control[0][2][:16])
            seen = parse(frame, seconds * 1_000_000_000 + nanoseconds)
            if seen is not None and source[0] in self._node_of:
                found.append(Frame(self._node_of[source[0]], seen))


def _addresses(number: int, segment: int) -> Sequence[str]:
    network = ("192.0.2", "198.51.100")[segment]
    return [f"{network}.{number}/24", f"2001:db8:0:{segment}::{number}/64"]


class Lab:
    """`with Lab("n1", "n2") as lab`: nodes without daemons, and a client. Node k has 192.0.2.k."""

    def __init__(self, *nodes: str, segments: int = 1) -> None:
        self.network = Network([*nodes, CLIENT], _addresses, segments=segments, ipv6=True, label="alived-lab")
        self.nodes = nodes
        self.daemons: dict[str, Daemon] = {}
        self.frames: list[Frame] = []
        """All but those of a node that nobody hears."""
        self._cut_off: set[str] = set()

    def __enter__(self) -> Lab:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            self._wires = {
                segment: undo.enter_context(
                    Wire(
                        self.network.namespace(CLIENT),
                        f"eth{segment}",
                        segment,
                        ("192.0.2.200", "198.51.100.200")[segment],
                    )
                )
                for segment in self.network.segments
            }
            self._tap = Tap(self.network)
            undo.callback(self._tap.close)
            undo.callback(self._end_daemons)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _end_daemons(self) -> None:
        """Not gracefully: what is left behind goes with the namespaces, and seconds count."""
        for daemon in self.daemons.values():
            if daemon.alive:
                daemon.kill()

    # -- daemons --

    def add(self, node: str, kind: str = UNDER_TEST) -> Daemon:
        """Puts a daemon into a node, not started."""
        kind = UNDER_TEST if kind == "alived" else kind
        daemon = ADAPTERS[kind](self.network.namespace(node), self.network.directory / node)
        self.daemons[node] = daemon
        return daemon

    def configure(
        self,
        node: str,
        *instances: InstanceText,
        version: int = 3,
        global_defs: Sequence[str] = (),
        blocks: Sequence[str] = (),
    ) -> None:
        text = keepalived_conf(instances, version=version, global_defs=global_defs, blocks=blocks)
        if not isinstance(self.daemons[node], Frr):
            self.daemons[node].config.write_text(text)
        else:
            self.daemons[node].config.write_text(self.daemons[node].text(instances, version))

    def start(self, node: str, *instances: InstanceText, kind: str = UNDER_TEST, **options: Any) -> Daemon:
        """Configures and starts a daemon; returns when it takes part, or has ended because it could not."""
        daemon = self.add(node, kind)
        self.configure(node, *instances, **options)
        daemon.start()
        word = READY[daemon.name]
        self.until(lambda: word in daemon.log or not daemon.alive, f"{daemon.name} in {node} is ready")
        return daemon

    def kill(self, node: str) -> None:
        """kill -9 of all processes of the daemon of a node."""
        self.daemons[node].kill()

    def status(self, node: str) -> dict[str, Any]:
        """What alived says over its control socket."""
        daemon = self.daemons[node]
        assert isinstance(daemon, Alived)
        answer = ask_control(str(daemon.runtime_dir), SOCKET_FILE, "status", {}, PATIENCE_S)
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result

    def logs(self) -> str:
        return "".join(f"--- {node} ---\n{daemon.log[-4000:]}\n" for node, daemon in self.daemons.items())

    # -- the kernel of a node --

    def ip(self, node: str, *arguments: str) -> str:
        """ip in the namespace of a node."""
        command = ["ip", "-n", self.network.namespace(node), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def has_address(self, node: str, address: str) -> bool:
        return f" {address}/" in self.ip(node, "-o", "address", "show")

    def sysctls(self, node: str) -> dict[str, str]:
        """All settings of net/ipv4/conf and net/ipv6/conf."""
        found = {}
        with inside(self.network.namespace(node)):
            for family in "ipv4", "ipv6":
                for path in pathlib.Path(f"/proc/sys/net/{family}/conf").glob("*/*"):
                    if path.name != "stable_secret":  # unreadable until it is set
                        found[str(path)] = path.read_text().strip()
        return found

    def run(self, node: str, *command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.network.namespace(node), *command], check=True, capture_output=True, text=True
        )
        return done.stdout

    # -- the switch --

    def drop(self, *pairs: tuple[str, str]) -> None:
        """From now on the switch drops all frames from the first node of a pair to the second, and no others; all
        links stay up. Without pairs: it drops nothing more."""
        self.network.drop(pairs)
        self._cut_off = {n for n in self.nodes if (n, CLIENT) in pairs}

    def partition(self) -> None:
        """The nodes do not hear each other; the client hears all."""
        self.drop(*itertools.permutations(self.nodes, 2))

    def cut_off(self, node: str) -> None:
        """Nobody hears the node, and it hears nobody."""
        others = [n for n in (*self.nodes, CLIENT) if n != node]
        self.drop(*((node, other) for other in others), *((other, node) for other in others))

    # -- the wire --

    def ask(self, address: str, segment: int = 0) -> None:
        self._wires[segment].ask(address)

    def ping(self, address: str, segment: int = 0) -> None:
        self._wires[segment].ping(address)

    def send(self, frame: bytes, segment: int = 0) -> None:
        """Sends a frame from the client as it is."""
        self._wires[segment].send(frame)

    def hear(self, seconds: float = 0.02) -> list[Frame]:
        """All that the tap hears in the next seconds."""
        time.sleep(seconds)
        fresh = [frame for frame in self._tap.read() if frame.node not in self._cut_off]
        self.frames += fresh
        return fresh

    def hear_asking(self, *addresses: str, seconds: float, segment: int = 0) -> list[Frame]:
        """The same, while the client asks for addresses all the time."""
        end, fresh = time.monotonic() + seconds, []
        while time.monotonic() < end:
            for address in addresses:
                self.ask(address, segment)
            fresh += self.hear()
        return fresh

    def until(self, condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
        """Hears until a condition holds; fails with what was wanted and the logs if it never does."""
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end, f"never came: {what}\n{self.story()}\n{self.logs()}"
            self.hear()

    def until_owner(self, node: str, address: str = VIP4, *, seconds: float = 0.5, segment: int = 0) -> None:
        """Waits until this node alone has answered for the address for some time, and alone advertised."""
        end = time.monotonic() + PATIENCE_S
        while True:
            fresh = self.hear_asking(address, seconds=seconds, segment=segment)
            if set(answers(fresh, address)) == {node} and advertisers(fresh) == {node}:
                return
            assert time.monotonic() < end, (
                f"{node} is not the only owner of {address}: answers {dict(answers(fresh, address))}, "
                f"adverts from {advertisers(fresh)}\n{self.story()}\n{self.logs()}"
            )

    def story(self, last: int = 60) -> str:
        """The last frames, a line for each run of equal ones, for the message of a failed test."""
        lines = []
        for (node, kind, address, priority), run in itertools.groupby(
            self.frames, key=lambda f: (f.node, f.seen.kind, f.seen.address, f.seen.priority)
        ):
            times = [frame.seen.time_ns / 1e9 for frame in run]
            lines.append(f"{times[0]:.4f}..{times[-1]:.4f} {node} {kind} {address} {priority} x{len(times)}")
        return "\n".join(lines[-last:])

    def adverts(self, node: str, *, since_ns: int = 0, virtual_router_id: int | None = None) -> list[Seen]:
        """Adverts that a node has sent."""
        return [
            seen
            for sender, seen in self.frames
            if sender == node
            and seen.kind is Kind.ADVERT
            and seen.time_ns >= since_ns
            and virtual_router_id in (None, seen.virtual_router_id)
        ]

    def announcements(self, node: str, address: str = VIP4, *, since_ns: int = 0) -> list[Seen]:
        """Gratuitous ARPs and unsolicited NAs that a node has sent."""
        return [
            seen
            for sender, seen in self.frames
            if sender == node
            and seen.kind is Kind.ANNOUNCEMENT
            and seen.address == address
            and seen.time_ns >= since_ns
        ]


def answers(frames: Sequence[Frame], address: str) -> collections.Counter[str]:
    """How often each node answered for an address."""
    return collections.Counter(node for node, seen in frames if seen.kind is Kind.ANSWER and seen.address == address)


def advertisers(frames: Sequence[Frame]) -> set[str]:
    """Nodes that advertised to be master."""
    return {node for node, seen in frames if seen.kind is Kind.ADVERT and seen.priority > 0}


def instance(priority: int, *lines: str, name: str = "VI", advert_int: float = 0.1, **fields: Any) -> InstanceText:
    """An IPv4 instance with the usual VIP."""
    fields.setdefault("virtual_router_id", VRID)
    fields.setdefault("addresses", [f"{VIP4}/24"])
    return InstanceText(name=name, priority=priority, advert_int=advert_int, lines=lines, **fields)


def instance6(priority: int, *lines: str, name: str = "VI6", advert_int: float = 0.1, **fields: Any) -> InstanceText:
    """An IPv6 instance: a link-local address first (RFC 9568 section 5.2.9), then the usual VIP."""
    fields.setdefault("virtual_router_id", VRID)
    fields.setdefault("addresses", [f"{VIP6_LINK_LOCAL}/64", f"{VIP6}/64"])
    return InstanceText(name=name, priority=priority, advert_int=advert_int, lines=lines, **fields)


def skew_time_ns(priority: int, interval_s: float, version: int = 3) -> int:
    """RFC 9568 section 6.1; RFC 3768 section 6.1 counts in seconds."""
    return round((256 - priority) / 256 * (interval_s if version == 3 else 1) * 1e9)


def master_down_interval_ns(priority: int, interval_s: float, version: int = 3) -> int:
    return round(3 * interval_s * 1e9) + skew_time_ns(priority, interval_s, version)


def missing_tools() -> str:
    """Why the lab cannot play here, or ""."""
    if os.geteuid() != 0:
        return "the lab needs root"
    for command, package in ("ip", "iproute2"), ("nft", "nftables"):
        if shutil.which(command) is None:
            return f"the lab needs the command {command} (Debian package {package})"
    return ""


def has_peer(kind: str) -> bool:
    if kind == "keepalived":
        return shutil.which("keepalived") is not None
    return kind != "frr" or Frr.installed()
