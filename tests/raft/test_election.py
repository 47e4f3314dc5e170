"""Elections and hand-overs, sentence by sentence (Raft paper, 5.1, 5.2, 5.4; thesis, 3.10, 4.2.3, 6.2, 9.6)."""

from __future__ import annotations

import pytest

from alived.raft.confchange import Change, ChangeKind, ConfChange
from alived.raft.messages import (
    Append,
    AppendResponse,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatResponse,
    InstallSnapshot,
    Proposal,
    Role,
    Snapshot,
    TimeoutNow,
    TransferLeader,
    VoteRequest,
    VoteResponse,
)
from alived.raft.notes import What
from alived.raft.state import ProposalDropped
from tests.raft.helpers import ELECTION_TICKS, Cluster, Lab, configuration


def vote(lab: Lab, sender: int, term: int, index: int = 1, log_term: int = 1, **values: bool) -> VoteResponse:
    """The answer to a request."""
    asked = VoteRequest(sender=sender, to=lab.node.id, term=term, index=index, log_term=log_term, **values)
    (answer,) = lab.step(asked)
    assert isinstance(answer, VoteResponse)
    return answer


# -- terms (paper, 5.1)


@pytest.mark.parametrize(
    "message",
    [
        Append(sender=2, to=1, term=7, index=1, log_term=1),
        Heartbeat(sender=2, to=1, term=7),
        InstallSnapshot(sender=2, to=1, term=7, snapshot=Snapshot(9, 7, configuration([1, 2, 3]))),
        AppendResponse(sender=2, to=1, term=7),
        VoteResponse(sender=2, to=1, term=7, reject=True),
        VoteResponse(sender=2, to=1, term=7, pre=True, reject=True),
    ],
)
def test_a_leader_that_hears_a_later_term_becomes_a_follower(message: Append) -> None:
    """ "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state." """
    cluster = Cluster()
    cluster.elect(1)
    cluster[1].node.step(message)
    assert (cluster[1].raft.role, cluster[1].raft.term) == (Role.FOLLOWER, 7)
    assert cluster[1].raft.lead == (2 if isinstance(message, Append | Heartbeat | InstallSnapshot) else 0)


def test_a_stale_message_is_rejected() -> None:
    """ "If a server receives a request with a stale term number, it rejects the request." """
    lab = Lab(hard_state=HardState(5, 0, 1), check_quorum=False)
    assert lab.step(Append(sender=2, to=1, term=4, index=1, log_term=1)) == []
    assert lab.step(TimeoutNow(sender=2, to=1, term=0)) == []
    assert [note.what for note in lab.notes[-2:]] == [What.LOWER_TERM, What.LOWER_TERM]


@pytest.mark.parametrize(
    "message", [Heartbeat(sender=2, to=1, term=4), Append(sender=2, to=1, term=4, index=0, log_term=0)]
)
def test_a_stale_leader_learns_of_the_term(message: Heartbeat) -> None:
    """Else a node that came back with a later term, which it cannot win, could never follow again."""
    lab = Lab(hard_state=HardState(5, 0, 1))
    assert lab.step(message) == [AppendResponse(sender=1, to=2, term=5)]


# -- leader election (paper, 5.2)


def test_servers_start_as_followers() -> None:
    assert Lab().raft.role is Role.FOLLOWER


def test_a_follower_that_hears_nothing_campaigns() -> None:
    """ "It increments its current term and transitions to candidate state. It then votes for itself and issues
    RequestVote RPCs in parallel to each of the other servers." """
    lab = Lab(draw=lambda below: 3)
    assert lab.tick(ELECTION_TICKS + 2) == []
    asked = lab.tick()
    assert (lab.raft.role, lab.raft.term, lab.raft.vote) == (Role.CANDIDATE, 1, 1)
    assert asked == [VoteRequest(sender=1, to=other, term=1, index=1, log_term=1) for other in (2, 3)]


def test_a_leader_is_heard() -> None:
    """ "A server remains in follower state as long as it receives valid RPCs from a leader or candidate." """
    lab = Lab()
    for _ in range(5):
        lab.tick(ELECTION_TICKS - 1)
        lab.step(Heartbeat(sender=2, to=1, term=1))
    assert lab.role() is Role.FOLLOWER


