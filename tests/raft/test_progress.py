"""What a leader knows of the others, and how fast it sends."""

from __future__ import annotations

import pytest

from alived.raft.confchange import Changed
from alived.raft.progress import Inflights, Progress, ProgressState, Tracker
from alived.raft.quorum import VoteResult
from tests.raft.helpers import configuration


def progress(next_index: int = 5, match_index: int = 0, messages: int = 2) -> Progress:
    made = Progress(next_index, Inflights(messages), is_learner=False, recent_active=True)
    made.match_index = match_index
    return made


def test_a_member_that_lost_its_log_begins_anew() -> None:
    member = progress(next_index=8, match_index=7)
    member.become_snapshot(5)
    member.lost_log()
    assert (member.state, member.match_index, member.next_index, member.pending_snapshot) == ("probe", 0, 1, 0)


def test_the_window_is_limited_in_number_and_bytes() -> None:
    window = Inflights(3, 100)
    window.add(1, 60)
    assert not window.full
    window.add(2, 40)
    assert window.full
    with pytest.raises(AssertionError):
        window.add(3, 1)
    window.free_to(1)
    assert (len(window), window.full) == (1, False)
    window.add(4, 1)
    window.add(5, 1)
    assert window.full
    window.clear()
    assert (len(window), window.full) == (0, False)


def test_probing_waits_for_an_answer() -> None:
    probe = progress()
    probe.sent_entries(0, 0)
    assert not probe.paused
    probe.sent_entries(3, 30)
    assert (probe.paused, probe.next_index) == (True, 5)
    assert probe.acknowledge(7)
    assert (probe.paused, probe.match_index, probe.next_index) == (False, 7, 8)
    assert not probe.acknowledge(7)


def test_replication_is_optimistic_as_far_as_the_window_allows() -> None:
    replicate = progress(match_index=4)
    replicate.become_replicate()
    replicate.sent_entries(2, 20)
    assert (replicate.next_index, replicate.paused) == (7, False)
    replicate.sent_entries(1, 10)
    assert (replicate.next_index, replicate.paused) == (8, True)


def test_nothing_is_sent_during_a_snapshot_and_probing_starts_after_it() -> None:
    snapshot = progress(match_index=2)
    snapshot.become_snapshot(9)
    assert (snapshot.paused, snapshot.next_index, snapshot.sent_commit) == (True, 10, 9)
    assert str(snapshot) == "snapshot, match 2, next 10, snapshot 9 pending"
    snapshot.become_probe()
    assert (snapshot.state, snapshot.next_index, snapshot.paused) == (ProgressState.PROBE, 10, False)
    snapshot.become_snapshot(9)
    snapshot.snapshot_failed()
    assert (snapshot.next_index, snapshot.sent_commit) == (3, 2)
    assert str(snapshot) == "probe, match 2, next 3"


@pytest.mark.parametrize(
    ("state", "rejected", "hint", "taken", "next_index"),
    [
        (ProgressState.REPLICATE, 4, 4, False, 9),  # acknowledged meanwhile
        (ProgressState.REPLICATE, 6, 1, True, 5),
        (ProgressState.PROBE, 7, 7, False, 9),  # not the last append that was sent
        (ProgressState.PROBE, 8, 6, True, 7),
        (ProgressState.PROBE, 8, 99, True, 8),
        (ProgressState.PROBE, 8, 1, True, 5),  # never below what is acknowledged
    ],
)
def test_a_rejection(state: ProgressState, rejected: int, hint: int, taken: bool, next_index: int) -> None:
    behind = progress(next_index=9, match_index=4)
    behind.state = state
    behind.sent_commit = 8
    assert behind.reject(rejected, hint) is taken
    assert behind.next_index == next_index
    assert behind.sent_commit == (min(8, next_index - 1) if taken else 8)


def test_the_commit_index_is_told_once() -> None:
    told = progress(next_index=5)
    assert told.needs_commit(3)
    told.sent_commit = 3
    assert not told.needs_commit(3)
    told.sent_commit = 4  # all that the member has
    assert not told.needs_commit(9)


def test_members_come_and_go() -> None:
    tracker = Tracker(5)
    tracker.adopt(Changed(configuration([1, 2])), 10)
    tracker.progress[1].match_index = 8
    tracker.adopt(Changed(configuration([1, 3], [2])), 10)
    assert list(tracker.progress) == [1, 2, 3]
    assert (tracker.progress[1].match_index, tracker.progress[2].is_learner) == (8, True)
    assert (tracker.progress[3].next_index, tracker.progress[3].recent_active) == (10, True)
    tracker.adopt(Changed(configuration([1, 3]), frozenset({1})), 10)
    assert (tracker.progress[1].match_index, list(tracker.progress)) == (0, [1, 3])
    assert not tracker.singleton
    tracker.restore(configuration([1]), 3)
    assert (tracker.singleton, list(tracker.others(1))) == (True, [])


def test_learners_count_neither_for_quorum_nor_for_votes() -> None:
    tracker = Tracker(5)
    tracker.restore(configuration([1, 2, 3], [4]), 9)
    tracker.reset(1, 9)
    assert tracker.committed() == 0
    tracker.progress[4].match_index = 9
    assert tracker.committed() == 0
    tracker.progress[2].match_index = 7
    assert tracker.committed() == 7
    tracker.progress[1].recent_active = tracker.progress[4].recent_active = True
    assert not tracker.quorum_active()
    tracker.progress[3].recent_active = True
    assert tracker.quorum_active()
    tracker.record_vote(4, True)
    tracker.record_vote(1, True)
    tracker.record_vote(1, False)  # nobody changes his mind
    assert tracker.tally() == (1, 0, VoteResult.PENDING)
    tracker.record_vote(2, False)
    tracker.record_vote(3, False)
    assert tracker.tally() == (1, 2, VoteResult.LOST)
