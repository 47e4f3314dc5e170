"""Network namespaces joined by bridges: the ground of the demo, the lab tests and the benchmark.

A `Network` has a namespace for each node and one for the switch, where each segment is a bridge and each cable the
port of a node. All names carry a random suffix, nothing touches the network of the host, and all of it vanishes,
with the processes in it, when the process that made it ends: a shell waits for the end of a pipe and then removes what
there is, so that even kill -9 leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pathlib
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence

from alived.base import AlivedError

CLONE_NEWNET = 0x40000000
CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 12, 13, 21
PR_SET_CHILD_SUBREAPER = 36
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
_IFREQ_FLAGS = struct.Struct("16sH22x")
SWITCH = "switch"
_NAMED = pathlib.Path("/run/netns")
_libc = ctypes.CDLL(None, use_errno=True)

_REMOVE = """
directory=$1; shift
cat >/dev/null
for namespace in "$@"; do
  tries=0
  while pids=$(ip netns pids "$namespace" 2>/dev/null) && [ -n "$pids" ] && [ $tries -lt 100 ]; do
    kill -9 $pids 2>/dev/null
    tries=$((tries + 1))
    sleep 0.02
  done
  ip netns del "$namespace" 2>/dev/null
done
rm -rf "$directory"
"""

AddressPlan = Callable[[int, int], Sequence[str]]
"""(number of a node, number of a segment) -> the addresses of its interface there, with prefix length."""


class NetworkError(AlivedError):
    """A network could not be built; the text is a sentence for the user."""


def capable(*capabilities: int) -> bool:
    """Whether this process has all these capabilities (in its user namespace)."""
    status = pathlib.Path("/proc/self/status").read_text()
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return all(effective >> capability & 1 for capability in capabilities)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Runs a block of this thread in a network namespace; a socket opened there stays there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(namespace)
        yield
    finally:
        _set_namespace(here)
        os.close(here)


def enter(namespace: str) -> None:
    """Moves this thread into a network namespace for good."""
    there = os.open(_NAMED / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_namespace(there)
    finally:
        os.close(there)


def _set_namespace(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def adopt_orphans() -> None:
    """The children of a killed daemon come to this process, which must wait for them."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def mac_of(number: int, segment: int = 0) -> bytes:
    """The MAC (locally administered) of node `number` on a segment."""
    return bytes((2, 0, 0, 0, number, segment))


