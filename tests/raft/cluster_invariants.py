"""What must hold in a cluster of real members, looked at after every step of everyone.

Raft's safety properties (paper, figure 3), one owner of each group in true time, and one cluster that stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alived.raft.member_events import Save
from alived.raft.messages import Entry, Role
from tests.raft.simulated_machine import Machine


class Violation(Exception):
    """Something happened that Raft, the lease or the formation makes impossible."""


class Invariants:
    def __init__(self, machines: Mapping[str, Machine], single: Iterable[str]) -> None:
        """single: the groups that may never have two owners, whatever happens."""
        self._machines = machines
        self._single = tuple(single)
        self._leaders: dict[int, str] = {}
        self._written: dict[tuple[int, int], tuple[int, Entry]] = {}
        self._committed: dict[int, Entry] = {}
        self._looked_at: dict[tuple[str, int], int] = {}
        """(machine, life of its process): up to which committed entry"""
        self.formed: set[str] = set()
        self.terms = 0

    # -- owners

    def owners(self, group: str) -> list[str]:
        return [name for name, machine in self._machines.items() if machine.engine.owns(group)]

    def engine_changed(self) -> None:
        """At most one owner of each group, in true time: somebody began or went on to own."""
        for group in self._single:
            owners = self.owners(group)
            if len(owners) > 1:
                raise Violation(f"two owners of {group}: {', '.join(owners)}")

    # -- the consensus

    def stepped(self, machine: Machine) -> None:
        member = machine.member
        if member is None or member.consensus is None:
            return
        raft = member.consensus.node.raft
        formed = member.consensus.directory.formed
        if formed and formed not in self.formed:
            self.formed.add(formed)
            if len(self.formed) > 1:
                raise Violation(f"two clusters: {machine.name} is of {formed}, others of {self.formed - {formed}}")
        if raft.role is Role.LEADER and self._leaders.get(raft.term) != machine.name:
            self._leads(machine, raft.term)
        seen = self._looked_at.get((machine.name, machine.life), 0)
        if raft.log.committed > seen:
            self._looked_at[machine.name, machine.life] = raft.log.committed
            self._commits(machine, seen)

    def _leads(self, machine: Machine, term: int) -> None:
        """Election Safety (paper, 5.2): one leader a term. Leader Completeness (5.4): it has everything committed."""
        assert machine.member is not None and machine.member.consensus is not None
        log = machine.member.consensus.node.raft.log
        known = self._leaders.setdefault(term, machine.name)
        if known != machine.name:
            raise Violation(f"election safety: {known} and {machine.name} lead term {term}")
        self.terms += 1
        for index, entry in self._committed.items():
            if entry.term < term and index >= log.first_index and log.term(index) != entry.term:
                raise Violation(f"leader completeness: {machine.name} leads term {term} without entry {index}")

    def written(self, machine: Machine, save: Save) -> None:
        """Log Matching: the same index and term, the same entry and the same one before it (paper, 5.3)."""
        for entry in save.entries:
            before = machine.disk.memory.term(entry.index - 1) or 0
            known = self._written.setdefault((entry.term, entry.index), (before, entry))
            if known[1] != entry or (before and known[0] and known[0] != before):
                raise Violation(f"log matching: {machine.name} wrote {entry} after term {before}, another {known}")

    def _commits(self, machine: Machine, seen: int) -> None:
        """State Machine Safety: nobody commits, and so applies, another entry at the same index (paper, 5.4.3)."""
        assert machine.member is not None and machine.member.consensus is not None
        log = machine.member.consensus.node.raft.log
        low = max(seen + 1, log.first_index)
        for entry in log.slice(low, log.committed + 1, 1 << 40) or ():
            known = self._committed.setdefault(entry.index, entry)
            if known != entry:
                raise Violation(f"state machine safety: {machine.name} commits {entry}, another {known}")

    @property
    def commits(self) -> int:
        return len(self._committed)
