"""Majorities, alone and joint (Raft thesis, 4.3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.raft import quorum
from alived.raft.quorum import EVERYTHING, VoteResult, Voters

ids = st.frozensets(st.integers(1, 7), max_size=7)
indices = st.dictionaries(st.integers(1, 7), st.integers(1, 50))
votes = st.dictionaries(st.integers(1, 7), st.booleans())


@given(ids, indices)
def test_the_committed_index_is_the_largest_that_a_majority_has(
    voters: frozenset[int], acknowledged: dict[int, int]
) -> None:
    def majority_has(index: int) -> bool:
        return 2 * sum(acknowledged.get(voter, 0) >= index for voter in voters) > len(voters)

    slow = max((index for index in range(51) if majority_has(index)), default=EVERYTHING)
    assert quorum.committed_index(voters, acknowledged) == slow


@given(ids, votes)
def test_a_vote_is_decided_when_the_missing_ones_cannot_change_it(
    voters: frozenset[int], cast: dict[int, bool]
) -> None:
    missing = [voter for voter in voters if voter not in cast]
    yes = sum(cast.get(voter, False) for voter in voters)
    wins = 2 * yes > len(voters) or not voters
    could_win = 2 * (yes + len(missing)) > len(voters)
    expected = VoteResult.WON if wins else VoteResult.PENDING if could_win else VoteResult.LOST
    assert quorum.vote_result(voters, cast) is expected


@given(ids, ids, votes, indices)
def test_joint_voters_need_both_majorities(
    incoming: frozenset[int], outgoing: frozenset[int], cast: dict[int, bool], acknowledged: dict[int, int]
) -> None:
    voters = Voters(incoming, outgoing)
    both = {quorum.vote_result(incoming, cast), quorum.vote_result(outgoing, cast)}
    result = voters.vote_result(cast)
    assert (result is VoteResult.WON) == (both == {VoteResult.WON})
    assert (result is VoteResult.LOST) == (VoteResult.LOST in both)
    assert voters.committed_index(acknowledged) == min(
        quorum.committed_index(incoming, acknowledged), quorum.committed_index(outgoing, acknowledged)
    )


def test_voters_in_words() -> None:
    assert str(Voters()) == "none"
    assert str(Voters(frozenset({2, 1}))) == "1 2"
    assert str(Voters(frozenset({2, 1}), frozenset({3}))) == "1 2 together with 3"
    assert Voters(frozenset({1}), frozenset({3})).ids == {1, 3}
