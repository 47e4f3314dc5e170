"""The stable part of the log as it is held in memory. A file beside it makes it durable; tests do without."""

from __future__ import annotations

from collections.abc import Sequence

from alived.raft.messages import Entry, HardState, Snapshot


class MemoryStorage:
    """A snapshot, and the entries after it or after a later compaction."""

    __slots__ = ("_compacted_index", "_compacted_term", "_entries", "_hard_state", "_snapshot")

    def __init__(self, snapshot: Snapshot | None = None, hard_state: HardState | None = None) -> None:
        self._snapshot = snapshot or Snapshot()
        self._hard_state = hard_state or HardState()
        self._compacted_index = self._snapshot.index
        self._compacted_term = self._snapshot.term
        self._entries: list[Entry] = []

    # -- what the core reads

    def initial_state(self) -> tuple[HardState, Snapshot]:
        return self._hard_state, self._snapshot

    @property
    def first_index(self) -> int:
        return self._compacted_index + 1

    @property
    def last_index(self) -> int:
        return self._compacted_index + len(self._entries)

    def term(self, index: int) -> int | None:
        if index == self._compacted_index:
            return self._compacted_term
        return self._entries[index - self.first_index].term if self.first_index <= index <= self.last_index else None

    def entries(self, low: int, high: int) -> Sequence[Entry]:
        assert low >= self.first_index, f"entry {low} is compacted"
        return self._entries[low - self.first_index : high - self.first_index]

    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    # -- what the caller writes

    def set_hard_state(self, hard_state: HardState) -> None:
        self._hard_state = hard_state

    def append(self, entries: Sequence[Entry]) -> None:
        """Entries replace those of the same index and all after them; compacted ones are skipped."""
        kept = [entry for entry in entries if entry.index >= self.first_index]
        if kept:
            assert kept[0].index <= self.last_index + 1, f"a gap between {self.last_index} and {kept[0].index}"
            del self._entries[kept[0].index - self.first_index :]
            self._entries.extend(kept)

    def restore(self, snapshot: Snapshot) -> bool:
        """Replace everything by a snapshot that came from the leader; False if ours is as new."""
        if snapshot.index <= self._snapshot.index:
            return False
        self._snapshot = snapshot
        self._compacted_index, self._compacted_term = snapshot.index, snapshot.term
        self._entries = []
        return True

    def compact(self, index: int, snapshot: Snapshot | None = None) -> bool:
        """Drop the entries up to `index`, which are applied and in the snapshot; False if they are gone already."""
        if snapshot is not None and snapshot.index > self._snapshot.index:
            self._snapshot = snapshot
        if index <= self._compacted_index:
            return False
        assert index <= self.last_index, f"the log ends at {self.last_index}, before {index}"
        term = self.term(index)
        assert term is not None
        del self._entries[: index - self._compacted_index]
        self._compacted_index, self._compacted_term = index, term
        return True
