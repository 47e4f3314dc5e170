"""Processes, files and gateways decide who is MASTER; where keepalived has them too, it does the same beside us."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence

import pytest

from alived.cli.demo_wire import Kind
from tests.lab.lab import VIP4, Lab, has_peer, instance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
MakeLab = Callable[..., Lab]
KINDS = pytest.mark.parametrize(
    "kinds", [("alived", "alived"), ("alived", "keepalived"), ("keepalived", "alived")], ids="-".join
)


def start(make_lab: MakeLab, kinds: tuple[str, str], track: Sequence[str], blocks: Callable[[str], list[str]]) -> Lab:
    """n1 has the better priority by 10."""
    if "keepalived" in kinds and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    lab = make_lab("n1", "n2")
    for node, kind, priority in zip(lab.nodes, kinds, (150, 140)):
        lab.start(node, instance(priority, *track), kind=kind, blocks=blocks(str(lab.network.directory / node)))
    lab.until_owner("n1")
    return lab


def until_priority(lab: Lab, node: str, priority: int) -> None:
    """The node advertises this priority."""
    lab.until(
        lambda: any(
            who == node and seen.kind is Kind.ADVERT and seen.priority == priority for who, seen in lab.hear(0.1)
        ),
        f"{node} advertises {priority}",
    )


@KINDS
def test_the_number_in_a_file_moves_priority_and_address(make_lab: MakeLab, kinds: tuple[str, str]) -> None:
    def blocks(directory: str) -> list[str]:
        return ["track_file load {", f"  file {directory}/load", "  weight -1", "}"]

    lab = start(make_lab, kinds, ["track_file {", "load", "}"], blocks)
    load = lab.network.directory / "n1" / "load"
    for text, priority in (("5\n", 145), ("0x3", 147), ("-7 and more", 157), ("no number", 150), ("", 150)):
        load.write_text(text)
        until_priority(lab, "n1", priority)
    fresh = pathlib.Path(f"{load}.new")
    fresh.write_text("20\n")
    fresh.rename(load)
    lab.until_owner("n2")
    load.unlink()
    lab.until_owner("n1")
    load.write_text("254\n")  # a product of -254: FAULT
    lab.until_owner("n2")
    load.write_text("0\n")
    lab.until_owner("n1")


@KINDS
def test_a_file_as_a_condition(make_lab: MakeLab, kinds: tuple[str, str]) -> None:
    def blocks(directory: str) -> list[str]:
        return ["track_file state {", f"  file {directory}/state", "  weight 0", "  init_file 0", "}"]

    lab = start(make_lab, kinds, ["track_file {", "state weight 0", "}"], blocks)
    state = lab.network.directory / "n1" / "state"
    assert state.read_text() == "0\n"
    state.write_text("1\n")
    lab.until_owner("n2")
    state.unlink()
    lab.until_owner("n1")


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a program under a name of its own."""
    program = tmp_path / "alvservice"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([program, "1000"]))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def test_a_process_that_ends_moves_the_address(
    make_lab: MakeLab, service: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """Only n1 tracks it: processes are those of the machine, whatever the network namespace."""
    service()
    lab = make_lab("n1", "n2")
    block = ["vrrp_track_process service {", "  process alvservice", "}"]
    track = ["track_process {", "service weight -20", "}"]
    running = service()
    quorum = [*block[:2], "  quorum 2", "}"]
    lab.start("n1", instance(150, *track), blocks=quorum)
    lab.start("n2", instance(140))
    lab.until_owner("n1")
    running.kill()
    running.wait()
    lab.until_owner("n2")
    (shown,) = lab.status("n1")["trackers"]
    assert (shown["kind"], shown["result"]) == ("process", "down")
    assert shown["reason"] == "process service: 1 process alvservice, at least 2 wanted"
    assert shown["tracked_by"] == [{"name": "VI", "weight": -20, "reverse": False}]
    service()
    lab.until_owner("n1")


@pytest.mark.parametrize("kind", ["alived", "entering keepalived"])
def test_the_number_of_processes_moves_the_priority(
    make_lab: MakeLab, service: Callable[[], subprocess.Popen[bytes]], kind: str
) -> None:
    if kind != "alived" and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    lab = make_lab("n1")
    blocks = [
        line for n in (1, 2) for line in (f"vrrp_track_process p{n} {{", "process alvservice", f"quorum {n}", "}")
    ]
    track = ["track_process {", "p1 weight 10", "p2 weight -20", "}"]
    lab.start("n1", instance(150, *track), kind=kind, blocks=blocks)
    until_priority(lab, "n1", 130)
    running = service()
    until_priority(lab, "n1", 140)
    service()
    until_priority(lab, "n1", 160)
    running.kill()
    running.wait()
    until_priority(lab, "n1", 140)


def test_a_gateway_that_is_out_of_reach_moves_the_address(make_lab: MakeLab) -> None:
    lab = make_lab("n1", "n2")
    gateway = ["gateway uplink {", "  target 192.0.2.3", "  interface eth0", "  interval 0.1", "}"]
    track = ["track_gateway {", "uplink weight -20", "}"]
    for node, priority in zip(lab.nodes, (150, 140)):
        lab.start(node, instance(priority, *track), blocks=gateway)
    lab.until_owner("n1")
    lab.drop(("client", "n1"))
    lab.until(lambda: lab.status("n1")["trackers"][0]["result"] == "down", "the gateway is down at n1")
    lab.drop()
    lab.until_owner("n1", VIP4)
    assert "uplink: 192.0.2.3: no answer in 0.1 s, 3 times in a row" in lab.daemons["n1"].log
