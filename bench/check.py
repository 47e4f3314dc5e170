"""How long a daemon takes to check a long configuration."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from alived.adapters.netns import inside
from alived.cli.demo_daemons import Daemon
from bench.report import Row
from bench.stage import ADAPTERS, Stage

ALIVED_READER = (
    "import sys, time; from alived.config.load import load; begin = time.perf_counter();"
    "assert load(sys.argv[1]).config; print(1e3 * (time.perf_counter() - begin))"
)
FINE = (0, 3)
"""3: alived's word for warnings."""


def check(name: str, *, count: int, vips: int, advert_int: float, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """`alived check` or `keepalived -t` on `count` instances with `vips` addresses each, in a namespace that has
    their interfaces. Reader alone: alived's own, its modules imported; keepalived's whole check less its bare start."""
    with Stage(name, count=count, vips=vips, advert_int=advert_int, routers=1) as stage:
        daemon = stage.daemons[1]
        with inside(stage.network.namespace("r1")):
            rows = [_check_once(daemon) for _ in range(runs)]
        return rows, {"lines": daemon.config.read_text().count("\n")}


def _check_once(daemon: Daemon) -> Row:
    prefix, file = ADAPTERS[daemon.name].prefix, str(daemon.config)
    begin_ms, _ = _run([*prefix, "--version"])
    if daemon.name == "keepalived":
        whole_ms, _ = _run([*prefix, "-t", "-f", file])
        reader_ms = whole_ms - begin_ms
    else:
        whole_ms, _ = _run([*prefix, "check", file])
        reader_ms = float(_run([sys.executable, "-c", ALIVED_READER, file])[1])
    return {"check_ms": whole_ms, "start_ms": begin_ms, "reader_ms": reader_ms}


def _run(command: list[str]) -> tuple[float, str]:
    """(ms, standard output) of a command that must be content."""
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    took_ms = 1e3 * (time.perf_counter() - begin)
    if done.returncode not in FINE:
        raise RuntimeError(f"{command[-2:]} ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return took_ms, done.stdout
