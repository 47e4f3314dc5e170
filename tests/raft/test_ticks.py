"""Ticks from time: heard first, judged later; what a stall has lost is lost."""

from __future__ import annotations

from alived.raft.messages import Heartbeat, Role, VoteResponse
from alived.raft.ticks import Ticks
from tests.raft.helpers import ELECTION_TICKS, Lab

TICK_NS = 10
TERM = 1


def follower(late: int = 0) -> tuple[Lab, Ticks]:
    lab = Lab(1, hold_promises=True)
    return lab, Ticks(lab.node, TICK_NS, lambda below: late, 1_000)


def hear(lab: Lab, ticks: Ticks, now_ns: int) -> None:
    ticks.before(now_ns)
    lab.step(Heartbeat(sender=2, to=1, term=TERM))
    ticks.heard(now_ns)


def test_the_deadline_is_the_tick_with_which_something_happens() -> None:
    lab, ticks = follower()
    assert ticks.deadline_ns == 1_000 + ELECTION_TICKS * TICK_NS
    ticks.reach(1_000 + ELECTION_TICKS * TICK_NS)
    # It has promised to be quiet for one election timeout after its start, and now has been.
    assert lab.role() is Role.CANDIDATE


def test_nothing_happens_by_itself_before_what_waits_is_heard() -> None:
    """After a stall of ten timeouts the leader's word lies in the socket."""
    lab, ticks = follower()
    hear(lab, ticks, 2_000)
    assert lab.role() is Role.FOLLOWER
    assert lab.raft.election_elapsed == 0
    assert ticks.deadline_ns == 2_000 + ELECTION_TICKS * TICK_NS


def test_a_promise_lasts_from_when_it_was_given() -> None:
    lab, ticks = follower()
    hear(lab, ticks, 1_019)
    ticks.before(1_019 + TICK_NS - 1)
    assert lab.raft.promise_ticks == ELECTION_TICKS
    ticks.before(1_019 + TICK_NS)
    assert lab.raft.promise_ticks == ELECTION_TICKS - 1


def test_what_a_stall_has_lost_is_not_made_up() -> None:
    lab, ticks = follower()
    ticks.reach(1_000_000)
    assert lab.role() is Role.CANDIDATE
    assert lab.raft.election_elapsed == 0
    assert ticks.deadline_ns is not None
    assert ticks.deadline_ns > 1_000_000


def test_other_messages_do_not_stop_the_clock() -> None:
    lab, ticks = follower()
    for now_ns in range(1_001, 1_000 + ELECTION_TICKS * TICK_NS):
        ticks.before(now_ns)
        ticks.heard(now_ns)
    assert lab.raft.election_elapsed == ELECTION_TICKS - 1
    assert ticks.deadline_ns == 1_000 + ELECTION_TICKS * TICK_NS


def test_a_node_that_never_campaigns_has_no_deadline_but_its_promises_end() -> None:
    lab, ticks = follower()
    lab.node.hesitate(None)
    assert ticks.deadline_ns is None
    ticks.before(1_000_000)
    assert ELECTION_TICKS - lab.raft.promise_ticks >= ELECTION_TICKS - 1


def test_a_node_that_hesitates_leaves_the_others_time() -> None:
    lab, ticks = follower()
    lab.node.hesitate(5)
    assert ticks.deadline_ns == 1_000 + (ELECTION_TICKS + 5) * TICK_NS


def test_who_drew_the_same_number_of_ticks_does_not_ask_at_once() -> None:
    lab, ticks = follower(late=7)
    due_ns = 1_000 + ELECTION_TICKS * TICK_NS
    assert ticks.deadline_ns == due_ns + 7
    ticks.reach(due_ns + 6)
    assert lab.role() is Role.FOLLOWER
    ticks.reach(due_ns + 7)
    assert lab.role() is Role.CANDIDATE


def test_a_leader_is_not_late() -> None:
    lab, ticks = follower(late=7)
    lab.node.raft.promise_ticks = 0
    lab.node.campaign()
    lab.step(VoteResponse(sender=2, to=1, term=1))
    assert lab.role() is Role.LEADER
    assert ticks.deadline_ns == 1_000 + TICK_NS
