"""Two namespaces on a segment, for tests that need the kernel but no daemon: `own`, in which the test itself runs, and
`other`, where a neighbour listens and speaks. Where that is not possible, the test skips and says why."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from alived.adapters.loop import Loop
from alived.adapters.netns import CAP_NET_ADMIN, CAP_SYS_ADMIN, Network, batch, capable, inside

PATIENCE_S = 30.0
"""How long a test waits for what must come; it says nothing about how fast it should come."""
OWN_ADDRESS, OTHER_ADDRESS = "192.0.2.1", "192.0.2.2"
OWN_MAC, OTHER_MAC = bytes((2, 0, 0, 0, 1, 0)), bytes((2, 0, 0, 0, 2, 0))
ETH_P_ALL = 0x0003


def _addresses(number: int, segment: int) -> list[str]:
    return [f"192.0.{2 + segment}.{number}/24", f"2001:db8:{segment}::{number}/64"]


class Segment:
    """eth0 of `own` and eth0 of `other` on one bridge; eth1 likewise on a second one."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @contextlib.contextmanager
    def other(self) -> Iterator[None]:
        """Opens sockets at the neighbour."""
        with inside(self.network.namespace("other")):
            yield

    def other_raw(self, family: int = socket.AF_INET, protocol: int = socket.IPPROTO_RAW) -> socket.socket:
        """A raw socket of the neighbour."""
        with self.other():
            return socket.socket(family, socket.SOCK_RAW, protocol)

    def other_frames(self, ethertype: int = ETH_P_ALL, interface: str = "eth0") -> socket.socket:
        """A packet socket of the neighbour that does not wait."""
        with self.other():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
            sock.bind((interface, ethertype))
        sock.setblocking(False)
        return sock

    def plug(self, plugged: bool, number: int = 0) -> None:
        self.network.set_cable("own", plugged=plugged, segment=number)

    def remove_interface(self, number: int = 0) -> None:
        self.network.remove_interface("own", number)

    def restore_interface(self, number: int = 0) -> None:
        self.network.restore_interface("own", number)


def ip(*lines: str) -> None:
    """Commands of iproute2 in the namespace of the test."""
    batch(lines)


@pytest.fixture
def segment() -> Iterator[Segment]:
    if shutil.which("ip") is None or not capable(CAP_NET_ADMIN, CAP_SYS_ADMIN):
        pytest.skip("needs root and iproute2 for network namespaces")
    with (
        Network(["own", "other"], _addresses, segments=2, ipv6=True, label="alived-test") as network,
        inside(network.namespace("own")),
    ):
        yield Segment(network)


def drain(sock: socket.socket) -> list[bytes]:
    """What waits in a socket that does not wait."""
    found = []
    while True:
        try:
            found.append(sock.recv(4096))
        except BlockingIOError:
            return found


class HasFileno(Protocol):
    """A socket, or what has one."""

    def fileno(self) -> int: ...


def wait_for(sock: HasFileno) -> None:
    """Returns when there is something to read: what was sent is delivered when the kernel gets round to it."""
    ready, _, _ = select.select([sock], [], [], PATIENCE_S)
    assert ready, "nothing comes"


def heard_until(sock: socket.socket, enough: Callable[[list[bytes]], object]) -> list[bytes]:
    """All that has come by the time that it is enough."""
    found, end = drain(sock), time.monotonic() + PATIENCE_S
    while not enough(found):
        assert time.monotonic() < end, f"this is never enough: {found[-20:]}"
        wait_for(sock)
        found += drain(sock)
    return found


def heard(sock: socket.socket, count: int) -> list[bytes]:
    """Waits for so many, and gives them with what else is there by then."""
    return heard_until(sock, lambda found: len(found) >= count)


def until(loop: Loop, condition: Callable[[], bool], what: str) -> None:
    """Turns the loop until that is so."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        loop.call_later(5_000_000, _nothing)
        loop.turn()


def _nothing() -> None:
    """Only ends the wait."""


def open_files() -> list[str]:
    """What this process has open, without the numbers that differ each time."""
    gc.collect()  # what earlier tests have dropped
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{fd}").partition(":")[0])
    return sorted(found)


def addresses_of(interface: str) -> list[str]:
    """IPv4 addresses of an interface of the namespace of the test, as the kernel lists them."""
    text = subprocess.run(["ip", "-o", "addr", "show", "dev", interface], capture_output=True, text=True).stdout
    return [line.split()[3] for line in text.splitlines()]
