"""Who shall own which group: by need at once, by preference when it has lasted, and never by turns."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.raft.candidates import Known, View
from alived.raft.config import Member, RaftInstance, Role
from alived.raft.packets import GroupReport
from alived.raft.placement import Decision, HandOver, Placement

TIMEOUT = 150 * MS
LONG = 10 * S
"""Much later than any delay that a test does not mention"""


class Case:
    """A leader n1 with the members n2 and n3, all able; a test changes what it is about."""

    def __init__(self, groups: int = 1, members: int = 3, *, spread: bool = False, **of_all_groups: Any) -> None:
        self.now_ns = 1000 * S
        self.spread = spread
        self.leader = "n1"
        self.asked_for = ""
        self.members = {f"n{i}": Member(id=f"n{i}", address=f"10.0.0.{i}") for i in range(1, members + 1)}
        self.groups = {f"g{i}": RaftInstance(name=f"g{i}", **of_all_groups) for i in range(1, groups + 1)}
        self.unable: dict[tuple[str, str], str] = {}
        self.priorities: dict[tuple[str, str], int] = {}
        self.held_ns: dict[tuple[str, str], int] = {}
        self.silent: set[str] = set()
        self.unheard: set[str] = set()
        self.unknown: set[tuple[str, str]] = set()
        """(node, group): its engine does not know the group"""
        self.placement = Placement(TIMEOUT)
        self.placement.begin(self.now_ns)

    def member(self, name: str, **values: Any) -> None:
        self.members[name] = Member(id=name, address="10.0.0.9", **values)

    def group(self, name: str, **values: Any) -> None:
        self.groups[name] = RaftInstance(name=name, **values)

    def fail(self, node: str, reason: str = "eth0 is down") -> None:
        self.unable.update({(node, group): reason for group in self.groups})

    def heal(self, node: str) -> None:
        self.unable = {key: reason for key, reason in self.unable.items() if key[0] != node}

    def report(self, node: str, group: str) -> GroupReport:
        reason = self.unable.get((node, group), "")
        return GroupReport(
            name=group,
            able=not reason,
            priority=self.priorities.get((node, group), self.members[node].priority),
            reason=reason,
            held_ns=self.held_ns.get((node, group)),
        )

    def known(self, name: str) -> Known:
        heard_ns = self.now_ns - TIMEOUT if name in self.silent else self.now_ns
        reports = tuple(self.report(name, group) for group in self.groups if (name, group) not in self.unknown)
        return Known(member=self.members[name], heard_ns=None if name in self.unheard else heard_ns, groups=reports)

    def view(self) -> View:
        return View(
            leader=self.leader,
            members=tuple(map(self.known, self.members)),
            groups=tuple(self.groups.values()),
            spread=self.spread,
            asked_for=self.asked_for,
        )

    def decide(self, after_ns: int = 0) -> Decision:
        self.now_ns += after_ns
        return self.placement.decide(self.view(), self.now_ns)

    def owners(self, after_ns: int = 0) -> dict[str, str]:
        return self.decide(after_ns).owners

    def owner(self, after_ns: int = 0) -> str:
        return self.owners(after_ns).get("g1", "")

    def reason(self, after_ns: int = 0) -> str:
        return self.decide(after_ns).groups[0].reason


# -- groups follow the leader


def test_the_leader_owns_all_at_once() -> None:
    case = Case(groups=2)
    decision = case.decide()
    assert decision.owners == {"g1": "n1", "g2": "n1"}
    assert decision.hand_over is None
    assert decision.groups[0].reason == "n1 leads"


def test_a_new_group_waits_for_the_engine_of_the_leader_that_reloads_last() -> None:
    case = Case()
    case.decide(LONG)
    case.group("g2")
    case.unknown = {("n1", "g2")}
    decision = case.decide()
    assert decision.owners == {"g1": "n1"}
    assert decision.groups[1].reason == "the engine of the leader has not reported it"
    assert decision.moves_ns == case.now_ns + TIMEOUT
    assert case.owners(TIMEOUT - 1) == {"g1": "n1"}
    case.unknown = set()
    assert case.owners(1) == {"g1": "n1", "g2": "n1"}


def test_it_does_not_wait_for_ever() -> None:
    case = Case()
    case.decide(LONG)
    case.group("g2")
    case.unknown = {("n1", "g2")}
    assert case.owners() == {"g1": "n1"}
    assert case.owners(TIMEOUT)["g2"] in ("n2", "n3")


def test_nobody_waits_for_the_engine_of_a_witness() -> None:
    case = Case()
    case.member("n1", role=Role.WITNESS)
    case.unknown = {("n1", "g1")}
    assert case.owner() in ("n2", "n3")


def test_a_better_node_gets_the_leadership_when_it_has_been_well_for_preempt_delay() -> None:
    case = Case(preempt_delay_ns=5 * S)
    case.member("n3", priority=120)
    first = case.decide()
    assert (first.owners, first.hand_over) == ({"g1": "n1"}, None)
    assert first.groups[0].reason == "n1 keeps it until n3 has been well for the preempt_delay"
    assert first.look_again_ns == case.now_ns + TIMEOUT  # the members' reports may be old by then
    last = case.decide(5 * S - 1)
    assert (last.owners, last.look_again_ns) == ({"g1": "n1"}, case.now_ns + 1)
    decision = case.decide(1)
    assert decision.owners == {"g1": "n3"}
    assert decision.hand_over == HandOver(to="n3", reason="n3 has priority 120, n1 100")


def test_without_preempt_delay_it_must_be_well_for_an_election_timeout() -> None:
    case = Case()
    case.member("n2", priority=120)
    assert case.owner() == "n1"
    assert case.owner(TIMEOUT - 1) == "n1"
    assert case.owner(1) == "n2"


def test_nopreempt_keeps_the_owner() -> None:
    case = Case(nopreempt=True)
    case.member("n2", priority=120)
    case.owner()
    assert case.owner(LONG) == "n1"
    assert case.reason() == "n1 keeps it: nopreempt, though n2 would be better"
    case.fail("n1")
    assert case.owner() == "n2"


def test_nopreempt_holds_across_leaders() -> None:
    case = Case(nopreempt=True)
    case.held_ns["n2", "g1"] = 10 * MS
    case.held_ns["n1", "g1"] = 500 * MS
    assert case.owner() == "n2"
    case = Case(nopreempt=True)
    case.held_ns["n2", "g1"] = 60 * S
    assert case.owner() == "n1"


def test_a_group_stays_where_it_was_if_it_would_go_there_again() -> None:
    """The leader was cut off for a moment: the new one sends nothing back and forth."""
    case = Case()
    case.member("n3", priority=120)
    case.held_ns["n3", "g1"] = 10 * MS
    decision = case.decide()
    assert (decision.owners, decision.hand_over) == ({"g1": "n3"}, None)
    decision = case.decide(TIMEOUT)
    assert (decision.owners, decision.hand_over) == (
        {"g1": "n3"},
        HandOver(to="n3", reason="n3 has priority 120, n1 100"),
    )


def test_preferred_nodes_come_before_priorities() -> None:
    case = Case(preferred_nodes=("n3", "n2"))
    case.member("n1", priority=200)
    case.owner()
    assert case.owner(LONG) == "n3"
    assert case.reason() == "n3 is preferred to n2"
    case.fail("n3")
    assert case.owner() == "n2"


def test_a_leader_that_is_unable_hands_over_at_once() -> None:
    case = Case(groups=2)
    case.owner()
    case.fail("n1")
    decision = case.decide(1)
    assert decision.owners == {"g1": "n2", "g2": "n2"}
    assert decision.hand_over == HandOver(to="n2", reason="n2 is as good as n3")


def test_groups_that_disagree_are_subleased() -> None:
    case = Case(groups=2)
    case.owner()
    case.unable["n1", "g2"] = "eth1 is down"
    decision = case.decide()
    assert decision.owners == {"g1": "n1", "g2": "n2"}
    assert decision.hand_over is None


def test_a_subleased_group_comes_back_to_the_leader_when_that_is_well_again() -> None:
    case = Case(groups=2)
    case.unable["n1", "g2"] = "eth1 is down"
    assert case.owners() == {"g1": "n1", "g2": "n2"}
    case.unable = {}
    assert case.owners(1) == {"g1": "n1", "g2": "n2"}
    assert case.owners(TIMEOUT) == {"g1": "n1", "g2": "n1"}


def test_trackers_change_priorities() -> None:
    case = Case()
    case.owner()
    case.priorities["n1", "g1"] = 80
    assert case.owner(TIMEOUT) == "n2"
    assert case.reason() == "n2 is as good as n3"


def test_priority_0_owns_only_if_there_is_no_other() -> None:
    case = Case(preferred_nodes=("n1",), nopreempt=True)
    case.member("n1", priority=0)
    assert case.owner() == "n2"
    assert case.reason() == "n2 is as good as n3"
    case.fail("n2")
    case.fail("n3")
    assert case.owner() == "n1"
    case.heal("n3")
    assert case.owner(1) == "n1"
    assert case.owner(TIMEOUT) == "n3"  # need, though the group says nopreempt
    assert case.reason() == "n3 has a priority, n1 is the last resort"


def test_a_flapping_best_node_does_not_keep_the_second_best_away() -> None:
    case = Case(preempt_delay_ns=S)
    case.member("n1", priority=50)
    case.member("n2", priority=60)
    case.member("n3", priority=70)
    for _ in range(3):
        case.fail("n3")
        case.owner(400 * MS)
        case.heal("n3")
        case.owner(400 * MS)
    assert case.owner() == "n2"


def test_an_operator_may_ask_for_a_node() -> None:
    case = Case(nopreempt=True)
    case.owner()
    case.asked_for = "n3"
    assert case.owner() == "n3"
    assert case.reason() == "n3 was asked for by an operator"
    case.fail("n3")
    assert case.owner() == "n1"


# -- who may own


@pytest.mark.parametrize("spread", [False, True])
def test_all_unable_is_said_plainly(spread: bool) -> None:
    case = Case(members=4, spread=spread)
    case.member("n3", role=Role.LEARNER)
    case.member("n4", role=Role.WITNESS)
    case.fail("n1", "in maintenance")
    case.silent = {"n2"}
    decision = case.decide()
    assert decision.owners == {}
    assert decision.hand_over is None
    said = "no node can own it: n1: in maintenance; n2 is silent; n3 is a learner; n4 is a witness"
    assert decision.groups[0].reason == said


def test_the_only_able_node_is_told_with_what_keeps_the_others() -> None:
    case = Case(members=1)
    assert case.reason() == "n1 is the only able node"
    case = Case(members=2)
    case.unable["n2", "g1"] = "in maintenance"
    assert case.reason() == "n1 is the only able node: n2: in maintenance"


def test_who_does_not_know_the_group_or_gives_no_reason() -> None:
    case = Case()
    view = case.view()
    old, new = view.members[1], view.members[2]
    mute = GroupReport(name="g1", able=False, priority=100)
    members = (
        view.members[0],
        Known(member=old.member, heard_ns=case.now_ns),
        Known(member=new.member, heard_ns=case.now_ns, groups=(mute,)),
    )
    view = View(leader="n1", members=members, groups=view.groups)
    said = case.placement.decide(view, case.now_ns).groups[0].reason
    assert said == "n1 is the only able node: n2 does not know the group; n3: unable"


def test_a_silent_member_loses_its_group_after_an_election_timeout() -> None:
    case = Case(preferred_nodes=("n2",), groups=2)
    case.group("g1")
    case.owner()
    assert case.owners(LONG) == {"g1": "n1", "g2": "n2"}
    case.silent = {"n2"}
    decision = case.decide()
    assert decision.owners == {"g1": "n1", "g2": "n1"}


def test_the_leader_is_not_silent_to_itself() -> None:
    case = Case()
    case.silent = {"n1"}
    assert case.owner() == "n1"


def test_a_new_leader_waits_for_its_own_engine_for_a_timeout() -> None:
    case = Case()
    case.unheard = {"n1"}
    decision = case.decide()
    assert decision.owners == {}
    assert decision.hand_over is None
    assert decision.look_again_ns == case.now_ns + TIMEOUT
    assert decision.groups[0].reason == "the engine of the new leader has not reported"
    assert case.owner(TIMEOUT) == "n2"


def test_a_leader_that_is_unable_asks_all_before_it_hands_over() -> None:
    case = Case()
    case.fail("n1")
    case.unheard = {"n2"}
    decision = case.decide()
    assert (decision.owners, decision.hand_over) == ({"g1": "n3"}, None)
    decision = case.decide(TIMEOUT)
    assert decision.hand_over is not None
    assert decision.hand_over.to == "n3"


# -- hand-overs that fail


def test_who_does_not_take_the_leadership_is_offered_it_less_and_less() -> None:
    case = Case()
    case.fail("n1")
    offers = []
    for _ in range(4000):
        decision = case.decide(25 * MS)
        assert decision.owners == {"g1": "n2"}
        if decision.hand_over is not None:
            offers.append(case.now_ns)
            case.placement.hand_over_failed("n2", case.now_ns)
    pauses = [(later - sooner) // MS for sooner, later in pairwise(offers)]
    assert pauses == [3000, 6000, 12000, 24000, 48000]


def test_the_pause_has_a_limit_and_is_forgotten_after_a_quiet_time() -> None:
    case = Case()
    case.fail("n1")
    for _ in range(10):
        case.placement.hand_over_failed("n2", case.now_ns)
        decision = case.decide()
        assert decision.hand_over is None
    assert case.decide(60 * S - 1).hand_over is None
    assert case.decide(1).hand_over is not None
    case.now_ns += 60 * S
    case.placement.hand_over_failed("n2", case.now_ns)
    assert case.decide(3 * S).hand_over is not None


# -- groups are spread


def loads(case: Case) -> list[int]:
    owners = list(case.owners().values())
    return sorted(owners.count(name) for name in case.members)


def test_groups_are_dealt_evenly() -> None:
    case = Case(groups=7, spread=True)
    assert loads(case) == [2, 2, 3]
    assert case.decide().hand_over is None
    assert case.reason() == "n1 has it as its share: groups are spread"


def test_preference_comes_before_load() -> None:
    case = Case(groups=4, spread=True, preferred_nodes=("n2",))
    assert set(case.owners().values()) == {"n2"}
    assert case.reason() == "n2 is preferred to n1"
    case.group("g5")
    assert case.owners()["g5"] == "n1"


def test_groups_stay_with_who_held_them_under_the_former_leader() -> None:
    case = Case(groups=3, spread=True)
    case.held_ns = {("n3", "g1"): 0, ("n2", "g2"): 0, ("n2", "g1"): 5 * S, ("n1", "g3"): 20 * MS}
    assert case.owners() == {"g1": "n3", "g2": "n2", "g3": "n1"}


def test_a_new_leader_waits_for_who_may_hold_a_group() -> None:
    case = Case(groups=2, spread=True)
    case.held_ns["n2", "g1"] = 0
    case.unheard = {"n3"}
    decision = case.decide()
    assert decision.owners == {"g1": "n2"}
    assert decision.groups[1].reason == "n3 may hold it and has not reported to the new leader yet"
    assert decision.look_again_ns == case.now_ns + TIMEOUT
    assert case.owners(TIMEOUT) == {"g1": "n2", "g2": "n1"}


def test_the_groups_of_a_lost_node_go_to_the_others_and_no_other_moves() -> None:
    case = Case(groups=6, spread=True)
    before = case.owners()
    case.silent = {"n2"}
    after = case.owners(1)
    assert loads(case) == [0, 3, 3]
    assert all(after[group] == owner for group, owner in before.items() if owner != "n2")


def test_a_node_that_joins_gets_its_share_when_it_has_been_well() -> None:
    case = Case(groups=6, spread=True)
    case.silent = {"n2"}
    before = case.owners()
    case.silent = set()
    assert case.owners(1) == before
    after = case.owners(TIMEOUT)
    assert sorted(after.values()) == ["n1", "n1", "n2", "n2", "n3", "n3"]
    assert sum(after[group] != before[group] for group in before) == 2


def test_nopreempt_groups_are_not_moved_to_even_out() -> None:
    case = Case(groups=6, spread=True, nopreempt=True)
    case.silent = {"n2"}
    before = case.owners()
    case.silent = set()
    assert case.owners(LONG) == before
    assert case.owners(LONG) == before


def test_a_preferred_node_that_is_back_gets_its_group() -> None:
    case = Case(groups=2, spread=True, preferred_nodes=("n3",))
    case.silent = {"n3"}
    assert case.owners() == {"g1": "n1", "g2": "n2"}
    case.silent = set()
    assert case.owners(1) == {"g1": "n1", "g2": "n2"}
    assert case.reason() == "n1 keeps it until n3 has been well for the preempt_delay"
    assert case.owners(TIMEOUT) == {"g1": "n3", "g2": "n3"}


def test_spread_over_what_is_able() -> None:
    """A group that only one node can own leaves the others to the others."""
    case = Case(groups=3, spread=True)
    for node in ("n2", "n3"):
        case.unable[node, "g3"] = "eth1 is down"
    case.priorities = {("n1", "g1"): 150, ("n1", "g2"): 150}
    assert case.owners() == {"g1": "n3", "g2": "n2", "g3": "n1"}


# -- whatever happens

NODES = ["n1", "n2", "n3", "n4"]
GROUPS = ["g1", "g2", "g3", "g4"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    case = Case(groups=0, members=4, spread=draw(st.booleans()))
    for name in NODES:
        role = draw(st.sampled_from([Role.VOTER, Role.VOTER, Role.VOTER, Role.WITNESS, Role.LEARNER]))
        case.member(name, role=role, priority=draw(st.sampled_from([0, 90, 100, 110])))
    for name in GROUPS[: draw(st.integers(1, 4))]:
        case.group(
            name,
            preferred_nodes=tuple(draw(st.lists(st.sampled_from(NODES), max_size=2, unique=True))),
            nopreempt=draw(st.booleans()),
            preempt_delay_ns=draw(st.sampled_from([0, S, 5 * S])),
        )
    disturb(draw, case)
    return case


def disturb(draw: st.DrawFn, case: Case) -> None:
    case.silent = set(draw(st.lists(st.sampled_from(NODES), max_size=2)))
    case.unheard = set(draw(st.lists(st.sampled_from(NODES), max_size=2)))
    pairs = st.tuples(st.sampled_from(NODES), st.sampled_from(GROUPS))
    case.unable = dict.fromkeys(draw(st.lists(pairs, max_size=5)), "unwell")
    case.held_ns = draw(st.dictionaries(pairs, st.sampled_from([0, 30 * MS, 60 * S]), max_size=3))


def able(case: Case, node: str, group: str) -> bool:
    away = node in case.unheard or (node in case.silent and node != case.leader)
    return case.members[node].may_own and not away and (node, group) not in case.unable


@given(cases(), st.data())
def test_every_group_has_an_able_owner_if_there_is_one(case: Case, data: st.DataObject) -> None:
    for _ in range(4):
        decision = case.decide(data.draw(st.sampled_from([1, TIMEOUT, LONG])))
        assert [placed.group for placed in decision.groups] == list(case.groups)
        for placed in decision.groups:
            assert placed.reason
            could = [node for node in NODES if able(case, node, placed.group)]
            assert placed.owner in could or (placed.owner == "" and (not could or case.unheard))
            if placed.owner and not case.members[placed.owner].priority:
                better = [node for node in could if case.members[node].priority]
                assert not better or case.now_ns < 1000 * S + 5 * LONG
        if decision.hand_over is not None:
            assert set(decision.owners.values()) == {decision.hand_over.to}
        disturb(data.draw, case)


@given(cases())
def test_what_does_not_change_is_decided_once(case: Case) -> None:
    """From when all are well for long enough, the decision stays the same to the letter, and needs no second look."""
    for _ in range(6):
        case.decide(LONG)
    settled = case.decide()
    assert settled.look_again_ns in (None, case.now_ns + TIMEOUT)
    for _ in range(5):
        again = case.decide(LONG)
        assert (again.groups, again.hand_over) == (settled.groups, settled.hand_over)


@given(cases())
def test_between_looks_nothing_changes(case: Case) -> None:
    """`look_again_ns` is soon enough: time alone changes nothing before it."""
    view = case.view()
    now_ns = case.now_ns
    for _ in range(12):
        decision = case.placement.decide(view, now_ns)
        if decision.look_again_ns is None:
            break
        before = case.placement.decide(view, decision.look_again_ns - 1)
        assert (before.groups, before.hand_over) == (decision.groups, decision.hand_over)
        now_ns = decision.look_again_ns
    else:
        raise AssertionError("it never comes to rest")


@settings(max_examples=50)
@given(cases(), st.sampled_from(NODES), st.lists(st.integers(1, 999), min_size=1, max_size=30))
def test_a_node_that_flaps_faster_than_the_delay_moves_nothing(case: Case, flapper: str, spans_ms: list[int]) -> None:
    """Only if it owns something: then others get that, by need."""
    case.groups = {name: RaftInstance(name=name, preempt_delay_ns=S) for name in case.groups}
    case.unheard = set()
    case.fail(flapper)
    for _ in range(4):
        case.decide(LONG)
    owners = case.owners()
    for span_ms in spans_ms:
        case.heal(flapper)
        if any(owner == "" for owner in owners.values()) or len(owners) < len(case.groups):
            return  # nobody else can own it
        assert case.owners() == owners
        assert case.owners(span_ms * MS) == owners
        case.fail(flapper)
        assert case.owners() == owners
