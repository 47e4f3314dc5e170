"""A member of a cluster: the core of the raft process.

It forms the cluster or joins it (`formation`), drives the consensus (`consensus`), and says what this node owns
(`ownership`): to the engine as leases that end by themselves, never longer than the lease of the leader (`lease`). What
helps another node to own leaves only when the engine has let go (`outbox`). Leadership is given away when a better node
should have it (`succession`), and operators change the cluster (`commands`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import assert_never

import msgspec

from alived.base import DeadlineReached, DecodeError
from alived.raft import recovery
from alived.raft.beginnings import Beginnings
from alived.raft.commands import Chair, Commands
from alived.raft.config import Cluster, RaftInstance, Role
from alived.raft.config import Member as ConfiguredMember
from alived.raft.consensus import Consensus
from alived.raft.directory import FIRST_TERM, Founded, encode_command, node_number
from alived.raft.engine_line import EngineLine
from alived.raft.formation import Formation
from alived.raft.log import Storage
from alived.raft.member_events import (
    Arrived,
    Asking,
    Command,
    EngineLost,
    EngineReported,
    Finished,
    MemberEffect,
    MemberEvent,
    MemberReconfigured,
    MemberShutdown,
    MemberSnapshot,
    PeersChanged,
    Phase,
    Recover,
    Saved,
)
from alived.raft.member_settings import MemberSettings
from alived.raft.member_view import Seen, view
from alived.raft.messages import NOBODY, Heartbeat, Proposal, TransferLeader
from alived.raft.outbox import Outbox
from alived.raft.ownership import Ownership, Standpoint
from alived.raft.packets import Asked, Greeting, Packet, Report, Status, Subleases, Told
from alived.raft.relay import Origin, Relay, decode_command
from alived.raft.state import ProposalDropped
from alived.raft.succession import Succession
from alived.raft.turns import patience_ticks


class Member:
    """A core: `step`, `deadline_ns`, `snapshot`."""

    def __init__(
        self,
        settings: MemberSettings,
        storage: Storage,
        draw: Callable[[int], int],
        now_ns: int,
        carried_out: Callable[[], int],
    ) -> None:
        """What the storage holds decides whether this node was a member before; `draw(n)` gives 0 to n-1.
        carried_out: as of `EngineLine`."""
        cluster, timers = settings.cluster, settings.timers
        self._settings = settings
        self.number = node_number(cluster.node_id)
        self._draw = draw
        self._outbox = Outbox()
        self._heard_ns: dict[int, int] = {}
        self._formation = Formation(cluster, timers.election_ns, self._outbox, now_ns)
        self._ownership = Ownership(
            cluster.node_id,
            settings.groups,
            timers,
            self._outbox,
            now_ns,
            EngineLine(timers.heartbeat_ns, carried_out),
            spread=cluster.spread_groups,
        )
        self._relay = Relay(self._outbox, now_ns)
        self._beginnings = Beginnings(
            cluster.node_id, timers, storage, draw, self._outbox, self._formation, self._relay
        )
        self._commands = Commands(self._relay)
        self._succession = Succession(
            self.number, timers, self._ownership, self._heard_ns, self._outbox, self._commands.hand_over_failed
        )
        self.consensus: Consensus | None = None
        """None: nothing is on the disk"""
        self._peers: dict[int, ConfiguredMember] | None = None
        """As the process was told; None: not yet"""
        self._ruled = False
        """It has owned as the leader, and not everything is let go since"""
        self._led_term = self._founding_term = 0
        """The last one that this node has led, and in which it proposed an id for the cluster"""
        self._stirred = True
        """Something has happened that may change what this node wants"""
        self._seen: object = None
        """What of the consensus it has acted on"""
        self._lease_until_ns: int | None = None
        """The end of the lease that it has acted on"""
        self._mind_ns: int | None = None
        """When it must act though nothing has happened"""
        self._others_ns: int | None = None
        """The same, but for what is owned; changes only by acting"""
        self._finished = False
        self.deadline_ns: int | None = None
        """Before that nothing happens by itself"""
        if storage.initial_state()[1].index:
            self.consensus = self._beginnings.start(now_ns)
        self._look_ahead()

    # -- the core

    def step(self, event: MemberEvent, now_ns: int) -> list[MemberEffect]:
        """What follows from `event`, in the order in which it must happen."""
        self._stirred = self._stirred or not isinstance(event, Arrived | EngineReported | DeadlineReached | Saved)
        match event:
            case Arrived(sender, packet, more):
                self._arrived(sender, packet, now_ns)
                if more:
                    return []
            case Saved():
                self._saved(now_ns)
            case EngineReported():
                self._stirred |= self._ownership.engine_reported(event, now_ns)
                if self.consensus and not self._stirred:
                    self._think_ahead()
                    self._look_ahead()
                    return []  # It is there, as ever.
            case EngineLost():
                self._ownership.engine_lost()
            case Asking(request, command):
                self._asked(Origin(NOBODY, request), command, now_ns)
            case MemberReconfigured(cluster, groups):
                self._reconfigured(cluster, groups)
            case MemberShutdown():
                self._ownership.engine.unable = "the daemon ends"
                self._succession.end(now_ns)
            case DeadlineReached():
                if self.consensus:
                    self.consensus.reach(now_ns, partial(self._succession.heir, self.consensus, now_ns))
            case _:
                assert_never(event)
        self._turn(now_ns)
        self._look_ahead()
        return self._outbox.take()

    def _look_ahead(self) -> None:
        if self._finished:
            self.deadline_ns = None
            return
        consensus_ns = self.consensus.deadline_ns if self.consensus else None
        self.deadline_ns = _earliest(consensus_ns, self._mind_ns, self._formation.greet_ns, self._succession.ends_ns)

    def snapshot(self) -> MemberSnapshot:
        seen = Seen(
            phase=self.phase,
            peers=self._members,
            heard_ns=self._heard_ns,
            groups=self._ownership.reports,
            owners=self._ownership.owners,
            silent=self._ownership.silent,
        )
        return view(self._settings.cluster, self._settings.timers, self.consensus, seen)

    @property
    def phase(self) -> Phase:
        if self.consensus is None:
            return Phase.FORMING
        if self.consensus.directory.catching_up:
            return Phase.JOINING
        return Phase.RUNNING if self.number in self.consensus.directory.members else Phase.REMOVED

    # -- what came

    def _arrived(self, sender: int, packet: Packet, now_ns: int) -> None:
        if not self._succession.there(sender, now_ns):
            self._stirred = True
        self._heard_ns[sender] = now_ns
        if isinstance(packet, Greeting):
            self._formation.heard(sender, packet, now_ns)
            if self.consensus and not (packet.formed or packet.begun):
                self.consensus.node.report_blank(sender)
        elif self.consensus and self._formation.trusts(sender):
            self._hear(self.consensus, sender, packet, now_ns)

    def _hear(self, consensus: Consensus, sender: int, packet: Packet, now_ns: int) -> None:
        """From a node that has greeted and is of our cluster."""
        match packet:
            case Report():
                self._ownership.reported(consensus.name(sender), packet, now_ns)
            case Subleases() if sender == consensus.leader:
                self._ownership.subleased(packet, consensus.term)
            case Status() if sender == consensus.leader:
                self._ownership.told(packet, now_ns)
            case Asked():
                self._passed_on(consensus, Origin(sender, packet.request), packet.command, now_ns)
            case Told():
                self._relay.told(packet)
            case Subleases() | Status() | Greeting() | Proposal() | TransferLeader():
                pass  # Of a leader that was; or nothing that a member of ours sends.
            case _:
                if (packet.sender, packet.to) == (sender, self.number):
                    consensus.step(packet, now_ns)
                if isinstance(packet, Heartbeat) and sender == consensus.leader:
                    self._stirred |= self._ownership.leader_beats()
                return
        self._stirred = True

    def _passed_on(self, consensus: Consensus, origin: Origin, command: bytes, now_ns: int) -> None:
        """A command, to the leader; who does not lead (any more) says nothing, it is sent again to who does."""
        if not consensus.leads:
            return
        try:
            self._commands.submit(origin, decode_command(command), now_ns, origin)
        except DecodeError as error:
            self._relay.answer(origin, f"the leader does not understand the command: {error.detail}", ok=False)

    def _saved(self, now_ns: int) -> None:
        if self._beginnings.writes:
            self.consensus = self._beginnings.start(now_ns)
        else:
            assert self.consensus is not None, "nothing was to be written"
            self.consensus.saved()

    def _asked(self, origin: Origin, command: Command, now_ns: int) -> None:
        if self.consensus is None:
            self._relay.answer(origin, f"no cluster is formed yet: {self._formation.waiting_for(now_ns)}", ok=False)
        elif isinstance(command, Recover):
            self._beginnings.recover(self.consensus, origin, command, now_ns)
        else:
            self._relay.forward(origin, command, now_ns)

    def _reconfigured(self, cluster: Cluster, groups: tuple[RaftInstance, ...]) -> None:
        self._settings = msgspec.structs.replace(self._settings, cluster=cluster, groups=groups)
        self._formation.reconfigure(cluster)
        self._ownership.reconfigure(groups, spread=cluster.spread_groups)

    # -- a turn

    def _turn(self, now_ns: int) -> None:
        if self._beginnings.writes or self._finished:
            return
        if self.consensus is None and self._succession.ends_ns is None:
            self.consensus = self._beginnings.form_or_join(self._settings.cluster.members, now_ns)
            if self._beginnings.writes:
                return
        if self.consensus:
            self.consensus.turn(now_ns, self._mind)
            if self.consensus.saves:
                return
            directory = self.consensus.directory
            begun = self.consensus.term > FIRST_TERM or directory.catching_up
            self._formation.belong(directory, begun=begun)
        else:
            self._tell_peers()
        if self._formation.greet_ns is not None:
            self._formation.greet(self._peers or (), now_ns)
        if self._succession.ends_ns is not None and self._succession.ended(self.consensus, now_ns):
            self._finished = True
            self._outbox.add(Finished())

    def _mind(self, now_ns: int) -> bool:
        """Before anything is sent. True: the node was stepped, its lease must be looked at again."""
        consensus = self.consensus
        assert consensus is not None, "its turn was called"
        seen, until_ns = consensus.essence, consensus.lease.until_ns
        due = self._mind_ns is not None and now_ns >= self._mind_ns
        stepped = False
        if self._stirred or due or seen != self._seen or self._outbox.shut or self._succession.giving_up:
            stepped = self._stirred = self._act(consensus, now_ns)
        elif until_ns == self._lease_until_ns:
            return False  # One of the many heartbeats that change nothing.
        elif not self._ownership.prolong(until_ns, now_ns):
            stepped = self._stirred = self._act(consensus, now_ns)
        self._seen, self._lease_until_ns = seen, until_ns
        self._think_ahead()
        return stepped

    def _think_ahead(self) -> None:
        self._mind_ns = _earliest(self._ownership.deadline_ns, self._others_ns)

    def _act(self, consensus: Consensus, now_ns: int) -> bool:
        """Whatever follows from what has changed."""
        self._tell_peers()
        self._hesitate(consensus, now_ns)
        for origin, command, since_ns, number in self._relay.mind(consensus.leader, self.number, now_ns):
            self._commands.submit(origin, command, since_ns, Origin(self.number, number))
        stepped = self._commands.mind(consensus, self._chair(consensus, now_ns), now_ns)
        self._own(consensus, now_ns)
        stepped |= self._succession.mind(consensus, now_ns)
        self._others_ns = _earliest(self._relay.deadline_ns, self._commands.deadline_ns, self._succession.deadline_ns)
        return self._begin_term(consensus) or stepped

    def _begin_term(self, consensus: Consensus) -> bool:
        """A new leader asks for its lease at once; the first one gives the cluster its id."""
        node = consensus.node
        if consensus.leads and self._led_term != consensus.term:
            self._led_term = consensus.term
            node.beat()
            return True
        if self._founding_term != consensus.term and consensus.settled and not consensus.directory.formed:
            self._founding_term = consensus.term
            with contextlib.suppress(ProposalDropped):  # A hand-over: the next leader does it.
                node.propose(encode_command(Founded(recovery.new_id(self._draw))))
            return True
        return False

    def _own(self, consensus: Consensus, now_ns: int) -> None:
        ownership = self._ownership
        ownership.mind(self._standpoint(consensus), now_ns)
        owns = ownership.rules or ownership.holds_on
        self._ruled = owns or (self._ruled and not ownership.clear(now_ns))
        if self._ruled and not ownership.rules:
            self._outbox.bar(ownership.sole_holder(now_ns))
        elif self._outbox.shut:
            self._outbox.open()
        wish = ownership.hand_over
        if wish is not None and not self._succession.giving_up:
            self._succession.begin(consensus, node_number(wish.to), wish.reason)

    def _standpoint(self, consensus: Consensus) -> Standpoint:
        removed = "this node has been removed from the cluster" if self.phase is Phase.REMOVED else ""
        return Standpoint(
            term=consensus.term,
            leader=consensus.leader,
            leader_name=consensus.name(consensus.leader),
            leads=consensus.leads,
            lease_until_ns=consensus.lease.until_ns,
            members=tuple(
                msgspec.structs.replace(member, role=Role.LEARNER) if number == self._commands.leaving else member
                for number, member in consensus.directory.members.items()
            ),
            heard_ns=self._heard_ns,
            stands=consensus.stands,
            giving_up=self._succession.giving_up or removed,
            heir=consensus.name(self._succession.to),
            asked_for=consensus.directory.wish,
            catching_up=consensus.directory.catching_up,
        )

    def _chair(self, consensus: Consensus, now_ns: int) -> Chair:
        succession = self._succession
        return Chair(
            own=self.number,
            why_not=lambda number: succession.why_not(consensus, number, now_ns),
            successor=lambda: succession.successor(consensus, now_ns),
            hand_over=lambda to, reason: succession.begin(consensus, to, reason),
            owns=lambda number: self._ownership.owns(consensus.name(number), now_ns),
            there=lambda number: succession.there(number, now_ns),
            reported=lambda number: consensus.name(number) in self._ownership.reports,
            allow_two_voters=self._settings.cluster.allow_two_voters,
        )

    def _hesitate(self, consensus: Consensus, now_ns: int) -> None:
        """Leave it to the others to campaign: for a while, or altogether."""
        if self._succession.ends_ns is not None or consensus.directory.catching_up:
            consensus.node.hesitate(None)
            return
        able = self._ownership.able(now_ns)
        members, timers = consensus.directory.members, self._settings.timers
        consensus.node.hesitate(patience_ticks(self.number, members, consensus.leader, timers, able=able))

    def _tell_peers(self) -> None:
        peers = {number: member for number, member in self._members.items() if number != self.number}
        if peers != self._peers:
            self._peers = peers
            self._formation.look_round()
            self._outbox.add(PeersChanged(peers))

    @property
    def _members(self) -> dict[int, ConfiguredMember]:
        if self.consensus:
            return self.consensus.directory.members
        return {node_number(member.id): member for member in self._settings.cluster.members}


def _earliest(*moments: int | None) -> int | None:
    return min([moment for moment in moments if moment is not None], default=None)
