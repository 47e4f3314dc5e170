"""Planned hand-overs: what is owned goes first, the leadership follows, and nobody notices that."""

from __future__ import annotations

import itertools

import pytest

from alived.raft.member_events import Arrived, Asking, Transfer
from alived.raft.messages import TimeoutNow, VoteRequest, VoteResponse
from tests.raft.cluster import ENGINE_NS, MS, NETWORK_NS, Cluster, members


def handed_over(cluster: Cluster, to: str, duration_ns: int) -> list[str]:
    """Leadership is to go to `to`; who owned meanwhile, every 0.1 ms."""
    cluster.step(cluster.leader(), Asking(1, Transfer(to)))
    story = []
    for _ in range(10 * duration_ns // MS):
        cluster.run(MS // 10)
        story.append(cluster.owner())
    return story


def long_settled() -> tuple[Cluster, str, str]:
    """All are well for long enough; who owns, and another one."""
    cluster = Cluster(members("a", "b", "c"))
    cluster.start()
    cluster.settle()
    cluster.run(1_500 * MS)
    first = cluster.owner()
    return cluster, first, next(name for name in "cba" if name != first)


def test_what_is_owned_goes_first_and_the_leadership_follows() -> None:
    cluster, first, other = long_settled()
    term = cluster.member(first).snapshot().term
    story = handed_over(cluster, other, 40 * MS)
    assert story.count("") * MS // 10 <= NETWORK_NS + ENGINE_NS + MS // 5, "a message, and an engine that binds"
    assert [owner for owner, _ in itertools.groupby(story) if owner] == [first, other]
    assert cluster.leader() == other
    assert cluster.member(other).snapshot().term == term + 1
    cluster.run(1_000 * MS)
    assert cluster.leader() == cluster.owner() == other


def test_an_heir_owns_on_while_it_waits_for_votes() -> None:
    """Its election takes half of what it was granted."""
    cluster, first, other = long_settled()
    cluster.later(8 * MS, lambda: cluster.isolate(other))
    cluster.later(60 * MS, cluster.heal)
    story = handed_over(cluster, other, 60 * MS)
    assert cluster.leader() == other != first
    assert story[-1] == other


def test_an_heir_that_is_not_elected_lets_go_when_what_it_was_granted_ends() -> None:
    cluster, first, other = long_settled()
    cluster.loses = lambda sender, to, packet: isinstance(packet, VoteRequest | VoteResponse)
    story = handed_over(cluster, other, 200 * MS)
    assert story.count(other) * MS // 10 <= cluster.member(first).snapshot().lease_ns
    assert not cluster.owner()
    cluster.loses = lambda sender, to, packet: False
    cluster.until(lambda: cluster.owner() != "")


def test_an_heir_that_does_not_take_what_it_is_granted_gets_the_leadership_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have hooks that take their time."""
    cluster, first, other = long_settled()
    monkeypatch.setattr(cluster[other].engine, "holds", lambda group, now_ns: False)
    story = handed_over(cluster, other, 200 * MS)
    assert first not in story[100:]
    assert cluster.leader() == other
    monkeypatch.undo()
    assert cluster.owner() == other


def test_who_has_just_started_does_not_take_over() -> None:
    """Its engine may hold what was granted to its former process, and it does not know that."""
    cluster, first, other = long_settled()
    asked = Arrived(cluster[first].number, TimeoutNow(sender=cluster[first].number, to=cluster[other].number, term=99))
    for pause_ms, follows in ((5, False), (200, True)):
        cluster.kill(other)
        cluster.start(other)
        cluster.run(pause_ms * MS)
        before = cluster.member(other).snapshot().term
        cluster.step(other, asked)
        assert (cluster.member(other).snapshot().term > before) is follows


def test_a_deposed_leader_helps_at_once_who_alone_owns_by_its_grace() -> None:
    """It does not wait until what it granted has ended."""
    cluster, first, other = long_settled()
    cluster.loses = lambda sender, to, packet: isinstance(packet, VoteResponse) and sender != first
    handed_over(cluster, other, 30 * MS)
    assert cluster.leader() == other, "by the vote of the former leader"
