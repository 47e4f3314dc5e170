"""How the log of a node begins: a cluster is formed, or joined, or goes on without the majority that it has lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from alived.raft import recovery
from alived.raft.config import Member
from alived.raft.consensus import Consensus
from alived.raft.directory import FIRST_TERM, Directory, first_snapshot, node_number
from alived.raft.formation import Formation
from alived.raft.log import Storage
from alived.raft.member_events import Recover, Save
from alived.raft.messages import NOBODY, HardState
from alived.raft.outbox import Outbox
from alived.raft.profiles import Timers
from alived.raft.relay import Origin, Relay


class Beginnings:
    def __init__(
        self,
        name: str,
        timers: Timers,
        storage: Storage,
        draw: Callable[[int], int],
        outbox: Outbox,
        formation: Formation,
        relay: Relay,
    ) -> None:
        self._name, self._number = name, node_number(name)
        self._timers = timers
        self._storage = storage
        self._draw = draw
        self._outbox = outbox
        self._formation = formation
        self._relay = relay
        self.writes = False
        """`Saved` is waited for: then `start`"""
        self._recovery: tuple[Origin, Recover] | None = None
        """Whose answer waits for that too"""

    def start(self, now_ns: int, joins: Directory | None = None) -> Consensus:
        """From what the storage holds."""
        self.writes = False
        asked, self._recovery = self._recovery, None
        if asked:
            self._tell(*asked)
        return Consensus(self._number, self._timers, self._storage, self._draw, self._outbox, now_ns, joins)

    def form_or_join(self, members: Iterable[Member], now_ns: int) -> Consensus | None:
        """Nothing is on the disk. None: not yet, or something is to be written first."""
        if self._formation.exists():
            formed = self._formation.heard_of()
            self._outbox.notice("info", "joins", f"joins the cluster {formed}: the leader gives it the log")
            directory = Directory(members, formed)
            directory.catching_up = True
            return self.start(now_ns, directory)
        if self._formation.may_form(now_ns):
            self._outbox.notice("info", "forms", "forms the cluster: a majority of its members has no data yet")
            self._write(Save(snapshot=first_snapshot(members), hard_state=HardState(FIRST_TERM, NOBODY, 1)))
        else:
            self._formation.remind(now_ns)
        return None

    def recover(self, consensus: Consensus, origin: Origin, command: Recover, now_ns: int) -> None:
        """This node begins anew with all that it has, if nothing speaks against it."""
        why_not = recovery.why_not(consensus, self._number, command.voters, now_ns)
        if why_not:
            self._relay.answer(origin, why_not, ok=False)
            return
        self._outbox.notice("warning", "recovers", f"goes on without a majority, with {', '.join(command.voters)}")
        self._recovery = origin, command
        self._write(recovery.recovered(consensus, self._number, command.voters, self._draw))

    def _tell(self, origin: Origin, command: Recover) -> None:
        others = [name for name in command.voters if name != self._name]
        hint = f"; empty the data_dir of {', '.join(others)}, then they take the log from here" if others else ""
        self._relay.answer(origin, f"this node goes on alone with all that it has{hint}", ok=True)

    def _write(self, save: Save) -> None:
        self._outbox.add(save)
        self.writes = True
