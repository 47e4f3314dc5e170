"""Who campaigns first when the leader falls silent, and who leads on when nobody hears."""

from __future__ import annotations

import pytest

from alived.raft.config import Member, Profile, QuorumLost, RaftInstance, Role
from alived.raft.directory import node_number
from alived.raft.member_events import AddMember, Asking
from alived.raft.messages import Heartbeat, TimeoutNow
from alived.raft.profiles import TIMERS
from alived.raft.turns import RELUCTANT_TIMEOUTS, WITNESS_TIMEOUTS, patience_ticks
from tests.raft.cluster import MS, Cluster, members

TIMES = TIMERS[Profile.LAN]
NODES = members("a", "b", "c", "w", "l", a={"priority": 150}, w={"role": Role.WITNESS}, l={"role": Role.LEARNER})
BY_NUMBER = {node_number(member.id): member for member in NODES}


def patience(name: str, leader: str = "", *, able: bool = True) -> int | None:
    return patience_ticks(node_number(name), BY_NUMBER, node_number(leader) if leader else 0, TIMES, able=able)


def test_the_best_of_those_that_are_left_goes_first() -> None:
    assert patience("a") == TIMES.margin_ticks
    assert patience("c") == TIMES.margin_ticks + TIMES.turn_ticks  # Among equals the names decide.
    assert patience("b") == TIMES.margin_ticks + 2 * TIMES.turn_ticks
    assert patience("c", leader="a") == TIMES.margin_ticks


def test_who_could_not_own_waits_longest_and_who_never_owns_does_not_ask() -> None:
    assert patience("a", able=False) == RELUCTANT_TIMEOUTS * TIMES.election_ticks
    assert patience("w") == WITNESS_TIMEOUTS * TIMES.election_ticks
    assert patience("l") is None
    assert patience("x") is None


def led_by_a(seed: int = 1) -> Cluster:
    cluster = Cluster(members("a", "b", "c", a={"priority": 120}, b={"priority": 110}), seed=seed)
    for name, priority in (("a", 120), ("b", 110)):
        cluster[name].engine.priority = priority
    cluster.start()
    cluster.until(lambda: cluster.owner() == "a")
    cluster.run(200 * MS)
    return cluster


@pytest.mark.parametrize("seed", range(10))
def test_a_leader_dies_and_the_best_of_the_others_follows_without_a_split_vote(seed: int) -> None:
    cluster = led_by_a(seed)
    term = cluster.member("a").snapshot().term
    cluster.sent.clear()
    cluster.until(lambda: any(isinstance(packet, Heartbeat) for _, _, packet in cluster.sent))
    cluster.run(MS)  # It arrives.
    cluster.kill("a")
    turn_ns = (TIMES.election_ticks + TIMES.margin_ticks + 1) * TIMES.tick_ns + 8 * MS
    """Nothing is drawn but a part of a tick; the rest is for messages and the engine"""
    assert cluster.until(lambda: cluster.owners() == ["b"]) <= turn_ns
    assert cluster.member("b").snapshot().term == term + 1


def deaf(cluster: Cluster, name: str) -> None:
    """It hears nobody, all hear it."""
    cluster.cut = {(other, name) for other in cluster.hosts if other != name}


def test_a_leader_that_hears_nobody_asks_another_to_take_over_when_its_lease_has_ended() -> None:
    """It would keep the others from electing somebody for as long as it is heard."""
    cluster = led_by_a()
    deaf(cluster, "a")
    view = cluster.member("a").snapshot()
    took_ns = cluster.until(lambda: cluster.owner() not in ("", "a"))
    assert took_ns <= view.lease_ns + TIMES.tick_ns, "an election timeout less than by waiting for its silence"
    assert cluster.owner() == "b"
    assert cluster.member("b").snapshot().term == view.term + 1


def test_a_leader_that_hears_nobody_asks_nobody_before_its_engine_has_let_go() -> None:
    cluster = led_by_a()
    deaf(cluster, "a")
    cluster["a"].engine.hangs = True
    cluster.until(lambda: cluster.member("a").snapshot().role != "leader")
    until_ns = cluster["a"].engine.until_ns["web"]
    cluster.until(lambda: any(isinstance(packet, TimeoutNow) for _, _, packet in cluster.sent))
    assert cluster.now_ns >= until_ns + TIMES.silence_ns


def test_a_leader_that_goes_on_without_a_majority_asks_nobody_to_take_over() -> None:
    cluster = Cluster(members("a", "b", "c"), [RaftInstance(name="web", quorum_lost=QuorumLost.HOLD)])
    cluster.start()
    cluster.until(lambda: cluster.owner() != "")
    cluster.run(200 * MS)
    owner = cluster.owner()
    deaf(cluster, owner)
    cluster.until(lambda: cluster.member(owner).snapshot().role != "leader")
    assert cluster.owner() == owner
    assert not any(isinstance(packet, TimeoutNow) for _, _, packet in cluster.sent)


def test_a_stall_is_no_silence() -> None:
    """Rounds that were not sent were not left unanswered: the leader asks first."""
    cluster = led_by_a()
    term = cluster.member("a").snapshot().term
    cluster.now_ns += 140 * MS
    cluster.run(500 * MS)
    assert cluster.owner() == "a"
    assert cluster.member("a").snapshot().term == term


def test_a_witness_that_alone_has_the_whole_log_leads_until_the_other_node_has_it() -> None:
    """The other node was away while owner and witness went on, and comes back when the owner is dead."""
    cluster = Cluster(members("a", "b", "w", w={"role": Role.WITNESS}))
    cluster.start()
    cluster.until(lambda: cluster.owner() != "")
    first = cluster.owner()
    other = "b" if first == "a" else "a"
    cluster.kill(other)
    cluster.step(first, Asking(1, AddMember(Member(id="d", address="10.0.0.9", role=Role.LEARNER))))
    cluster.run(500 * MS)
    cluster.kill(first)
    cluster.run(500 * MS)
    cluster.start(other)
    cluster.until(lambda: cluster.owners() == [other])
    cluster.until(lambda: cluster.leader() == other)
    assert not any(leases.held for leases in cluster["w"].engine.heard)
