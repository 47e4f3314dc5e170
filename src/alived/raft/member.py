"""A member of a cluster: the core of the raft process.

It forms the cluster or joins it (`formation`), drives the consensus (`consensus`), and says what this node owns
(`ownership`): to the engine as leases that end by themselves, never longer than the lease of the leader (`lease`). What
helps another node to own leaves only when the engine has let go (`outbox`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import msgspec

from alived.base import DeadlineReached
from alived.raft.config import Cluster, RaftInstance
from alived.raft.config import Member as ConfiguredMember
from alived.raft.consensus import Consensus
from alived.raft.directory import Directory, Founded, encode_command, first_snapshot, node_number
from alived.raft.formation import Formation
from alived.raft.handover import Handover, Progress
from alived.raft.log import Storage
from alived.raft.member_events import (
    Arrived,
    Asking,
    EngineLost,
    EngineReported,
    Finished,
    MemberEffect,
    MemberEvent,
    MemberReconfigured,
    MemberShutdown,
    MemberSnapshot,
    Outcome,
    PeersChanged,
    Phase,
    Save,
    Saved,
)
from alived.raft.member_view import Seen, view
from alived.raft.messages import NOBODY, HardState, Proposal, TransferLeader
from alived.raft.outbox import Outbox
from alived.raft.ownership import Ownership, Standpoint
from alived.raft.packets import Asked, Greeting, Packet, Report, Status, Subleases, Told
from alived.raft.profiles import TIMERS, Timers

RELUCTANT_TIMEOUTS = 2
"""For so many election timeouts a node that could own nothing leaves it to the others to campaign"""
LAST_WORDS_TIMEOUTS = 2
"""A daemon that ends waits so long for another leader"""


class MemberSettings(msgspec.Struct, frozen=True, kw_only=True):
    cluster: Cluster
    groups: tuple[RaftInstance, ...]
    timers: Timers

    @classmethod
    def of(cls, cluster: Cluster, groups: tuple[RaftInstance, ...]) -> MemberSettings:
        return cls(cluster=cluster, groups=groups, timers=TIMERS[cluster.profile])


class Member:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(self, settings: MemberSettings, storage: Storage, draw: Callable[[int], int], now_ns: int) -> None:
        """What the storage holds decides whether this node was a member before; `draw(n)` gives 0 to n-1."""
        cluster = settings.cluster
        self._settings = settings
        self.number = node_number(cluster.node_id)
        self._storage = storage
        self._draw = draw
        self._outbox = Outbox()
        self._formation = Formation(cluster, settings.timers.election_ns, self._outbox, now_ns)
        self._ownership = Ownership(
            cluster.node_id,
            settings.groups,
            settings.timers,
            self._outbox,
            now_ns,
            spread=cluster.spread_groups,
        )
        self.consensus: Consensus | None = None
        """None: nothing is on the disk"""
        self._forming = False
        """What the cluster begins with is being written"""
        self._peers: dict[int, ConfiguredMember] | None = None
        """As the process was told; None: not yet"""
        self._heard_ns: dict[int, int] = {}
        self._ruled = False
        """It has owned as the leader, and not everything is let go since"""
        self._led_term = 0
        """The last one that this node has led"""
        self._proposed_term = 0
        """In which it proposed an id for the cluster"""
        self._handover: Handover | None = None
        self._ends_ns: int | None = None
        """The daemon ends: by then at the latest"""
        self._last_handover = False
        self._finished = False
        if storage.initial_state()[1].index:
            self._begin(now_ns)

    # -- the core

    @property
    def deadline_ns(self) -> int | None:
        """Before that nothing happens by itself."""
        if self._finished:
            return None
        consensus_ns = self.consensus.deadline_ns if self.consensus else None
        due = (consensus_ns, self._formation.greet_ns, self._ownership.deadline_ns, self._ends_ns)
        return min((due_ns for due_ns in due if due_ns is not None), default=None)

    def step(self, event: MemberEvent, now_ns: int) -> list[MemberEffect]:
        """What follows from `event`, in the order in which it must happen."""
        match event:
            case Arrived(sender, packet):
                self._arrived(sender, packet, now_ns)
            case Saved():
                self._saved(now_ns)
            case EngineReported():
                self._ownership.engine_reported(event, now_ns)
            case EngineLost():
                self._ownership.engine_lost()
            case Asking(request):
                self._outbox.add(Outcome(request, False, "no commands yet"))
            case MemberReconfigured(cluster, groups):
                self._settings = MemberSettings.of(cluster, groups)
            case MemberShutdown():
                self._ownership.engine.unable = "the daemon ends"
                self._ends_ns = now_ns + LAST_WORDS_TIMEOUTS * self._settings.timers.election_ns
            case DeadlineReached():
                if self.consensus:
                    self.consensus.reach(now_ns)
            case _:
                assert_never(event)
        self._turn(now_ns)
        return self._outbox.take()

    def snapshot(self) -> MemberSnapshot:
        seen = Seen(
            phase=self.phase,
            peers=self._members,
            heard_ns=self._heard_ns,
            groups=self._ownership.reports,
            owners=self._ownership.owners,
        )
        return view(self._settings.cluster, self._settings.timers, self.consensus, seen)

    # -- what came

    def _arrived(self, sender: int, packet: Packet, now_ns: int) -> None:
        if now_ns - self._heard_ns.get(sender, 0) >= self._settings.timers.election_ns:
            self._ownership.heard_again()
        self._heard_ns[sender] = now_ns
        match packet:
            case Greeting():
                self._formation.heard(sender, packet, now_ns)
                if self.consensus and not packet.formed:
                    self.consensus.node.report_blank(sender)
            case _ if self.consensus is None or not self._formation.trusts(sender):
                pass  # It must greet first.
            case Report():
                self._ownership.reported(self.consensus.name(sender), packet, now_ns)
            case Subleases() if sender == self.consensus.leader:
                self._ownership.subleased(packet, self.consensus.term)
            case Status() if sender == self.consensus.leader:
                self._ownership.told(packet, now_ns)
            case Subleases() | Status() | Asked() | Told():
                pass  # of a leader that was
            case Proposal() | TransferLeader():
                pass  # Commands come as `Asked`.
            case _ if packet.sender == sender and packet.to == self.number:
                self.consensus.step(packet, now_ns)

    def _saved(self, now_ns: int) -> None:
        if self._forming:
            self._forming = False
            self._begin(now_ns)
        else:
            assert self.consensus is not None, "nothing was to be written"
            self.consensus.saved()

    # -- forming and joining

    def _begin(self, now_ns: int, joins: Directory | None = None) -> None:
        timers = self._settings.timers
        self.consensus = Consensus(self.number, timers, self._storage, self._draw, self._outbox, now_ns, joins)

    def _form_or_join(self, now_ns: int) -> None:
        """Nothing is on the disk."""
        formed = self._formation.heard_of()
        members = self._settings.cluster.members
        if formed:
            self._outbox.notice("info", "joins", f"joins the cluster {formed}: the leader gives it the log")
            directory = Directory(members, formed)
            directory.catching_up = True
            self._begin(now_ns, directory)
        elif self._formation.may_form(now_ns):
            self._forming = True
            self._outbox.notice("info", "forms", "forms the cluster: a majority of its members has no data yet")
            self._outbox.add(Save(snapshot=first_snapshot(members), hard_state=HardState(1, NOBODY, 1)))

    def _begin_term(self, consensus: Consensus) -> bool:
        """As a new leader: ask for the lease at once."""
        raft = consensus.node.raft
        if not consensus.leads or self._led_term == raft.term:
            return False
        self._led_term = raft.term
        consensus.node.beat()
        return True

    def _give_id(self, consensus: Consensus) -> bool:
        """The first leader gives the cluster its id."""
        raft = consensus.node.raft
        if consensus.directory.formed or not consensus.leads or not raft.committed_in_own_term:
            return False
        if self._proposed_term == raft.term or self._handover:
            return False
        self._proposed_term = raft.term
        consensus.node.propose(encode_command(Founded(f"{self._draw(1 << 64):016x}")))
        return True

    # -- a turn

    def _turn(self, now_ns: int) -> None:
        if self._forming or self._finished:
            return
        if self.consensus is None and self._ends_ns is None:
            self._form_or_join(now_ns)
            if self._forming:
                return
        if self.consensus:
            self.consensus.turn(now_ns, self._mind)
            self._formation.formed = self.consensus.directory.formed
            if self.consensus.saves:
                return
        self._tell_peers()
        self._formation.greet(self._peers or (), now_ns)
        self._finish(now_ns)

    def _mind(self, now_ns: int) -> bool:
        """Before anything is sent. True: the node was stepped, its lease must be looked at again."""
        consensus = self.consensus
        assert consensus is not None
        self._tell_peers()
        self._hesitate(now_ns)
        self._leave(consensus, now_ns)
        self._own(consensus, now_ns)
        return self._begin_term(consensus) or self._give_id(consensus) or self._hand_over(now_ns)

    def _own(self, consensus: Consensus, now_ns: int) -> None:
        ownership = self._ownership
        standpoint = Standpoint(
            term=consensus.term,
            leader=consensus.leader,
            leader_name=consensus.name(consensus.leader),
            leads=consensus.leads,
            lease_until_ns=consensus.lease.until_ns,
            members=tuple(consensus.directory.members.values()),
            heard_ns=self._heard_ns,
            giving_up=self._giving_up,
        )
        ownership.mind(standpoint, now_ns)
        owns = ownership.rules or ownership.holds_on
        self._ruled = owns or (self._ruled and not ownership.clear(now_ns))
        if self._ruled and not ownership.rules:
            self._outbox.shut = True
        elif self._outbox.shut:
            self._outbox.open()
        wish = ownership.hand_over
        if wish is not None and self._handover is None and not self._ends_ns:
            self._outbox.notice("info", "hands-over", f"hands over to {wish.to}: {wish.reason}")
            self._handover = Handover(consensus.node, node_number(wish.to), wish.reason)

    @property
    def _giving_up(self) -> str:
        if self._ends_ns is not None:
            return "the daemon ends"
        if self._handover:
            return self._handover.reason
        if self.phase is Phase.REMOVED:
            return "this node has been removed from the cluster"
        return ""

    def _hesitate(self, now_ns: int) -> None:
        """Who could not own leaves it to the others to campaign; witnesses do so always."""
        assert self.consensus is not None
        own = self.consensus.directory.members.get(self.number)
        timers = self._settings.timers
        if own is None or not own.may_own or self._ends_ns is not None:
            ticks = None
        elif self._ownership.able(now_ns):
            ticks = 0
        else:
            ticks = RELUCTANT_TIMEOUTS * timers.election_ticks
        self.consensus.node.hesitate(ticks)

    def _hand_over(self, now_ns: int) -> bool:
        handover, consensus = self._handover, self.consensus
        if handover is None or consensus is None:
            return False
        stepped = handover.proceed(clear=self._ownership.clear(now_ns))
        if handover.progress in (Progress.FAILED, Progress.DONE):
            self._handover = None
        if handover.progress is Progress.FAILED:
            to = consensus.name(handover.to)
            self._ownership.hand_over_failed(to, now_ns)
            self._outbox.notice("warning", "hand-over-failed", f"{to} did not take over: this node stands again")
        return stepped

    def _tell_peers(self) -> None:
        peers = {number: member for number, member in self._members.items() if number != self.number}
        if peers != self._peers:
            self._peers = peers
            self._outbox.add(PeersChanged(peers))

    @property
    def _members(self) -> dict[int, ConfiguredMember]:
        if self.consensus:
            return self.consensus.directory.members
        return {node_number(member.id): member for member in self._settings.cluster.members}

    @property
    def phase(self) -> Phase:
        if self.consensus is None:
            return Phase.FORMING
        if self.consensus.directory.catching_up:
            return Phase.JOINING
        return Phase.RUNNING if self.number in self.consensus.directory.members else Phase.REMOVED

    # -- the end

    def _finish(self, now_ns: int) -> None:
        if self._ends_ns is None:
            return
        late = now_ns >= self._ends_ns
        if self.consensus is None or late or self._ended(self.consensus, now_ns):
            self._finished = True
            self._outbox.add(Finished())

    def _ended(self, consensus: Consensus, now_ns: int) -> bool:
        """Whether nothing is left to do but to go: nothing is owned, and another leads if that was the aim."""
        if self._handover or not self._ownership.clear(now_ns):
            return False
        if consensus.leads or consensus.leader == NOBODY:
            return consensus.leads or not self._last_handover
        return self._ownership.settled

    def _leave(self, consensus: Consensus, now_ns: int) -> None:
        """A leader whose daemon ends hands over, once."""
        if self._ends_ns is None or self._last_handover or not consensus.leads:
            return
        successor = self._successor(consensus, now_ns)
        if successor is not None:
            self._last_handover = True
            self._handover = Handover(consensus.node, successor, "the daemon ends")

    def _successor(self, consensus: Consensus, now_ns: int) -> int | None:
        """The best of the others that are there; None: there is nobody."""
        timers = self._settings.timers
        raft = consensus.node.raft

        def rank(number: int) -> tuple[int, int]:
            return consensus.directory.members[number].priority, raft.tracker.progress[number].match_index

        there = [
            number
            for number in raft.tracker.configuration.voters.incoming & consensus.directory.members.keys()
            if number != self.number
            and consensus.directory.members[number].may_own
            and now_ns - self._heard_ns.get(number, -timers.election_ns) < timers.election_ns
        ]
        return max(there, key=rank, default=None)
