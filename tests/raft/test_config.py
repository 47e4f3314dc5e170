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
