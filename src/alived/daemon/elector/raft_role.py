"""The raft process: around the core `Member`, its log on the disk, its peers, its line to the engine, one timer.

It decides nothing and owns nothing. What the core wants written is on the disk before anything that promises it is
sent: the step after a `Save` is `Saved`, whatever else waits. What waits in the sockets is heard before silence is
judged. If the log cannot be written, the process ends: it must not go on with promises that it may forget.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import assert_never

from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.peers import PeersError
from alived.adapters.wal_files import Wal, WalError, WalFailed
from alived.base import NS_PER_MS, DeadlineReached
from alived.config.model import Config
from alived.daemon.elector.peers import Peers, open_peers
from alived.daemon.elector.recovery import why_not_recover
from alived.daemon.shared import promptness
from alived.daemon.shared.child import ChildContext, ChildFailure
from alived.daemon.shared.lease_line import LeaseLine
from alived.daemon.shared.messages import (
    BusMessage,
    ClusterOutcome,
    ClusterRequest,
    Configure,
    Configured,
    EngineEnded,
    RaftSnapshot,
    SnapshotRequest,
)
from alived.raft.config import Cluster, RaftInstance
from alived.raft.log import EntriesLost
from alived.raft.member import Member
from alived.raft.member_events import (
    Arrived,
    Asking,
    Compact,
    EngineLost,
    EngineReported,
    Finished,
    Leases,
    MemberEffect,
    MemberEvent,
    MemberNoticed,
    MemberReconfigured,
    MemberShutdown,
    Outcome,
    PeersChanged,
    Recover,
    Save,
    Saved,
    Send,
)
from alived.raft.member_settings import MemberSettings
from alived.raft.messages import Snapshot
from alived.raft.packets import Packet

REACHED, SAVED = DeadlineReached(), Saved()
LATE_NS = 2 * NS_PER_MS
"""What waited at the beginning of a turn is heard before timers are looked at; in so long a turn more may have come"""


def make_raft(context: ChildContext) -> RaftRole:
    """The factory that the supervisor gives to its raft child."""
    return RaftRole(context)


def open_log(cluster: Cluster) -> Wal:
    """Raises WalError, whose text is for the operator."""
    return Wal.open(cluster.data_dir, node=cluster.node_id, cluster_id=cluster.cluster_id)


def why_not_start(config: Config) -> str:
    """Why a daemon that is about to start cannot be a member of its cluster, a sentence; "" if it can."""
    if config.cluster is not None:
        try:
            open_log(config.cluster).close()
        except WalError as error:
            return str(error)
    return ""


def entries_lost(data_dir: str, error: EntriesLost) -> str:
    """A sentence for the operator."""
    return (
        f"the log in data_dir {data_dir} was cut while nobody looked: {error}. What this node promised to others may "
        f"be lost. If a majority of the other members is well, move {data_dir} away and start: this node gets the log "
        "from them"
    )


class RaftRole:
    """The role of the raft child."""

    def __init__(self, context: ChildContext) -> None:
        """What needs a capability is done here: `start` has none any more."""
        self._context = context
        self._scheduling = promptness.for_good(context.config.global_defs, context.log)
        self._running: _Running | None = None

    def start(self) -> None:
        self._running = _Running(self._context)
        self._running.begin()

    def handle(self, message: BusMessage) -> None:
        running = self._running
        assert running is not None, "started first"
        match message:
            case Configure(config):
                running.configure(config)
                self._context.send(Configured(changes=promptness.kept(self._context.config.global_defs, config)))
            case SnapshotRequest(request_id):
                self._context.send(running.snapshot(request_id, self._scheduling))
            case ClusterRequest():
                running.command(message)
            case EngineEnded():
                running.feed(EngineLost())
            case _:
                raise AssertionError(f"the raft process does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        if self._running is None:
            done()
        else:
            self._running.finish(done)


class _Running:
    """The core and all that it moves."""

    def __init__(self, context: ChildContext) -> None:
        """Raises ChildFailure if the log or the port cannot be used."""
        self._context = context
        self._loop: Loop = context.loop
        cluster = _cluster(context.config)
        assert context.lease_line is not None, "the parent makes the line before it forks"
        try:
            self._wal = open_log(cluster)
            self._peers: Peers = open_peers(self._loop, cluster, self._arrived, self._context.log)
        except (WalError, PeersError) as error:
            raise ChildFailure("raft-not-started", str(error)) from error
        for sentence in self._wal.notices:
            context.log("warning", "log-mended", sentence)
        draw = random.SystemRandom().randrange
        self._line = LeaseLine(self._loop, context.lease_line, self._engine_said)
        settings = MemberSettings.of(cluster, _groups(context.config))
        self._member = Member(settings, self._wal, draw, now_ns(), self._line.carried_out)
        self._timer: Timer | None = None
        self._finished: Callable[[], None] | None = None
        self._ended = False

    def begin(self) -> None:
        self.feed(REACHED)

    # -- what comes in --

    def configure(self, config: Config) -> None:
        cluster = _cluster(config)
        self._peers.rekey(cluster)
        self.feed(MemberReconfigured(cluster, _groups(config)))

    def command(self, request: ClusterRequest) -> None:
        number, command = request.request_id, request.command
        if isinstance(command, Recover):
            if why := why_not_recover(self._member.snapshot(), command.voters, now_ns()):
                self._context.send(ClusterOutcome(request_id=number, ok=False, text=why))
                return
            try:
                copy = self._wal.backup()
            except WalError as error:
                self._context.send(ClusterOutcome(request_id=number, ok=False, text=str(error)))
                return
            self._context.log("warning", "cluster-recovery", f"the log of before is kept as {copy}")
        self.feed(Asking(number, command))

    def finish(self, done: Callable[[], None]) -> None:
        self._finished = done
        self.feed(MemberShutdown())

    def _engine_said(self, news: Leases | EngineReported) -> None:
        assert isinstance(news, EngineReported), "the engine is told leases, it does not give them"
        self.feed(news)

    def _arrived(self, sender: int, packet: Packet, more: bool) -> None:
        self.feed(Arrived(sender, packet, more))

    # -- the core --

    def feed(self, event: MemberEvent) -> None:
        """A step of the core and all that follows from it."""
        if self._ended:
            return
        try:
            while self._carry_out(self._member.step(event, now_ns())):
                event = SAVED
        except WalFailed as error:
            raise ChildFailure("raft-log-failed", str(error)) from error
        except EntriesLost as error:
            raise ChildFailure("raft-log-lost", entries_lost(_cluster(self._context.config).data_dir, error)) from error
        self._arm()

    def _carry_out(self, effects: list[MemberEffect]) -> bool:
        """True: the last of them was written, and the core waits to hear of it."""
        for effect in effects:
            match effect:
                case Save():
                    self._wal.save(effect.hard_state, effect.entries, effect.snapshot, effect.must_sync)
                    assert effect is effects[-1], "nothing follows a Save"
                    return True
                case Send(to, packet):
                    self._peers.send(to, packet)
                case Leases():
                    if not self._line.send(effect):
                        self._context.log("warning", "engine-silent", "the engine does not take what it is leased")
                case Compact(snapshot):
                    self._loop.add_work(functools.partial(self._compact, snapshot))
                case PeersChanged(peers):
                    self._peers.configure(peers)
                case Outcome(request, ok, text):
                    self._context.send(ClusterOutcome(request_id=request, ok=ok, text=text))
                case MemberNoticed(level, code, message):
                    self._context.log(level, code, message)
                case Finished():
                    self._end()
                case _:
                    assert_never(effect)
        return False

    def _compact(self, snapshot: Snapshot) -> None:
        if not self._ended:
            try:
                self._wal.compact(snapshot)
            except WalFailed as error:
                raise ChildFailure("raft-log-failed", str(error)) from error

    def _end(self) -> None:
        self._ended = True
        self._peers.close()
        self._line.close()
        self._wal.close()
        assert self._finished is not None, "it was asked to end"
        self._finished()

    # -- the timer --

    def _arm(self) -> None:
        due_ns = self._member.deadline_ns
        if due_ns is None or self._ended:
            return
        if self._timer is not None:
            if self._timer.deadline_ns == due_ns:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due_ns, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._ended:
            return
        due_ns = self._member.deadline_ns
        if due_ns is not None and now_ns() - due_ns > LATE_NS:
            self._peers.drain()
            due_ns = self._member.deadline_ns
        if due_ns is not None and due_ns <= now_ns():
            self.feed(REACHED)
        else:
            self._arm()

    # -- what it shows --

    def snapshot(self, request_id: int, scheduling: str) -> RaftSnapshot:
        lateness, self._loop.lateness_max_ns = self._loop.lateness_max_ns, 0
        return RaftSnapshot(
            request_id=request_id,
            now_ns=now_ns(),
            member=self._member.snapshot(),
            peers=self._peers.authentication,
            refused=dict(self._peers.refused),
            lateness_max_ns=lateness,
            scheduling=scheduling,
        )


def _cluster(config: Config) -> Cluster:
    assert config.cluster is not None, "without a cluster there is no raft process"
    return config.cluster


def _groups(config: Config) -> tuple[RaftInstance, ...]:
    return tuple(group.raft for group in config.raft_groups)
