"""Start and reload with many instances."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import time
from typing import Any

from alived.adapters.netns import inside
from bench.accounting import cpu_seconds
from bench.client import Event, Kind
from bench.stage import Stage, master_down_interval, ms

Row = dict[str, float | None]
RTMGRP_IPV4_IFADDR, RTM_DELADDR = 0x10, 21
SO_RCVBUFFORCE = 33
SECOND_BURST_S = 6


def load(name: str, *, count: int, advert_int: float, priority: int, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """Time from the start until every instance has sent its first advert. Priority 255 sends at once; any other
    waits for its Master_Down_Interval first, which is taken off."""
    rows = []
    wait = 0 if priority == 255 else master_down_interval(priority, advert_int)
    for _ in range(runs):
        with Stage(name, count=count, advert_int=advert_int, priority={1: priority}, routers=1) as stage:
            daemon, first = stage.daemons[1], dict[object, int]()
            started_ns, end = daemon.start(), time.monotonic() + wait + 30
            while stage.keys - set(first) and time.monotonic() < end:
                if not daemon.alive:
                    raise RuntimeError(f"the daemon has ended: {daemon.log[-500:]}")
                for event in stage.client.events(0.1):
                    if event.kind is Kind.ADVERT:
                        first.setdefault(event.what, event.time_ns)
            times = [(time_ns - started_ns) / 1e6 - 1e3 * wait for time_ns in first.values()]
            rows.append(
                {
                    "first_ms": min(times, default=None),
                    "last_ms": max(times, default=None),
                    "missing_instances": len(stage.keys) - len(first),
                    "cpu_ms": 1e3 * cpu_seconds(daemon.pids()),
                }
            )
    return rows, {}


def reload(name: str, *, count: int, advert_int: float, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """SIGHUP with the configuration unchanged: adverts, takeovers and addresses around it."""
    with Stage(name, count=count, advert_int=advert_int) as stage:
        stage.start()
        stage.client.watch(SECOND_BURST_S)
        with inside(stage.network.namespace("r1")):
            monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            monitor.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)  # renewed addresses are told too
            monitor.bind((0, RTMGRP_IPV4_IFADDR))
        monitor.setblocking(False)
        with monitor:
            return [_reload_once(stage, monitor) for _ in range(runs)], {}


def _reload_once(stage: Stage, monitor: socket.socket) -> Row:
    daemon, window = stage.daemons[1], max(3 * stage.advert_int, 2)
    begin = cpu_seconds(daemon.pids())
    events = stage.client.watch(window)
    idle = cpu_seconds(daemon.pids()) - begin
    begin, hup_ns = cpu_seconds(daemon.pids()), time.time_ns()
    daemon.reload()
    events += stage.client.watch(window)
    used = cpu_seconds(daemon.pids()) - begin
    per, after = _own_adverts(events, hup_ns)
    gaps = [b - a for times in per.values() for a, b in itertools.pairwise(times)]
    return {
        "first_advert_ms": ms(min(after.values(), default=None), hup_ns),
        "last_instance_ms": ms(max(after.values(), default=None), hup_ns),
        "advert_gap_max_ms": max(gaps) / 1e6 if gaps else None,
        "silent_instances": len(stage.keys) - len(after),
        "adverts_of_others": sum(event.kind is Kind.ADVERT and event.router != 1 for event in events),
        "vips_removed": _count_removed(monitor),
        "extra_cpu_ms": 1e3 * (used - idle),
    }


def _own_adverts(events: list[Event], since_ns: int) -> tuple[dict[object, list[int]], dict[object, int]]:
    """Times of router 1's adverts, and the first of each instance after `since_ns`."""
    per: dict[object, list[int]] = {}
    after: dict[object, int] = {}
    for event in sorted(events, key=lambda event: event.time_ns):
        if event.kind is Kind.ADVERT and event.router == 1:
            per.setdefault(event.what, []).append(event.time_ns)
            if event.time_ns > since_ns:
                after.setdefault(event.what, event.time_ns)
    return per, after


def _count_removed(monitor: socket.socket) -> int:
    """RTM_DELADDR messages since the last call."""
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            data, offset = monitor.recv(1 << 16), 0
            while offset + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, offset)
                found += kind == RTM_DELADDR
                offset += (length + 3) & ~3
    return found
