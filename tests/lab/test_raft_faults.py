"""Three real daemons that elect by Raft, and an observer on the wire.

Whatever dies, freezes or is cut off: once the new owner has answered, the old one never does again.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from alived.adapters.netns import signal_all
from alived.cli.demo_cluster import PORT
from tests.lab.cluster import RELAXED, ClusterLab, Observer, term_of
from tests.lab.lab import CLIENT, VIP4, VIP6

pytestmark = pytest.mark.lab

NODES = ("n1", "n2", "n3")
Fault = Callable[[ClusterLab, str], None]


def others(node: str) -> list[str]:
    return [one for one in NODES if one != node]


def kill_tree(lab: ClusterLab, owner: str) -> None:
    lab.daemons[owner].kill(lab.daemons[owner].pids())


def freeze_tree(lab: ClusterLab, owner: str) -> None:
    lab.daemons[owner].freeze()


def freeze_raft(lab: ClusterLab, owner: str) -> None:
    lab.freeze(lab.pid_of(owner, "raft"))


def cut_both_ways(lab: ClusterLab, owner: str) -> None:
    """The nodes do not hear each other; the client hears and asks them all."""
    lab.drop(*((owner, one) for one in others(owner)), *((one, owner) for one in others(owner)))


def nobody_hears_the_owner(lab: ClusterLab, owner: str) -> None:
    lab.drop(*((owner, one) for one in others(owner)))


def the_owner_hears_nobody(lab: ClusterLab, owner: str) -> None:
    lab.drop(*((one, owner) for one in others(owner)))


def refuse(lab: ClusterLab, owner: str) -> None:
    lab.network.refuse(owner, PORT)


def pull_cable(lab: ClusterLab, owner: str) -> None:
    lab.network.set_cable(owner, plugged=False)


FAULTS: list[Fault] = [
    kill_tree,
    freeze_tree,
    freeze_raft,
    cut_both_ways,
    nobody_hears_the_owner,
    the_owner_hears_nobody,
    refuse,
    pull_cable,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_old_owner_is_silent_once_the_new_one_has_answered(cluster_lab: ClusterLab, fault: Fault) -> None:
    lab = cluster_lab
    lab.start_all()
    observer = lab.observe()
    old = lab.until_settled(observer)
    fault_ns = time.time_ns()
    fault(lab, old)
    lab.until_another(observer, old)
    lab.assert_silent(observer, old, fault_ns)


@pytest.mark.parametrize("fault", [kill_tree, freeze_tree, cut_both_ways], ids=lambda fault: fault.__name__)
def test_the_same_with_ipv6(cluster_lab: ClusterLab, fault: Fault) -> None:
    lab = cluster_lab
    lab.groups = [lab.group(f"{VIP6}/64")]
    lab.start_all()
    observer = lab.observe(VIP6)
    old = lab.until_settled(observer)
    fault_ns = time.time_ns()
    fault(lab, old)
    lab.until_another(observer, old)
    lab.assert_silent(observer, old, fault_ns)


def test_who_thaws_owns_nothing(cluster_lab: ClusterLab) -> None:
    """Not even for a moment, and the cluster is not disturbed: its term stays."""
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    old = lab.until_settled(observer)
    fault_ns = time.time_ns()
    lab.daemons[old].freeze()
    new = lab.until_another(observer, old)
    term = term_of(lab.member_view(new))
    lab.daemons[old].thaw()
    lab.until(lambda: lab.member_view(old).get("leader") == new, "it follows the new leader")
    observer.watch(1.0)
    assert lab.until_settled(observer) == new
    assert observer.owners(fault_ns) in ([old, new], [new]), lab.explain(observer, fault_ns)
    assert term_of(lab.member_view(new)) == term
    lab.until(lambda: not lab.has_address(old, VIP4), "and the address is gone there")


def test_all_frozen_and_thawed_together_never_have_two_owners(cluster_lab: ClusterLab) -> None:
    """A host of virtual machines that was paused."""
    lab = cluster_lab
    lab.start_all()
    observer = lab.observe()
    lab.until_settled(observer)
    fault_ns = time.time_ns()
    for node in NODES:
        lab.daemons[node].freeze()
    observer.watch(1.0)
    for node in NODES:
        lab.daemons[node].thaw()
    new = lab.until_settled(observer)
    assert observer.owners(fault_ns)[-1] == new, lab.explain(observer, fault_ns)


def test_a_frozen_engine_cannot_hold_the_address(cluster_lab: ClusterLab) -> None:
    """The raft process goes on, so the others hear a leader: the kernel lets the frozen engine's lease run out."""
    lab = cluster_lab
    lab.start_all()
    observer = lab.observe()
    old = lab.until_settled(observer)
    engine = lab.pid_of(old, "engine")
    fault_ns = time.time_ns()
    lab.freeze(engine)
    observer.watch(1.0)
    new = lab.until_settled(observer)
    lab.until(lambda: lab.pid_of(old, "engine") != engine, "another engine runs")
    assert observer.owners(fault_ns)[-1] == new, lab.explain(observer, fault_ns)


@pytest.mark.parametrize("role", ["engine", "raft"])
def test_a_dead_process_is_replaced_and_never_two_own(cluster_lab: ClusterLab, role: str) -> None:
    lab = cluster_lab
    lab.start_all()
    observer = lab.observe()
    old = lab.until_settled(observer)
    pid = lab.pid_of(old, role)
    fault_ns = time.time_ns()
    signal_all([pid], signal.SIGKILL)
    lab.until(lambda: lab.pid_of(old, role) != pid, f"another {role} runs")
    observer.watch(0.5)
    new = lab.until_settled(observer)
    assert observer.owners(fault_ns)[-1] == new, lab.explain(observer, fault_ns)