class Network:
    """Nodes joined by bridges. Node k (counting from 1) has the interface eth<s> on segment s with `mac_of(k, s)`.

    `with Network(...)` builds and removes it. IPv6 is on if `ipv6`, without duplicate address detection: link-local
    addresses are usable at once. `directory` is for the files of those who play here and vanishes too.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        addresses: AddressPlan,
        *,
        segments: int = 1,
        ipv6: bool = False,
        label: str = "alived",
    ) -> None:
        self.tag = f"{label}-{secrets.token_hex(3)}"
        self.numbers = {node: number for number, node in enumerate(nodes, 1)}
        self.segments = range(segments)
        self.directory = pathlib.Path()
        self._addresses = addresses
        self._ipv6 = ipv6
        self._remover: subprocess.Popen[bytes] | None = None

    def namespace(self, node: str) -> str:
        return f"{self.tag}-{node}"

    def address(self, node: str, segment: int = 0, index: int = 0) -> str:
        """An address of a node without its prefix length."""
        return self._addresses(self.numbers[node], segment)[index].partition("/")[0]

    # -- build and remove --

    def __enter__(self) -> Network:
        if shutil.which("ip") is None:
            raise NetworkError("The command ip is missing (Debian package iproute2).")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.tag}-"))
        names = [self.namespace(node) for node in (*self.numbers, SWITCH)]
        self._remover = subprocess.Popen(
            ["sh", "-c", _REMOVE, "remove", str(self.directory), *names], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._build(names)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kills what runs in the namespaces and removes them; a second call does nothing."""
        remover, self._remover = self._remover, None
        if remover is not None and remover.stdin is not None:
            remover.stdin.close()
            remover.wait()

    def _build(self, names: Sequence[str]) -> None:
        for name in names:
            run_ip(["netns", "add", name])
            with inside(name):
                self._set_ipv6()
        with inside(self.namespace(SWITCH)):
            batch([line for segment in self.segments for line in self._segment(segment)])
        for node in self.numbers:
            with inside(self.namespace(node)):
                batch(["link set lo up", *(f"link set eth{s} up" for s in self.segments)])
            self.reset_addresses(node)

    def _set_ipv6(self) -> None:
        for scope in "all", "default":
            folder = pathlib.Path(f"/proc/sys/net/ipv6/conf/{scope}")
            if folder.exists():
                (folder / "disable_ipv6").write_text("0" if self._ipv6 else "1")
                (folder / "accept_dad").write_text("0")

    def _segment(self, segment: int) -> list[str]:
        """The commands that make the bridge of a segment and a cable to each node."""
        lines = [
            f"link add br{segment} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"link set br{segment} up",
        ]
        for node in self.numbers:
            lines += self._cable(node, segment)
        return lines

    def _cable(self, node: str, segment: int) -> list[str]:
        port, mac = self.port(node, segment), mac_of(self.numbers[node], segment).hex(":")
        return [
            f"link add {port} type veth peer name eth{segment} address {mac} netns {self.namespace(node)}",
            f"link set {port} master br{segment} up",
        ]

    # -- what tests and players do to it --

    def port(self, node: str, segment: int = 0) -> str:
        """The switch's end of a node's cable."""
        return f"{node}p{segment}"

    def reset_addresses(self, node: str) -> None:
        """Leaves a node only its own addresses: a killed daemon may have left its VIPs behind."""
        number = self.numbers[node]
        lines = []
        for s in self.segments:
            lines.append(f"addr flush dev eth{s} scope global")
            lines += [f"addr add {address} dev eth{s}" for address in self._addresses(number, s)]
        with inside(self.namespace(node)):
            batch(lines)

    def set_cable(self, node: str, *, plugged: bool, segment: int = 0) -> None:
        """Plugs or pulls a cable: the node's interface sees its carrier come or go.

        By ioctl, in microseconds: those who measure take the time just before.
        """
        with inside(self.namespace(SWITCH)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            name = self.port(node, segment).encode()
            answer = fcntl.ioctl(control, SIOCGIFFLAGS, _IFREQ_FLAGS.pack(name, 0))
            flags: int = _IFREQ_FLAGS.unpack(answer)[1]
            flags = flags | IFF_UP if plugged else flags & ~IFF_UP
            fcntl.ioctl(control, SIOCSIFFLAGS, _IFREQ_FLAGS.pack(name, flags))

    def drop(self, pairs: Sequence[tuple[str, str]]) -> None:
        """From now on the switch drops all frames from the first node of a pair to the second, and no others; all
        links stay up. No pairs: it drops nothing more."""
        rules = [f"add rule bridge lab cut iifname {self.port(a)} oifname {self.port(b)} drop" for a, b in pairs]
        script = [
            "add table bridge lab",
            "add chain bridge lab cut { type filter hook forward priority 0; }",
            "flush chain bridge lab cut",
            *rules,
        ]
        self._nft(SWITCH, script)

    def refuse(self, node: str, port: int) -> None:
        """Whoever sends to this port of the node, or from the node to this port elsewhere, is told at once that nobody
        is there."""
        rule = f"meta l4proto {{ tcp, udp }} th dport {port} reject"
        script = ["add table inet refuse"]
        for hook in "input", "output":
            script.append(f"add chain inet refuse {hook} {{ type filter hook {hook} priority 0; }}")
            script.append(f"add rule inet refuse {hook} {rule}")
        self._nft(node, script)

    def accept(self, node: str) -> None:
        """After `refuse`."""
        self._nft(node, ["delete table inet refuse"])

    def _nft(self, node: str, script: Sequence[str]) -> None:
        with inside(self.namespace(node)):
            subprocess.run(["nft", "-f", "-"], input="\n".join(script) + "\n", text=True, check=True)

    def remove_interface(self, node: str, segment: int = 0) -> None:
        """Takes the network card out of a node."""
        with inside(self.namespace(SWITCH)):
            run_ip(["link", "delete", self.port(node, segment)])

    def restore_interface(self, node: str, segment: int = 0) -> None:
        """Puts it in again, up and with its addresses."""
        with inside(self.namespace(SWITCH)):
            batch(self._cable(node, segment))
        with inside(self.namespace(node)):
            batch([f"link set eth{segment} up"])
        self.reset_addresses(node)

    def pids(self, node: str) -> list[int]:
        """The processes whose main thread is in the namespace of a node, oldest first."""
        wanted = (_NAMED / self.namespace(node)).stat().st_ino
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                # Processes end while we look, and zombies have no namespace any more: both are not there.
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{entry}/ns/net").st_ino == wanted:
                        found.append(int(entry))
        return sorted(found, key=_start_time)


def _start_time(pid: int) -> int:
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def run_ip(arguments: Sequence[str]) -> str:
    """Runs ip and gives what it printed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise NetworkError(f"ip {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def batch(lines: Sequence[str]) -> None:
    """Runs many ip commands in one process."""
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise NetworkError(f"ip -batch failed: {done.stderr.strip()}")


def signal_all(pids: Sequence[int], signum: signal.Signals) -> None:
    """Sends a signal to each of these that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)


def kill_all(pids: Sequence[int]) -> None:
    """kill -9 of a tree of processes as if the machine had died: none hears of the death of another.

    All are stopped before any is killed, so that no parent starts a new child and no child says goodbye.
    """
    signal_all(pids, signal.SIGSTOP)
    signal_all(tuple(reversed(pids)), signal.SIGKILL)
