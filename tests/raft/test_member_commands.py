"""Commands of operators: asked anywhere, carried out by the leader, told how it ended."""

from __future__ import annotations

import msgspec
import pytest

from alived.raft.commands import HEARD_NS, described
from alived.raft.config import Member as ConfiguredMember
from alived.raft.config import Role
from alived.raft.member_events import (
    AddMember,
    Arrived,
    Asking,
    Command,
    Demote,
    Phase,
    Promote,
    Recover,
    RemoveMember,
    Transfer,
)
from alived.raft.messages import Append, TimeoutNow
from alived.raft.packets import Asked, Told
from tests.raft.cluster import MS, Cluster, members


def formed(*names: str) -> Cluster:
    cluster = Cluster(members(*names))
    cluster.start()
    cluster.settle()
    cluster.run(300 * MS)
    return cluster


def ask(cluster: Cluster, name: str, command: Command) -> tuple[bool, str]:
    """The outcome, when it comes."""
    outcomes = cluster[name].outcomes
    outcomes.clear()
    cluster.step(name, Asking(7, command))
    cluster.until(lambda: bool(outcomes), 20_000 * MS)
    [outcome] = outcomes
    assert outcome.request == 7
    return outcome.ok, outcome.text


def followers(cluster: Cluster) -> list[str]:
    return [name for name in cluster.hosts if name != cluster.leader()]


def newcomer(name: str = "d", role: Role = Role.VOTER) -> ConfiguredMember:
    return ConfiguredMember(id=name, address="10.0.0.9", role=role)


def test_a_newcomer_that_has_not_the_log_does_not_vote_and_is_shown_so() -> None:
    cluster = formed("a", "b", "c")
    leader = cluster.leader()
    ok, text = ask(cluster, leader, AddMember(newcomer()))
    assert ok and "it has not answered yet" in text
    shown = {one.member.id: (one.member.role, one.votes) for one in cluster.member(leader).snapshot().members}
    assert shown == dict.fromkeys("abc", (Role.VOTER, True)) | {"d": (Role.VOTER, False)}


def voters(cluster: Cluster, name: str) -> int:
    return cluster.member(name).snapshot().voters


def test_a_member_is_added_and_votes_when_it_has_the_log() -> None:
    for asked in (0, 1):
        cluster = formed("a", "b", "c")
        name = [cluster.leader(), followers(cluster)[0]][asked]
        cluster.add("d", (*members("a", "b", "c"), newcomer()))
        cluster.start("d")
        cluster.run(300 * MS)
        assert ask(cluster, name, AddMember(newcomer())) == (True, "d is a voter: 4 voters, one may fail")
        cluster.run(500 * MS)
        assert cluster.member("d").snapshot().phase is Phase.RUNNING
        assert {voters(cluster, one) for one in "abcd"} == {4}


def test_a_member_that_does_not_answer_stays_a_learner() -> None:
    cluster = formed("a", "b", "c")
    ok, text = ask(cluster, "a", AddMember(newcomer()))
    assert ok
    assert text == "d is a learner and becomes a voter when it has the log: it has not answered yet"
    cluster.add("d", (*members("a", "b", "c"), newcomer()))
    cluster.start("d")
    cluster.run(1_000 * MS)
    assert voters(cluster, "a") == 4


def test_what_cannot_be_added() -> None:
    cluster = formed("a", "b", "c")
    [b] = [member for member in members("a", "b", "c") if member.id == "b"]
    same = ConfiguredMember(id="d", address=b.address)
    assert ask(cluster, "a", AddMember(same)) == (False, "b has the address 10.0.0.2 and port 7946 already")
    other = ConfiguredMember(id="b", address=b.address, role=Role.WITNESS)
    assert ask(cluster, "a", AddMember(other)) == (False, "b is a voter already: promote or demote it")
    assert ask(cluster, "a", AddMember(b)) == (True, "b is a voter: 3 voters, one may fail")


def test_the_address_of_a_member_changes() -> None:
    cluster = formed("a", "b", "c")
    moved = ConfiguredMember(id="b", address="10.0.1.2", priority=50)
    assert ask(cluster, "a", AddMember(moved))[0]
    cluster.run(100 * MS)
    assert moved in cluster["c"].peers.values()