def test_a_cut_off_follower_that_comes_back_disturbs_nothing(cluster_lab: ClusterLab) -> None:
    """Pre-vote: it has campaigned in vain all the time, and yet the term is the same."""
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    owner = lab.until_settled(observer)
    follower = others(owner)[0]
    term = term_of(lab.member_view(owner))
    begin_ns = time.time_ns()
    lab.cut_off(follower)
    lab.until(lambda: lab.member_view(follower).get("leader") == "", "it follows nobody")
    observer.watch(2.5)
    lab.drop()
    lab.until(lambda: lab.member_view(follower).get("leader") == owner, "it follows again")
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
    assert term_of(lab.member_view(owner)) == term


def test_an_owner_that_was_cut_off_comes_back_as_a_follower(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    old = lab.until_settled(observer)
    fault_ns = time.time_ns()
    cut_both_ways(lab, old)
    new = lab.until_another(observer, old)
    term = term_of(lab.member_view(new))
    lab.drop()
    lab.until(lambda: lab.member_view(old).get("leader") == new, "it follows the new leader")
    assert lab.until_settled(observer) == new
    assert observer.owners(fault_ns) in ([old, new], [new]), lab.explain(observer, fault_ns)
    assert term_of(lab.member_view(new)) == term


def test_a_planned_transfer_has_no_moment_with_two(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    old = lab.until_settled(observer)
    begin_ns = time.time_ns()
    expected = [old]
    for _ in range(3):
        target = others(expected[-1])[0]
        lab.cluster(old, "transfer", target)
        assert lab.until_settled(observer) == target
        expected.append(target)
    assert observer.owners(begin_ns) == expected, lab.explain(observer, begin_ns)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_hands_over_first(cluster_lab: ClusterLab, signum: signal.Signals) -> None:
    lab = cluster_lab
    lab.start_all()
    observer = lab.observe()
    old = lab.until_settled(observer)
    begin_ns = time.time_ns()
    signal_all([lab.daemons[old].pid], signum)
    lab.until_another(observer, old)
    lab.daemons[old].wait()
    lab.assert_silent(observer, old, begin_ns)
    assert not lab.has_address(old, VIP4)
    assert not lab.network.pids(old)


@pytest.mark.parametrize("policy", ["release", "hold"])
def test_quorum_lost(cluster_lab: ClusterLab, policy: str) -> None:
    """release: nobody owns without a majority. hold: the owner goes on, and ends when another leader is heard of."""
    lab = cluster_lab
    lab.start_all(cluster={"quorum_lost": policy, **RELAXED})
    observer = lab.observe()
    owner = lab.until_settled(observer)
    for node in others(owner):
        lab.kill(node)
    fault_ns = time.time_ns()
    if policy == "release":
        lab.until_nobody(observer)
        assert not lab.has_address(owner, VIP4)
    else:
        observer.watch(2.0)
        assert lab.until_settled(observer) == owner
    lab.daemons[others(owner)[0]].start()
    new = lab.until_settled(observer)
    assert observer.owners(fault_ns) in ([owner], [owner, new], [new]), lab.explain(observer, fault_ns)


def test_hold_ends_when_the_cut_is_mended(cluster_lab: ClusterLab) -> None:
    """What hold means: two owners while the network is cut, one as soon as it is whole."""
    lab = cluster_lab
    lab.start_all(cluster={"quorum_lost": "hold"})
    observer = lab.observe()
    old = lab.until_settled(observer)
    cut_both_ways(lab, old)
    lab.until(lambda: any(lab.has_address(node, VIP4) for node in others(old)), "the majority elects another")
    assert lab.has_address(old, VIP4), "and the old one holds"
    lab.drop()
    new = lab.until_settled(observer)
    lab.until(lambda: [node for node in NODES if lab.has_address(node, VIP4)] == [new], "one is left")


def test_a_follower_behind_a_one_way_cable_moves_nothing(cluster_lab: ClusterLab) -> None:
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    owner = lab.until_settled(observer)
    follower = others(owner)[0]
    begin_ns = time.time_ns()
    lab.drop((follower, owner), (follower, CLIENT))
    observer.watch(1.5)
    lab.drop((owner, follower))
    observer.watch(2.5)
    lab.drop()
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)


def test_faults_in_a_row(cluster_lab: ClusterLab) -> None:
    """Each hits whoever owns at that moment, and is mended before the next."""
    lab = cluster_lab
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    row: list[tuple[Fault, Callable[[ClusterLab, str], object]]] = [
        (freeze_tree, lambda lab, node: lab.daemons[node].thaw()),
        (cut_both_ways, lambda lab, _: lab.drop()),
        (kill_tree, lambda lab, node: lab.daemons[node].start()),
        (pull_cable, lambda lab, node: lab.network.set_cable(node, plugged=True)),
        (nobody_hears_the_owner, lambda lab, _: lab.drop()),
    ]
    for fault, mend in row:
        old = lab.until_settled(observer)
        fault_ns = time.time_ns()
        fault(lab, old)
        new = lab.until_another(observer, old)
        assert observer.owners(fault_ns) in ([old, new], [new]), f"{fault.__name__}\n{lab.explain(observer, fault_ns)}"
        mend(lab, old)
        lab.until(lambda: lab.member_view(old).get("leader", "") in NODES, f"{old} is back")  # noqa: B023 called at once
        assert_one_owner_until_all_is_well(lab, observer, new)


def assert_one_owner_until_all_is_well(lab: ClusterLab, observer: Observer, owner: str) -> None:
    begin_ns = time.time_ns()
    observer.watch(0.5)
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
