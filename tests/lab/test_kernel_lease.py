"""Owners that freeze or die with everything that could let go for them: the kernel's lease silences what they leave.

Each fence is tested by breaking the others. Here addresses live for an hour, and nobody is left to remove them: who is
silent although the address is still bound has been silenced by the kernel.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from alived.cli.demo_cluster import GroupText
from alived.cli.demo_daemons import Alived
from alived.daemon.parent.kernel_lease import MARKER_FILE
from tests.lab.attempts import attempts
from tests.lab.cluster import GROUP, RELAXED, ClusterLab, Observer
from tests.lab.lab import VIP4

pytestmark = pytest.mark.lab

HOUR = {"address_lifetime": 3600}
SECOND4 = "192.0.2.101"
STALL_MS = 20
"""Less than what a renewal may be late without a silence of the owner, in each profile."""
WITHOUT_NFT = ("env", "PATH=/nonexistent", sys.executable, "-m", "alived")


@pytest.fixture
def lab(make_lab: object) -> Iterator[ClusterLab]:
    """make_lab: adopts orphans, as kill -9 of a tree wants it."""
    with ClusterLab("n1", "n2", "n3") as lab:
        lab.groups = [lab.group(f"{VIP4}/24", **HOUR)]
        yield lab


def settled(lab: ClusterLab, **options: Any) -> tuple[Observer, str]:
    """Starts all; gives the owner."""
    observer = lab.observe()
    lab.start_all(**options)
    return observer, lab.until_settled(observer)


def fence(lab: ClusterLab, node: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in lab.status(node)["fences"] if one["group"] == GROUP)
    return found


def rules(lab: ClusterLab, node: str) -> str:
    return lab.run(node, "nft", "list", "ruleset")


def assert_silenced(lab: ClusterLab, observer: Observer, old: str, since_ns: int) -> str:
    """There is another owner, after whose first answer the old one gave none, though it has the address."""
    new = lab.until_another(observer, old)
    lab.assert_silent(observer, old, since_ns)
    assert lab.has_address(old, VIP4), "something else has silenced it"
    return new


def test_who_is_frozen_as_a_whole_is_silent_also_when_it_wakes(lab: ClusterLab) -> None:
    observer, old = settled(lab)
    assert fence(lab, old) == {"group": GROUP, "fence": "kernel lease", "silent_after_ms": 168, "missing": ""}
    since_ns = time.time_ns()
    thaw = lab.freeze(*lab.daemons[old].pids())
    new = assert_silenced(lab, observer, old, since_ns)
    thaw()
    lab.until(lambda: not lab.has_address(old, VIP4), "it lets go when it wakes")
    observer.watch(0.3)
    owners = observer.owners(since_ns)  # a machine that stalls may have made another one the owner meanwhile
    assert new in owners and old not in owners[1:], lab.explain(observer, since_ns)


def test_an_engine_that_is_frozen_together_with_its_parent_is_silent(lab: ClusterLab) -> None:
    """The raft process goes on, sees that the engine does not answer, and lets another node own."""
    observer, old = settled(lab)
    since_ns = time.time_ns()
    lab.freeze(lab.daemons[old].pid, lab.pid_of(old, "engine"))
    assert_silenced(lab, observer, old, since_ns)


def test_who_is_killed_as_a_whole_is_silent_until_it_is_started_again(lab: ClusterLab) -> None:
    observer, old = settled(lab)
    since_ns = time.time_ns()
    lab.kill(old)
    assert_silenced(lab, observer, old, since_ns)
    assert "alived_" in rules(lab, old), "the closed table stays"
    lab.daemons[old].start()
    lab.until(lambda: not lab.has_address(old, VIP4), "the next daemon removes what is left")
    observer.watch(0.3)
    lab.assert_silent(observer, old, since_ns)
    lab.daemons[old].terminate()
    lab.daemons[old].wait()
    assert rules(lab, old) == ""
    assert not (lab.directory(old) / "run" / MARKER_FILE).exists()


def hooks(lab: ClusterLab) -> Mapping[str, Any]:
    """Scripts that bind the address and never take it away."""
    on_master = lab.network.directory / "on-master.sh"
    on_master.write_text(f"#!/bin/sh\nexec /sbin/ip address replace {VIP4}/24 dev eth0\n")
    on_master.chmod(0o755)
    return {"hooks": {"ToMaster": {"command": str(on_master), "user": "root"}}}


def test_addresses_that_scripts_bind_and_leave_are_silenced_too(lab: ClusterLab) -> None:
    lab.groups = [lab.group(f"{VIP4}/24", bound_by="hooks", **hooks(lab))]
    observer, old = settled(lab)
    since_ns = time.time_ns()
    lab.freeze(*lab.daemons[old].pids())
    assert_silenced(lab, observer, old, since_ns)


def test_scripts_that_never_unbind_do_no_harm_when_the_owner_hands_over(lab: ClusterLab) -> None:
    lab.groups = [lab.group(f"{VIP4}/24", bound_by="hooks", **hooks(lab))]
    observer, old = settled(lab)
    since_ns = time.time_ns()
    lab.cluster(old, "transfer", next(node for node in lab.nodes if node != old))
    assert_silenced(lab, observer, old, since_ns)


def test_a_reload_does_not_close_what_goes_on(lab: ClusterLab) -> None:
    observer, owner = settled(lab, cluster=RELAXED)
    since_ns = time.time_ns()
    second = GroupText(name="second", addresses=[f"{SECOND4}/24"], more=HOUR)
    others = lab.observe(SECOND4)
    lab.groups.append(second)
    for node in lab.nodes:
        lab.prepare(node, cluster=RELAXED)
        lab.daemons[node].reload()
    assert lab.until_settled(others) == owner
    assert lab.until_settled(observer) == owner
    assert observer.owners(since_ns) == [owner], lab.explain(observer, since_ns)
    lab.freeze(*lab.daemons[owner].pids())
    frozen_ns = time.time_ns()
    assert_silenced(lab, observer, owner, frozen_ns)
    lab.until_another(others, owner)


def test_rules_that_somebody_flushes_come_back_and_work(lab: ClusterLab) -> None:
    observer, old = settled(lab, cluster=RELAXED)
    lab.run(old, "nft", "flush", "ruleset")
    lab.until(lambda: "alived_" in rules(lab, old), "the table is made again")
    assert lab.until_settled(observer) == old
    since_ns = time.time_ns()
    lab.freeze(*lab.daemons[old].pids())
    assert_silenced(lab, observer, old, since_ns)


def dropped(lab: ClusterLab, node: str) -> int:
    """What the kernel has kept the addresses of groups from hearing and saying."""
    return sum(int(count) for count in re.findall(r"@leases counter packets (\d+)", rules(lab, node)))


@pytest.mark.parametrize("profile", ["lan", "wan", "relaxed"])
def test_an_owner_that_is_well_is_never_silenced(lab: ClusterLab, profile: str) -> None:
    """Its renewals come more often than the kernel's lease lasts, in each profile."""
    observer, _ = settled(lab, cluster={"profile": profile})
    for attempt in attempts(STALL_MS):
        with attempt:
            old = lab.until_settled(observer)
            before, since_ns = dropped(lab, old), time.time_ns()
            observer.watch(2)
            assert len(observer.since(since_ns)) > 10
            assert dropped(lab, old) == before, lab.explain(observer, since_ns)
    since_ns = time.time_ns()
    lab.freeze(*lab.daemons[old].pids())
    assert_silenced(lab, observer, old, since_ns)
    assert dropped(lab, old) > before, "what silences it is counted"


