"""Changes of the membership (Raft thesis, chapter 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.raft import confchange
from alived.raft.confchange import (
    Change,
    ChangeKind,
    ConfChange,
    ConfChangeError,
    Configuration,
    Refusal,
    Transition,
)
from alived.raft.quorum import Voters
from tests.raft.helpers import configuration

V, L, R, U = ChangeKind.ADD_VOTER, ChangeKind.ADD_LEARNER, ChangeKind.REMOVE, ChangeKind.UPDATE
changes = st.lists(st.builds(Change, st.sampled_from(ChangeKind), st.integers(0, 6)), max_size=4).map(tuple)


@given(st.lists(st.builds(ConfChange, changes, st.sampled_from(Transition)), max_size=12))
def test_every_configuration_is_sound(proposed: list[ConfChange]) -> None:
    present = configuration([1])
    for change in proposed:
        try:
            present = confchange.apply(present, change).configuration
        except ConfChangeError:
            continue
        voters = present.voters
        assert voters.incoming, "somebody votes"
        assert not present.learners & voters.ids, "a learner has no vote"
        assert present.learners_next <= voters.outgoing, "who becomes a learner later has a vote until then"
        assert not present.learners_next & voters.incoming
        assert 0 not in present.members
        assert voters.joint or not (present.learners_next or present.auto_leave)


@given(st.lists(st.builds(ConfChange, changes, st.sampled_from(Transition)), max_size=12))
def test_old_and_new_majorities_overlap(proposed: list[ConfChange]) -> None:
    """Thesis, 4.1: no two disjoint majorities, each of which could elect a leader."""
    present = configuration([1, 2, 3])
    for change in proposed:
        try:
            following = confchange.apply(present, change).configuration
        except ConfChangeError:
            continue
        for candidates in range(128):
            group = {node: bool(candidates >> node & 1) for node in range(7)}
            rest = {node: not yes for node, yes in group.items()}
            won = present.voters.vote_result(group).value == "won"
            assert not (won and following.voters.vote_result(rest).value == "won")
        present = following


@pytest.mark.parametrize(
    ("before", "change", "refusal"),
    [
        (configuration([1, 2]), ConfChange((Change(R, 1), Change(R, 2))), Refusal.REMOVES_ALL_VOTERS),
        (configuration([]), ConfChange((Change(V, 1), Change(V, 2))), Refusal.NO_VOTERS),
        (configuration([1]), ConfChange(), Refusal.NOT_JOINT),
        (
            Configuration(Voters(frozenset({1}), frozenset({2}))),
            ConfChange((Change(V, 3),)),
            Refusal.SIMPLE_WHILE_JOINT,
        ),
        (
            Configuration(Voters(frozenset({1}), frozenset({2}))),
            ConfChange((Change(V, 3),), Transition.EXPLICIT),
            Refusal.ALREADY_JOINT,
        ),
    ],
)
def test_an_impossible_change_is_refused(before: Configuration, change: ConfChange, refusal: Refusal) -> None:
    with pytest.raises(ConfChangeError) as caught:
        confchange.apply(before, change)
    assert caught.value.refusal is refusal
    assert str(caught.value) == refusal.value


def test_two_voters_at_once_need_a_joint_configuration() -> None:
    with pytest.raises(ConfChangeError) as caught:
        confchange.simple(configuration([1]), (Change(V, 2), Change(V, 3)))
    assert caught.value.refusal is Refusal.SEVERAL_VOTERS
    joint = confchange.apply(configuration([1]), ConfChange((Change(V, 2), Change(V, 3)))).configuration
    assert joint == Configuration(Voters(frozenset({1, 2, 3}), frozenset({1})), auto_leave=True)
    assert confchange.apply(joint, ConfChange()).configuration == configuration([1, 2, 3])


def test_a_voter_that_becomes_a_learner_votes_until_the_joint_configuration_is_left() -> None:
    change = ConfChange((Change(L, 3), Change(V, 4)), Transition.EXPLICIT)
    joint = confchange.apply(configuration([1, 2, 3]), change).configuration
    assert joint.learners_next == {3}
    assert 3 in joint.voters.outgoing
    assert not joint.auto_leave
    assert confchange.apply(joint, ConfChange()).configuration == configuration([1, 2, 4], [3])


def test_who_leaves_and_comes_back_is_unknown_again() -> None:
    changed = confchange.simple(configuration([1, 2], [3]), (Change(R, 3), Change(L, 3), Change(U, 2), Change(R, 9)))
    assert changed.configuration == configuration([1, 2], [3])
    assert changed.forgotten == {3}


def test_a_configuration_in_words() -> None:
    joint = Configuration(Voters(frozenset({1}), frozenset({2})), frozenset({3}), frozenset({2}))
    assert str(joint) == "voters 1 together with 2, learners 3, learners afterwards 2"
    assert str(configuration([1])) == "voters 1"
