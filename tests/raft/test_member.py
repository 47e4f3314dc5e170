"""A member of a cluster: forming, electing, owning, starting again, ending."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import DeadlineReached
from alived.raft.config import RaftInstance
from alived.raft.consensus import KEPT_ENTRIES
from alived.raft.directory import Wished, encode_command
from alived.raft.member_events import Arrived, Leases, MemberEffect, MemberReconfigured, MemberShutdown, Phase
from alived.raft.messages import Heartbeat, HeartbeatResponse, InstallSnapshot, Proposal, VoteRequest, VoteResponse
from alived.raft.packets import Asked, Told
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


def test_every_node_says_who_leads_and_that_nobody_does() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    first = cluster.settle()
    term = cluster.member(first).snapshot().term
    followers = [name for name in "abc" if name != first]
    for name in followers:
        assert cluster[name].said("follows") == [f"follows {first}, which leads in term {term}"]
    assert cluster[first].said("raft-became-leader") == [f"{first} is the leader of term {term}"]
    cluster.kill(first)
    cluster.until(lambda: cluster.leader() not in ("", first))
    assert any(cluster[name].said("no-leader") for name in followers)


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


@pytest.mark.parametrize("hangs", [False, True])
def test_the_vote_of_an_owner_leaves_when_its_engine_has_let_go(hangs: bool) -> None:
    """The present leader's own promise is the only one that it may break: its vote must wait."""
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    other = next(host for host in cluster.hosts.values() if host.name != owner)
    cluster.isolate(owner)
    cluster[owner].engine.hangs = hangs
    until_ns = cluster[owner].engine.until_ns["web"]
    cluster.sent.clear()
    term = cluster.member(owner).snapshot().term + 1
    request = VoteRequest(
        sender=other.number, to=cluster[owner].number, term=term, index=99, log_term=term, transfer=True
    )
    cluster.step(owner, Arrived(other.number, request))

    def voted() -> bool:
        return any(isinstance(packet, VoteResponse) for _, _, packet in cluster.sent)

    assert not voted()
    took_ns = cluster.until(voted)
    assert cluster.owner() == ""
    if hangs:
        assert cluster.now_ns >= until_ns
    else:
        assert took_ns <= 5 * MS


def test_packets_in_the_name_of_others_mean_nothing() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    [b, c] = [host for host in cluster.hosts.values() if host.name != owner]
    term = cluster.member(owner).snapshot().term
    for sender, to in ((c.number, b.number), (cluster[owner].number, c.number)):
        heartbeat = Heartbeat(sender=sender, to=to, term=term + 5)
        cluster.step(b.name, Arrived(cluster[owner].number, heartbeat))
    cluster.step(owner, Arrived(b.number, Proposal(sender=b.number, to=cluster[owner].number, entries=())))
    cluster.step(b.name, Arrived(4711, Heartbeat(sender=4711, to=b.number, term=term + 5)))
    cluster.run(500 * MS)
    assert cluster.member(b.name).snapshot().term == term
    assert cluster.owner() == owner


def test_a_command_of_a_later_version_is_answered() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    [other, third] = [host for host in cluster.hosts.values() if host.name != owner]
    cluster.sent.clear()
    for name in (owner, third.name):
        cluster.step(name, Arrived(other.number, Asked(request=3, command=b'{"type":"Dance"}')))
    [told] = [packet for _, _, packet in cluster.sent if isinstance(packet, Told)]
    assert not told.ok and told.text.startswith("the leader does not understand the command")


def test_the_log_is_compacted() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    leader = cluster.settle()
    for _ in range(KEPT_ENTRIES + 10):
        consensus = cluster.member(leader).consensus
        assert consensus is not None
        consensus.node.propose(encode_command(Wished(leader)))
        cluster.run(2 * MS)
    cluster.run(100 * MS)
    for host in cluster.hosts.values():
        assert host.storage.last_index - host.storage.first_index < KEPT_ENTRIES
        assert host.storage.first_index > KEPT_ENTRIES
    cluster.kill("a", "b", "c")
    cluster.start()
    cluster.settle()
    assert cluster.member("a").snapshot().formed


def test_members_of_the_file_do_not_matter_after_the_cluster_is_formed() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    cluster.settle()
    settings = cluster["a"].settings
    moved = members("a", "x", "c")
    changed = msgspec.structs.replace(settings.cluster, members=moved)
    cluster.step("a", MemberReconfigured(changed, settings.groups))
    assert cluster["a"].said("members-differ") == [
        "the configuration and the cluster differ about b, x: the cluster is right, it is changed by `alived cluster "
        "add` and `remove`"
    ]
    assert {member.id for member in cluster["a"].peers.values()} == {"b", "c"}
    cluster.kill("a")
    cluster["a"].settings = msgspec.structs.replace(settings, cluster=changed)
    cluster.start("a")
    cluster.run(300 * MS)
    assert len(cluster["a"].said("members-differ")) == 2


