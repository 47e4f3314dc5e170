"""The stage of a measure: a network with a daemon in every router, and a client.

Router 1 is the master, router 2 the backup, router 3, where there is one, a bystander. Addresses are from the range
for benchmarks, 198.18.0.0/15 (RFC 2544): segment s is 198.18.(32 s).0/19, router n has .0.n there, VIPs what follows.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import time
from collections.abc import Collection, Sequence
from typing import Any

from alived.adapters.netns import Network, inside, mac_of
from alived.cli.demo_daemons import Alived, Daemon, InstanceText, Keepalived, keepalived_conf
from alived.cli.demo_wire import PROBER
from bench.client import Client, Event, Kind

PER_SEGMENT = 250
"""VRIDs used on a segment, of the 255 that there are."""
PRIORITY = {1: 150, 2: 100, 3: 50}
CLIENT = "client"
KEEP: pathlib.Path | None = None
"""Where configurations and logs are kept, by option."""


class BenchAlived(Alived):
    prefix = shlex.split(os.environ["BENCH_ALIVED"]) if "BENCH_ALIVED" in os.environ else Alived.prefix
    normal_scheduling = ("vrrp_rt_priority 0",)


class BenchKeepalived(Keepalived):
    prefix = shlex.split(os.environ.get("BENCH_KEEPALIVED", "keepalived"))
    normal_scheduling = ()


ADAPTERS: dict[str, type[BenchAlived | BenchKeepalived]] = {"keepalived": BenchKeepalived, "alived": BenchAlived}


class NotSettled(Exception):
    """The daemons did not agree on router 1 as the master."""


def vip_of(segment: int, index: int) -> str:
    return f"198.18.{32 * segment + 1 + index // 250}.{1 + index % 250}"


def segment_of(vip: str) -> int:
    return int(vip.split(".")[2]) // 32


def addresses_of(number: int, segment: int) -> Sequence[str]:
    return [f"198.18.{32 * segment}.{number}/19"]


def instances(count: int, vips: int, priority: int, advert_int: float, lines: Sequence[str] = ()) -> list[InstanceText]:
    """`count` instances on as many segments as they need, with `vips` addresses each."""
    made = []
    for number in range(count):
        segment, place = divmod(number, PER_SEGMENT)
        made.append(
            InstanceText(
                name=f"V{number}",
                interface=f"eth{segment}",
                virtual_router_id=place + 1,
                priority=priority,
                advert_int=advert_int,
                state="MASTER" if priority == 255 else "BACKUP",
                addresses=[vip_of(segment, index) for index in range(place * vips, (place + 1) * vips)],
                lines=lines,
            )
        )
    return made


class Stage:
    """`with Stage(...)` builds it with all daemons configured; `start` leaves router 1 the settled master."""

    def __init__(
        self,
        name: str,
        *,
        count: int = 1,
        vips: int = 1,
        advert_int: float = 1.0,
        routers: int = 2,
        priority: dict[int, int] | None = None,
        sniff: Collection[Kind] = (Kind.ADVERT, Kind.REPLY),
        scheduling: str = "default",
        blocks: Sequence[str] = (),
        lines: Sequence[str] = (),
    ) -> None:
        """name: of a daemon, or MASTER:BACKUP of two. scheduling: default, normal or realtime. blocks: at the top of
        each configuration, where %ROUTER% is the number of the router; lines: of each instance."""
        self.advert_int = advert_int
        self.routers = range(1, routers + 1)
        self.keys = {(number // PER_SEGMENT, number % PER_SEGMENT + 1) for number in range(count)}
        self.daemons: dict[int, Daemon] = {}
        self._pair = (name.split(":") * 2)[:2]
        self._scheduling = scheduling
        self._sniff = sniff
        self._blocks = blocks
        priorities = priority or PRIORITY
        self._instances = {n: instances(count, vips, priorities[n], advert_int, lines) for n in self.routers}
        self.vips = [vip for instance in self._instances[1] for vip in instance.addresses]
        nodes = [f"r{n}" for n in self.routers]
        self.network = Network([*nodes, CLIENT], addresses_of, segments=-(-count // PER_SEGMENT), label="alived-bench")

    def __enter__(self) -> Stage:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            undo.callback(self._put_away)
            self.client = undo.enter_context(self.new_client(self._sniff))
            undo.callback(self._stop)
            for n in self.routers:
                self._add(n)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def new_client(self, kinds: Collection[Kind]) -> Client:
        prober = [f"198.18.{32 * segment}.{PROBER}" for segment in self.network.segments]
        return Client(self.network.namespace(CLIENT), self.network.segments, prober, kinds)

    def _add(self, n: int) -> None:
        adapter = ADAPTERS[self._pair[min(n, 2) - 1]]
        daemon = adapter(self.network.namespace(f"r{n}"), self.network.directory / f"r{n}")
        lines = {"default": (), "normal": adapter.normal_scheduling, "realtime": ("vrrp_rt_priority 50",)}
        text = keepalived_conf(self._instances[n], global_defs=lines[self._scheduling], blocks=self._blocks).replace(
            "%ROUTER%", str(n)
        )
        daemon.config.write_text(text)
        self.daemons[n] = daemon

    def _stop(self) -> None:
        running = [daemon for daemon in self.daemons.values() if daemon.alive]
        for daemon in running:
            daemon.terminate()
        for daemon in running:
            daemon.wait()

    def _put_away(self) -> None:
        if KEEP is not None:
            shutil.copytree(self.network.directory, KEEP / self.network.tag, ignore=shutil.ignore_patterns("*.sock"))

    def reset_addresses(self, n: int) -> None:
        self.network.reset_addresses(f"r{n}")

    def received(self) -> int:
        """Packets that the client's interfaces have received: counts adverts without sniffing them."""
        with (
            inside(self.network.namespace(CLIENT)),
            pathlib.Path("/proc/thread-self/net/dev").open() as lines,
        ):
            return sum(int(line.split(":")[1].split()[1]) for line in lines if line.strip().startswith("eth"))

    def question(self, vip: str, router: int = 0) -> tuple[Any, bytes]:
        """(socket, frame) that asks everybody, or one router, for a VIP."""
        segment = segment_of(vip)
        return self.client.question(vip, segment, mac_of(router, segment) if router else b"\xff" * 6)

    # -- a settled election --

    def start(self) -> None:
        """Starts router 1, and the others once it advertises everything; waits until that is settled."""
        self.daemons[1].start()
        end = time.monotonic() + 30 + 4 * self.advert_int
        seen: set[object] = set()
        while self.keys - seen and time.monotonic() < end and self.daemons[1].alive:
            seen |= {event.what for event in self.client.events(0.1) if event.kind is Kind.ADVERT}
        for n, daemon in self.daemons.items():
            if n > 1:
                daemon.start()
        self.settle()

    def settle(self, timeout: float = 90) -> None:
        """Waits until router 1 alone has advertised every instance for more than 3 adverts (and 1.2 s: the kernel
        ignores a change of MAC within a second of the last one) and alone answers for a sample of the VIPs."""
        quiet, end = max(3 * self.advert_int + 0.2, 1.2), time.monotonic() + timeout
        seen: set[object] = set()
        since = time.monotonic()
        while self.keys - seen or time.monotonic() < since + quiet or not self._sole_owner():
            if time.monotonic() > end or not all(daemon.alive for daemon in self.daemons.values()):
                logs = "".join(f"--- r{n} ---\n{daemon.log[-1500:]}" for n, daemon in self.daemons.items())
                raise NotSettled(f"{len(seen)} of {len(self.keys)} instances advertised by router 1\n{logs}")
            for event in self.client.events(0.1):
                if event.kind is Kind.ADVERT and event.router == 1:
                    seen.add(event.what)
                elif event.kind is Kind.ADVERT:
                    seen, since = set(), time.monotonic()

    def _sole_owner(self) -> bool:
        sample = {self.vips[k * (len(self.vips) - 1) // 39] for k in range(40)}
        for vip in sample:
            sock, frame = self.question(vip)
            sock.send(frame)
        replies = [event for event in self.client.watch(0.2) if event.kind is Kind.REPLY]
        return len({event.what for event in replies}) == len(sample) and {event.router for event in replies} == {1}


def master_down_interval(priority: int, advert_int: float) -> float:
    """Seconds (RFC 9568 section 6.1)."""
    return advert_int * (3 + (256 - priority) / 256)


def ms(later: int | None, earlier: int | None) -> float | None:
    """Milliseconds between two times in ns; None if one of them never came."""
    return None if later is None or earlier is None else (later - earlier) / 1e6


def first(events: Sequence[Event], kind: Kind, router: int, since_ns: int) -> int | None:
    """When a router first sent this kind of frame."""
    times = (e.time_ns for e in events if e.kind is kind and e.router == router and e.time_ns > since_ns)
    return min(times, default=None)
