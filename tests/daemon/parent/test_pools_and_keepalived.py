"""Pools beside what keepalived 2.2.7 did with the same files on a kernel with ip_vs: lines of its pipe, and IPVS.

Three servers with the weights 1, 2 and 3, a quorum of 3 with hysteresis 1, and a file that weighs on the third one.
Recorded: golden/keepalived_pools.json, after each step what it wrote to lvs_notify_fifo and what /proc/net/ip_vs had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from alived.config.load import load_text
from alived.daemon.parent.news_desk import NewsDesk
from alived.daemon.parent.pools import Pools
from alived.daemon.shared.messages import NewsDue, TrackerVerdict
from alived.health.trackers_config import TrackerKind
from alived.notify.pipe_lines import line

RECORDED: dict[str, list[dict[str, Any]]] = msgspec.json.decode(
    (Path(__file__).parents[2] / "golden" / "keepalived_pools.json").read_bytes()
)
LEAST = -(1 << 31)
Heard = tuple[int, bool] | int
STEPS: dict[str, tuple[Heard, ...]] = {
    "start": (0, (2, True), (3, True), (4, True)),
    "2 fails": ((2, False),),
    "4 fails": ((4, False),),
    "4 is back": ((4, True),),
    "load 5": (5,),
    "load least": (LEAST,),
    "3 fails": ((3, False),),
    "load 0": (0,),
    "2 and 3 are back": ((3, True), (2, True)),
}
"""What is heard in each: a server and its verdict, or the number in the file"""


def configuration(variant: str) -> str:
    words = set(variant.split("+"))
    servers = "".join(
        f"real_server 127.0.0.{number} 80 {{\nweight {number - 1}\n"
        + ("inhibit_on_failure\n" if "inhibit" in words else "")
        + "TCP_CHECK {\n}\n"
        + ("FILE_CHECK {\ntrack_file load\nweight 1\n}\n" if number == 4 else "")
        + "}\n"
        for number in (2, 3, 4)
    )
    return (
        "global_defs {\nlvs_notify_fifo /run/pipe\n"
        + ("rs_init_notifies\n" if "init" in words else "")
        + "}\ntrack_file load {\nfile /run/load\n}\nvirtual_server 10.9.0.1 80 {\n"
        + "protocol TCP\nlvs_sched rr\nlvs_method NAT\nquorum 3\nhysteresis 1\n"
        + "".join(f"{word}\n" for word in ("alpha", "omega") if word in words)
        + ("sorry_server 127.0.0.9 80\n" if "sorry" in words else "")
        + servers
        + "}\n"
    )


class Play:
    def __init__(self, variant: str) -> None:
        config = load_text(configuration(variant), "f").config
        assert config is not None
        self.lines: list[str] = []
        desk = NewsDesk("p", config, self._to_worker, lambda news: None, lambda *text: None)
        self.pools = Pools(config, desk.server_changed, desk.check_turned, lambda verdict: None, lambda *text: None)
        self.pools.begin()

    def _to_worker(self, message: object) -> None:
        assert isinstance(message, NewsDue)
        self.lines.append(line(message.news).decode().rstrip())

    def hear(self, what: Heard) -> None:
        if isinstance(what, int):
            verdict = TrackerVerdict(TrackerKind.FILE, "load", True, "file load", 0, what)
        else:
            name = f"10.9.0.1:80 127.0.0.{what[0]}:80 TCP_CHECK"
            verdict = TrackerVerdict(TrackerKind.CHECK, name, what[1], name, 0)
        self.pools.judged([verdict])

    def ipvs(self) -> dict[str, int]:
        return {str(entry.endpoint): entry.weight for pool in self.pools.snapshots().values() for entry in pool.entries}


def in_order(heard: tuple[Heard, ...], lines: list[str]) -> list[Heard]:
    """Of two servers that come back, keepalived's timers chose which is asked first."""

    def place(what: Heard) -> int:
        told = f"RS [127.0.0.{what[0]}]:" if isinstance(what, tuple) else "file"
        return next((number for number, one in enumerate(lines) if one.startswith(told)), -1)

    return sorted(heard, key=place)


@pytest.mark.parametrize("variant", RECORDED)
def test_the_same_lines_and_the_same_servers(variant: str) -> None:
    play = Play(variant)
    for recorded in RECORDED[variant]:
        step = recorded["step"]
        play.lines.clear()
        if step == "stop":
            play.pools.stop()
        for what in in_order(STEPS.get(step, ()), recorded["lines"]):
            play.hear(what)
        assert (step, play.lines, play.ipvs()) == (step, recorded["lines"], recorded["ipvs"])