def test_a_member_is_removed_the_leader_too() -> None:
    cluster = formed("a", "b", "c", "d")
    follower = followers(cluster)[0]
    assert ask(cluster, cluster.leader(), RemoveMember(follower)) == (
        True,
        f"{follower} is removed: 3 voters, one may fail",
    )
    first = cluster.leader()
    ok, text = ask(cluster, first, RemoveMember(first, allow_two_voters=True))
    assert (ok, text) == (True, f"{first} is removed: 2 voters, none may fail")
    cluster.run(500 * MS)
    assert cluster.owner() == cluster.leader() not in ("", first)
    assert cluster.member(first).snapshot().phase is Phase.REMOVED


def test_a_removal_that_would_stop_the_cluster_is_refused() -> None:
    cluster = formed("a", "b", "c")
    [dead, alive] = followers(cluster)
    cluster.kill(dead)
    cluster.run(300 * MS)
    assert ask(cluster, cluster.leader(), RemoveMember(alive)) == (
        False,
        f"of the 2 voters that remain without {alive} only 1 answer: nobody could own",
    )
    assert ask(cluster, cluster.leader(), RemoveMember("x")) == (False, "x is no member")
    assert ask(cluster, cluster.leader(), RemoveMember(dead, allow_two_voters=True))[0]


TWO_VOTERS = "two voters would be left, which is worse than one: "


def test_two_voters_are_refused_unless_somebody_wants_them() -> None:
    cluster = formed("a", "b", "c")
    follower = followers(cluster)[0]
    for node in (follower, cluster.leader()):
        for command in (RemoveMember(node), Demote(node)):
            ok, text = ask(cluster, follower, command)
            assert not ok and text.startswith(TWO_VOTERS)
            assert text.endswith("role witness on any small machine, or say --allow-two-voters")
    assert ask(cluster, follower, RemoveMember(follower, allow_two_voters=True))[0]


@pytest.mark.parametrize("role", [Role.VOTER, Role.WITNESS])
def test_a_second_voter_is_refused_unless_somebody_wants_it(role: Role) -> None:
    cluster = formed("a")
    one = newcomer(role=role)
    ok, text = ask(cluster, "a", AddMember(one))
    assert not ok and text.startswith(TWO_VOTERS)
    learner = msgspec.structs.replace(one, role=Role.LEARNER)
    assert ask(cluster, "a", AddMember(learner)) == (True, "d is a learner: 1 voter, none may fail")
    ok, text = ask(cluster, "a", Promote("d"))
    assert not ok and text.startswith(TWO_VOTERS)
    cluster.step("a", Asking(9, Promote("d", allow_two_voters=True)))
    cluster.run(MS)
    assert not any(text.startswith(TWO_VOTERS) for text in texts_since(cluster, "a", 9))


def texts_since(cluster: Cluster, name: str, request: int) -> list[str]:
    return [outcome.text for outcome in cluster[name].outcomes if outcome.request >= request]


def test_who_does_not_vote_may_go_from_a_cluster_of_two_voters() -> None:
    cluster = Cluster(members("a", "b", "l", l={"role": Role.LEARNER}))
    cluster.start()
    cluster.settle()
    cluster.run(300 * MS)
    assert ask(cluster, "a", RemoveMember("l")) == (True, "l is removed: 2 voters, none may fail")


def test_a_configuration_that_allows_two_voters_allows_them_here_too() -> None:
    cluster = Cluster(members("a", "b", "c"), allow_two_voters=True)
    cluster.start()
    cluster.settle()
    cluster.run(300 * MS)
    follower = followers(cluster)[0]
    assert ask(cluster, "a", RemoveMember(follower)) == (True, f"{follower} is removed: 2 voters, none may fail")


def test_the_only_voter_stays() -> None:
    cluster = formed("a")
    assert ask(cluster, "a", RemoveMember("a")) == (False, "a is the only voter")