def test_election_timeouts_are_random() -> None:
    """ "Election timeouts are chosen randomly from a fixed interval." """
    drawn: list[int] = []

    def draw(below: int) -> int:
        drawn.append(below)
        return 4

    lab = Lab(draw=draw)
    assert (drawn, lab.raft.election_timeout) == ([ELECTION_TICKS], ELECTION_TICKS + 4)


def test_one_vote_a_term_first_come_first_served() -> None:
    """ "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis." """
    lab = Lab()
    assert not vote(lab, 2, term=1).reject
    assert vote(lab, 3, term=1).reject
    assert not vote(lab, 2, term=1).reject
    assert not vote(lab, 3, term=2).reject


def test_a_vote_survives_a_restart() -> None:
    """ "Updated on stable storage before responding to RPCs" (figure 2)."""
    lab = Lab()
    lab.node.step(VoteRequest(sender=2, to=1, term=1, index=1, log_term=1))
    ready = lab.node.ready()
    assert (ready.hard_state, ready.must_sync, ready.messages) == (HardState(1, 2, 1), True, ())
    assert [message.to for message in ready.messages_after_sync] == [2]
    again = Lab(hard_state=ready.hard_state)
    assert vote(again, 3, term=1).reject


@pytest.mark.parametrize(("index", "log_term", "rejected"), [(1, 1, True), (2, 2, False), (9, 1, True), (1, 3, False)])
def test_a_candidate_needs_an_up_to_date_log(index: int, log_term: int, rejected: bool) -> None:
    """Paper, 5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the candidate." """
    lab = Lab(entries=[Entry(2, 2)])
    assert vote(lab, 2, term=5, index=index, log_term=log_term).reject is rejected


def test_a_majority_elects() -> None:
    """ "A candidate wins an election if it receives votes from a majority of the servers for the same term." """
    lab = Lab(voters=[1, 2, 3, 4, 5])
    lab.node.campaign()
    lab.flush()
    lab.step(VoteResponse(sender=2, to=1, term=1), VoteResponse(sender=2, to=1, term=1))
    assert lab.role() is Role.CANDIDATE
    sent = lab.step(VoteResponse(sender=3, to=1, term=1))
    assert lab.role() is Role.LEADER
    assert {message.to for message in sent if isinstance(message, Append)} == {2, 3, 4, 5}
    lab.step(VoteResponse(sender=4, to=1, term=1))  # late
    assert lab.role() is Role.LEADER


def test_a_majority_refuses() -> None:
    lab = Lab()
    lab.node.campaign()
    lab.flush()
    for sender in (2, 3):
        lab.step(VoteResponse(sender=sender, to=1, term=1, reject=True))
    assert (lab.raft.role, lab.raft.term) == (Role.FOLLOWER, 1)


@pytest.mark.parametrize(
    "message",
    [
        Append(sender=2, to=1, term=1, index=1, log_term=1),
        Heartbeat(sender=2, to=1, term=1),
        InstallSnapshot(sender=2, to=1, term=1, snapshot=Snapshot(5, 1, configuration([1, 2, 3]))),
    ],
)
def test_a_candidate_follows_the_leader_of_its_term(message: Append) -> None:
    """ "If the leader's term is at least as large as the candidate's current term, then the candidate recognizes the
    leader as legitimate and returns to follower state." """
    lab = Lab()
    lab.node.campaign()
    lab.flush()
    lab.step(message)
    assert (lab.raft.role, lab.raft.lead) == (Role.FOLLOWER, 2)


def test_a_candidate_that_wins_nothing_starts_anew() -> None:
    """ "Each candidate will time out and start a new election by incrementing its term." """
    lab = Lab()
    lab.tick(ELECTION_TICKS)
    lab.tick(ELECTION_TICKS)
    assert (lab.raft.role, lab.raft.term) == (Role.CANDIDATE, 2)


def test_who_has_no_vote_does_not_campaign() -> None:
    learner = Lab(id_=3, voters=[1, 2], learners=[3])
    learner.node.campaign()
    assert learner.tick(3 * ELECTION_TICKS) == []
    stranger = Lab(id_=9)
    stranger.node.campaign()
    assert [lab.raft.role for lab in (learner, stranger)] == [Role.FOLLOWER] * 2
    assert learner.told(What.NOT_PROMOTABLE)
    assert stranger.told(What.NOT_PROMOTABLE)
    assert learner.node.ticks_to_event is None


