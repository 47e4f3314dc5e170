"""What follows from the values of a cluster."""

from __future__ import annotations

import pytest

from alived.raft.config import Cluster, Member, Role


def cluster(*roles: Role) -> Cluster:
    members = tuple(Member(id=f"n{number}", address="192.0.2.1", role=role) for number, role in enumerate(roles))
    return Cluster(node_id="n0", data_dir="/var/lib/alived", members=members)


@pytest.mark.parametrize(("voters", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (10, 6)])
def test_a_quorum_is_more_than_half_of_the_voters(voters: int, quorum: int) -> None:
    assert cluster(*[Role.VOTER] * voters).quorum == quorum


def test_a_witness_votes_and_a_learner_does_not() -> None:
    three = cluster(Role.VOTER, Role.WITNESS, Role.LEARNER)
    assert [member.id for member in three.voters] == ["n0", "n1"]
    assert [member.may_own for member in three.members] == [True, False, False]
    assert three.quorum == 2


@pytest.mark.parametrize(
    ("member", "flaw"),
    [
        (Member(id="n1.example_a-b", address="2001:db8::1"), ""),
        (Member(id="-n", address="10.0.0.1"), "cannot be the id of a node"),
        (Member(id="n", address="node.example"), "is no IP address"),
        (Member(id="n", address="0.0.0.0"), "nobody reaches a node at 0.0.0.0"),
        (Member(id="n", address="224.0.0.1"), "nobody reaches a node at 224.0.0.1"),
        (Member(id="n", address="10.0.0.1", port=0), "0 is no port"),
        (Member(id="n", address="10.0.0.1", priority=256), "256 is no priority"),
    ],
)
def test_what_no_cluster_can_have_as_a_member(member: Member, flaw: str) -> None:
    assert flaw in member.flaw
    assert bool(flaw) is bool(member.flaw)
