"""Greetings: who forms, who joins, who is of another cluster."""

from __future__ import annotations

import msgspec
import pytest

from alived.raft.config import Cluster, Member, Role
from alived.raft.directory import members_digest, node_number
from alived.raft.formation import FRESH_NS, PATIENCE_NS, Formation
from alived.raft.member_events import MemberNoticed, Send
from alived.raft.outbox import Outbox
from alived.raft.packets import Greeting
from tests.raft.cluster import members

NODES = members("a", "b", "c")
SAME = members_digest(NODES)
B, C = node_number("b"), node_number("c")


def formation(nodes: tuple[Member, ...] = NODES, node: str = "a") -> tuple[Formation, Outbox]:
    outbox = Outbox()
    return Formation(Cluster(node_id=node, data_dir="/d", members=nodes), 100, outbox, 0), outbox


def greeting(node: str = "b", formed: str = "", digest: str = SAME, answer: bool = True) -> Greeting:
    return Greeting(node=node, formed=formed, members=digest, answer=answer)


def test_a_majority_that_is_blank_and_agrees_forms() -> None:
    one, _ = formation()
    assert not one.may_form(0)
    assert one.waiting_for(0).endswith("not heard, or of another mind: b, c")
    one.heard(B, greeting(), 5)
    assert one.may_form(5)
    assert one.waiting_for(5).endswith("of another mind: c")


def test_somebody_is_told_what_is_waited_for() -> None:
    one, outbox = formation()
    for now_ns in (PATIENCE_NS - 1, PATIENCE_NS, PATIENCE_NS + 1):
        one.remind(now_ns)
    [notice] = outbox.take()
    assert isinstance(notice, MemberNoticed)
    assert (notice.level, notice.code) == ("warning", "not-formed")
    assert notice.message.endswith("not heard, or of another mind: b, c")


def test_what_was_heard_long_ago_does_not_count() -> None:
    one, _ = formation()
    one.heard(B, greeting(), 0)
    assert one.may_form(FRESH_NS - 1)
    assert not one.may_form(FRESH_NS)


def test_nodes_that_do_not_agree_form_nothing() -> None:
    one, outbox = formation()
    for _ in range(2):
        one.heard(B, greeting(digest="other"), 0)
    assert not one.may_form(0)
    [notice] = [effect for effect in outbox.take() if isinstance(effect, MemberNoticed)]
    assert notice.message.startswith("b has other members in its configuration")
    one.reconfigure(Cluster(node_id="a", data_dir="/d", members=members("a", "b")))
    one.heard(B, greeting(digest=members_digest(members("a", "b"))), 0)
    assert one.may_form(0)


def test_who_hears_of_a_cluster_does_not_form_another() -> None:
    one, _ = formation()
    one.heard(B, greeting(), 0)
    one.heard(C, greeting("c", "id"), 0)
    assert one.heard_of() == "id"
    assert not one.may_form(0)


def test_who_hears_that_somebody_was_elected_does_not_form_again() -> None:
    """It may be that this node voted for him, and lost its disk."""
    one, _ = formation()
    one.heard(B, greeting(), 0)
    one.heard(C, msgspec.structs.replace(greeting("c"), begun=True), 0)
    assert one.exists() and one.heard_of() == ""
    assert not one.may_form(0)


def test_a_learner_forms_nothing() -> None:
    nodes = members("a", "b", "c", "d", a={"role": Role.LEARNER})
    one, _ = formation(nodes)
    for number in (B, C):
        one.heard(number, greeting(digest=members_digest(nodes)), 0)
    assert not one.may_form(0)


def test_greetings_are_answered_once() -> None:
    one, outbox = formation()
    one.heard(B, greeting(answer=False), 0)
    one.heard(B, greeting(answer=True), 0)
    assert outbox.take() == [Send(B, Greeting(node="a", formed="", members=SAME, answer=True))]


def test_who_is_known_is_not_greeted_again() -> None:
    one, outbox = formation()
    one.formed = "id"
    one.greet((B, C), 0)
    assert [effect.to for effect in outbox.take() if isinstance(effect, Send)] == [B, C]
    one.heard(B, greeting(formed="id"), 1)
    one.greet((B, C), 99)
    assert outbox.take() == []
    one.greet((B, C), 100)
    assert [effect.to for effect in outbox.take() if isinstance(effect, Send)] == [C]


@pytest.mark.parametrize(
    ("ours", "theirs", "trusted"),
    [("", "", True), ("1", "", True), ("", "1", True), ("1", "1", True), ("1", "2", False)],
)
def test_whose_consensus_is_ours(ours: str, theirs: str, trusted: bool) -> None:
    one, outbox = formation()
    one.formed = ours
    assert not one.trusts(B), "nobody is trusted before it has greeted"
    one.heard(B, greeting(formed=theirs), 0)
    assert one.trusts(B) is trusted
    assert any(isinstance(effect, MemberNoticed) for effect in outbox.take()) is not trusted
