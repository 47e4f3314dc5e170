"""Checks, combinations and the policies about them decide who owns the address, between real daemons."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.lab.cluster import ClusterLab
from tests.lab.lab import CLIENT, VIP4, Lab, instance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def flag_of(lab: Lab, node: str) -> pathlib.Path:
    """While it is there, the check of the node fails."""
    return lab.network.directory / f"bad-{node}"


def command(flag: pathlib.Path) -> str:
    return f"/bin/sh -c 'test ! -e {flag}'"


def check(flag: pathlib.Path, *lines: str) -> list[str]:
    asked = ["  misc {", f'    misc_path "{command(flag)}"', "    user root", "  }"]
    return ["check chk {", *asked, "  interval 0.1", *(f"  {line}" for line in lines), "}"]


def start(lab: Lab, priorities: Sequence[int], *body: str, said: Sequence[str] = (), more: Sequence[str] = ()) -> None:
    """said: in the check; more: further blocks; body: in the instance."""
    for node, priority in zip(("n1", "n2"), priorities, strict=True):
        blocks = [*check(flag_of(lab, node), *said), *more]
        lab.start(node, instance(priority, *body), blocks=blocks)
    lab.until_owner("n1")


def of(lab: Lab, node: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.status(node)["instances"][0]
    return found


def test_a_failing_check_moves_the_address_and_it_comes_back(lab: Lab) -> None:
    start(lab, (150, 100), "track_check {", "  chk", "}")
    flag_of(lab, "n1").touch()
    lab.until_owner("n2")
    assert "check chk failed: exit 1" in of(lab, "n1")["faults"][0]["reason"]
    flag_of(lab, "n1").unlink()
    lab.until_owner("n1")


def test_a_combination_says_which_of_its_members_is_down(lab: Lab) -> None:
    ping = ["check client {", "  ping {", f"    target {lab.network.address(CLIENT)}", "  }", "  interval 0.1", "}"]
    both = ["check both {", "  all chk client", "}"]
    start(lab, (150, 100), "track_check {", "  both", "}", more=[*ping, *both])
    flag_of(lab, "n1").touch()
    lab.until_owner("n2")
    assert "check both: 1 of 2 is up, 2 must be: check chk failed" in of(lab, "n1")["faults"][0]["reason"]
    (shown,) = lab.status("n1")["combinations"]
    assert (shown["result"], shown["members"]) == ("down", ["check chk", "check client"])
    flag_of(lab, "n1").unlink()
    lab.until_owner("n1")


def test_nopreempt_leaves_a_master_that_got_worse_and_does_not_come_back(lab: Lab) -> None:
    start(lab, (120, 100), "nopreempt", "track_check {", "  chk weight -50", "}")
    flag_of(lab, "n1").touch()
    lab.until_owner("n2")
    assert "which fell from 120: preempt" in of(lab, "n2")["reason"]
    flag_of(lab, "n1").unlink()
    lab.until(lambda: of(lab, "n1")["priority"] == 120, "n1 is well again")
    lab.until_owner("n2")
    assert of(lab, "n1")["state"] == "BACKUP"


@pytest.mark.parametrize("nopreempt", [(), ("nopreempt",)], ids=["preempt", "nopreempt"])
def test_if_all_are_unhealthy_the_best_owns_until_one_is_well(lab: Lab, nopreempt: tuple[str, ...]) -> None:
    start(lab, (150, 100), *nopreempt, "all_unhealthy best", "track_check {", "  chk", "}")
    flag_of(lab, "n2").touch()
    lab.until(lambda: of(lab, "n2")["priority"] == 9, "n2 is the last resort")
    flag_of(lab, "n1").touch()
    lab.until(lambda: of(lab, "n1")["priority"] == 9, "n1 is, too")
    lab.until(lambda: any(lab.has_address(node, VIP4) for node in ("n1", "n2")), "somebody owns it all the same")
    assert of(lab, "n1")["faults"] == of(lab, "n2")["faults"] == []
    flag_of(lab, "n2").unlink()
    lab.until_owner("n2")


def test_if_all_are_unhealthy_nobody_owns_unless_that_is_wanted(lab: Lab) -> None:
    start(lab, (150, 100), "track_check {", "  chk", "}")
    for node in ("n1", "n2"):
        flag_of(lab, node).touch()
    lab.until(lambda: {of(lab, node)["state"] for node in ("n1", "n2")} == {"FAULT"}, "both are in FAULT")
    assert not any(lab.has_address(node, VIP4) for node in ("n1", "n2"))


def test_what_flaps_is_held_down_until_an_operator_says_otherwise(lab: Lab) -> None:
    start(lab, (150, 100), "track_check {", "  chk", "}", said=["flap_damping 600 600"])
    for _ in range(2):
        flag_of(lab, "n1").touch()
        lab.until(lambda: of(lab, "n1")["state"] == "FAULT", "the check failed")
        flag_of(lab, "n1").unlink()
        lab.until(lambda: lab.status("n1")["checks"][0]["probes"]["last"]["ok"], "it answers again")
    lab.until(lambda: lab.status("n1")["damping"][0]["held_s"] is not None, "it is held down")
    lab.until_owner("n2")
    runtime_dir = str(lab.daemons["n1"].directory / "run")
    reset = [sys.executable, "-m", "alived", "track", "reset", "chk", "--runtime-dir", runtime_dir]
    done = subprocess.run(reset, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "check chk: 2 falls are forgotten\n"), done.stderr
    lab.until_owner("n1")


class TestCluster:
    """A node whose check fails hands over; it leads again only when asked. With `best` somebody always owns."""

    def started(self, lab: ClusterLab, **more: Any) -> str:
        """The owner, when it has settled."""
        lab.groups = [lab.group(f"{VIP4}/24", track_check=["chk"], **more)]
        for member in lab.members:
            node = member.id
            asked = {"misc_path": command(flag_of(lab, node)), "user": "root"}
            lab.prepare(node, top={"checks": [{"name": "chk", "misc": asked, "interval": "100ms"}]})
            lab.daemons[node].start()
        lab.until_leader()
        self.observer = lab.observe()
        return lab.until_settled(self.observer)

    def test_a_sick_leader_hands_over_and_does_not_campaign(self, cluster_lab: ClusterLab) -> None:
        lab = cluster_lab
        old = self.started(lab)
        flag_of(lab, old).touch()
        new = lab.until_another(self.observer, old)
        lab.until(lambda: lab.member_view(new).get("leader") not in ("", old), "the leadership goes too")
        third = next(member.id for member in lab.members if member.id not in (old, new))
        lab.kill(new)
        assert lab.until_settled(self.observer, [old, third]) == third
        assert lab.member_view(third)["leader"] == third, "the sick one can vote, and does not lead"

    def test_with_best_a_sick_node_owns_for_want_of_a_better_one(self, cluster_lab: ClusterLab) -> None:
        lab = cluster_lab
        self.started(lab, all_unhealthy="best")
        for member in lab.members:
            flag_of(lab, member.id).touch()
        priorities = lambda: {lab.status(m.id)["raft_groups"][0]["priority"] for m in lab.members}  # noqa: E731
        lab.until(lambda: priorities() == {0}, "all are unwell")
        owner = lab.until_settled(self.observer)
        well = next(member.id for member in lab.members if member.id != owner)
        flag_of(lab, well).unlink()
        assert lab.until_settled(self.observer, [well]) == well