def test_who_holds_on_without_a_majority_goes_on_speaking(lab: ClusterLab) -> None:
    lab.groups = [lab.group(f"{VIP4}/24", quorum_lost="hold", **HOUR)]
    observer, owner = settled(lab)
    since_ns = time.time_ns()
    for node in lab.nodes:
        if node != owner:
            lab.freeze(*lab.daemons[node].pids())
    observer.watch(2)
    assert lab.until_settled(observer) == owner
    assert observer.owners(since_ns) == [owner], lab.explain(observer, since_ns)
    lab.freeze(*lab.daemons[owner].pids())
    lab.until_nobody(observer)
    assert lab.has_address(owner, VIP4), "something else has silenced it"


def test_a_stop_leaves_no_rules(lab: ClusterLab) -> None:
    observer, owner = settled(lab)
    lab.daemons[owner].terminate()
    lab.daemons[owner].wait()
    assert rules(lab, owner) == ""
    assert lab.until_another(observer, owner)
    assert lab.daemons[owner].process is not None
    assert lab.daemons[owner].process.returncode == 0


# -- the next fence, when this one is not there --


def test_without_nft_the_lifetime_of_addresses_ends_a_frozen_owner(lab: ClusterLab) -> None:
    lab.groups = [lab.group(f"{VIP4}/24", address_lifetime=2)]
    for node in lab.nodes:
        daemon = lab.add(node)
        assert isinstance(daemon, Alived)
        daemon.prefix = WITHOUT_NFT
    observer, old = settled(lab)
    found = fence(lab, old)
    assert (found["fence"], found["silent_after_ms"]) == ("address lifetime", 3000)
    assert "cannot run nft" in found["missing"]
    assert "the kernel does not enforce the leases: cannot run nft" in lab.daemons[old].log
    thaw = lab.freeze(*lab.daemons[old].pids())
    lab.until(lambda: not lab.has_address(old, VIP4), "the kernel removes the address of a frozen owner")
    gone_ns = time.time_ns()
    assert lab.until_another(observer, old) != old
    assert old not in observer.owners(gone_ns), lab.explain(observer, gone_ns)
    thaw()
    observer.watch(0.3)
    assert old not in observer.owners(gone_ns), lab.explain(observer, gone_ns)
