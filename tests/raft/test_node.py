"""Replication, membership, reads and the contract of `Ready` (Raft paper, 5.3, 5.4, 7; thesis, 4, 6.4)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from alived.raft.confchange import Change, ChangeKind, ConfChange, ConfChangeError, Refusal, Transition
from alived.raft.memory import MemoryStorage
from alived.raft.messages import (
    Append,
    AppendResponse,
    Entry,
    HardState,
    Heartbeat,
    HeartbeatResponse,
    InstallSnapshot,
    Message,
    Persisted,
    ReadIndex,
    ReadIndexResponse,
    ReadState,
    Role,
    Snapshot,
    VoteResponse,
)
from alived.raft.node import Node, PeerUnknown
from alived.raft.notes import Level, Note, What
from alived.raft.progress import ProgressState
from alived.raft.proposals import Objection
from alived.raft.state import ProposalDropped
from tests.raft.helpers import ELECTION_TICKS, Cluster, Lab, configuration, settings

V, R = ChangeKind.ADD_VOTER, ChangeKind.REMOVE


def leader(count: int = 3, **values: Any) -> Cluster:
    cluster = Cluster(count, **values)
    cluster.elect(1)
    return cluster


def data(lab: Lab) -> list[bytes]:
    return [entry.data for entry in lab.applied if entry.data]


# -- replication (paper, 5.3)


def test_a_proposal_is_applied_everywhere() -> None:
    cluster = leader()
    cluster[1].node.propose(b"a")
    cluster[2].node.propose(b"b")  # passed on to the leader
    cluster.settle()
    assert [data(lab) for lab in cluster.labs.values()] == [[b"a", b"b"]] * 3


def test_only_a_leader_appends() -> None:
    lab = Lab(forward_proposals=False)
    with pytest.raises(ProposalDropped, match="no leader"):
        lab.node.propose(b"x")
    lab.step(Heartbeat(sender=2, to=1, term=1))
    with pytest.raises(ProposalDropped, match="2 is the leader"):
        lab.node.propose(b"x")
    lab.node.campaign()
    with pytest.raises(ProposalDropped, match="no leader"):
        lab.node.propose(b"x")


def test_a_leader_counts_its_own_entry_when_it_is_written() -> None:
    """Thesis, 10.2.1: it may be committed before, if a majority of the others has it."""
    lab = leader()[1]
    lab.node.propose(b"x")
    ready = lab.node.ready()
    assert [type(message) for message in ready.messages] == [Append, Append]
    lab.node.step(AppendResponse(sender=2, to=1, term=1, index=3))
    assert lab.raft.log.committed == 2
    lab.write(ready)
    assert lab.raft.log.committed == 3


def test_entries_of_former_terms_are_not_committed_by_counting() -> None:
    """Paper, 5.4.2: "only log entries from the leader's current term are committed by counting replicas." """
    lab = Lab(voters=[1, 2, 3, 4, 5], entries=[Entry(2, 2)], hard_state=HardState(3, 0, 1))
    lab.node.campaign()
    lab.flush()
    lab.raft.tracker.votes.update({2: True})
    lab.node.step(_granted(3, 4))
    lab.flush()
    assert lab.raft.role is Role.LEADER
    lab.step(*[AppendResponse(sender=peer, to=1, term=4, index=2) for peer in (2, 3)])
    assert lab.raft.log.committed == 1  # a majority has entry 2 of term 2
    lab.step(*[AppendResponse(sender=peer, to=1, term=4, index=3) for peer in (2, 3)])
    assert lab.raft.log.committed == 3


def _granted(sender: int, term: int) -> Message:
    return VoteResponse(sender=sender, to=1, term=term)


def test_a_log_that_differs_is_repaired() -> None:
    """ "The leader handles inconsistencies by forcing the followers' logs to duplicate its own." """
    cluster = Cluster()
    cluster.labs[3] = Lab(3, entries=[Entry(2, 2), Entry(2, 3), Entry(2, 4)], hard_state=HardState(2, 0, 1))
    for id_ in (1, 2):
        cluster.labs[id_] = Lab(id_, entries=[Entry(1, 2), Entry(3, 3)], hard_state=HardState(3, 0, 1))
    cluster.elect(1)
    assert [[entry.term for entry in lab.storage.entries(2, 5)] for lab in cluster.labs.values()] == [[1, 3, 4]] * 3
    assert cluster[3].told(What.APPEND_REFUSED)


def test_a_rejection_in_replicate_makes_the_leader_probe() -> None:
    cluster = leader()
    lab = cluster[1]
    for _ in range(3):
        lab.node.propose(b"x")
    lab.flush()
    progress = lab.raft.tracker.progress[2]
    (again,) = lab.step(AppendResponse(sender=2, to=1, term=1, index=4, reject=True, hint=2))
    assert (progress.state, isinstance(again, Append) and again.index) == (ProgressState.PROBE, 2)
    assert lab.step(AppendResponse(sender=2, to=1, term=1, index=4, reject=True, hint=2)) == []  # out of date


def test_the_window_limits_what_is_under_way() -> None:
    lab = leader(max_inflight_messages=2)[1]
    sent = []
    for _ in range(4):
        lab.node.propose(b"x")
        sent += [message for message in lab.flush() if message.to == 2]
    assert len(sent) == 2
    following = lab.step(AppendResponse(sender=2, to=1, term=1, index=3))
    assert [len(each.entries) for each in following if each.to == 2 and isinstance(each, Append)] == [2]


def test_a_full_window_still_gets_heartbeats_and_their_answers_bring_an_empty_append() -> None:
    """So that a follower whose answers were lost is asked again."""
    lab = leader(max_inflight_messages=1)[1]
    for _ in range(2):
        lab.node.propose(b"x")
        lab.flush()
    (again,) = lab.step(HeartbeatResponse(sender=2, to=1, term=1))
    assert isinstance(again, Append)
    assert again.entries == ()


def test_too_much_uncommitted_is_refused() -> None:
    cluster = leader(max_uncommitted_size=10)
    cluster.cut = {2, 3}
    lab = cluster[1]
    lab.node.propose(b"12345678901")  # the first always fits
    with pytest.raises(ProposalDropped, match="too much"):
        lab.node.propose(b"1")
    lab.flush()
    lab.step(*[AppendResponse(sender=2, to=1, term=1, index=3)])
    lab.node.propose(b"1")
    assert lab.told(What.TOO_MUCH_UNCOMMITTED)


def test_a_follower_may_be_unreachable() -> None:
    lab = leader()[1]
    lab.node.report_unreachable(2)
    assert lab.raft.tracker.progress[2].state is ProgressState.PROBE
    lab.node.report_unreachable(2)
    lab.node.report_unreachable(9)
    lab.node.report_snapshot(9, arrived=True)
    assert [note.what for note in lab.notes[-2:]] == [What.NO_PROGRESS] * 2
    follower = Lab()
    follower.node.report_unreachable(2)
    follower.node.report_snapshot(2, arrived=True)
    assert not follower.node.has_ready()


# -- snapshots (paper, 7)


def lagging(**values: Any) -> Cluster:
    """Node 3 lacks entries that are compacted."""
    cluster = leader(**values)
    cluster.cut = {3}
    for _ in range(4):
        cluster[1].node.propose(b"x")
    cluster.settle()
    cluster[1].storage.compact(5, Snapshot(5, 1, configuration([1, 2, 3]), b"xxx"))
    cluster.cut = set()
    return cluster


def test_what_is_compacted_is_sent_as_a_snapshot() -> None:
    """ "The leader must occasionally send snapshots to followers that lag behind." """
    cluster = lagging()
    cluster.tick(3)
    assert (cluster[3].raft.log.applied, data(cluster[3])) == (6, [b"x"])
    assert cluster[1].raft.tracker.progress[3].state is ProgressState.REPLICATE
    assert cluster[1].told(What.REPLICATION_RESUMED)


def test_no_snapshot_for_who_does_not_answer_or_if_there_is_none() -> None:
    lab = lagging()[1]
    progress = lab.raft.tracker.progress[3]
    progress.become_probe()
    progress.recent_active = False
    lab.storage.compact(5)
    lab.node.propose(b"y")
    lab.flush()
    assert lab.told(What.SNAPSHOT_UNWANTED)
    lab.storage = None  # type: ignore[assignment]
    progress.recent_active = True
    lab.raft.log.storage = _WithoutSnapshot(lab.raft.log.storage)
    lab.node.step(HeartbeatResponse(sender=3, to=1, term=1))
    assert lab.told(What.SNAPSHOT_UNAVAILABLE)


class _WithoutSnapshot:
    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def snapshot(self) -> None:
        return None


@pytest.mark.parametrize("arrived", [True, False])
def test_the_transport_reports_a_snapshot(arrived: bool) -> None:
    lab = lagging()[1]
    progress = lab.raft.tracker.progress[3]
    progress.become_probe()
    lab.node.report_snapshot(3, arrived=arrived)  # none was sent
    assert progress.state is ProgressState.PROBE
    assert isinstance(lab.step(HeartbeatResponse(sender=3, to=1, term=1))[-1], InstallSnapshot)
    lab.node.report_snapshot(3, arrived=arrived)
    assert (progress.state, progress.paused) == (ProgressState.PROBE, True)
    assert progress.next_index == (6 if arrived else 3)


def test_what_a_member_acknowledged_is_void_when_it_has_lost_its_log() -> None:
    cluster = leader()
    cluster[1].node.propose(b"x")
    cluster.settle()
    cluster[3].storage = MemoryStorage()
    cluster[3].node = Node(settings(3), cluster[3].storage, lambda below: 0)
    for lab in cluster.labs.values():
        lab.node.report_blank(3)  # only the leader minds
        lab.node.report_blank(9)
    assert cluster[1].raft.tracker.progress[3].match_index == 0
    cluster.tick(2)
    assert cluster[3].storage.last_index == cluster[1].storage.last_index


def test_a_member_that_still_needs_the_snapshot_gets_nothing_else() -> None:
    lab = lagging()[1]
    lab.raft.tracker.progress[3].become_probe()
    lab.step(HeartbeatResponse(sender=3, to=1, term=1))
    assert lab.step(AppendResponse(sender=3, to=1, term=1, index=3)) == []
    assert lab.raft.tracker.progress[3].state is ProgressState.SNAPSHOT


@pytest.mark.parametrize(
    ("snapshot", "told", "answer"),
    [
        (Snapshot(1, 1, configuration([1, 2, 3])), What.SNAPSHOT_IGNORED, 1),
        (Snapshot(2, 1, configuration([1, 2, 3])), What.SNAPSHOT_FORWARDED, 2),
        (Snapshot(9, 1, configuration([2, 3])), What.SNAPSHOT_FOREIGN, 1),
        (Snapshot(9, 1, configuration([1, 2])), What.SNAPSHOT_ACCEPTED, 9),
    ],
)
def test_a_snapshot_arrives(snapshot: Snapshot, told: What, answer: int) -> None:
    lab = Lab(entries=[Entry(1, 2)])
    answers = lab.step(InstallSnapshot(sender=2, to=1, term=1, snapshot=snapshot))
    assert answers == [AppendResponse(sender=1, to=2, term=1, index=answer)]
    assert lab.told(told)


# -- membership (thesis, 4)


def test_a_member_joins_and_leaves() -> None:
    cluster = leader(2)
    cluster.labs[3] = Lab(3, [1, 2])
    cluster[1].node.propose_change(ConfChange((Change(V, 3),)))
    cluster.settle()
    assert [lab.raft.tracker.configuration for lab in cluster.labs.values()] == [configuration([1, 2, 3])] * 3
    cluster[1].node.propose_change(ConfChange((Change(R, 2),)))
    cluster.settle()
    assert cluster[1].raft.tracker.configuration == configuration([1, 3])
    with pytest.raises(PeerUnknown):
        cluster[1].node.step(AppendResponse(sender=2, to=1, term=1, index=9))


def test_a_joint_configuration_is_left_by_itself() -> None:
    cluster = leader(3)
    cluster.labs[4] = Lab(4, [1, 2, 3])
    cluster[1].node.propose_change(ConfChange((Change(V, 4), Change(R, 3))))
    cluster.settle()
    assert cluster[1].raft.tracker.configuration == configuration([1, 2, 4])
    assert cluster[1].told(What.LEAVES_JOINT)


def test_a_joint_configuration_is_not_left_during_a_hand_over() -> None:
    cluster = leader(3)
    cluster.cut = {3}
    lab = cluster[1]
    lab.node.propose_change(ConfChange((Change(V, 4), Change(R, 3))))
    lab.node.transfer(3)
    cluster.settle()
    assert lab.told(What.CANNOT_LEAVE_JOINT)
    assert lab.raft.tracker.configuration.joint


@pytest.mark.parametrize(
    ("present", "change", "objection"),
    [
        ((), ConfChange(), Objection.NOT_JOINT),
        ((), ConfChange((Change(R, 1), Change(R, 2), Change(R, 3))), Refusal.REMOVES_ALL_VOTERS),
        ((Change(V, 4),), ConfChange((Change(V, 5),)), Objection.JOINT),
        ((Change(V, 4),), ConfChange((), Transition.IMPLICIT), Objection.JOINT),
    ],
)
def test_a_change_that_no_node_could_apply_does_not_reach_the_log(
    present: tuple[Change, ...], change: ConfChange, objection: object
) -> None:
    cluster = leader(3)
    if present:
        cluster[1].node.propose_change(ConfChange(present, Transition.EXPLICIT))
        cluster.settle()
    cluster[1].node.propose_change(change)
    cluster.settle()
    assert [note.values["objection"] for note in cluster[1].told(What.CHANGE_REFUSED)] == [objection]
    assert cluster[1].applied[-1] == Entry(1, cluster[1].raft.log.applied)


def test_one_change_at_a_time() -> None:
    """Thesis, 4.1: "it is not safe to begin a change before the previous one is committed." """
    lab = leader(3)[1]
    lab.node.propose_change(ConfChange((Change(V, 4),)))
    lab.node.propose_change(ConfChange((Change(V, 5),)))
    assert lab.told(What.CHANGE_REFUSED)[0].values["objection"] is Objection.PENDING


def test_an_impossible_change_that_was_not_checked_is_seen_when_it_is_applied() -> None:
    lab = Lab(voters=[1], check_conf_changes=False)
    lab.node.campaign()
    lab.flush()
    lab.node.propose_change(ConfChange((Change(R, 1),)))
    with pytest.raises(ConfChangeError):
        lab.flush()


@pytest.mark.parametrize(("steps_down", "role"), [(True, Role.FOLLOWER), (False, Role.LEADER)])
def test_a_leader_that_is_removed(steps_down: bool, role: Role) -> None:
    """Thesis, 4.2.2: it leads until the change is committed."""
    cluster = leader(3, step_down_on_removal=steps_down)
    cluster[1].node.propose_change(ConfChange((Change(R, 1),)))
    cluster.settle()
    assert cluster[1].raft.role is role
    with pytest.raises(ProposalDropped):
        cluster[1].node.propose(b"x")
    assert not cluster[1].node.standing.votes


def test_a_hand_over_to_a_member_that_is_removed_ends() -> None:
    cluster = leader(3)
    cluster.cut = {3}
    lab = cluster[1]
    lab.node.propose_change(ConfChange((Change(R, 3),)))
    lab.node.transfer(3)
    cluster.settle()
    assert lab.raft.transferee == 0
    lab.node.propose(b"x")


def test_a_smaller_quorum_commits_more() -> None:
    cluster = leader(3)
    cluster.cut = {2}
    lab = cluster[1]
    lab.node.propose_change(ConfChange((Change(R, 2),)))
    cluster.settle()
    cluster.cut = {2, 3}
    lab.node.propose_change(ConfChange((Change(R, 3),)))
    lab.node.propose(b"x")
    lab.flush()
    assert data(lab) == []
    lab.step(AppendResponse(sender=3, to=1, term=1, index=4))
    assert data(lab) == [b"x"]


# -- reads (thesis, 6.4)


def reads(lab: Lab) -> list[ReadState]:
    found: list[ReadState] = []
    while lab.node.has_ready():
        ready = lab.node.ready()
        found += ready.read_states
        lab.write(ready)
    return found


def test_a_read_waits_for_a_round_of_heartbeats() -> None:
    lab = leader()[1]
    lab.node.read_index(b"r")
    beats = lab.node.ready()
    assert [type(message) for message in beats.messages] == [Heartbeat, Heartbeat]
    lab.write(beats)
    lab.node.step(HeartbeatResponse(sender=2, to=1, term=1, round=lab.raft.round - 1))
    assert reads(lab) == []
    lab.node.step(HeartbeatResponse(sender=2, to=1, term=1, round=lab.raft.round))
    assert reads(lab) == [ReadState(2, b"r")]


def test_a_follower_asks_the_leader() -> None:
    cluster = leader()
    follower = cluster[2]
    follower.node.read_index(b"r")
    (asked,) = follower.flush()
    assert asked == ReadIndex(sender=2, to=1, context=b"r")
    cluster[1].step(asked)
    (answer,) = cluster[1].step(HeartbeatResponse(sender=3, to=1, term=1, round=cluster[1].raft.round))
    assert answer == ReadIndexResponse(sender=1, to=2, term=1, index=2, context=b"r")
    follower.node.step(answer)
    assert reads(follower) == [ReadState(2, b"r")]


def test_without_a_leader_there_is_no_read() -> None:
    lab = Lab()
    lab.node.read_index(b"r")
    assert (lab.flush(), len(lab.told(What.READ_NO_LEADER))) == ([], 1)


def test_a_new_leader_commits_an_entry_before_it_reads() -> None:
    """ "A leader's first entry of its term tells it which entries are committed." """
    lab = Lab(hard_state=HardState(1, 0, 1))
    lab.node.campaign()
    lab.flush()
    lab.step(_granted(2, 2))
    lab.node.read_index(b"r")
    assert reads(lab) == []
    lab.step(AppendResponse(sender=2, to=1, term=2, index=2))
    lab.node.step(HeartbeatResponse(sender=2, to=1, term=2, round=lab.raft.round))
    assert reads(lab) == [ReadState(2, b"r")]


@pytest.mark.parametrize(("voters", "values"), [([1], {}), ([1, 2, 3], {"lease_reads": True})])
def test_alone_or_with_a_lease_a_read_is_answered_at_once(voters: list[int], values: dict[str, Any]) -> None:
    lab = Lab(voters=voters, **values)
    lab.node.campaign()
    lab.flush()
    if len(voters) > 1:
        lab.step(_granted(2, 1))
        lab.step(AppendResponse(sender=2, to=1, term=1, index=2))
    lab.node.read_index(b"r")
    assert reads(lab) == [ReadState(2, b"r")]


# -- the contract


def test_a_quiet_node_wants_nothing() -> None:
    assert not Lab().node.has_ready()


def test_one_ready_at_a_time() -> None:
    lab = Lab()
    with pytest.raises(AssertionError, match="nothing to advance"):
        lab.node.advance()
    lab.node.campaign()
    lab.node.ready()
    with pytest.raises(AssertionError, match="a second Ready"):
        lab.node.ready()


def test_parts_may_be_reported_when_they_are_done() -> None:
    lab = Lab(voters=[1], apply_unstable=False)
    lab.node.campaign()
    own = lab.node.ready()
    lab.storage.set_hard_state(own.hard_state or HardState())
    for message in own.messages_after_sync:
        lab.node.step(message)
    entry = lab.node.ready()
    assert (entry.entries, entry.committed) == ((Entry(1, 2),), ())
    lab.storage.append(entry.entries)
    for message in entry.messages_after_sync:
        lab.node.step(message)
    assert lab.node.ready().committed == ()  # committed, and not known to be written
    assert entry.persisted is not None
    lab.node.persisted(entry.persisted)
    assert lab.node.ready().committed == (Entry(1, 2),)
    lab.node.applied((Entry(1, 2),))
    assert lab.raft.log.applied == 2
    lab.node.applied(())


def test_what_an_older_term_wrote_does_not_count() -> None:
    lab = Lab(hard_state=HardState(5, 0, 1))
    lab.node.persisted(Persisted(4, lab.raft.log.last))
    assert lab.told(What.LATE_WRITE)


def test_a_restart_goes_on_where_the_disk_ends() -> None:
    lab = Lab(entries=[Entry(1, 2, b"a"), Entry(2, 3, b"b")], hard_state=HardState(2, 3, 2))
    assert (lab.raft.term, lab.raft.vote, lab.raft.log.last_index) == (2, 3, 3)
    lab.flush()
    assert data(lab) == [b"a"]
    with pytest.raises(AssertionError, match="committed 9"):
        Lab(hard_state=HardState(2, 0, 9))


def test_when_something_happens_by_itself() -> None:
    lab = Lab()
    for left in range(ELECTION_TICKS, 0, -1):
        assert lab.node.ticks_to_event == left
        lab.tick()
    cluster = leader(heartbeat_ticks=3)
    assert cluster[1].node.ticks_to_event == 3
    cluster[1].tick(2)
    assert cluster[1].node.ticks_to_event == 1


def rounds_at(lab: Lab, ticks: int, answering: Iterable[int] = ()) -> list[int]:
    """At which of the next ticks a round of heartbeats leaves, if these members answer each of them."""
    found = []
    for tick in range(1, ticks + 1):
        beats = [message for message in lab.tick() if isinstance(message, Heartbeat)]
        found += [tick] if beats else []
        for beat in beats:
            if beat.to in answering:
                lab.step(HeartbeatResponse(sender=beat.to, to=beat.sender, term=beat.term, round=beat.round))
    return found


def test_a_round_that_a_member_does_not_answer_is_repeated_soon() -> None:
    """A lost packet costs two ticks, not six. A member that answers none of six rounds is asked as seldom as others."""
    lab = leader(heartbeat_ticks=6, heartbeat_retry_ticks=2, check_quorum=False, election_ticks=60)[1]
    assert rounds_at(lab, 18, answering=(2, 3)) == [6, 12, 18]
    assert rounds_at(lab, 20, answering=(2,)) == [6, 8, 10, 12, 14, 16, 18]
    assert rounds_at(lab, 12, answering=(2,)) == [4, 10]
    assert rounds_at(lab, 12, answering=(2, 3)) == [4, 10]


def test_without_a_retry_a_round_is_as_good_as_the_next() -> None:
    lab = leader(heartbeat_ticks=6, check_quorum=False, election_ticks=60)[1]
    assert rounds_at(lab, 12) == [6, 12]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id_": 0}, "id must"),
        ({"heartbeat_ticks": 0}, "heartbeat_ticks"),
        ({"heartbeat_ticks": 10}, "less than election_ticks"),
        ({"heartbeat_ticks": 2, "heartbeat_retry_ticks": 2}, "heartbeat_retry_ticks"),
        ({"max_inflight_messages": 0}, "max_inflight_messages"),
        ({"max_inflight_bytes": 10, "max_message_size": 11}, "max_inflight_bytes"),
        ({"lease_reads": True, "check_quorum": False}, "lease_reads"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**{"id_": 1, **values})


def test_a_node_is_deterministic() -> None:
    def history(seed: int) -> list[Message]:
        lab = Lab(draw=random.Random(seed).randrange)
        return [message for _ in range(100) for message in lab.tick()]

    assert history(1) == history(1)


# -- notes


def test_notes_are_sentences() -> None:
    cluster = Cluster()
    cluster.elect(1)
    for lab in cluster.labs.values():
        for note in lab.notes:
            assert str(note).startswith(f"{note.node} ")
    assert "2 is a follower in term 1" in [str(note) for note in cluster[2].notes]
    assert Note(What.LEADER_KEPT, 3, {}).what.level is Level.ERROR


def test_nobody_has_to_listen() -> None:
    lab = Lab()
    lab.raft._observe = None
    lab.node.campaign()
    assert len(lab.flush()) == 2
