"""Who owns: placed by priority and ability, moved without two owners, held when the quorum is lost."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from alived.raft.config import Profile, QuorumLost, RaftInstance, Role
from alived.raft.directory import node_number
from alived.raft.engine_line import EngineLine
from alived.raft.member_events import Arrived, EngineReported, MemberShutdown
from alived.raft.messages import Heartbeat, TimeoutNow
from alived.raft.outbox import Outbox
from alived.raft.ownership import Ownership, Standpoint
from alived.raft.packets import GroupReport, Packet, Report, Subleases
from alived.raft.profiles import TIMERS
from tests.raft.cluster import MS, Cluster, members


def formed(cluster: Cluster) -> Cluster:
    cluster.start()
    cluster.settle()
    return cluster


def test_the_best_node_leads_and_owns() -> None:
    for best in "abc":
        nodes = members("a", "b", "c", **{best: {"priority": 200}})
        cluster = Cluster(nodes)
        cluster[best].engine.priority = 200
        formed(cluster)
        cluster.run(1_000 * MS)
        assert cluster.leader() == cluster.owner() == best


def test_a_node_that_is_unable_gives_way_and_comes_back() -> None:
    cluster = Cluster(members("a", "b", "c", a={"priority": 200}))
    cluster["a"].engine.priority = 200
    formed(cluster)
    cluster.run(1_000 * MS)
    assert cluster.owner() == "a"
    cluster["a"].engine.able["web"] = False
    cluster.engine_reports("a")
    assert cluster.until(lambda: cluster.owner() in ("b", "c")) < 30 * MS
    assert cluster.until(lambda: cluster.leader() == cluster.owner()) < 30 * MS
    cluster["a"].engine.able["web"] = True
    cluster.engine_reports("a")
    cluster.until(lambda: cluster.owner() == "a")
    assert cluster.until(lambda: cluster.leader() == "a") < 30 * MS


@pytest.mark.parametrize("dies", [True, False])
def test_an_engine_that_dies_or_hangs_costs_the_ownership(dies: bool) -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    first = cluster.owner()
    if dies:
        cluster.engine_dies(first)
    else:
        cluster[first].engine.hangs = True
    took_ns = cluster.until(lambda: cluster.owner() not in ("", first))
    assert took_ns < (30 if dies else 500) * MS
    cluster.engine_returns(first)
    cluster.run(500 * MS)
    assert cluster.owner()


def test_an_isolated_owner_lets_go_before_another_owns() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    first = cluster.owner()
    cluster.isolate(first)
    cluster.until(lambda: cluster.owner() not in ("", first))
    term = cluster.member(cluster.leader()).snapshot().term
    cluster.run(2_000 * MS)
    cluster.heal()
    cluster.run(1_000 * MS)
    assert cluster.member(first).snapshot().term == term, "who was away disturbs nobody"
    assert cluster.owner() not in ("", first)


def test_the_groups_are_spread() -> None:
    cluster = Cluster(members("a", "b", "c"), groups=("g1", "g2", "g3"), spread_groups=True)
    formed(cluster)
    cluster.until(lambda: {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"})
    cluster.run(1_000 * MS)
    assert {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"}
    # A follower dies: its group goes to another, the others stay.
    follower = next(name for name in "abc" if name != cluster.leader())
    group = next(group for group in ("g1", "g2", "g3") if cluster.owner(group) == follower)
    before = {one: cluster.owner(one) for one in ("g1", "g2", "g3") if one != group}
    cluster.kill(follower)
    cluster.until(lambda: cluster.owner(group) not in ("", follower))
    assert {one: cluster.owner(one) for one in before} == before


def test_everybody_knows_who_owns() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    cluster.run(2_100 * MS)
    for name in "abc":
        [view] = cluster.member(name).snapshot().owners
        assert view.owner == cluster.owner()
        assert view.known_ns is not None and cluster.now_ns - view.known_ns <= 2_100 * MS


def test_who_has_let_go_does_not_call_itself_the_owner() -> None:
    """The leader said that this node owns, and is not heard any more."""
    cluster = formed(Cluster(members("a", "b", "c"), groups=("g1", "g2", "g3"), spread_groups=True))
    cluster.until(lambda: {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"})
    cluster.run(1_100 * MS)
    tenant = next(name for name in "abc" if name != cluster.leader())
    group = next(group for group in ("g1", "g2", "g3") if cluster.owner(group) == tenant)
    cluster.isolate(tenant)
    cluster.until(lambda: cluster.owner(group) == "")
    [view] = [view for view in cluster.member(tenant).snapshot().owners if view.group == group]
    assert (view.owner, view.known_ns) == (tenant, None), "the last one that is known, and nothing fresh"


def test_a_witness_and_a_learner_never_lead() -> None:
    nodes = members("a", "w", "b", "l", w={"role": Role.WITNESS}, l={"role": Role.LEARNER})
    cluster = formed(Cluster(nodes))
    first = cluster.owner()
    assert first in ("a", "b")
    cluster.kill(first)
    cluster.until(lambda: cluster.owner() not in ("", first))
    cluster.kill(cluster.owner())
    cluster.run(3_000 * MS)
    assert not cluster.owner() and not cluster.leader()


def test_a_cluster_in_which_nobody_is_able_has_a_leader() -> None:
    cluster = Cluster(members("a", "b", "c"))
    for host in cluster.hosts.values():
        host.engine.able["web"] = False
    cluster.start()
    cluster.run(3_000 * MS)
    assert cluster.leader() and not cluster.owner()


def test_a_node_that_is_unable_leaves_the_election_to_others() -> None:
    for seed in range(8):
        cluster = Cluster(members("a", "b", "c"), seed=seed)
        formed(cluster)
        leader = cluster.leader()
        [unable, able] = [name for name in "abc" if name != leader]
        cluster[unable].engine.able["web"] = False
        cluster.engine_reports(unable)
        cluster.kill(leader)
        cluster.until(lambda: cluster.leader() not in ("", leader))  # noqa: B023
        assert cluster.leader() == able


@pytest.mark.parametrize("policy", list(QuorumLost))
def test_what_an_owner_does_when_the_quorum_is_lost(policy: QuorumLost) -> None:
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web", quorum_lost=policy)]))
    owner = cluster.owner()
    others = [name for name in "abc" if name != owner]
    cluster.kill(*others)
    cluster.run(2_000 * MS)
    assert cluster.owner() == (owner if policy is QuorumLost.HOLD else "")
    cluster.start(*others)
    cluster.run(2_000 * MS)
    assert cluster.owner() == cluster.leader() != ""


@pytest.mark.parametrize("policy", list(QuorumLost))
def test_an_owner_is_told_so_before_the_lease_of_the_kernel_ends(policy: QuorumLost) -> None:
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web", quorum_lost=policy)]))
    engine = cluster[cluster.owner()].engine
    told = [len(engine.heard)]
    for _ in range(2_000):
        cluster.run(MS)
        told.append(len(engine.heard))
    longest = max(len([*same]) for _, same in itertools.groupby(told))
    assert longest * MS < TIMERS[Profile.LAN].kernel_leases_ns[-1] - 20 * MS


def test_a_report_that_is_lost_comes_again_soon() -> None:
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web")]))
    cluster.run(500 * MS)
    leader = cluster.leader()
    follower = next(name for name in "abc" if name != leader)
    lost: list[Packet] = []

    def loses(sender: str, to: str, packet: Packet) -> bool:
        if sender == follower and isinstance(packet, Report) and not lost:
            lost.append(packet)
            return True
        return False

    cluster.loses = loses
    cluster[follower].engine.priority = 77
    cluster.engine_reports(follower)

    def known() -> bool:
        groups = cluster.member(leader)._ownership.reports.get(follower, ())
        return any(one.priority == 77 for one in groups)

    took_ns = cluster.until(known)
    assert lost
    assert took_ns < 2 * TIMERS[Profile.LAN].heartbeat_ns


def test_at_rest_an_owner_asks_its_engine_for_an_answer_once_a_second() -> None:
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web")]))
    engine = cluster[cluster.owner()].engine
    before = len(engine.heard)
    cluster.run(5_000 * MS)
    told = engine.heard[before:]
    assert len(told) > 40, "renewed with each round"
    assert sum(leases.answer for leases in told) <= 6


def test_who_holds_on_lets_go_before_it_helps_another() -> None:
    """The owner is cut off, and comes back when its vote is needed."""
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web", quorum_lost=QuorumLost.HOLD)]))
    owner = cluster.owner()
    others = [name for name in "abc" if name != owner]
    cluster.kill(*others)
    cluster.run(1_000 * MS)
    cluster[owner].member._ownership.engine.unable = "tested"  # type: ignore[union-attr]
    cluster.start(others[0])
    cluster.run(3_000 * MS)
    assert cluster.owner() == others[0]


def test_who_would_hold_on_waits_like_any_other_while_a_leader_grants_it() -> None:
    """What it would do if the leader fell silent is not due before that."""
    cluster = formed(Cluster(members("a", "b", "c"), [RaftInstance(name="web", quorum_lost=QuorumLost.HOLD)]))
    leader = cluster.leader()
    cluster[leader].engine.able["web"] = False
    cluster.engine_reports(leader)
    cluster.loses = lambda sender, to, packet: isinstance(packet, TimeoutNow)  # so it goes on to lead
    cluster.until(lambda: cluster.owner() not in ("", leader))
    cluster.run(1_000 * MS)
    assert cluster.leader() == leader
    assert cluster.owner() not in ("", leader)


def test_a_hand_over_that_fails_is_undone() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    first = cluster.owner()
    term = cluster.member(first).snapshot().term
    cluster.loses = lambda sender, to, packet: isinstance(packet, TimeoutNow)
    cluster[first].engine.able["web"] = False
    cluster.engine_reports(first)
    cluster.run(100 * MS)
    assert cluster.owner() not in ("", first), "it keeps what it was granted until that ends"
    assert cluster.leader() == first
    cluster.until(lambda: bool(cluster[first].said("hand-over-failed")))
    cluster.loses = lambda sender, to, packet: False
    cluster.until(lambda: cluster.owner() not in ("", first))
    assert cluster.member(cluster.leader()).snapshot().term > term


def test_a_stall_of_everybody_elects_nobody_anew() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    term = cluster.member("a").snapshot().term
    cluster.run(1 * MS)
    cluster.now_ns += 120 * MS  # nobody was woken meanwhile
    cluster.run(1_000 * MS)
    assert cluster.member("a").snapshot().term == term
    assert cluster.owner()


def test_lost_heartbeats_cost_nothing() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    owner = cluster.owner()
    count = [0]

    def every_second(sender: str, to: str, packet: object) -> bool:
        count[0] += isinstance(packet, Heartbeat)
        return isinstance(packet, Heartbeat) and count[0] % 4 in (0, 1)

    cluster.loses = every_second
    for _ in range(1_000):
        cluster.run(MS)
        assert cluster.owner() == owner


def test_a_follower_that_ends_leaves_its_groups() -> None:
    cluster = formed(Cluster(members("a", "b", "c"), groups=("g1", "g2", "g3"), spread_groups=True))
    cluster.until(lambda: {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"})
    follower = next(name for name in "abc" if name != cluster.leader())
    group = next(group for group in ("g1", "g2", "g3") if cluster.owner(group) == follower)
    cluster.step(follower, MemberShutdown())
    assert cluster.until(lambda: cluster.owner(group) not in ("", follower)) < 30 * MS
    assert cluster[follower].finished


def test_an_owner_that_holds_on_and_is_elected_again_owns_all_the_time() -> None:
    groups = [RaftInstance(name="web", quorum_lost=QuorumLost.HOLD)]
    cluster = formed(Cluster(members("a", "b", "c"), groups, seed=2))
    owner = cluster.owner()
    others = [name for name in "abc" if name != owner]
    cluster.kill(*others)
    cluster.run(1_000 * MS)
    for name in others:
        cluster[name].engine.able["web"] = False
    cluster.start(*others)
    for _ in range(2_000):
        cluster.run(MS)
        assert cluster.owner() == owner
    assert cluster.leader() == owner


def test_the_engine_of_a_follower_dies() -> None:
    cluster = formed(Cluster(members("a", "b", "c")))
    owner = cluster.owner()
    follower = next(name for name in "abc" if name != owner)
    cluster.engine_dies(follower)
    cluster.run(300 * MS)
    assert cluster.owner() == owner
    groups = {view.member.id: view.groups for view in cluster.member(owner).snapshot().members}
    assert groups[follower] == ()


def test_a_follower_that_has_not_reported_lately_is_asked_until_it_does() -> None:
    cluster = formed(Cluster(members("a", "b", "c"), groups=("g1", "g2", "g3"), spread_groups=True))
    cluster.until(lambda: {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"})
    follower = next(name for name in "abc" if name != cluster.leader())
    group = next(group for group in ("g1", "g2", "g3") if cluster.owner(group) == follower)
    cluster[follower].engine.able[group] = False
    cluster.engine_reports(follower)
    cluster.until(lambda: cluster.owner(group) not in ("", follower))
    cluster.run(2_000 * MS)
    lost = []

    def first_three(sender: str, to: str, packet: object) -> bool:
        if isinstance(packet, Subleases) and packet.number == 0 and len(lost) < 3:
            lost.append(packet)
            return True
        return False

    cluster.loses = first_three
    cluster[follower].engine.able[group] = True
    cluster.engine_reports(follower)
    cluster.until(lambda: follower in {cluster.owner(one) for one in ("g1", "g2", "g3")})


def line_to_nobody() -> EngineLine:
    return EngineLine(TIMERS[Profile.LAN].heartbeat_ns, lambda: 0)


def test_a_leader_waits_for_what_it_granted_in_an_earlier_term() -> None:
    """It was deposed and is elected again before a sublease of its earlier term has ended."""
    nodes = members("a", "b")
    outbox = Outbox()
    groups = (RaftInstance(name="web", preferred_nodes=("b",)), RaftInstance(name="mail", preferred_nodes=("a",)))
    ownership = Ownership("a", groups, TIMERS[Profile.LAN], outbox, 0, line_to_nobody())
    b = node_number("b")
    reports = tuple(GroupReport(name=name, able=True, priority=100) for name in ("web", "mail"))

    def mind(term: int, now_ns: int, lease_ns: int) -> bool:
        standpoint = Standpoint(
            term=term,
            leader=node_number("a"),
            leader_name="a",
            leads=True,
            lease_until_ns=now_ns + lease_ns,
            members=nodes,
            heard_ns={b: now_ns},
        )
        ownership.mind(standpoint, now_ns)
        return ownership.rules

    ownership.prepare("b")
    assert ownership.passed_on("b"), "there is nothing to pass on before it rules"
    ownership.engine_reported(EngineReported(number=0, groups=reports), 0)
    assert mind(1, 1, 100 * MS)
    for now_ns in range(10 * MS, 400 * MS, 10 * MS):
        ownership.reported("b", Report(number=now_ns, term=1, groups=reports), now_ns)
        assert mind(1, now_ns, 100 * MS)
    assert ownership.owns("b", 390 * MS)
    assert not mind(2, 391 * MS, 100 * MS)
    assert not ownership.clear(391 * MS)
    assert mind(2, 600 * MS, 100 * MS)


def test_what_was_overtaken_on_the_way_changes_nothing() -> None:
    cluster = formed(Cluster(members("a", "b", "c"), groups=("g1", "g2", "g3"), spread_groups=True))
    cluster.until(lambda: {cluster.owner(group) for group in ("g1", "g2", "g3")} == {"a", "b", "c"})
    leader = cluster.leader()
    follower = next(name for name in "abc" if name != leader)
    group = next(group for group in ("g1", "g2", "g3") if cluster.owner(group) == follower)
    here, there = node_number(leader), node_number(follower)
    report = next(one for sender, to, one in reversed(cluster.sent) if isinstance(one, Report) and sender == there)
    answer = next(one for _, to, one in reversed(cluster.sent) if isinstance(one, Subleases) and to == there)
    unable = tuple(msgspec.structs.replace(one, able=False) for one in report.groups)
    cluster.step(leader, Arrived(there, msgspec.structs.replace(report, number=report.number - 1, groups=unable)))
    cluster.step(follower, Arrived(here, msgspec.structs.replace(answer, serial=answer.serial - 1, held=())))
    assert cluster.owner(group) == follower
    groups = {view.member.id: view.groups for view in cluster.member(leader).snapshot().members}
    assert all(one.able for one in groups[follower])


@pytest.mark.parametrize(("able", "priority", "campaigns"), [(True, 100, True), (False, 100, False), (True, 0, False)])
def test_who_could_own_only_for_want_of_a_better_one_leaves_it_to_the_others_to_campaign(
    able: bool, priority: int, campaigns: bool
) -> None:
    """Priority 0 is the last resort: that of the configuration, or that of a node whose trackers fail."""
    ownership = Ownership("a", (RaftInstance(name="g1"),), TIMERS[Profile.LAN], Outbox(), 0, line_to_nobody())
    report = GroupReport(name="g1", able=able, priority=priority)
    ownership.engine_reported(EngineReported(number=0, groups=(report,)), 0)
    assert ownership.able(0) is campaigns