def test_before_it_is_formed_they_do() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a")
    settings = cluster["a"].settings
    alone = msgspec.structs.replace(settings.cluster, members=members("a"))
    cluster.step("a", MemberReconfigured(alone, settings.groups))
    assert cluster.settle() == "a"


def test_a_group_comes_and_goes_with_a_reload() -> None:
    cluster = Cluster(members("a"))
    cluster.start()
    cluster.settle()
    settings = cluster["a"].settings
    cluster["a"].engine.able["mail"] = True
    both = (RaftInstance(name="web"), RaftInstance(name="mail"))
    cluster.step("a", MemberReconfigured(settings.cluster, both))
    cluster.engine_reports("a")
    cluster.run(100 * MS)
    assert cluster.owner("mail") == cluster.owner("web") == "a"
    cluster.step("a", MemberReconfigured(settings.cluster, both[1:]))
    cluster.run(10 * MS)
    assert (cluster.owner("mail"), cluster.owner("web")) == ("a", "")


def test_a_node_alone_ends_when_its_engine_has_let_go() -> None:
    cluster = Cluster(members("a"))
    cluster.start()
    cluster.settle()
    for _ in range(2):
        cluster.step("a", MemberShutdown())
    assert not cluster["a"].finished
    assert cluster.until(lambda: cluster["a"].finished) <= 3 * MS
    assert not cluster.owner()


def test_a_snapshot_that_is_lost_is_sent_again() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a", "b")
    cluster.settle()
    lost = []

    def first(sender: str, to: str, packet: object) -> bool:
        if isinstance(packet, InstallSnapshot) and not lost:
            lost.append(packet)
            return True
        return False

    cluster.loses = first
    cluster.start("c")
    cluster.until(lambda: cluster.member("c").snapshot().phase is Phase.RUNNING)
    assert lost


def test_a_blank_node_ends_at_once() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a")
    cluster.step("a", MemberShutdown())
    assert cluster["a"].finished
    assert cluster.member("a").deadline_ns is None


def test_a_leader_that_ends_with_nobody_there_ends_all_the_same() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    cluster.kill(*(name for name in "abc" if name != owner))
    cluster.step(owner, MemberShutdown())
    cluster.until(lambda: cluster.hosts[owner].finished, 400 * MS)
    assert not cluster.owner()


def test_how_many_may_fail() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    cluster.run(10 * MS)
    assert {cluster.member(name).snapshot().tolerated_failures for name in "abc"} == {-1}
    owner = cluster.settle()
    cluster.run(500 * MS)
    assert {cluster.member(name).snapshot().tolerated_failures for name in "abc"} == {1}
    dead = next(name for name in "abc" if name != owner)
    cluster.kill(dead)
    cluster.run(500 * MS)
    assert {cluster.member(name).snapshot().tolerated_failures for name in "abc" if name != dead} == {0}


def test_a_node_without_a_disk_does_not_vote() -> None:
    """What it promised to the dead leader, it does not know any more."""
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    owner = cluster.settle()
    [first, second] = [name for name in "abc" if name != owner]
    cluster.kill(first)
    cluster.add(first)
    cluster.kill(owner)
    cluster.start(first)
    cluster.run(3_000 * MS)
    assert cluster.member(first).snapshot().phase is Phase.JOINING
    assert not cluster.leader() or cluster.leader() == owner
    cluster.start(owner)
    cluster.until(lambda: cluster.member(first).snapshot().phase is Phase.RUNNING)
    assert cluster.leader() in (owner, second)


def test_a_node_that_has_not_caught_up_knows_it_after_a_restart() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a", "b")
    cluster.settle()
    # Nobody tells how far the log goes.
    cluster.loses = lambda sender, to, packet: type(packet).__name__ == "ReadIndexResponse"
    cluster.start("c")
    cluster.run(1_000 * MS)
    assert cluster["c"].storage.first_index > 1
    for _ in range(2):
        assert cluster.member("c").snapshot().phase is Phase.JOINING
        cluster.kill("c")
        cluster.start("c")
        cluster.run(300 * MS)
    cluster.loses = lambda sender, to, packet: False
    cluster.until(lambda: cluster.member("c").snapshot().phase is Phase.RUNNING)


def test_what_came_together_is_heard_before_anything_is_done() -> None:
    """Two answers to a round, read at once: one renewal for the engine, not two looks at everything."""
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    leader = cluster.settle()
    member = cluster.member(leader)
    assert member.consensus is not None
    node = member.consensus.node
    node.beat()
    cluster.step(leader, DeadlineReached())
    term, round_ = node.raft.term, node.raft.round
    first, second = (host.number for name, host in cluster.hosts.items() if name != leader)

    def answer(sender: int, *, more: bool) -> list[MemberEffect]:
        said = HeartbeatResponse(sender=sender, to=member.number, term=term, round=round_)
        return member.step(Arrived(sender, said, more), cluster.now_ns)

    assert answer(first, more=True) == []
    assert [type(effect) for effect in answer(second, more=False)] == [Leases]
    assert node.raft.confirmed_round == round_