def test_a_voter_is_demoted_and_promoted() -> None:
    cluster = formed("a", "b", "c")
    for name in (cluster.leader(), followers(cluster)[0]):
        assert ask(cluster, "a", Demote(name, allow_two_voters=True)) == (
            True,
            f"{name} is a learner: 2 voters, none may fail",
        )
        assert ask(cluster, "b", Demote(name)) == (False, f"{name} is a learner already")
        assert ask(cluster, "a", Promote(name)) == (True, f"{name} votes: 3 voters, one may fail")
        assert ask(cluster, "c", Promote(name)) == (False, f"{name} votes already")
    assert ask(cluster, "a", Promote("x")) == (False, "x is no member: add it")


def test_a_learner_that_is_away_is_not_promoted() -> None:
    cluster = formed("a", "b", "c")
    follower = followers(cluster)[0]
    ask(cluster, "a", Demote(follower, allow_two_voters=True))
    cluster.kill(follower)
    asked = next(name for name in "abc" if name != follower)
    ok, text = ask(cluster, asked, Promote(follower))
    assert not ok
    assert text.startswith(f"{follower} does not vote yet, it lacks the log: it has ")


def test_leadership_and_groups_are_handed_over_and_stay() -> None:
    cluster = formed("a", "b", "c")
    for _ in range(3):
        to = followers(cluster)[0]
        ok, text = ask(cluster, "a", Transfer(to))
        assert ok and text.startswith(f"{to} leads term ")
        cluster.until(lambda: cluster.owner() == cluster.leader() != "")
        cluster.run(2_000 * MS)
        assert cluster.owner() == cluster.leader() == to


def test_the_best_of_the_others_is_chosen_once() -> None:
    """A follower that was asked sends the command again to who has taken over: it must not be passed on for ever."""
    cluster = formed("a", "b", "c")
    leader = cluster.leader()
    term = cluster.member(leader).snapshot().term
    for _ in range(2):
        asked = followers(cluster)[0]
        ok, text = ask(cluster, asked, Transfer())
        assert ok
        cluster.run(2_000 * MS)
        term += 1
        assert cluster.leader() != leader
        leader = cluster.leader()
        assert cluster.member(leader).snapshot().term == term
        assert text == f"{leader} leads term {term}"


def test_a_wish_ends_when_the_node_fails() -> None:
    cluster = Cluster(members("a", "b", "c", a={"priority": 200}))
    cluster["a"].engine.priority = 200
    cluster.start()
    cluster.settle()
    cluster.until(lambda: cluster.owner() == "a")
    cluster.run(500 * MS)
    assert ask(cluster, "c", Transfer("b"))[0]
    cluster.run(3_000 * MS)
    assert cluster.owner() == "b", "an operator wants it, whatever the priority"
    cluster.kill("b")
    cluster.until(lambda: cluster.owner() in ("a", "c"))
    cluster.run(500 * MS)
    cluster.start("b")
    cluster.run(3_000 * MS)
    assert cluster.owner() == "a"


def test_transfers_that_cannot_be() -> None:
    cluster = formed("a", "b", "c")
    [dead, alive] = followers(cluster)
    cluster.kill(dead)
    cluster.run(300 * MS)
    leader = cluster.leader()
    assert ask(cluster, leader, Transfer(dead)) == (False, f"{dead} cannot take over: it was not heard lately")
    assert ask(cluster, leader, Transfer("x")) == (False, "x cannot take over: it is no member")
    assert ask(cluster, leader, Transfer())[0]
    cluster.run(500 * MS)
    assert cluster.leader() == alive


def test_without_a_majority_nothing_changes() -> None:
    cluster = formed("a", "b", "c")
    leader = cluster.leader()
    cluster.kill(*followers(cluster))
    cluster.run(1_000 * MS)
    assert ask(cluster, leader, Transfer()) == (
        False,
        "there is no leader: a majority of the voters does not answer, so nothing can be changed",
    )


def test_before_the_cluster_is_formed_there_is_nothing_to_change() -> None:
    cluster = Cluster(members("a", "b", "c"))
    cluster.start("a")
    cluster.run(200 * MS)
    ok, text = ask(cluster, "a", Transfer())
    assert not ok and "not heard, or of another mind: b, c" in text


