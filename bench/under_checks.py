"""Adverts while the same daemon runs scripts and asks servers."""

from __future__ import annotations

import time
from typing import Any

from bench.checks import check_blocks, check_tracking, servers
from bench.client import Kind
from bench.scripts import WARM_S, script_blocks, script_tracking
from bench.stage import ADAPTERS, Stage
from bench.stalls import StallWatch
from bench.steady import Row, gaps_between


def adverts_under_checks(
    name: str, *, advert_int: float, programs: int, targets: int, seconds: float
) -> tuple[list[Row], dict[str, Any]]:
    """`programs` scripts and, with alived, `targets` TCP checks each second. Adverts have the scheduling that each asks
    for by itself: alived real time, keepalived none (with it the kernel ends it: it forks under RLIMIT_RTTIME).

    keepalived runs the scripts only: its checks of servers need IPVS, and are made by another process.
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
        with StallWatch() as machine:
            events = stage.client.watch(seconds)
        lost = stage.client.lost()
    own = sorted(event.time_ns for event in events if event.kind is Kind.ADVERT and event.router == 1)
    return [gaps_between(own, advert_int, 1.5, machine) | {"lost_frames": lost}], {}