def test_changes_of_the_membership_are_applied_before_a_campaign() -> None:
    """Who has a vote is not known before."""
    change = Entry(1, 2, change=ConfChange((Change(ChangeKind.ADD_VOTER, 4),)))
    lab = Lab(entries=[change], hard_state=HardState(1, 0, 2))
    lab.node.campaign()
    assert (lab.raft.role, len(lab.told(What.CHANGES_PENDING))) == (Role.FOLLOWER, 1)
    lab.flush()
    lab.node.campaign()
    assert lab.role() is Role.CANDIDATE


def test_a_leader_needs_no_election() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster[1].node.campaign()
    assert cluster[1].told(What.LEADER_ALREADY)


# -- pre-vote (thesis, 9.6)


def test_a_partitioned_node_does_not_raise_its_term() -> None:
    """ "A candidate only increments its term if it first learns from a majority of the cluster that they would be
    willing to grant the candidate their votes." """
    cluster = Cluster(pre_vote=True)
    cluster.elect(1)
    cluster.cut = {3}
    cluster[3].tick(5 * ELECTION_TICKS)
    assert (cluster[3].raft.role, cluster[3].raft.term) == (Role.PRE_CANDIDATE, 1)
    cluster.cut = set()
    cluster.tick(2)
    assert [lab.raft.term for lab in cluster.labs.values()] == [1, 1, 1]
    assert cluster[1].raft.role is Role.LEADER


def test_asking_in_advance_promises_nothing() -> None:
    lab = Lab(hard_state=HardState(1, 3, 1))
    assert not vote(lab, 2, term=2, pre=True).reject
    assert (lab.raft.vote, lab.raft.term) == (3, 1)
    assert vote(lab, 2, term=0, pre=True).term == 1  # refused, so that the candidate learns of our term


def test_answers_to_the_other_kind_of_request_do_not_count() -> None:
    lab = Lab(pre_vote=True)
    lab.node.campaign()
    lab.flush()
    lab.step(VoteResponse(sender=2, to=1, term=0))
    assert lab.role() is Role.PRE_CANDIDATE
    lab.step(VoteResponse(sender=2, to=1, term=1, pre=True))
    assert lab.role() is Role.CANDIDATE
    lab.step(VoteResponse(sender=3, to=1, term=1, pre=True))
    assert lab.role() is Role.CANDIDATE


# -- the quorum is checked (thesis, 4.2.3 and 6.2)


def test_a_leader_without_a_majority_steps_down() -> None:
    """ "A leader steps down if an election timeout elapses without a successful round of heartbeats to a majority." """
    cluster = Cluster()
    cluster.elect(1)
    cluster.cut = {2, 3}
    cluster[1].tick(ELECTION_TICKS)  # they were active before
    assert cluster[1].raft.role is Role.LEADER
    cluster[1].tick(ELECTION_TICKS)
    assert (cluster[1].raft.role, cluster[1].raft.lead) == (Role.FOLLOWER, 0)
    assert cluster[1].told(What.QUORUM_LOST)


def test_without_the_check_it_stays() -> None:
    cluster = Cluster(check_quorum=False)
    cluster.elect(1)
    cluster.cut = {2, 3}
    cluster[1].tick(3 * ELECTION_TICKS)
    assert cluster[1].raft.role is Role.LEADER


def test_who_hears_a_leader_does_not_even_learn_of_a_later_term() -> None:
    """ "If a server receives a RequestVote request within the minimum election timeout of hearing from a current
    leader, it does not update its term or grant its vote." """
    lab = Lab()
    lab.step(Heartbeat(sender=2, to=1, term=1))
    lab.tick(ELECTION_TICKS - 1)
    assert lab.step(VoteRequest(sender=3, to=1, term=5, index=9, log_term=5)) == []
    assert lab.raft.term == 1
    assert vote(lab, 3, term=1).reject  # of this term: it has a leader
    lab.node.forget_leader()
    assert not vote(lab, 3, term=5, index=9, log_term=5).reject


