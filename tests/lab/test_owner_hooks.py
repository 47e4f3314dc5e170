"""Hooks of an owner that VRRP elects: their order, a veto, one that hangs, one that takes its process with it."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

import pytest

from alived.adapters.control_client import ask
from alived.cli.demo_daemons import Alived
from tests.lab.lab import PATIENCE_S, UNDER_TEST, VIP4, Lab, instance

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(180),
    pytest.mark.skipif(UNDER_TEST != "alived", reason="keepalived has no hooks"),
]
MakeLab = Callable[..., Lab]
EVENTS = (
    "ToReady",
    "before_bind",
    "after_bind",
    "ToMaster",
    "before_unbind",
    "after_unbind",
    "ToSlave",
    "ToDestroy",
)


class Hooks:
    """Each event leaves a line; single ones may do something first."""

    def __init__(self, lab: Lab, node: str) -> None:
        self.directory = lab.network.directory / f"hooks-{node}"
        self.directory.mkdir()
        self.record = self.directory / "record"
        self._terms: dict[str, str] = {}
        for event in EVENTS:
            self.write(event, "")

    def write(self, event: str, first: str, terms: str = "") -> None:
        path = self.directory / event
        path.write_text(f'#!/bin/sh\n{first}\necho "$ALIVED_EVENT $ALIVED_GROUP $ALIVED_STATE" >> {self.record}\n')
        path.chmod(0o755)
        self._terms[event] = terms

    @property
    def block(self) -> str:
        bodies = (
            f"{event} {{\ncommand {self.directory / event}\nuser root\n{self._terms[event]}\n}}" for event in EVENTS
        )
        return "\n".join(["hooks {", *bodies, "}"])

    def ran(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []

    def of_owner(self) -> list[str]:
        return [line for line in self.ran() if line.split()[0] not in ("ToReady", "ToDestroy")]


def control(lab: Lab, node: str, command: str) -> Any:
    daemon = lab.daemons[node]
    assert isinstance(daemon, Alived)
    answer = ask(str(daemon.runtime_dir), "alived.sock", command, {}, PATIENCE_S)
    assert answer["ok"], answer
    return answer["result"]


def pid_of_worker(lab: Lab, node: str) -> int:
    (pid,) = (one["pid"] for one in lab.status(node)["processes"] if one["role"] == "worker")
    return int(pid)


def test_the_whole_life_of_an_owner(lab: Lab) -> None:
    hooks = Hooks(lab, "n1")
    bound = hooks.directory / "bound"
    hooks.write("before_bind", f"ip -o address show > {bound}.before")
    hooks.write("after_bind", "sleep 0.3")
    lab.start("n1", instance(150), blocks=[hooks.block])
    lab.until_owner("n1")
    lab.until(lambda: "ToMaster VI MASTER" in hooks.ran(), "ToMaster ran")
    assert f" {VIP4}/" not in pathlib.Path(f"{bound}.before").read_text()
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    before, after = hooks.of_owner()[:4], hooks.of_owner()[4:]
    assert [line.split()[0] for line in before] == ["ToSlave", "before_bind", "after_bind", "ToMaster"]
    assert sorted(line.split()[0] for line in after) == ["ToSlave", "after_unbind", "before_unbind"]
    assert after[0].startswith("before_unbind")
    everything = [line.split()[0] for line in hooks.ran()]
    assert everything.count("ToReady") == 1
    assert everything[-1] == "ToDestroy"


def test_a_veto_gives_the_other_node_the_chance(lab: Lab) -> None:
    hooks = Hooks(lab, "n1")
    hooks.write("before_bind", "echo no storage here; exit 1")
    lab.start("n2", instance(100))
    lab.until_owner("n2")
    lab.start("n1", instance(150), blocks=[hooks.block])
    lab.until(lambda: lab.status("n1")["instances"][0]["state"] == "FAULT", "the veto is a fault")
    assert "before_bind" in lab.status("n1")["instances"][0]["reason"]
    lab.until_owner("n2")
    assert not lab.has_address("n1", VIP4)
    (run, *_) = [one for one in control(lab, "n1", "hooks-history") if one["label"] == "before_bind"]
    assert (run["exit_status"], run["output"]) == (1, ["no storage here"])


def test_one_that_hangs_delays_no_advert_and_ends_when_the_node_loses(lab: Lab) -> None:
    hooks = Hooks(lab, "n1")
    state = hooks.directory / "state"
    hooks.write("ToMaster", f"echo master > {state}; sleep 1000; echo master > {state}", "timeout 1000")
    hooks.write("ToSlave", f"echo slave > {state}")
    lab.start("n1", instance(150), blocks=[hooks.block])
    lab.start("n2", instance(100))
    lab.until_owner("n1")
    lab.until(lambda: state.read_text() == "master\n", "ToMaster hangs")
    lab.until_owner("n1", seconds=1.0)
    lab.network.set_cable("n1", plugged=False)
    lab.until(lambda: state.read_text() == "slave\n", "ToSlave ran all the same")
    lab.until_owner("n2")
    assert "ToMaster VI MASTER" not in hooks.ran()


def test_one_that_takes_its_process_with_it_is_a_veto_and_not_the_end(lab: Lab) -> None:
    hooks = Hooks(lab, "n1")
    once = hooks.directory / "once"
    hooks.write("before_bind", f"test -e {once} || {{ touch {once}; kill -9 $PPID; sleep 1000; }}")
    lab.start("n1", instance(150), blocks=[hooks.block])
    lab.until(lambda: "the process that runs hooks died" in lab.daemons["n1"].log, "the engine was answered")
    lab.until_owner("n1")
    assert "before_bind VI MASTER" in hooks.ran()


def test_a_worker_killed_while_it_lets_go_lets_go_in_the_next_one(lab: Lab) -> None:
    hooks = Hooks(lab, "n1")
    entered = hooks.directory / "entered"
    lab.start("n1", instance(150), blocks=[hooks.block])
    lab.until_owner("n1")
    lab.until(lambda: "ToMaster VI MASTER" in hooks.ran(), "ToMaster ran")
    hooks.write("ToSlave", f"test -e {entered} || {{ touch {entered}; sleep 1000; }}")
    count = hooks.ran().count("ToSlave VI FAULT")
    lab.network.set_cable("n1", plugged=False)
    lab.until(entered.exists, "ToSlave has begun")
    os.kill(pid_of_worker(lab, "n1"), signal.SIGKILL)
    lab.until(lambda: hooks.ran().count("ToSlave VI FAULT") == count + 1, "ToSlave ran to its end")
