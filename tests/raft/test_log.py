"""The log of a node (Raft paper, 5.3 and 5.4) and its parts: storage and unstable."""

from __future__ import annotations

from typing import Any

import pytest

from alived.raft.confchange import Change, ChangeKind, ConfChange
from alived.raft.log import EntriesLost, RaftLog, Unstable, within
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, EntryId, HardState, Snapshot
from alived.raft.notes import What


class Told:
    def __init__(self) -> None:
        self.notes: list[What] = []

    def tell(self, what: What, **values: Any) -> None:
        self.notes.append(what)


def entries(first: int, *terms: int) -> tuple[Entry, ...]:
    return tuple(Entry(term, index, b"x") for index, term in enumerate(terms, first))


def log_of(*terms: int, compacted: int = 0, **values: Any) -> RaftLog:
    """Entries 1, 2, ... of these terms, all stable; the first `compacted` ones are gone."""
    storage = MemoryStorage()
    storage.append(entries(1, *terms))
    if compacted:
        storage.compact(compacted)
    return RaftLog(storage, Told(), **values)


# -- appending (paper, 5.3)


@pytest.mark.parametrize(
    ("previous", "sent", "last", "terms"),
    [
        (EntryId(1, 1), entries(2, 4), 2, [1, 4]),  # a conflict: "delete the existing entry and all that follow it"
        (EntryId(2, 3), entries(4, 4, 4), 5, [1, 2, 2, 4, 4]),
        (EntryId(1, 1), entries(2, 2), 2, [1, 2, 2]),  # delayed: nothing is cut that does not conflict
        (EntryId(2, 3), (), 3, [1, 2, 2]),
        (
            EntryId(3, 3),
            entries(4, 4),
            None,
            [1, 2, 2],
        ),  # "reply false if log doesn't contain" it
        (EntryId(2, 4), entries(5, 4), None, [1, 2, 2]),
    ],
)
def test_append_entries(previous: EntryId, sent: tuple[Entry, ...], last: int | None, terms: list[int]) -> None:
    log = log_of(1, 2, 2)
    assert log.try_append(previous, sent, commit=0) == last
    assert [log.term(index) for index in range(1, log.last_index + 1)] == terms


def test_commit_follows_the_leader_but_not_beyond_what_it_sent() -> None:
    """Paper, figure 2: commitIndex = min(leaderCommit, index of last new entry)."""
    log = log_of(1, 1, 1)
    log.try_append(EntryId(1, 1), entries(2, 1), commit=3)
    assert log.committed == 2
    log.commit_to(1)
    assert log.committed == 2


def test_a_committed_entry_is_never_replaced() -> None:
    log = log_of(1, 1, 1)
    log.commit_to(2)
    with pytest.raises(AssertionError, match="would replace a committed one"):
        log.try_append(EntryId(1, 1), entries(2, 2), commit=0)


def test_what_was_confirmed_and_is_gone_is_noticed() -> None:
    log = log_of(1, 1, 1)
    with pytest.raises(EntriesLost, match="it confirmed to the leader that it has entry 4, but ends at 3"):
        log.commit_to(4)
    assert log.committed == 0


@pytest.mark.parametrize(
    ("theirs", "up_to_date"),
    [
        (EntryId(3, 1), True),
        (EntryId(2, 3), True),
        (EntryId(2, 4), True),
        (EntryId(2, 2), False),
        (EntryId(1, 9), False),
    ],
)
def test_the_more_up_to_date_log(theirs: EntryId, up_to_date: bool) -> None:
    """Paper, 5.4.1: the later last term is more up to date; with the same, the longer log."""
    assert log_of(1, 2, 2).is_up_to_date(theirs) is up_to_date


def test_a_leader_commits_entries_of_its_own_term_only() -> None:
    """Paper, 5.4.2."""
    log = log_of(1, 2, 2)
    assert not log.try_commit(EntryId(3, 3))
    assert log.try_commit(EntryId(2, 3))
    assert not log.try_commit(EntryId(2, 3))


@pytest.mark.parametrize(
    ("index", "term", "found"),
    [(6, 5, EntryId(4, 6)), (6, 3, EntryId(2, 5)), (6, 1, EntryId(0, 2)), (9, 9, EntryId(0, 9))],
)
def test_where_two_logs_may_match(index: int, term: int, found: EntryId) -> None:
    """Paper, 5.3: "one AppendEntries RPC for each term with conflicting entries"."""
    assert log_of(1, 1, 2, 2, 2, 4, compacted=3).find_conflict_by_term(index, term) == found


def test_logs_that_share_nothing() -> None:
    log = RaftLog(MemoryStorage(), Told())
    log.append(entries(1, 5))
    assert log.find_conflict_by_term(1, 4) == EntryId(0, 0)


# -- reading


def test_stable_and_unstable_entries_are_one_log() -> None:
    log = log_of(1, 1, 1, compacted=1)
    log.append(entries(4, 2, 2))
    assert (log.first_index, log.last_index, log.last) == (2, 5, EntryId(2, 5))
    assert log.slice(2, 6, 10**9) == (*entries(2, 1, 1), *entries(4, 2, 2))
    assert log.slice(4, 5, 10**9) == entries(4, 2)
    assert log.slice(2, 3, 10**9) == entries(2, 1)
    assert log.slice(3, 3, 10**9) == ()
    assert log.slice(1, 3, 10**9) is None
    assert [log.term(index) for index in range(7)] == [None, 1, 1, 1, 2, 2, None]
    with pytest.raises(AssertionError, match="of a log that ends at 5"):
        log.slice(2, 7, 10**9)


