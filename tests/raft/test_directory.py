"""Numbers, names and members as they are replicated."""

from __future__ import annotations

from alived.raft.confchange import ChangeKind
from alived.raft.config import Member, Role
from alived.raft.directory import (
    Directory,
    Founded,
    Wished,
    change_of,
    encode_command,
    first_snapshot,
    members_digest,
    node_number,
)
from alived.raft.messages import Entry

A = Member(id="a", address="10.0.0.1")
B = Member(id="b", address="10.0.0.2", role=Role.WITNESS)
L = Member(id="l", address="10.0.0.3", role=Role.LEARNER, priority=7)


def test_the_number_of_a_node_is_its_for_ever() -> None:
    assert node_number("a") == 2340832890917691671
    numbers = {node_number(f"node-{count}") for count in range(10_000)}
    assert len(numbers) == 10_000
    assert min(numbers) > 0 and max(numbers) < 1 << 63


def test_who_means_the_same_members_has_the_same_digest() -> None:
    assert members_digest((A, B, L)) == members_digest((L, A, B))
    assert members_digest((A, B)) != members_digest((A, B, L))


def test_what_a_cluster_begins_with_is_the_same_on_all_nodes() -> None:
    first = first_snapshot((A, B, L))
    assert first == first_snapshot((L, B, A))
    assert (first.index, first.term) == (1, 1)
    assert first.configuration.voters.incoming == {node_number("a"), node_number("b")}
    assert first.configuration.learners == {node_number("l")}
    assert Directory.decode(first.data).members[node_number("l")] == L


def test_members_come_change_and_go() -> None:
    directory = Directory((A, B))
    directory.apply(Entry(change=change_of(ChangeKind.ADD_LEARNER, L)))
    moved = Member(id="a", address="10.0.9.1")
    directory.apply(Entry(change=change_of(ChangeKind.UPDATE, moved)))
    directory.apply(Entry(change=change_of(ChangeKind.REMOVE, B)))
    directory.apply(Entry(change=change_of(ChangeKind.REMOVE, B)))
    directory.apply(Entry())
    assert set(directory.members.values()) == {moved, L}
    assert directory.name(node_number("b")) == "b", "sentences about its end have its name"


def test_the_id_is_given_once_a_wish_may_change() -> None:
    directory = Directory((A,))
    directory.apply(Entry(data=encode_command(Founded("1"))))
    directory.apply(Entry(data=encode_command(Founded("2"))))
    directory.apply(Entry(data=encode_command(Wished("a"))))
    assert (directory.formed, directory.wish) == ("1", "a")
    directory.catching_up = True
    again = Directory.decode(directory.encode())
    assert vars(again) == vars(directory)


def test_sentences_have_names() -> None:
    directory = Directory((A,))
    number = node_number("a")
    assert directory.named(f"{number} leads term 12, not {number + 1}") == f"a leads term 12, not {number + 1}"
    assert directory.name(0) == ""
