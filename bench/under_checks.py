"""Adverts while the same daemon runs scripts and asks servers."""

from __future__ import annotations

import time
from typing import Any

from bench.accounting import stolen_ms
from bench.checks import check_blocks, check_tracking, servers
from bench.client import Kind
from bench.scripts import WARM_S, script_blocks, script_tracking
from bench.stage import ADAPTERS, Stage
from bench.stalls import BareTimer, StallWatch
from bench.steady import Row, gaps_between


def adverts_under_checks(
    name: str, *, advert_int: float, programs: int, targets: int, seconds: float
) -> tuple[list[Row], dict[str, Any]]:
    """`programs` scripts and, with alived, `targets` TCP checks each second. Adverts have the scheduling that each asks
    for by itself: alived real time, keepalived none (with it the kernel ends it: it forks under RLIMIT_RTTIME).

    keepalived runs the scripts only: its checks of servers need IPVS, and are made by another process.

    bare_gap_max_ms and bare_gaps_over_1.5_intervals: the same numbers of a bare timer that does nothing, beside it.
    """
    ours = issubclass(ADAPTERS[name], ADAPTERS["alived"])
    blocks, lines = script_blocks(programs, "/bin/true"), script_tracking(programs)
    if ours:
        blocks, lines = [*blocks, *check_blocks("tcp", targets)], [*lines, *check_tracking(targets)]
    stage = Stage(name, advert_int=advert_int, routers=1, blocks=blocks, lines=lines)
    with stage, servers(stage.network.namespace("r1"), stage.network.directory, "tcp", targets):
        stage.start()
        time.sleep(WARM_S)
        stage.client.lost()
        stage.client.events()
        interval_ns = round(1e9 * advert_int)
        before_ms = stolen_ms()
        with StallWatch() as machine, BareTimer(interval_ns, interval_ns * 3 // 2) as bare:
            events = stage.client.watch(seconds)
        stolen = stolen_ms() - before_ms
        lost = stage.client.lost()
    own = sorted(event.time_ns for event in events if event.kind is Kind.ADVERT and event.router == 1)
    row: Row = {
        **gaps_between(own, advert_int, 1.5, machine),
        "bare_gap_max_ms": bare.gap_max_ms(),
        "bare_gaps_over_1.5_intervals": len(bare.stalls),
        "stolen_ms": stolen,
        "lost_frames": lost,
    }
    return [row], {}