# -- hand-over (thesis, 3.10)


def test_the_leader_hands_over() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster[1].node.transfer(2)
    cluster.settle()
    assert [lab.raft.lead for lab in cluster.labs.values()] == [2, 2, 2]
    assert cluster[2].raft.term == 2


def test_the_next_leader_is_brought_up_to_date_first() -> None:
    """ "The prior leader [...] updates the target server's log to match its own." """
    cluster = Cluster()
    cluster.elect(1)
    cluster.cut = {2}
    cluster[1].node.propose(b"x")
    cluster.settle()
    cluster.cut = set()
    cluster[1].node.transfer(2)
    cluster.settle()
    assert cluster[2].raft.role is Role.LEADER
    assert cluster[2].applied[-2].data == b"x"


def test_during_a_hand_over_nothing_is_proposed_and_after_an_election_timeout_it_has_failed() -> None:
    """ "If leadership transfer does not complete after about an election timeout, the prior leader aborts." """
    cluster = Cluster()
    cluster.elect(1)
    cluster.cut = {2}
    leader = cluster[1].node
    leader.transfer(2)
    leader.transfer(2)
    assert cluster[1].told(What.TRANSFER_REPEATED)
    with pytest.raises(ProposalDropped, match="hands over to 2"):
        leader.propose(b"x")
    leader.transfer(3)
    assert [note.values["peer"] for note in cluster[1].told(What.TRANSFER_CHANGED)] == [2]
    cluster.cut = {2, 3}
    cluster[1].tick(ELECTION_TICKS)
    assert cluster[1].raft.transferee == 0
    leader.propose(b"x")


def test_hand_overs_that_make_no_sense() -> None:
    cluster = Cluster(3, learners=[3])
    cluster.elect(1)
    for to in (1, 3, 9):
        cluster[1].node.transfer(to)
    assert cluster[1].raft.transferee == 0
    told = [note.what for note in cluster[1].notes[-3:]]
    assert told == [What.TRANSFER_TO_SELF, What.TRANSFER_TO_LEARNER, What.NO_PROGRESS]


def test_a_follower_passes_the_wish_on() -> None:
    cluster = Cluster()
    cluster[2].node.transfer(3)
    assert cluster[2].told(What.TRANSFER_NO_LEADER)
    cluster.elect(1)
    cluster[2].node.transfer(3)
    assert cluster[2].flush() == [TransferLeader(sender=3, to=1, term=1)]


def test_who_campaigns_already_is_not_told_to() -> None:
    lab = Lab()
    lab.node.campaign()
    lab.flush()
    assert lab.step(TimeoutNow(sender=2, to=1, term=1), TransferLeader(sender=2, to=1)) == []
    assert lab.told(What.TIMEOUT_NOW_IGNORED)


def test_the_leader_is_forgotten_on_request() -> None:
    cluster = Cluster()
    cluster.elect(1)
    for lab in cluster.labs.values():
        lab.node.forget_leader()
        lab.node.forget_leader()
    assert [lab.raft.lead for lab in cluster.labs.values()] == [1, 0, 0]
    reader = Lab(lease_reads=True)
    reader.step(Heartbeat(sender=2, to=1, term=1))
    reader.node.forget_leader()
    assert reader.raft.lead == 2
    assert reader.told(What.LEADER_KEPT)


def test_answers_to_what_it_asked_as_a_leader_are_ignored() -> None:
    lab = Lab()
    lab.step(Heartbeat(sender=2, to=1, term=1))
    answers = AppendResponse(sender=3, to=1, term=1, index=9), HeartbeatResponse(sender=3, to=1, term=1)
    assert lab.step(*answers) == []


def test_a_forged_message_of_term_0_is_stale() -> None:
    """Only what is forwarded to any leader has no term."""
    lab = Lab(hard_state=HardState(5, 0, 1))
    lab.step(AppendResponse(sender=2, to=1), HeartbeatResponse(sender=2, to=1))
    assert len(lab.told(What.LOWER_TERM)) == 2
    with pytest.raises(ProposalDropped):
        lab.step(Proposal(sender=2, to=1, entries=(Entry(),)))
