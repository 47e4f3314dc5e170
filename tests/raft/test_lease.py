"""The lease of an owner: the inequality, and each rule without which two nodes could own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS as MS
from alived.raft.lease import Lease, LeaseTimes, Standing
from alived.raft.messages import Heartbeat, HeartbeatResponse, Role, TimeoutNow, TransferLeader, VoteRequest
from tests.raft.helpers import ELECTION_TICKS, Cluster, Lab

TIMES = LeaseTimes.of_ticks(election_ticks=15, tick_ns=10 * MS, silence_ns=5 * MS)
L = TIMES.longest_ns


def standing(**values: Any) -> Standing:
    usual = {
        "term": 1,
        "leads": True,
        "votes": True,
        "committed_in_own_term": True,
        "handing_over": False,
        "round": 0,
        "confirmed_round": 0,
    }
    return Standing(**{**usual, **values})


def test_the_default_lan_profile() -> None:
    """15 ticks of 10 ms promise 140 ms; 1000 ppm and 5 ms until silence leave 134.7 ms."""
    assert TIMES.promise_ns == 140 * MS
    assert L == 134_720_279


@given(
    st.integers(1, 10**10), st.integers(0, 10**9), st.integers(0, 100_000), st.integers(0, 10**9), st.integers(-5, 5)
)
def test_the_longest_lease_is_the_longest_that_keeps_the_inequality(
    promise: int, silence: int, drift: int, wait: int, difference: int
) -> None:
    try:
        times = LeaseTimes(promise_ns=promise, silence_ns=silence, drift_ppm=drift, extra_wait_ns=wait)
    except ValueError:
        return
    lease = times.longest_ns + difference
    keeps = (lease + silence) * (10**6 + drift) <= (promise + wait) * (10**6 - drift)
    assert times.safe(lease) == keeps == (difference <= 0)


def test_times_that_leave_no_lease_are_refused() -> None:
    with pytest.raises(ValueError, match="no lease is possible"):
        LeaseTimes.of_ticks(2, 10 * MS, 10 * MS)


def test_a_lease_that_allows_two_owners_is_refused() -> None:
    with pytest.raises(ValueError, match="allows two owners"):
        Lease(TIMES, L + 1)
    assert Lease(TIMES, L - 1).observe(standing(), 0) is None


def test_it_counts_from_the_sending_of_the_newest_confirmed_round() -> None:
    lease = Lease(TIMES)
    assert lease.observe(standing(round=1), 1000) is None
    assert lease.observe(standing(round=2), 2000) is None
    assert lease.observe(standing(round=3), 3000) is None
    assert lease.observe(standing(round=3, confirmed_round=2), 50 * MS) == 2000 + L
    assert lease.observe(standing(round=3, confirmed_round=2), 60 * MS) == 2000 + L
    assert lease.observe(standing(round=3, confirmed_round=3), 70 * MS) == 3000 + L


def test_a_round_confirmed_after_a_whole_lease_is_worth_nothing() -> None:
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    assert lease.observe(standing(round=1), L) is None
    # It was forgotten; seeing it again must not make it younger.
    assert lease.observe(standing(round=1, confirmed_round=1), L + 1) is None


def test_it_ends_by_itself() -> None:
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    lease.observe(standing(round=1, confirmed_round=1), 10)
    assert lease.covers(L - 1)
    assert not lease.covers(L)
    assert lease.covers(L - 100 * MS, 100 * MS)
    assert not lease.covers(L - 100 * MS + 1, 100 * MS)
    assert not Lease(TIMES).covers(0)


@pytest.mark.parametrize("lost", ["leads", "votes", "committed_in_own_term"])
def test_it_needs_a_leader_that_votes_and_has_committed_in_its_term(lost: str) -> None:
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    assert lease.observe(standing(round=1, confirmed_round=1), 1) == L
    assert lease.observe(standing(round=1, confirmed_round=1, **{lost: False}), 2) is None


def test_stepping_down_ends_it_for_good() -> None:
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    lease.observe(standing(round=1, confirmed_round=1), 1)
    lease.observe(standing(leads=False, round=1), 2)
    assert lease.observe(standing(term=2, round=1), 3) is None
    lease.observe(standing(term=2, round=2), 4)
    assert lease.observe(standing(term=2, round=2, confirmed_round=2), 5) == 4 + L


def test_rounds_of_an_earlier_term_do_not_count() -> None:
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    assert lease.observe(standing(term=2, round=1, confirmed_round=1), 1) is None


def test_who_hands_over_gives_up_and_does_not_get_it_back_in_this_term() -> None:
    """The TimeoutNow may arrive late, when the leader believes that the hand-over failed."""
    lease = Lease(TIMES)
    lease.observe(standing(round=1), 0)
    lease.observe(standing(round=1, confirmed_round=1), 1)
    assert lease.observe(standing(round=1, confirmed_round=1, handing_over=True), 2) is None
    lease.observe(standing(round=2, confirmed_round=1), 3)
    assert lease.observe(standing(round=2, confirmed_round=2), 4) is None
    lease.observe(standing(term=2, round=3), 5)
    assert lease.observe(standing(term=2, round=3, confirmed_round=3), 6) == 5 + L


# -- with nodes


def owner(cluster: Cluster, id_: int) -> Lease:
    lease = Lease(TIMES)
    lease.observe(cluster[id_].node.standing, 0)
    return lease


def test_a_leader_owns_when_a_quorum_has_answered_a_round() -> None:
    cluster = Cluster()
    cluster.elect(1)
    lease = owner(cluster, 1)
    lab = cluster[1]
    lab.node.tick()
    assert lease.observe(lab.node.standing, 100) is None
    beats = lab.flush()
    assert [type(beat) for beat in beats] == [Heartbeat, Heartbeat]
    answer = cluster[2].step(beats[0])
    assert answer == [HeartbeatResponse(sender=2, to=1, term=1, round=1)]
    lab.step(*answer)
    assert lease.observe(lab.node.standing, 200) == 100 + L


def test_a_leader_alone_owns_from_its_own_round() -> None:
    lab = Lab(voters=[1])
    lab.node.campaign()
    lab.flush()
    lease = Lease(TIMES)
    lab.node.tick()
    assert lease.observe(lab.node.standing, 100) == 100 + L


def test_the_lease_is_given_up_before_timeout_now_leaves() -> None:
    cluster = Cluster()
    cluster.elect(1)
    lease = owner(cluster, 1)
    cluster.tick()
    lab = cluster[1]
    assert lease.observe(lab.node.standing, 0) is not None or lab.node.standing.confirmed_round == 1
    lab.step()
    lab.node.step(TransferLeader(sender=2, to=1))
    assert lease.observe(lab.node.standing, 1) is None
    assert TimeoutNow(sender=1, to=2, term=1) in lab.flush()


def test_a_leader_whose_hand_over_failed_stands_again() -> None:
    cluster = Cluster(hold_promises=True)
    for lab in cluster.labs.values():
        lab.tick(ELECTION_TICKS - 1)
    cluster[1].tick()
    cluster.settle()
    cluster.tick(ELECTION_TICKS + 1)
    leader = next(lab for lab in cluster.labs.values() if lab.raft.role is Role.LEADER)
    term = leader.raft.term
    leader.node.stand_again()
    cluster.settle()
    assert (leader.raft.role, leader.raft.term) == (Role.LEADER, term + 1)
    follower = next(lab for lab in cluster.labs.values() if lab is not leader)
    follower.node.stand_again()  # nothing to stand again for
    assert follower.raft.role is Role.FOLLOWER


def request(sender: int, term: int = 9, **values: Any) -> VoteRequest:
    return VoteRequest(sender=sender, to=1, term=term, index=99, log_term=8, **values)


@pytest.mark.parametrize("pre", [True, False])
def test_a_node_that_has_just_started_neither_votes_nor_campaigns(pre: bool) -> None:
    """It may have promised before it crashed: the promise is not on the disk."""
    lab = Lab(hold_promises=True)
    for _ in range(ELECTION_TICKS - 1):
        assert lab.step(request(2, pre=pre)) == []
        lab.node.campaign()
        assert lab.tick() == []
        assert lab.raft.role is Role.FOLLOWER
    assert lab.raft.term == 0
    lab.raft.promise_ticks = 0
    assert [answer.term for answer in lab.step(request(2, pre=pre))] == [9]


def test_a_later_term_does_not_free_from_a_promise() -> None:
    """Its leader may own yet: it knows nothing of the later term."""
    lab = Lab(hold_promises=True)
    lab.tick(ELECTION_TICKS - 1)
    lab.step(Heartbeat(sender=2, to=1, term=5, round=1))
    lab.step(HeartbeatResponse(sender=3, to=1, term=7))
    assert (lab.raft.term, lab.raft.lead) == (7, 0)
    assert lab.step(request(3)) == []
    lab.tick(ELECTION_TICKS - 1)
    assert lab.step(request(3)) == []
    lab.raft.promise_ticks = 0
    assert len(lab.step(request(3))) == 1


def test_the_leader_itself_may_ask_for_another() -> None:
    """Thesis, 4.2.3: a hand-over is no disturbance."""
    lab = Lab(hold_promises=True)
    lab.step(Heartbeat(sender=2, to=1, term=5, round=1))
    assert len(lab.step(request(3, term=6, transfer=True))) == 1