def test_one_command_at_a_time() -> None:
    cluster = formed("a", "b", "c")
    leader = cluster.leader()
    cluster.step(leader, Asking(1, AddMember(newcomer())))
    cluster.step(leader, Asking(2, RemoveMember("x")))
    cluster.run(100 * MS)
    assert [(one.request, one.text) for one in cluster[leader].outcomes] == [
        (2, "another command is being carried out: add d at 10.0.0.9 port 7946 as voter")
    ]


def test_who_is_left_goes_on() -> None:
    cluster = formed("a", "b", "c")
    owner = cluster.owner()
    others = followers(cluster)
    assert ask(cluster, owner, Recover((owner,))) == (False, "a majority answers this node: nothing is lost")
    cluster.kill(*others)
    cluster.run(1_000 * MS)
    old = cluster.member(owner).snapshot().formed
    assert ask(cluster, owner, Recover(("x", owner))) == (False, "no member: x")
    assert not ask(cluster, owner, Recover((others[0],)))[0]
    ok, text = ask(cluster, owner, Recover((owner, others[0])))
    assert ok and f"empty the data_dir of {others[0]}" in text
    cluster.until(lambda: cluster.owner() == owner)
    assert cluster.member(owner).snapshot().formed not in ("", old)
    # The other comes back with its old log: it is not listened to; without it, it joins.
    cluster.start(others[0])
    cluster.run(1_000 * MS)
    assert cluster[others[0]].said("foreign-cluster")
    assert voters(cluster, owner) == 1
    cluster.kill(others[0])
    cluster.add(others[0])
    cluster.start(others[0])
    cluster.run(2_000 * MS)
    assert voters(cluster, owner) == 2
    assert cluster.owner()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (AddMember(newcomer()), "add d at 10.0.0.9 port 7946 as voter"),
        (RemoveMember("b", allow_two_voters=True), "remove b"),
        (Demote("b", allow_two_voters=True), "demote b"),
        (Promote("l"), "promote l"),
        (Transfer("b"), "transfer to b"),
    ],
)
def test_what_a_majority_does_not_confirm_is_not_done(command: Command, name: str) -> None:
    cluster = Cluster(members("a", "b", "c", "l", a={"priority": 200}, l={"role": Role.LEARNER}))
    cluster["a"].engine.priority = 200
    cluster.start()
    cluster.until(lambda: cluster.owner() == "a")
    cluster.run(500 * MS)
    cluster.loses = lambda sender, to, packet: isinstance(packet, Append)
    cluster.step("a", Asking(1, command))
    assert ask(cluster, "a", Transfer("c")) == (False, f"another command is being carried out: {name}")
    cluster.until(lambda: len(cluster["a"].outcomes) == 2, 15_000 * MS)
    text = cluster["a"].outcomes[-1].text
    if isinstance(command, Promote):
        assert text.startswith("l does not vote yet, it lacks the log: it has ")
    else:
        assert text == f"not done within 10 s ({name}): a majority does not confirm it"
    # The next one waits for the change before, which is still in the log.
    cluster.step("a", Asking(2, RemoveMember("c", allow_two_voters=True)))
    cluster.run(500 * MS)
    cluster.loses = lambda sender, to, packet: False
    cluster.until(lambda: len(cluster["a"].outcomes) == 3, 15_000 * MS)
    assert cluster["a"].outcomes[-1].ok


def test_a_leader_without_an_heir_is_not_removed() -> None:
    witness = {"role": Role.WITNESS}
    cluster = Cluster(members("a", "v", "w", v=witness, w=witness))
    cluster.start()
    assert cluster.settle() == "a"
    cluster.run(300 * MS)
    assert ask(cluster, "a", RemoveMember("a", allow_two_voters=True)) == (
        False,
        "a leads, and there is nobody to hand over to",
    )
    assert ask(cluster, "a", Transfer()) == (
        False,
        "there is nobody to hand over to: no other voter that could own was heard lately",
    )
    assert ask(cluster, "w", Transfer("v")) == (False, "v cannot take over: it is a witness")


