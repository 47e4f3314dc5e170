"""What goes on without an event: the cost of adverts, and false changes of master under load."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from bench.accounting import cpu_seconds, memory_mb, stolen_ms
from bench.client import Kind
from bench.stage import Stage
from bench.stalls import StallWatch

Row = dict[str, float | None]
SECOND_BURST_S = 4
"""keepalived announces all again 5 s after it became master; settling takes more than one of them."""


def steady(name: str, *, count: int, advert_int: float, seconds: float) -> tuple[list[Row], dict[str, Any]]:
    """CPU and memory of master and backup with nothing happening. The adverts are counted, not sniffed."""
    with Stage(name, count=count, advert_int=advert_int) as stage:
        stage.start()
        time.sleep(SECOND_BURST_S)
        stage.client.close()  # a sniffer would be paid for by the sender
        pids = {n: daemon.pids() for n, daemon in stage.daemons.items()}
        before = {n: cpu_seconds(tree) for n, tree in pids.items()}
        packets, begin = stage.received(), time.monotonic()
        time.sleep(seconds)
        used = {n: cpu_seconds(tree) - before[n] for n, tree in pids.items()}
        wall = time.monotonic() - begin
        adverts = stage.received() - packets
        row: Row = {"adverts_per_s": adverts / wall, "share_of_adverts": adverts / wall * advert_int / count}
        for n, role in (1, "master"), (2, "backup"):
            row[f"{role}_cpu_s_per_60s"] = 60 * used[n] / wall
            row[f"{role}_us_per_advert"] = 1e6 * used[n] / max(adverts, 1)
            row[f"{role}_rss_mb"], row[f"{role}_pss_mb"] = memory_mb(pids[n]).values()
            row[f"{role}_processes"] = len(pids[n])
        with stage.new_client([Kind.ADVERT]) as client:
            advertisers = {event.router for event in client.watch(advert_int + 0.3)}
        stage.client = stage.new_client([Kind.ADVERT])
        return [row], {"advertisers_after": sorted(advertisers)}


def false_failover(
    name: str, *, advert_int: float, seconds: float, busy: int, scheduling: str
) -> tuple[list[Row], dict[str, Any]]:
    """Changes of the advertiser under `busy` processes that do nothing but compute: each is a false fail-over."""
    with Stage(name, advert_int=advert_int, scheduling=scheduling) as stage:
        stage.start()
        stage.client.lost()
        hogs = [
            subprocess.Popen(["timeout", str(seconds + 30), "yes"], stdout=subprocess.DEVNULL, start_new_session=True)
            for _ in range(busy)
        ]
        try:
            stage.client.events()
            before_ms = stolen_ms()
            with StallWatch() as machine:
                events = stage.client.watch(seconds)
            stolen = stolen_ms() - before_ms
        finally:
            for hog in hogs:
                os.killpg(hog.pid, signal.SIGKILL)
                hog.wait()
        lost = stage.client.lost()
    adverts = sorted((event.time_ns, event.router) for event in events if event.kind is Kind.ADVERT)
    row: Row = {
        "changes_of_master": sum(a[1] != b[1] for a, b in itertools.pairwise(adverts)),
        "adverts_of_others": sum(router != 1 for _, router in adverts),
        **gaps_between([time_ns for time_ns, router in adverts if router == 1], advert_int, 3, machine),
        "lost_frames": lost,
        "stolen_ms": stolen,
    }
    return [row], {}


def gaps_between(times_ns: Sequence[int], advert_int: float, limit: float, machine: StallWatch) -> Row:
    """limit: a gap of more intervals than this is counted."""
    gaps = [(a, b) for a, b in itertools.pairwise(times_ns) if b - a > limit * 1e9 * advert_int]
    quiet = [b - a for a, b in itertools.pairwise(times_ns) if not machine.touches(a, b)]
    return {
        "adverts": len(times_ns),
        "gap_max_ms": max(((b - a) / 1e6 for a, b in itertools.pairwise(times_ns)), default=None),
        "gap_max_of_the_daemon_ms": max(quiet, default=0) / 1e6,
        f"gaps_over_{limit:g}_intervals": len(gaps),
        "gaps_while_the_machine_stood": sum(machine.touches(*gap) for gap in gaps),
        "machine_stall_max_ms": machine.longest_ms(),
    }
