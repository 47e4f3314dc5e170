"""Scripts decide who is MASTER, beside keepalived with the same configuration."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Callable, Sequence

import pytest

from alived.cli.demo_daemons import InstanceText
from tests.lab.lab import PATIENCE_S, VIP4, Lab, has_peer, instance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

OUTER = "198.51.100.100"
KINDS = pytest.mark.parametrize(
    "kinds", [("alived", "alived"), ("alived", "keepalived"), ("keepalived", "alived")], ids="-".join
)
MakeLab = Callable[..., Lab]


def block(flag: pathlib.Path, *lines: str, interval: str = "0.2") -> list[str]:
    """Fails while the file is there."""
    return [
        "vrrp_script chk {",
        f"  script \"/bin/sh -c 'test ! -e {flag}'\"",
        f"  interval {interval}",
        *(f"  {line}" for line in lines),
        "}",
    ]


def tracking(*entries: str) -> list[str]:
    return ["track_script {", *entries, "}"]


def two(
    make_lab: MakeLab, kinds: tuple[str, str], lines: Sequence[str] = (), entry: str = "chk"
) -> tuple[Lab, pathlib.Path]:
    """The first node has the better priority, and is the only one whose script can fail."""
    if "keepalived" in kinds and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    lab = make_lab("n1", "n2")
    for node, kind, priority in zip(lab.nodes, kinds, (150, 140)):
        blocks = block(lab.network.directory / f"bad-{node}", *lines)
        lab.start(node, instance(priority, *tracking(entry)), kind=kind, blocks=blocks)
    lab.until_owner("n1")
    return lab, lab.network.directory / "bad-n1"


@KINDS
def test_a_failing_script_moves_the_address_and_it_comes_back(make_lab: MakeLab, kinds: tuple[str, str]) -> None:
    lab, flag = two(make_lab, kinds, ["fall 2", "rise 2"])
    flag.touch()
    lab.until_owner("n2")
    flag.unlink()
    lab.until_owner("n1")


@KINDS
@pytest.mark.parametrize("weight", ["-20", "20"])
def test_a_weight_moves_the_address(make_lab: MakeLab, kinds: tuple[str, str], weight: str) -> None:
    lab, flag = two(make_lab, kinds, entry=f"chk weight {weight}")
    flag.touch()
    lab.until_owner("n2")
    flag.unlink()
    lab.until_owner("n1")


@KINDS
def test_a_group_moves_with_its_script(make_lab: MakeLab, kinds: tuple[str, str]) -> None:
    if "keepalived" in kinds and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    lab = make_lab("n1", "n2", segments=2)
    group = ["vrrp_sync_group G {", "  group {", "    VI", "    VO", "  }", *tracking("chk"), "}"]
    for node, kind, priority in zip(lab.nodes, kinds, (150, 100)):
        blocks = block(lab.network.directory / f"bad-{node}")
        lab.start(node, *both_sides(priority), kind=kind, blocks=[*blocks, *group])
    until_both(lab, "n1")
    flag = lab.network.directory / "bad-n1"
    flag.touch()
    until_both(lab, "n2")
    flag.unlink()
    until_both(lab, "n1")


def both_sides(priority: int) -> list[InstanceText]:
    outside = instance(priority, name="VO", interface="eth1", virtual_router_id=52, addresses=[f"{OUTER}/24"])
    return [instance(priority), outside]


def until_both(lab: Lab, node: str) -> None:
    lab.until_owner(node, VIP4)
    lab.until_owner(node, OUTER, segment=1)


def shown(lab: Lab, node: str) -> dict[str, object]:
    found: dict[str, object] = lab.status(node)["scripts"][0]
    return found


def test_status_and_log_say_what_the_script_said(make_lab: MakeLab) -> None:
    lab, flag = two(make_lab, ("alived", "alived"))
    flag.touch()
    lab.until_owner("n2")
    script = shown(lab, "n1")
    assert (script["result"], script["reason"]) == ("down", "script chk failed: exit 1")
    assert script["tracked_by"] == [{"name": "VI", "weight": 0, "reverse": False}]
    assert "VI: MASTER -> FAULT: script chk failed: exit 1" in lab.daemons["n1"].log


def worker(lab: Lab, node: str) -> int:
    pids: list[int] = [p["pid"] for p in lab.status(node)["processes"] if p["role"] == "worker"]
    return pids[0]


def test_the_death_of_the_worker_moves_nothing_and_checking_goes_on(make_lab: MakeLab) -> None:
    lab, flag = two(make_lab, ("alived", "alived"))
    os.kill(dead := worker(lab, "n1"), signal.SIGKILL)
    lab.until(lambda: worker(lab, "n1") not in (0, dead), "another worker")
    lab.hear(1)
    assert "MASTER ->" not in lab.daemons["n1"].log
    assert shown(lab, "n1")["result"] == "up"
    flag.touch()
    lab.until_owner("n2")


def test_a_new_engine_knows_what_the_old_one_knew(make_lab: MakeLab) -> None:
    lab, flag = two(make_lab, ("alived", "alived"), entry="chk weight -20")
    flag.touch()
    lab.until_owner("n2")
    engine = next(p["pid"] for p in lab.status("n1")["processes"] if p["role"] == "engine")
    os.kill(engine, signal.SIGKILL)
    lab.until(
        lambda: any(i.get("priority") == 130 and i["state"] == "BACKUP" for i in lab.status("n1")["instances"]),
        f"the new engine has the weighed priority within {PATIENCE_S} s",
    )
