"""The daemon around an owner elected by Raft: one process for all, another configuration, a damaged log, questions."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.lab.cluster import RELAXED, ClusterLab, Observer, term_of
from tests.lab.lab import VIP4

pytestmark = pytest.mark.lab

SECOND_VIP = "192.0.2.101"


def settle(lab: ClusterLab) -> tuple[Observer, str]:
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    return observer, lab.until_settled(observer)


def test_a_daemon_of_one_process_owns_and_hands_over(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    for node in lab.nodes:
        lab.prepare(node)
        command = [*lab.daemons[node].command(), "--single"]
        lab.daemons[node].command = lambda command=command: command
        lab.daemons[node].start()
    lab.until_leader()
    observer = lab.observe()
    old = lab.until_settled(observer)
    assert {process["role"] for process in lab.status(old)["processes"]} == {"parent", "engine", "worker", "raft"}
    assert len({process["pid"] for process in lab.status(old)["processes"]}) == 1
    end_ns = time.time_ns()
    lab.daemons[old].terminate()
    lab.until_another(observer, old)
    lab.assert_silent(observer, old, end_ns)


def test_an_address_more_comes_with_a_reload_and_the_owner_stays(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    observer, owner = settle(lab)
    term = term_of(lab.member_view(owner))
    lab.groups = [lab.group(f"{VIP4}/24", f"{SECOND_VIP}/24")]
    begin_ns = time.time_ns()
    for node in lab.daemons:
        lab.prepare(node, cluster=RELAXED)
        lab.daemons[node].reload()
    lab.until(lambda: lab.has_address(owner, SECOND_VIP), "the owner binds the second address")
    observer.watch(0.5)
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
    assert term_of(lab.member_view(owner)) == term
    second = lab.observe(SECOND_VIP)
    assert lab.until_settled(second) == owner, "it passes the fence too"


def test_another_cluster_in_the_file_takes_nothing_from_who_owns(cluster_lab: ClusterLab) -> None:
    """A node that is told of another directory of its own hands over, and begins anew as a follower."""
    lab = cluster_lab
    observer, old = settle(lab)
    begin_ns = time.time_ns()
    text = lab.daemons[old].config.read_text()
    elsewhere = lab.directory(old) / "elsewhere"
    elsewhere.mkdir()
    lab.daemons[old].config.write_text(text.replace(str(lab.directory(old) / "data"), str(elsewhere)))
    lab.daemons[old].reload()
    new = lab.until_another(observer, old)
    lab.assert_silent(observer, old, begin_ns)
    lab.until(lambda: lab.member_view(old).get("leader") == new, "it follows, with a log from the leader")
    observer.watch(0.5)
    assert lab.until_settled(observer) == new


def test_a_damaged_log_refuses_the_start_and_the_others_go_on(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    observer, owner = settle(lab)
    ill = next(node for node in lab.nodes if node != owner)
    lab.kill(ill)
    (segment,) = (lab.directory(ill) / "data").glob("log-*")
    content = bytearray(segment.read_bytes())
    content[len(content) // 3] ^= 0xFF
    segment.write_bytes(content)
    lab.daemons[ill].start()
    lab.until(lambda: not lab.daemons[ill].alive, "it does not start")
    assert f"cannot use {segment}" in lab.daemons[ill].log
    assert segment.read_bytes() == content, "what is there is untouched"
    assert lab.until_settled(observer) == owner


def test_the_last_of_three_goes_on_when_the_others_are_lost_for_good(cluster_lab: ClusterLab) -> None:
    """The last resort: refused as long as a majority answers, done after that, and never silently."""
    lab = cluster_lab
    observer, owner = settle(lab)
    left, *lost = [node for node in lab.nodes if node != owner] + [owner]
    confirmed = ("recover", "--voters", left, "--yes-a-majority-is-lost-for-good")
    assert lab.cluster(left, *confirmed[:3], check=False).returncode == 2, "it must be said that they are lost"
    refused = lab.cluster(left, *confirmed, check=False)
    assert refused.returncode == 1 and "a majority answers" in refused.stderr
    assert lab.until_settled(observer) == owner
    for node in lost:
        lab.kill(node)
    lab.until_nobody(observer)
    lab.until(
        lambda: lab.cluster(left, *confirmed, check=False).returncode == 0, "the others are silent for long enough"
    )
    assert lab.until_settled(observer) == left
    view = lab.member_view(left)
    assert (view["voters"], view["leader"]) == (1, left)
    (copy,) = (lab.directory(left) / "data").glob("log-*Z-*")
    assert str(copy) in lab.daemons[left].log
    assert "RECOVER with" in alived(lab, left, "history")


def test_every_node_tells_who_owns_and_why(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    _, owner = settle(lab)
    for node in lab.nodes:
        lab.until(
            lambda node=node: [one["owner"] for one in lab.member_view(node)["owners"]] == [owner],
            f"{node} knows the owner",
        )
        status = lab.status(node)
        (group,) = status["raft_groups"]
        assert group["state"] == ("MASTER" if node == owner else "BACKUP")
        assert group["reason"] and status["cluster"]["leader"] == owner
        assert (group["lease_left_ms"] is not None) is (node == owner)
    told = alived(lab, owner, "status")
    assert "MASTER" in told and f"owner {owner} (known " in told and f"addresses: {VIP4}/24 dev eth0" in told
    assert "BACKUP -> MASTER" in alived(lab, owner, "history")
    assert "1 more may fail" in alived(lab, owner, "cluster", "members")


def alived(lab: ClusterLab, node: str, *arguments: str) -> str:
    """What a command says at a node."""
    command = [sys.executable, "-m", "alived", *arguments, "--runtime-dir", str(lab.directory(node) / "run")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
