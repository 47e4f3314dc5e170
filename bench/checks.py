"""Checks of many servers each second: what one costs, and whether it is asked when it should be.

The servers are ports of 127.0.0.1 in a namespace, one lean process on a CPU of its own whose use is not counted. The
checker runs on one other CPU. Each has its CPU almost to itself whatever else the machine does, by the best nice value.
When a check begins is read from its SYN, with the kernel's time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from alived.adapters.netns import Network, inside
from alived.cli.demo_daemons import Daemon, InstanceText, keepalived_conf
from bench.accounting import cpu_seconds, memory_mb
from bench.stage import ADAPTERS
from bench.times import punctuality

Row = dict[str, float | None]
FIRST_PORT = 20000
CPUS = sorted(os.sched_getaffinity(0))
OWN_CPU = ("nice", "-n", "-20")
"""A hundred times the share of others."""
START_S = 30
"""In which every server must have been asked."""
SO_TIMESTAMPNS, SO_ATTACH_FILTER, SO_RCVBUFFORCE = 35, 26, 33
ETH_P_IP = 0x0800
_SYN_ONLY = (
    (0x30, 0, 0, 23),
    (0x15, 0, 4, 6),
    (0x30, 0, 0, 47),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (6, 0, 0, 64),
    (6, 0, 0, 0),
)
"""TCP without IP options, SYN and not ACK (classic BPF on an Ethernet frame)"""


def checks(name: str, *, kind: str, targets: int, seconds: float) -> tuple[list[Row], dict[str, Any]]:
    """`targets` servers, each asked every second."""
    with contextlib.ExitStack() as undo:
        os.sched_setaffinity(0, CPUS[-1:])  # the sniffer is not to be in the way
        undo.callback(os.sched_setaffinity, 0, CPUS)
        network = undo.enter_context(
            Network(["host"], lambda _number, _segment: ["198.18.0.1/24"], label="alived-bench")
        )
        namespace = network.namespace("host")
        undo.enter_context(servers(namespace, network.directory, kind, targets, OWN_CPU))
        checker = CHECKERS[name](namespace, network.directory / name)
        checker.configure(kind, targets)
        undo.callback(checker.stop)
        checker.start()
        with inside(namespace):
            _until_all_are_asked(checker, targets)
        row = _cost(checker.pids(), seconds)
        with inside(namespace):
            begun = _syns(seconds)
    count = sum(map(len, begun.values()))
    row |= {"checks_per_s": count / seconds, "servers_seen": len(begun)}
    row["us_per_check"] = 1e4 * (row["cpu_pct"] or 0) * seconds / max(count, 1)
    return [row | punctuality(begun)], {}


def _until_all_are_asked(checker: Checker, targets: int) -> None:
    asked: set[int] = set()
    end = time.monotonic() + START_S
    while len(asked) < targets:
        if not checker.alive or time.monotonic() > end:
            raise RuntimeError(f"{len(asked)} servers were asked: {checker.log[-500:]}")
        asked |= _syns(0.5).keys()


def _cost(pids: Sequence[int], seconds: float) -> Row:
    used, begin = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    used, wall = cpu_seconds(pids) - used, time.monotonic() - begin
    rss, pss = memory_mb(pids).values()
    return {"cpu_pct": 100 * used / wall, "rss_mb": rss, "pss_mb": pss}


@contextlib.contextmanager
def servers(namespace: str, directory: pathlib.Path, kind: str, count: int, how: Sequence[str] = ()) -> Iterator[None]:
    """Run in the namespace, on the last CPU. how: begins the command."""
    certificate = []
    if kind == "https":
        file = directory / "server.pem"
        new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=bench"]
        files = ["-keyout", file, "-out", directory / "certificate.pem"]
        subprocess.run(["openssl", *new, *files], check=True, capture_output=True)
        file.write_text(file.read_text() + (directory / "certificate.pem").read_text())
        certificate = [str(file)]
    command = [sys.executable, "-m", "bench.targets", kind, str(FIRST_PORT), str(count), *certificate]
    inside_it = ["prlimit", "--nofile=20000", "taskset", "-c", str(CPUS[-1]), *how, "ip", "netns", "exec", namespace]
    with subprocess.Popen([*inside_it, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the servers did not start")
            yield
        finally:
            process.kill()


def _syns(seconds: float) -> dict[int, list[float]]:
    """Port -> when it was asked to connect."""
    found: dict[int, list[float]] = defaultdict(list)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP)) as sock:
        code = b"".join(struct.pack("HBBI", *line) for line in _SYN_ONLY)
        buffer = ctypes.create_string_buffer(code)
        sock.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(_SYN_ONLY), ctypes.addressof(buffer))
        )
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("lo", ETH_P_IP))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                frame, controls, _, _ = sock.recvmsg(64, 64)
            except TimeoutError:
                break
            whole, ns = struct.unpack("qq", controls[0][2])
            found[struct.unpack_from("!H", frame, 36)[0]].append(whole + ns / 1e9)
    return found


def check_blocks(kind: str, count: int) -> list[str]:
    """Checks of alived, named c0, c1, ..."""
    url = "" if kind == "tcp" else "url {\n path /\n}\n"
    return [
        f"check c{k} {{\n{kind} {{\ntarget 127.0.0.1 {FIRST_PORT + k}\n{url}}}\ninterval 1\ntimeout 1\n}}"
        for k in range(count)
    ]


def check_tracking(count: int) -> list[str]:
    return ["track_check {", *(f"c{k}" for k in range(count)), "}"]


class Checker(Daemon):
    """A program that checks, on the first CPU."""

    def command(self) -> list[str]:
        return ["prlimit", "--nofile=20000", "taskset", "-c", str(CPUS[0]), *OWN_CPU, *self.what()]

    def what(self) -> list[str]:
        raise NotImplementedError

    def configure(self, kind: str, count: int) -> None:
        raise NotImplementedError


class OurChecker(Checker):
    name = "alived"

    def configure(self, kind: str, count: int) -> None:
        tracked = check_tracking(count)
        instance = InstanceText(name="V", virtual_router_id=1, priority=100, lines=tracked, addresses=["198.18.0.9"])
        self.config.write_text(keepalived_conf([instance], blocks=check_blocks(kind, count)))

    def what(self) -> list[str]:
        return [*ADAPTERS["alived"].prefix, "run", "--config", str(self.config), "--runtime-dir", str(self.directory)]


class Haproxy(Checker):
    name = "haproxy"

    def configure(self, kind: str, count: int) -> None:
        how = {"tcp": "", "http": "", "https": " check-ssl verify none"}[kind]
        page = "" if kind == "tcp" else "  option httpchk GET /\n  http-check expect status 200\n"
        servers = (f"  server s{k} 127.0.0.1:{FIRST_PORT + k} check inter 1s{how}\n" for k in range(count))
        self.config.write_text(
            "global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n"
            f"  timeout server 1s\n  timeout check 1s\nfrontend none\n  bind 127.0.0.1:19999\n"
            f"backend all\n{page}{''.join(servers)}"
        )

    def what(self) -> list[str]:
        return ["haproxy", "-db", "-f", str(self.config)]


class BareAsyncio(Checker):
    name = "asyncio"

    def configure(self, kind: str, count: int) -> None:
        self._arguments = [kind, str(FIRST_PORT), str(count)]

    def what(self) -> list[str]:
        return [sys.executable, "-m", "bench.bare_asyncio", *self._arguments]


CHECKERS: dict[str, type[Checker]] = {kind.name: kind for kind in (OurChecker, Haproxy, BareAsyncio)}
