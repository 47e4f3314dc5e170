"""What is said of the cluster, and that nothing old is said as if it were new."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, RaftGroup
from alived.daemon.elector.recovery import SILENCE_NS, why_not_recover
from alived.daemon.shared.messages import RaftSnapshot
from alived.daemon.status.cluster_view import OWNER_FRESH_NS, cluster
from alived.daemon.status.view import Clock
from alived.raft.config import Cluster, Member, RaftInstance, Role
from alived.raft.member_events import MemberSnapshot, OwnerView, PeerView, Phase
from alived.raft.packets import GroupReport
from alived.vip.config import VipGroup

NOW = 1000 * NS_PER_S
CLOCK = Clock(NOW, 5000.0)
MEMBERS = tuple(Member(id=f"n{k}", address=f"192.0.2.{k}") for k in (1, 2, 3))
CONFIG = Config(
    cluster=Cluster(node_id="n1", data_dir="/d", members=MEMBERS),
    raft_groups=(RaftGroup(raft=RaftInstance(name="web", preferred_nodes=("n2", "n1")), vips=VipGroup(name="web")),),
)


def peer(number: int, **changes: object) -> PeerView:
    return msgspec.structs.replace(
        PeerView(member=MEMBERS[number - 1], number=number, heard_ns=NOW - 20 * NS_PER_MS, votes=True), **changes
    )


MEMBER = MemberSnapshot(
    node="n1",
    phase=Phase.RUNNING,
    cluster_id="front",
    formed="abc",
    role="leader",
    leader="n1",
    term=4,
    commit_index=17,
    applied_index=17,
    voters=3,
    quorum=2,
    tolerated_failures=1,
    lease_until_ns=NOW + 90 * NS_PER_MS,
    members=(
        peer(1),
        peer(2, match_index=15, groups=(GroupReport(name="web", able=False, priority=0, reason="eth0 is down"),)),
        peer(3, heard_ns=None),
    ),
    owners=(OwnerView(group="web", owner="n1", known_ns=NOW, reason="it leads"),),
    election_timeout_ns=150 * NS_PER_MS,
    heartbeat_ns=40 * NS_PER_MS,
    lease_ns=129 * NS_PER_MS,
)


def snapshot(member: MemberSnapshot = MEMBER, now_ns: int = NOW) -> RaftSnapshot:
    return RaftSnapshot(
        request_id=1,
        now_ns=now_ns,
        member=member,
        peers="signed datagrams, one key",
        refused={"signature": 3},
        lateness_max_ns=200_000,
        scheduling="SCHED_RR 1",
    )


def test_without_a_cluster_there_is_nothing_to_show() -> None:
    assert cluster(Config(), None, False, CLOCK) is None


def test_before_the_first_answer_the_state_is_unknown() -> None:
    shown = cluster(CONFIG, None, False, CLOCK)
    assert shown is not None
    assert (shown["phase"], shown["fresh"], shown["node"]) == ("unknown", False, "n1")


def test_a_fresh_snapshot_with_ages_instead_of_clocks() -> None:
    shown = cluster(CONFIG, snapshot(), True, CLOCK)
    assert shown is not None
    assert (shown["leader"], shown["term"], shown["lease_left_ms"], shown["tolerated_failures"]) == ("n1", 4, 90, 1)
    assert shown["refused"] == {"signature": 3}
    first, second, third = shown["members"]
    assert (first["this_node"], first["leads"], first["owner_of"], first["heard_ms"]) == (True, True, ["web"], 0)
    assert (second["heard_ms"], second["lag"], second["preferred_for"]) == (20, 2, ["web"])
    assert second["groups"][0]["reason"] == "eth0 is down"
    assert (third["heard_ms"], third["lag"], third["preferred_for"]) == (None, None, [])
    assert shown["owners"] == [
        {"group": "web", "owner": "n1", "last_known_owner": "n1", "age_ms": 0, "reason": "it leads"}
    ]


def test_an_owner_of_whom_nothing_was_heard_lately_is_unknown() -> None:
    old = OwnerView(group="web", owner="n1", known_ns=NOW - OWNER_FRESH_NS - 1)
    never = OwnerView(group="db", owner="", known_ns=None)
    shown = cluster(CONFIG, snapshot(msgspec.structs.replace(MEMBER, owners=(old, never))), True, CLOCK)
    assert shown is not None
    assert [(one["owner"], one["last_known_owner"]) for one in shown["owners"]] == [("unknown", "n1"), ("unknown", "")]
    assert shown["members"][0]["owner_of"] == []


def test_a_snapshot_that_is_not_fresh_is_unknown_with_what_was_known_beside_it() -> None:
    shown = cluster(CONFIG, snapshot(now_ns=NOW - NS_PER_S), False, CLOCK)
    assert shown is not None
    assert (shown["phase"], shown["leader"], shown["role"]) == ("unknown", "unknown", "unknown")
    assert (shown["last_known_phase"], shown["age_ms"]) == ("running", 1000)
    assert shown["tolerated_failures"] is None and shown["lease_left_ms"] is None
    assert not any(member["leads"] or member["owner_of"] for member in shown["members"])
    assert shown["owners"][0]["owner"] == "unknown"


def with_peers(*peers: PeerView) -> MemberSnapshot:
    return msgspec.structs.replace(MEMBER, members=peers)


LONG_AGO = NOW - SILENCE_NS - 1


class TestRecovery:
    """The last resort is refused while there is another."""

    LOST = with_peers(peer(1), peer(2, heard_ns=LONG_AGO), peer(3, heard_ns=None))

    def test_a_lost_majority_is_a_reason(self) -> None:
        assert why_not_recover(self.LOST, ("n1",), NOW) == ""

    def test_a_majority_that_answers_is_none(self) -> None:
        why = why_not_recover(with_peers(peer(1), peer(2), peer(3, heard_ns=None)), ("n1",), NOW)
        assert why == "a majority answers (n1, n2 of 3 voters): it can `remove` the others"

    def test_who_answers_is_not_lost(self) -> None:
        five = tuple(Member(id=f"n{k}", address=f"192.0.2.{k}") for k in (4, 5))
        more = [PeerView(member=one, number=9, heard_ns=None, votes=True) for one in five]
        seen = with_peers(peer(1), peer(2), peer(3, heard_ns=None), *more)
        assert "n2 answered within the last 5 s" in why_not_recover(seen, ("n1",), NOW)
        assert why_not_recover(seen, ("n1", "n2"), NOW) == ""

    def test_a_learner_that_answers_makes_no_majority(self) -> None:
        learner = msgspec.structs.replace(MEMBERS[1], role=Role.LEARNER)
        seen = with_peers(peer(1), peer(2, member=learner, votes=False), peer(3, heard_ns=None))
        assert why_not_recover(seen, ("n1",), NOW) == ""

    def test_a_newcomer_that_shall_vote_makes_no_majority_larger(self) -> None:
        newcomer = Member(id="n4", address="192.0.2.4")
        seen = with_peers(peer(1), peer(2), peer(3, heard_ns=None), peer(3, member=newcomer, votes=False))
        assert why_not_recover(seen, ("n1", "n2"), NOW).startswith("a majority answers (n1, n2 of 3 voters)")

    def test_only_voters_can_go_on_and_this_node_is_one_of_them(self) -> None:
        assert why_not_recover(self.LOST, (), NOW) == "nobody is named who goes on"
        assert "n7: no voter of this cluster" in why_not_recover(self.LOST, ("n1", "n7"), NOW)
        assert "this node is n1" in why_not_recover(self.LOST, ("n2",), NOW)
