"""A stop leaves the machine as it was before the start: addresses, links, settings of the kernel, firewall."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any, NamedTuple

import pytest

from tests.lab.lab import CALM, VIP4, VIP6, Lab, instance, instance6

pytestmark = pytest.mark.lab


class Machine(NamedTuple):
    """What a daemon could leave behind."""

    links: Any
    addresses: str
    rules: str
    sysctls: dict[str, str]
    processes: list[int]


def machine(lab: Lab, node: str) -> Machine:
    links = json.loads(lab.ip(node, "-j", "-d", "link", "show"))
    for link in links:
        link.pop("ifindex", None)
    addresses = re.sub(r"valid_lft.*", "", lab.ip(node, "address", "show"))
    return Machine(links, addresses, lab.run(node, "nft", "list", "ruleset"), lab.sysctls(node), lab.network.pids(node))


def assert_same(after: Machine, before: Machine) -> None:
    changed = {key: (before.sysctls.get(key), value) for key, value in after.sysctls.items()}
    assert not {key: pair for key, pair in changed.items() if pair[0] != pair[1]}
    assert after == before


EVERYTHING = [
    instance(150, "use_vmac vrrp.a", "no_accept"),
    instance(150, name="VJ", virtual_router_id=52, addresses=["192.0.2.101/24"]),
    instance6(150, "no_accept", virtual_router_id=53),
]


def start_everything(lab: Lab) -> Machine:
    before = machine(lab, "n1")
    lab.start("n1", *EVERYTHING)
    for address in VIP4, "192.0.2.101", VIP6:
        lab.until_owner("n1", address, seconds=0.3)
    assert machine(lab, "n1") != before
    return before


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop_leaves_nothing(lab: Lab, signum: signal.Signals) -> None:
    before = start_everything(lab)
    process = lab.daemons["n1"].process
    assert process is not None
    os.kill(process.pid, signum)
    assert process.wait() == 0
    assert_same(machine(lab, "n1"), before)
    last = lambda vrid: lab.adverts("n1", virtual_router_id=vrid)[-1].priority  # noqa: E731
    lab.until(lambda: {last(vrid) for vrid in (51, 52, 53)} == {0}, "all say that they are no master any more")


def test_a_stop_after_kill_9_and_another_start_leaves_nothing(lab: Lab) -> None:
    before = start_everything(lab)
    lab.kill("n1")
    lab.daemons["n1"].start()
    for address in VIP4, "192.0.2.101", VIP6:
        lab.until_owner("n1", address, seconds=0.3)
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    assert_same(machine(lab, "n1"), before)


def test_a_stop_after_the_death_of_the_engine_leaves_nothing(lab: Lab) -> None:
    before = start_everything(lab)
    engine = next(p for p in lab.status("n1")["processes"] if p["role"] == "engine")
    os.kill(engine["pid"], signal.SIGKILL)
    lab.until(lambda: lab.status("n1")["processes"][0]["pid"] != engine["pid"], "another engine runs")
    for address in VIP4, "192.0.2.101", VIP6:
        lab.until_owner("n1", address, seconds=0.3)
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    assert_same(machine(lab, "n1"), before)


def test_a_backup_that_stops_leaves_nothing_and_says_nothing(lab: Lab) -> None:
    lab.start("n2", instance(200, advert_int=CALM))
    lab.until_owner("n2", seconds=1.0)
    before = machine(lab, "n1")
    lab.start("n1", instance(150, "use_vmac vrrp.a", "no_accept", advert_int=CALM))
    lab.until(lambda: "vrrp.a" in lab.ip("n1", "link", "show"), "n1 is up")
    lab.hear(1.5)
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    assert_same(machine(lab, "n1"), before)
    assert not lab.adverts("n1")


def test_a_configuration_that_cannot_run_touches_nothing(lab: Lab) -> None:
    before = machine(lab, "n1")
    daemon = lab.start("n1", instance(150, "use_vmac vrrp.a", "prioritty 100"), instance(999, name="VJ"))
    assert daemon.process is not None
    assert daemon.process.wait() == 1
    assert_same(machine(lab, "n1"), before)
    assert not lab.adverts("n1")
    # All errors in one go, each with its place.
    assert re.search(r"daemon.conf:\d+:\d+: \w+: .*prioritty", daemon.log)
    assert re.search(r"daemon.conf:\d+:\d+: error: .*999", daemon.log)