def test_there_are_members_enough() -> None:
    learner = {"role": Role.LEARNER}
    names = ("a", *(f"l{count}" for count in range(9)))
    cluster = Cluster(members(*names, **dict.fromkeys(names[1:], learner)))
    cluster.start("a")
    cluster.settle()
    assert ask(cluster, "a", AddMember(newcomer())) == (False, "there are 10 members already, more are of no use")


def test_who_owns_lets_go_before_it_is_removed() -> None:
    groups = ("g1", "g2", "g3")
    cluster = Cluster(members("a", "b", "c", "d"), groups=groups, spread_groups=True)
    cluster.start()
    cluster.settle()
    cluster.until(lambda: len({cluster.owner(group) for group in groups} - {""}) == 3)
    cluster.run(500 * MS)
    owner = next(cluster.owner(group) for group in groups if cluster.owner(group) != cluster.leader())
    cluster.sent.clear()
    assert ask(cluster, cluster.leader(), RemoveMember(owner)) == (True, f"{owner} is removed: 3 voters, one may fail")
    assert owner not in {cluster.owner(group) for group in groups}


def test_a_command_that_comes_twice_is_carried_out_once() -> None:
    cluster = formed("a", "b", "c")
    leader, asking = cluster.leader(), followers(cluster)[0]
    asked = Asked(request=77, command=msgspec.json.encode(AddMember(newcomer())))
    cluster.sent.clear()
    for _ in range(3):
        cluster.step(leader, Arrived(cluster[asking].number, asked))
    cluster.run(11_000 * MS)
    cluster.step(leader, Arrived(cluster[asking].number, asked))
    told = [packet for _, _, packet in cluster.sent if isinstance(packet, Told)]
    assert len(told) == 2, "one outcome, and once more for who asked again"
    assert told[0] == told[1]


def test_what_was_asked_before_a_recovery_is_carried_out_after_it() -> None:
    """The change that was in the log goes with the members that are gone; the command is asked again."""
    cluster = formed("a", "b", "c")
    owner = cluster.owner()
    cluster.kill(*followers(cluster))
    cluster.step(owner, Asking(1, AddMember(newcomer(), allow_two_voters=True)))
    cluster.run(1_000 * MS)
    assert ask(cluster, owner, Recover((owner,)))[0]
    cluster.until(lambda: cluster.owner() == owner)
    assert {view.member.id for view in cluster.member(owner).snapshot().members} == {owner, "d"}


def test_a_transfer_that_nobody_takes_up_has_failed() -> None:
    cluster = formed("a", "b", "c")
    leader, to = cluster.leader(), followers(cluster)[0]
    cluster.loses = lambda sender, to, packet: isinstance(packet, TimeoutNow)
    assert ask(cluster, leader, Transfer(to)) == (
        False,
        f"{to} did not take over within an election timeout, this node stands again",
    )
    cluster.until(lambda: cluster.owner() == leader)


def test_a_recovery_is_told_loudly() -> None:
    assert described(Recover(("a", "b"))).startswith("RECOVER with a, b alone")


def test_who_stalls_for_a_moment_can_take_over_all_the_same() -> None:
    """The leader has not heard it for an election timeout, and asks for a word before it refuses."""
    cluster = formed("a", "b", "c")
    leader, to = cluster.leader(), followers(cluster)[0]
    cluster.cut = {(to, leader)}
    cluster.run(400 * MS)
    cluster[leader].outcomes.clear()
    cluster.step(leader, Asking(7, Transfer(to)))
    cluster.run(100 * MS)
    assert cluster[leader].outcomes == [], "it waits"
    cluster.cut = set()
    cluster.until(lambda: bool(cluster[leader].outcomes))
    [outcome] = cluster[leader].outcomes
    assert cluster.owner() == to
    assert outcome.ok


def test_who_is_away_cannot_take_over() -> None:
    cluster = formed("a", "b", "c")
    to = followers(cluster)[0]
    cluster.kill(to)
    cluster.run(400 * MS)
    begin_ns = cluster.now_ns
    said = ask(cluster, cluster.leader(), Transfer(to))
    assert said == (False, f"{to} cannot take over: it was not heard lately")
    assert HEARD_NS <= cluster.now_ns - begin_ns < 2 * HEARD_NS