def test_entries_up_to_a_size_but_at_least_one() -> None:
    three = entries(1, 1, 1, 1)
    size = three[0].size
    assert within(three, 0) == three[:1]
    assert within(three, 2 * size) == three[:2]
    assert within(three, 3 * size - 1) == three[:2]
    assert within(three, 3 * size) == three
    assert within((), 5) == ()


def test_the_size_of_an_entry() -> None:
    assert Entry(1, 1).size == 4
    assert Entry(1, 128).size == 5
    assert Entry(1, 1, b"abc").size == 9
    change = ConfChange((Change(ChangeKind.REMOVE, 1),), context=b"yy")
    assert Entry(1, 1, change=change).payload_size == 5
    assert Entry(1, 1, change=ConfChange()).payload_size == 0


# -- applying


def test_entries_are_applied_in_order_and_not_while_too_many_are_under_way() -> None:
    size = entries(1, 1)[0].size
    log = log_of(1, 1, 1, max_applying_size=2 * size)
    log.commit_to(3)
    first = log.next_committed(allow_unstable=True)
    assert first == entries(1, 1, 1)
    log.accept_applying(first, allow_unstable=True)
    assert log.next_committed(allow_unstable=True) == ()
    log.applied_to(2, 2 * size)
    assert log.next_committed(allow_unstable=True) == entries(3, 1)
    with pytest.raises(AssertionError, match="applied 4"):
        log.applied_to(4, 0)


def test_entries_that_are_not_written_may_wait() -> None:
    log = log_of(1)
    log.append(entries(2, 1))
    log.commit_to(2)
    assert log.next_committed(allow_unstable=False) == entries(1, 1)
    assert log.next_committed(allow_unstable=True) == (*entries(1, 1), *entries(2, 1))


def test_a_snapshot_is_applied_before_entries() -> None:
    log = log_of(1)
    log.restore(Snapshot(5, 2))
    assert (log.first_index, log.last_index, log.committed, log.term(5)) == (6, 5, 5, 2)
    log.append(entries(6, 2))
    log.commit_to(6)
    assert not log.has_next_committed(allow_unstable=True)
    log.unstable.stable_snapshot(4)
    assert not log.has_next_committed(allow_unstable=True)
    log.unstable.stable_snapshot(5)
    assert log.has_next_committed(allow_unstable=True)


# -- what is being written


def unstable(*terms: int, offset: int = 5) -> tuple[Unstable, Told]:
    told = Told()
    log = Unstable(offset, told)
    if terms:
        log.append(entries(offset, *terms))
    return log, told


def test_written_entries_are_stable() -> None:
    log, told = unstable(1, 1, 1)
    log.accept()
    log.stable_to(EntryId(1, 6))
    assert (log.offset, log.entries, log.offset_in_progress) == (7, list(entries(7, 1)), 8)
    assert told.notes == []


def test_entries_replaced_while_they_were_written_are_not_stable() -> None:
    log, told = unstable(1, 1)
    log.accept()
    log.append(entries(6, 2))
    assert log.next_entries() == entries(6, 2)
    log.stable_to(EntryId(1, 6))
    log.stable_to(EntryId(1, 9))
    assert told.notes == [What.ENTRIES_TRUNCATED, What.WRITTEN_REPLACED, What.WRITTEN_MISSING]
    log.append(entries(4, 3))
    assert (log.offset, log.offset_in_progress, log.next_entries()) == (4, 4, entries(4, 3))
    assert told.notes[-1] is What.ENTRIES_REPLACED


def test_entries_written_before_a_snapshot_came() -> None:
    log, told = unstable(1)
    log.restore(Snapshot(5, 1))
    assert (log.first_index, log.last_index, log.next_snapshot()) == (6, 5, Snapshot(5, 1))
    log.accept()
    assert log.next_snapshot() is None
    log.stable_to(EntryId(1, 5))
    assert told.notes == [What.WRITTEN_IN_SNAPSHOT]
    assert log.term(4) is None


# -- the storage in memory


def test_the_storage_keeps_what_is_written() -> None:
    storage = MemoryStorage()
    assert storage.initial_state() == (HardState(), Snapshot())
    storage.set_hard_state(HardState(3, 1, 2))
    assert storage.initial_state()[0] == HardState(3, 1, 2)
    storage.append(entries(1, 1, 1, 1))
    storage.append(entries(2, 2))
    assert storage.entries(1, 3) == [*entries(1, 1), *entries(2, 2)]
    assert (storage.last_index, storage.term(3), storage.snapshot()) == (2, None, Snapshot())
    with pytest.raises(AssertionError, match="a gap"):
        storage.append(entries(4, 2))


def test_the_storage_is_compacted_up_to_what_is_applied() -> None:
    storage = MemoryStorage()
    storage.append(entries(1, 1, 2, 2))
    assert storage.compact(2, Snapshot(2, 2))
    assert not storage.compact(2, Snapshot(1, 1))
    assert (storage.first_index, storage.term(2), storage.term(1), storage.snapshot()) == (3, 2, None, Snapshot(2, 2))
    with pytest.raises(AssertionError, match="entry 2 is compacted"):
        storage.entries(2, 3)
    storage.append(entries(1, 1, 2))  # all compacted: nothing new
    assert storage.last_index == 3
    with pytest.raises(AssertionError, match="the log ends at 3"):
        storage.compact(4)


def test_a_snapshot_replaces_the_storage_unless_it_is_old() -> None:
    storage = MemoryStorage(Snapshot(3, 1))
    assert not storage.restore(Snapshot(3, 1))
    storage.append(entries(4, 1))
    assert storage.restore(Snapshot(9, 2))
    assert (storage.first_index, storage.last_index, storage.term(9)) == (10, 9, 2)
