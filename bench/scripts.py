"""Tracked scripts: what a run costs, and whether runs begin when they should."""

from __future__ import annotations

import os
import pathlib
import select
import time
from collections import defaultdict
from typing import Any

from bench.accounting import cpu_seconds, forks, memory_mb
from bench.client import Kind
from bench.stage import Stage
from bench.times import punctuality

Row = dict[str, float | None]
WARM_S = 2.5
"""From the election to the first second that counts: the first runs of all scripts are over."""


def scripts(name: str, *, programs: int, user: str, seconds: float) -> tuple[list[Row], dict[str, Any]]:
    """`programs` scripts of `user`, each every second: first the cheapest program there is, for the cost; then one
    that says when it began, for the times."""
    row = _cost(name, programs, user, seconds) | _times(name, programs, user, seconds)
    return [row], {}


def script_blocks(count: int, command: str, user: str = "root") -> list[str]:
    """command: with {number} for the number of the script."""
    return [
        line
        for number in range(count)
        for line in (
            f"vrrp_script chk{number} {{",
            f'  script "{command.format(number=number)}"',
            f"  user {user}",
            "  interval 1",
            "}",
        )
    ]


def script_tracking(count: int) -> list[str]:
    return ["track_script {", *(f"  chk{number}" for number in range(count)), "}"]


def _cost(name: str, count: int, user: str, seconds: float) -> Row:
    """CPU of all processes of the daemon and of the scripts that have ended, for each process that was begun."""
    with _stage(name, count, "/bin/true", user) as stage:
        stage.start()
        time.sleep(WARM_S)
        stage.client.close()  # a sniffer would be paid for by the sender
        pids = stage.daemons[1].pids()
        used, begun, begin = cpu_seconds(pids), forks(), time.monotonic()
        time.sleep(seconds)
        used, begun, wall = cpu_seconds(pids) - used, forks() - begun, time.monotonic() - begin
        rss, pss = memory_mb(pids).values()
        stage.client = stage.new_client([Kind.ADVERT])
    return {
        "runs_per_s": begun / wall,
        "us_per_run": 1e6 * used / begun,
        "cpu_pct": 100 * used / wall,
        "rss_mb": rss,
        "pss_mb": pss,
    }


def _times(name: str, count: int, user: str, seconds: float) -> Row:
    """Each script should begin a whole number of seconds after another of its runs."""
    begun: dict[int, list[float]] = defaultdict(list)
    with _Mailbox() as mailbox, _stage(name, count, f"/bin/sh -c 'echo {{number}} > {mailbox.path}'", user) as stage:
        stage.start()
        mailbox.read(WARM_S)
        for number, when in mailbox.read(seconds):
            begun[number].append(when)
        assert stage.daemons[1].alive
    return {"scripts_seen": len(begun)} | punctuality(begun)


def _stage(name: str, count: int, command: str, user: str) -> Stage:
    return Stage(name, routers=1, blocks=script_blocks(count, command, user), lines=script_tracking(count))


class _Mailbox:
    """A named pipe that scripts write their numbers to."""

    def __enter__(self) -> _Mailbox:
        self.path = pathlib.Path(f"/run/alived-bench-{os.getpid()}")
        os.mkfifo(self.path)
        self.path.chmod(0o622)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
        self.path.unlink()

    def read(self, seconds: float) -> list[tuple[int, float]]:
        """(number, when) of all that come in this time."""
        end, found = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                data, when = os.read(self._fd, 1 << 16), time.monotonic()
                found += [(int(line), when) for line in data.split()]
        return found
