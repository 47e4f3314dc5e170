"""The log of a node: a stable part, which the storage holds, and an unstable one, which has still to be written.

|  compacted, in a snapshot  |  storage  |  unstable: being written, not given out yet  |
                             ^first_index             ^offset                            ^last_index
applied <= applying <= committed <= last_index
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from alived.base import AlivedError
from alived.raft.messages import Entry, EntryId, HardState, Snapshot
from alived.raft.notes import What

NO_LIMIT = 2**64 - 1


class EntriesLost(AlivedError):
    """The log lacks what was confirmed to be in it: the disk, or somebody, has cut it since. The text is a clause."""


class Storage(Protocol):
    """The stable part as the core reads it; the caller writes what `Ready` says."""

    def initial_state(self) -> tuple[HardState, Snapshot]:
        """What was written last, and the snapshot that the log begins with."""
        ...

    @property
    def first_index(self) -> int: ...

    @property
    def last_index(self) -> int: ...

    def term(self, index: int) -> int | None:
        """None if the entry is compacted (the last one that is still has its term) or does not exist."""
        ...

    def entries(self, low: int, high: int) -> Sequence[Entry]:
        """Entries low <= index < high, where first_index <= low."""
        ...

    def snapshot(self) -> Snapshot | None:
        """The newest one; None if it is not available at the moment."""
        ...


class Teller(Protocol):
    """Who passes notes on."""

    def tell(self, what: What, **values: Any) -> None: ...


def within(entries: Sequence[Entry], max_size: int) -> tuple[Entry, ...]:
    """The first entries, as many as are not larger than `max_size` together, at least one."""
    if max_size >= NO_LIMIT:
        return tuple(entries)
    size = 0
    for count, entry in enumerate(entries):
        size += entry.size
        if size > max_size and count:
            return tuple(entries[:count])
    return tuple(entries)


def total_size(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


class Unstable:
    """Entries, and perhaps a snapshot before them, that are not known to be written."""

    __slots__ = ("_teller", "entries", "offset", "offset_in_progress", "snapshot", "snapshot_in_progress")

    def __init__(self, offset: int, teller: Teller) -> None:
        self._teller = teller
        self.offset = offset
        """Index of the first entry of `entries`, if there is one"""
        self.entries: list[Entry] = []
        self.offset_in_progress = offset
        """Entries before this one have been given out for writing"""
        self.snapshot: Snapshot | None = None
        self.snapshot_in_progress = False

    @property
    def first_index(self) -> int | None:
        return self.snapshot.index + 1 if self.snapshot else None

    @property
    def last_index(self) -> int | None:
        if self.entries:
            return self.offset + len(self.entries) - 1
        return self.snapshot.index if self.snapshot else None

    def term(self, index: int) -> int | None:
        if index >= self.offset:
            return self.entries[index - self.offset].term if index < self.offset + len(self.entries) else None
        return self.snapshot.term if self.snapshot and self.snapshot.index == index else None

    def next_entries(self) -> tuple[Entry, ...]:
        return tuple(self.entries[self.offset_in_progress - self.offset :])

    def next_snapshot(self) -> Snapshot | None:
        return None if self.snapshot_in_progress else self.snapshot

    def accept(self) -> None:
        """All of it has been given out for writing."""
        self.offset_in_progress = self.offset + len(self.entries)
        self.snapshot_in_progress = self.snapshot is not None

    def stable_to(self, last: EntryId) -> None:
        """The log up to `last` is written. If it was replaced meanwhile, that is not worth anything."""
        term = self.term(last.index)
        if term is None:
            self._teller.tell(What.WRITTEN_MISSING, index=last.index)
        elif last.index < self.offset:
            self._teller.tell(What.WRITTEN_IN_SNAPSHOT, index=last.index)
        elif term != last.term:
            self._teller.tell(What.WRITTEN_REPLACED, index=last.index, written=last.term, current=term)
        else:
            del self.entries[: last.index + 1 - self.offset]
            self.offset = last.index + 1
            self.offset_in_progress = max(self.offset_in_progress, self.offset)

    def stable_snapshot(self, index: int) -> None:
        if self.snapshot and self.snapshot.index == index:
            self.snapshot = None
            self.snapshot_in_progress = False

    def restore(self, snapshot: Snapshot) -> None:
        self.offset = self.offset_in_progress = snapshot.index + 1
        self.entries = []
        self.snapshot = snapshot
        self.snapshot_in_progress = False

    def append(self, entries: Sequence[Entry]) -> None:
        """Append, after cutting what is there from the first of these indices on."""
        first = entries[0].index
        if first == self.offset + len(self.entries):
            pass
        elif first <= self.offset:
            self._teller.tell(What.ENTRIES_REPLACED, index=first)
            self.entries = []
            self.offset = self.offset_in_progress = first
        else:
            self._teller.tell(What.ENTRIES_TRUNCATED, index=first)
            del self.entries[first - self.offset :]
            self.offset_in_progress = min(self.offset_in_progress, first)
        self.entries.extend(entries)


class RaftLog:
    """Storage and unstable part as one log, with the indices committed, applying and applied."""

    __slots__ = (
        "_applying_paused",
        "_applying_size",
        "_max_applying_size",
        "_teller",
        "applied",
        "applying",
        "committed",
        "storage",
        "unstable",
    )

    def __init__(self, storage: Storage, teller: Teller, max_applying_size: int = NO_LIMIT) -> None:
        self.storage = storage
        self._teller = teller
        self.unstable = Unstable(storage.last_index + 1, teller)
        self.committed = self.applying = self.applied = storage.first_index - 1
        self._max_applying_size = max_applying_size
        self._applying_size = 0
        self._applying_paused = False

    # -- reading

    @property
    def first_index(self) -> int:
        index = self.unstable.first_index
        return self.storage.first_index if index is None else index

    @property
    def last_index(self) -> int:
        index = self.unstable.last_index
        return self.storage.last_index if index is None else index

    @property
    def last(self) -> EntryId:
        index = self.last_index
        term = self.term(index)
        assert term is not None, f"the last entry {index} has no term"
        return EntryId(term, index)

    def term(self, index: int) -> int | None:
        """None if it is compacted or does not exist."""
        term = self.unstable.term(index)
        if term is not None:
            return term
        if not self.first_index - 1 <= index <= self.last_index:
            return None
        return self.storage.term(index)

    def matches(self, entry: EntryId) -> bool:
        return self.term(entry.index) == entry.term

    def is_up_to_date(self, theirs: EntryId) -> bool:
        """Whether a candidate with this log may win (paper, 5.4.1): the later term, or then the longer log."""
        last = self.last
        return (theirs.term, theirs.index) >= (last.term, last.index)

    def entries(self, low: int, max_size: int = NO_LIMIT) -> tuple[Entry, ...] | None:
        """Entries from `low` to the end; None if the first of them are compacted."""
        return self.slice(low, self.last_index + 1, max_size)

    def slice(self, low: int, high: int, max_size: int) -> tuple[Entry, ...] | None:
        """Entries low <= index < high, as many as fit; None if the first of them are compacted."""
        if low < self.first_index:
            return None
        assert high <= self.last_index + 1, f"entries up to {high - 1} of a log that ends at {self.last_index}"
        offset = self.unstable.offset
        stable: Sequence[Entry] = ()
        if low < min(high, offset):
            stable = self.storage.entries(low, min(high, offset))
        rest = self.unstable.entries[max(0, low - offset) : max(0, high - offset)]
        return within([*stable, *rest], max_size)

    def find_conflict_by_term(self, index: int, term: int) -> EntryId:
        """The last entry up to `index` whose term is not larger than `term`: where two logs may still match.

        The term is 0 if it is unknown.
        """
        while index > 0:
            own = self.term(index)
            if own is None:
                return EntryId(0, index)
            if own <= term:
                return EntryId(own, index)
            index -= 1
        return EntryId(0, 0)

    # -- appending and committing

    def append(self, entries: Sequence[Entry]) -> None:
        first = entries[0].index
        assert first > self.committed, f"entry {first} would replace a committed one ({self.committed})"
        self.unstable.append(entries)

    def try_append(self, previous: EntryId, entries: Sequence[Entry], commit: int) -> int | None:
        """Append what the leader sent after `previous` (paper, 5.3); the last index of it, None if there is a gap."""
        if not self.matches(previous):
            return None
        conflict = self._first_conflict(entries)
        if conflict is not None:
            self.append(entries[conflict:])
        last_new = previous.index + len(entries)
        self.commit_to(min(commit, last_new))
        return last_new

    def _first_conflict(self, entries: Sequence[Entry]) -> int | None:
        """Position of the first entry that we do not have."""
        for position, entry in enumerate(entries):
            existing = self.term(entry.index)
            if existing != entry.term:
                if entry.index <= self.last_index:
                    values = {"existing": existing or 0, "conflicting": entry.term}
                    self._teller.tell(What.CONFLICT, index=entry.index, **values)
                return position
        return None

    def try_commit(self, entry: EntryId) -> bool:
        """Commit up to `entry` if the log has it in that term (paper, 5.4.2); False if that is no news."""
        if entry.index <= self.committed or not self.matches(entry):
            return False
        self.commit_to(entry.index)
        return True

    def commit_to(self, index: int) -> None:
        """Never backwards. Raises EntriesLost: a leader says so only of what this node has confirmed to have."""
        if index > self.committed:
            if index > self.last_index:
                raise EntriesLost(
                    f"it confirmed to the leader that it has entry {index}, but ends at {self.last_index}"
                )
            self.committed = index

    def restore(self, snapshot: Snapshot) -> None:
        """Everything is replaced by the snapshot."""
        self._teller.tell(What.SNAPSHOT_BEGUN, log=self, snapshot=snapshot)
        self.committed = snapshot.index
        self.unstable.restore(snapshot)

    # -- applying

    def next_committed(self, *, allow_unstable: bool) -> tuple[Entry, ...]:
        """Committed entries to apply next; with `allow_unstable` those too that are not written yet."""
        if not self.has_next_committed(allow_unstable=allow_unstable):
            return ()
        high = self._max_appliable(allow_unstable=allow_unstable) + 1
        entries = self.slice(self.applying + 1, high, self._max_applying_size - self._applying_size)
        assert entries, f"committed entries from {self.applying + 1} on are gone"
        return entries

    def has_next_committed(self, *, allow_unstable: bool) -> bool:
        # What a snapshot brings must be applied first.
        if self._applying_paused or self.unstable.snapshot:
            return False
        return self.applying < self._max_appliable(allow_unstable=allow_unstable)

    def _max_appliable(self, *, allow_unstable: bool) -> int:
        return self.committed if allow_unstable else min(self.committed, self.unstable.offset - 1)

    def accept_applying(self, entries: Sequence[Entry], *, allow_unstable: bool) -> None:
        """`entries` have been given out; more follow only when some of them are applied, if they are too large."""
        self.applying = entries[-1].index
        self._applying_size += total_size(entries)
        self._applying_paused = self._applying_size >= self._max_applying_size or self.applying < self._max_appliable(
            allow_unstable=allow_unstable
        )

    def applied_to(self, index: int, size: int) -> None:
        assert self.applied <= index <= self.committed, f"applied {index}, not {self.applied}..{self.committed}"
        self.applied = index
        self.applying = max(self.applying, index)
        self._applying_size = max(0, self._applying_size - size)
        self._applying_paused = self._applying_size >= self._max_applying_size

    def unapplied_changes(self) -> bool:
        """Whether a change of the membership is committed and not applied."""
        pending = self.slice(self.applied + 1, self.committed + 1, NO_LIMIT)
        assert pending is not None, "entries were compacted before they were applied"
        return any(entry.change is not None for entry in pending)
