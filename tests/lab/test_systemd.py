"""The unit that comes with alived, under a real systemd: what becomes of the addresses when a service is started,
reloaded, killed, hung and stopped, and what its operator is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence

import pytest

from alived.cli.demo_daemons import keepalived_conf
from tests.lab.lab import VIP4, InstanceText, Lab, instance
from tests.lab.systemd_machine import SystemdMachine, machine

pytestmark = pytest.mark.lab
__all__ = ["machine"]


WEB = ["unit web {", "  systemd_unit web.service", "  interval 0.1", "}"]


def configure(machine: SystemdMachine, *instances: InstanceText, blocks: Sequence[str] = ()) -> None:
    machine.write("/etc/alived/alived.conf", keepalived_conf(instances, blocks=blocks))


def start(lab: Lab, machine: SystemdMachine, *instances: InstanceText, blocks: Sequence[str] = ()) -> None:
    configure(machine, *instances, blocks=blocks)
    assert machine.succeeds("systemctl", "start", "alived"), machine.journal()
    machine.until(lambda: owns(lab), "n1 owns the address")


def owns(lab: Lab) -> bool:
    return lab.has_address("n1", VIP4)


def said_goodbye(lab: Lab, since_ns: int) -> bool:
    """Whether n1 has sent priority 0."""
    return any(seen.priority == 0 for seen in lab.adverts("n1", since_ns=since_ns))


def parent(machine: SystemdMachine) -> int:
    return machine.outside("alived")


def priorities(machine: SystemdMachine, word: str) -> set[str]:
    """Of the lines of the journal with this word."""
    lines = machine.run("journalctl", "--no-pager", "--output=json", "--unit=alived").splitlines()
    return {entry["PRIORITY"] for entry in map(json.loads, lines) if word in entry["MESSAGE"]}


def test_start_reload_and_stop(lab: Lab, machine: SystemdMachine) -> None:
    start(lab, machine, instance(200))
    assert machine.shows("ActiveState") == "active"
    assert machine.shows("StatusText") == "1 instance"
    assert priorities(machine, "ready: ") == {"6"}

    configure(machine, instance(200), instance(100, name="second", virtual_router_id=52, addresses=["192.0.2.101/24"]))
    assert machine.succeeds("systemctl", "reload", "alived")
    assert "reloaded: " in machine.journal()
    assert machine.shows("StatusText") == "2 instances"
    machine.write("/etc/alived/alived.conf", "vrrp_instance VI {\n")
    assert not machine.succeeds("systemctl", "reload", "alived")
    assert machine.shows("ActiveState") == "active"
    assert "3" in priorities(machine, "the old configuration stays in force")
    assert owns(lab)

    since_ns = time.time_ns()
    assert machine.succeeds("systemctl", "stop", "alived")
    assert not owns(lab)
    lab.until(lambda: said_goodbye(lab, since_ns), "priority 0")
    assert (machine.shows("ActiveState"), machine.shows("Result")) == ("inactive", "success")


def test_a_parent_that_dies_or_hangs(lab: Lab, machine: SystemdMachine) -> None:
    machine.write("/etc/systemd/system/alived.service.d/soon.conf", "[Service]\nWatchdogSec=3\nTimeoutStopSec=3\n")
    start(lab, machine, instance(200))

    since_ns = time.time_ns()
    os.kill(machine.outside("alived: engine"), signal.SIGSTOP)  # slower than systemd in any case
    os.kill(parent(machine), signal.SIGKILL)
    lab.until(lambda: said_goodbye(lab, since_ns), "priority 0 though the parent is dead")
    machine.until(lambda: machine.shows("NRestarts") == "1" and owns(lab), "systemd starts it again")

    since_ns = time.time_ns()
    os.kill(parent(machine), signal.SIGSTOP)
    lab.until(lambda: said_goodbye(lab, since_ns), "priority 0 though the parent hung")
    machine.until(lambda: machine.shows("NRestarts") == "2" and owns(lab), "systemd starts it again")
    assert "Watchdog timeout" in machine.journal()

    machine.write("/etc/systemd/system/alived.service.d/soon.conf", "[Service]\nTimeoutStopSec=2\n")
    assert machine.succeeds("systemctl", "daemon-reload")
    since_ns = time.time_ns()
    os.kill(parent(machine), signal.SIGSTOP)
    assert machine.succeeds("systemctl", "stop", "alived")
    assert not owns(lab)
    lab.until(lambda: said_goodbye(lab, since_ns), "priority 0 though the parent hung at the end")


def test_units_are_tracked(lab: Lab, machine: SystemdMachine) -> None:
    machine.write("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    machine.systemctl("start", "web")
    start(lab, machine, instance(200, "track_unit {", "web", "}"), blocks=WEB)

    def follows(command: str, *, up: bool, why: str) -> None:
        assert machine.succeeds("sh", "-c", command)
        machine.until(lambda: owns(lab) is up and why in machine.run("alived", "status"), f"{why} after {command}")

    follows("systemctl stop web", up=False, why="web.service is inactive (dead)")
    follows("systemctl start web", up=True, why="web.service is active (running)")
    follows("systemctl kill -s KILL web", up=False, why="web.service is failed (signal)")
    mask = "rm /etc/systemd/system/web.service; ln -s /dev/null /run/systemd/system/web.service"
    follows(f"{mask}; systemctl daemon-reload", up=False, why="systemd says masked")
    machine.write("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    unmask = "rm /run/systemd/system/web.service; systemctl daemon-reload"
    follows(f"{unmask}; systemctl start web", up=True, why="web.service is active (running)")

    silence = "systemctl stop dbus.socket dbus.service; mv /run/systemd/private /run/systemd/hidden"
    follows(silence, up=True, why="web.service is unknown: systemctl says")
    follows("mv /run/systemd/hidden /run/systemd/private", up=True, why="last result 0.")
    follows("systemctl daemon-reexec", up=True, why="web.service is active (running)")
    assert machine.journal().count("MASTER -> FAULT") == 2, "one that cannot be asked is no fault"


def test_it_is_started_again_however_often_it_dies(machine: SystemdMachine) -> None:
    dies = "[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=10ms\n"
    machine.write("/etc/systemd/system/alived.service.d/dies.conf", dies)
    machine.systemctl("start", "alived")
    machine.until(lambda: int(machine.shows("NRestarts")) > 10, "more restarts than systemd allows by default")
    machine.systemctl("stop", "alived")
