"""Scripts and checks that flap for minutes in a real daemon: it does not grow, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import socket
import time
from collections.abc import Callable

import pytest

from alived.adapters.netns import inside
from tests.lab.lab import Lab, instance

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(900)]

SECONDS = 180
WARM_S = 40
"""The histories are full by then."""
SCRIPTS, CHECKS = 30, 60
FIRST_PORT = 20000
MAX_GROWTH = 3 << 20
MakeLab = Callable[..., Lab]


def blocks(directory: pathlib.Path) -> list[str]:
    """Scripts succeed, fail, hang, babble and fork; checks are answered, refused or not answered."""
    texts = {
        "flap": f"test ! -e {directory}/bad",
        "hang": f"test ! -e {directory}/bad || sleep 1000",
        "babble": f"seq 3000; test ! -e {directory}/bad",
        "fork": "sleep 3 >/dev/null & exit 0",
        "deaf": f"trap : TERM; test ! -e {directory}/bad || while :; do sleep 1; done",
    }
    scripts = [
        line
        for number in range(SCRIPTS)
        for line in (
            f"vrrp_script s{number} {{",
            f"  script \"/bin/sh -c '{texts[sorted(texts)[number % len(texts)]]}'\"",
            "  interval 0.2",
            "  timeout 1",
            "}",
        )
    ]
    checks = [
        f"check c{number} {{\ntcp {{\ntarget 127.0.0.1 {FIRST_PORT + number}\n}}\ninterval 0.1\nrise 2\nfall 2\n}}"
        for number in range(CHECKS)
    ]
    return [*scripts, *checks]


def tracking() -> list[str]:
    scripts = (f"  s{number} weight -1" for number in range(SCRIPTS))
    checks = (f"  c{number} weight -1" for number in range(CHECKS))
    return ["track_script {", *scripts, "}", "track_check {", *checks, "}"]


class Servers:
    """Some listen, some do not, and that changes."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._listening: dict[int, socket.socket] = {}

    def change(self, chance: random.Random) -> None:
        for number in range(CHECKS):
            if chance.random() < 0.3:
                if server := self._listening.pop(number, None):
                    server.close()
                else:
                    with inside(self._namespace):
                        self._listening[number] = socket.create_server(("127.0.0.1", FIRST_PORT + number))

    def close(self) -> None:
        for server in self._listening.values():
            server.close()


def resident(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def zombies(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                found.append(pid)
    return found


def test_what_the_daemon_holds_does_not_grow_and_nothing_is_left_behind(make_lab: MakeLab) -> None:
    lab, chance = make_lab("n1"), random.Random(5)
    directory = lab.network.directory
    flag = directory / "bad"
    lab.start("n1", instance(200, *tracking()), blocks=blocks(directory))
    lab.until_owner("n1")
    processes = {p["role"]: p["pid"] for p in lab.status("n1")["processes"]}
    servers = Servers(lab.network.namespace("n1"))
    begin, before = time.monotonic(), {}
    while (passed := time.monotonic() - begin) < SECONDS:
        servers.change(chance)
        flag.unlink() if flag.exists() else flag.touch()
        lab.hear(chance.uniform(0.5, 3))
        if not before and passed > WARM_S:
            before = {role: resident(pid) for role, pid in processes.items()}
    servers.close()
    flag.unlink(missing_ok=True)
    lab.hear(8)  # the last timeouts
    after = {role: resident(pid) for role, pid in processes.items()}
    status = lab.status("n1")
    assert {p["role"]: p["pid"] for p in status["processes"]} == processes, "nobody died"
    grown = {role: after[role] - before[role] for role in processes}
    assert max(grown.values()) < MAX_GROWTH, grown
    assert files(processes["worker"]) < 40 + 2 * SCRIPTS + CHECKS
    dead = zombies(lab.daemons["n1"].pids())
    lab.hear(1)
    assert not set(dead) & set(zombies(dead)), "they ended, and nobody asked how"
    tree = lab.daemons["n1"].pids()
    # A worker that is very busy is late with its answer, and the status says so by leaving the runs out.
    lab.until(lambda: all(s["runs"] and s["runs"]["count"] > 50 for s in lab.status("n1")["scripts"]), "runs of all")
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    left = [pid for pid in tree if os.path.exists(f"/proc/{pid}")]
    assert left == [], [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in left]
