"""A member of a cluster: forming, electing, owning, starting again, ending."""

from __future__ import annotations

from alived.raft.member_events import MemberShutdown, Phase
from tests.raft.cluster import MS, Cluster, members


def test_three_blank_nodes_form_a_cluster_and_one_owns() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    assert owner == cluster.leader() != ""
    ids = {cluster.member(name).snapshot().formed for name in "abc"}
    assert len(ids) == 1 and "" not in ids
    assert all(cluster.member(name).snapshot().phase is Phase.RUNNING for name in "abc")


def test_a_node_alone_forms_and_owns() -> None:
    cluster = Cluster(members("a"))
    cluster.start()
    assert cluster.settle() == "a"


def test_a_minority_forms_nothing() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a")
    cluster.run(3_000 * MS)
    assert cluster.member("a").snapshot().phase is Phase.FORMING
    cluster.start("b")
    assert cluster.settle() in ("a", "b")


def test_a_late_node_joins() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a", "b")
    cluster.settle()
    cluster.start("c")
    cluster.run(1_000 * MS)
    assert [len(cluster["c"].said(code)) for code in ("joins", "forms", "caught-up")] == [1, 0, 1]
    c = cluster.member("c").snapshot()
    assert c.phase is Phase.RUNNING
    assert c.formed == cluster.member("a").snapshot().formed
    first = cluster.owner()
    cluster.kill(first)
    cluster.until(lambda: cluster.owner() not in ("", first))


def test_everything_survives_a_restart() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    cluster.settle()
    formed = cluster.member("a").snapshot().formed
    term = cluster.member("a").snapshot().term
    cluster.kill("a", "b", "c")
    cluster.run(300 * MS)
    assert not cluster.owner()
    cluster.start()
    cluster.settle()
    assert cluster.member("b").snapshot().formed == formed
    assert cluster.member("b").snapshot().term > term


def test_the_owner_dies_and_another_takes_over() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    first = cluster.settle()
    cluster.kill(first)
    cluster.until(lambda: not cluster.owner())
    took_ns = cluster.until(lambda: bool(cluster.owner()))
    assert cluster.owner() != first
    assert took_ns < 400 * MS


def test_the_end_of_a_leader_hands_over_first() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    first = cluster.settle()
    cluster.step(first, MemberShutdown())
    gap_ns = cluster.until(lambda: cluster.hosts[first].finished)
    assert gap_ns < 20 * MS
    cluster.until(lambda: bool(cluster.owner()), 20 * MS)
    assert cluster.owner() not in ("", first)


def test_an_idle_cluster_is_quiet() -> None:
    """Heartbeats and their answers to two followers, 25 times a second; reports and status once a second."""
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    cluster.run(2_000 * MS)
    cluster.sent.clear()
    saves = {name: len(host.saves) for name, host in cluster.hosts.items()}
    leases = {name: len(host.engine.heard) for name, host in cluster.hosts.items()}
    cluster.run(10_000 * MS)
    assert len(cluster.sent) <= 10 * (2 * 2 * 25 + 4 + 2) + 10
    assert {name: len(host.saves) for name, host in cluster.hosts.items()} == saves
    for name, host in cluster.hosts.items():
        assert len(host.engine.heard) - leases[name] <= (252 if name == owner else 11)
