"""The pool of one virtual server: which real servers are up, whether they are enough, and what IPVS should have.

A real server is up while none of its checks has failed. The quorum is gained when the weights of those that are up
sum to `quorum` + `hysteresis`, and lost when they sum to less than `quorum` - `hysteresis`, or to nothing; in between
it stays as it is. While it is lost, a `sorry_server` serves instead of them. keepalived's rules (check/ipwrapper.c).

It has no deadlines, and it outlives reloads and those who ask: only what it hears changes it.
"""

from __future__ import annotations

from typing import assert_never

from alived.lvs import quorum
from alived.lvs.config import Endpoint
from alived.lvs.member import WAITS, ServerState
from alived.lvs.pool_events import (
    CheckTurned,
    DaemonStops,
    EntriesChanged,
    Member,
    PoolConfig,
    PoolDropped,
    PoolEffect,
    PoolEntry,
    PoolEvent,
    PoolReconfigured,
    PoolSnapshot,
    PoolStarted,
    QuorumGained,
    QuorumLost,
    RealServerDown,
    RealServerUp,
    VerdictHeard,
    WeightChanged,
)

SORRY_WEIGHT = 1


class Pool:
    """A core without deadlines: `step`, `snapshot`."""

    def __init__(self, config: PoolConfig, now_ns: int) -> None:
        self.config = config
        self._servers: dict[str, ServerState] = {}
        self._by_check: dict[str, ServerState] = {}
        self._take(config, now_ns)
        self._started = False
        self._quorum_up = False
        self._reason, self._since_ns = WAITS, now_ns
        self._sorry: Endpoint | None = None
        """The sorry_server, while it serves."""
        self._entries: tuple[PoolEntry, ...] = ()

    def step(self, event: PoolEvent, now_ns: int) -> list[PoolEffect]:
        """What follows from `event`, in the order in which it must happen: IPVS first, then those who are told."""
        match event:
            case PoolStarted():
                told = self._start(now_ns)
            case VerdictHeard():
                told = self._heard(event, now_ns)
            case PoolReconfigured(config):
                told = self._reconfigured(config, now_ns)
            case PoolDropped():
                told = self._end("a reload has removed the virtual server", now_ns, lost=self._quorum_up)
            case DaemonStops():  # with `omega` keepalived says that the quorum is lost also where it was lost before
                told = self._end("the daemon stops", now_ns, lost=True)
                told = told if self.config.virtual_server.omega else []
            case _:
                assert_never(event)
        return [*self._entries_changed(), *told]

    # Real servers

    def _take(self, config: PoolConfig, now_ns: int) -> None:
        old, self.config = self._servers, config
        found = {member.name: old.get(member.name) or ServerState(member, now_ns) for member in config.members}
        self._servers = found
        self._by_check = {check.name: found[member.name] for member in config.members for check in member.checks}

    def _start(self, now_ns: int) -> list[PoolEffect]:
        """When nothing is left to wait for."""
        if any(server.waits for server in self._servers.values()):
            return []
        self._started = True
        return [*self._begin(now_ns), *self._judge_quorum("at the start", now_ns, start=True)]

    def _begin(self, now_ns: int) -> list[PoolEffect]:
        """Those that have not begun, and wait for nothing."""
        begun = [server for server in self._servers.values() if not server.begun and not server.waits]
        for server in begun:
            server.begin(now_ns)
        told = [server for server in begun if server.up and self.config.rs_init_notifies]
        return [RealServerUp(server.name, server.reason, at_start=True) for server in told]

    def _heard(self, verdict: VerdictHeard, now_ns: int) -> list[PoolEffect]:
        server = self._by_check[verdict.check]
        before, is_first = server.weight, not server.has_heard(verdict.check)
        news = server.hear(verdict)
        if not self._started:
            return self._start(now_ns)
        if not server.begun:
            told = self._begin(now_ns)
        elif server.up and server.healthy and server.weight != before:
            told = [WeightChanged(server.name, f"weight {before} -> {server.weight}: {verdict.reason}")]
        else:
            told = _check_turned(server, verdict, is_first, now_ns) if news else []
        return [*told, *self._judge_quorum(_cause(server), now_ns)]

    # Reloads and the end

    def _reconfigured(self, config: PoolConfig, now_ns: int) -> list[PoolEffect]:
        old = self._servers
        self._take(config, now_ns)
        told: list[PoolEffect] = []
        for server in old.values():
            if server.up and server.name not in self._servers:
                server.end("a reload has removed it", now_ns)
                told.append(_news_of(server))
        for member in config.members:
            if member.name in old:
                told += _adapt(old[member.name], member, now_ns)
        if not self._started:
            return self._start(now_ns)
        told += self._begin(now_ns)
        return [*told, *self._judge_quorum("after a reload", now_ns, start=True)]

    def _end(self, reason: str, now_ns: int, *, lost: bool) -> list[PoolEffect]:
        """It serves no more."""
        told: list[PoolEffect] = []
        for server in self._servers.values():
            if server.up:
                server.end(reason, now_ns)
                told.append(_news_of(server))
        if lost:
            told.append(QuorumLost(reason))
        self._started = self._quorum_up = False
        self._reason, self._since_ns = reason, now_ns
        return told

    # The quorum

    @property
    def _weight(self) -> int:
        return sum(server.weight for server in self._servers.values() if server.up)

    def _judge_quorum(self, cause: str, now_ns: int, *, start: bool = False) -> list[PoolEffect]:
        """start: a sorry_server that is new, and needed, is told of although nothing was lost."""
        settings, weight = self.config.virtual_server, self._weight
        limits = weight, settings.quorum, settings.hysteresis
        before, self._quorum_up = self._quorum_up, quorum.judge(self._quorum_up, *limits)
        up, sorry = self._quorum_up, settings.sorry_server
        sorry_before, self._sorry = self._sorry, sorry.endpoint if sorry and not up else None
        is_told = up is not before or (start and self._sorry not in (None, sorry_before))
        if is_told or self._reason == WAITS:
            self._reason, self._since_ns = f"{quorum.sentence(up, *limits)}: {cause}", now_ns
        if not is_told:
            return []
        return [QuorumGained(self._reason) if up else QuorumLost(self._reason)]

    # What IPVS should have

    def _entries_changed(self) -> list[PoolEffect]:
        before, self._entries = self._entries, self._wanted() if self._started else ()
        return [] if self._entries == before else [EntriesChanged(self._entries)]

    def _wanted(self) -> tuple[PoolEntry, ...]:
        """While the sorry_server serves nobody else does; `inhibit` is weight 0 where others are not there at all."""
        found = {}
        for state in self._servers.values():
            server = state.config.server
            if state.up and self._sorry is None:
                found[server.endpoint] = PoolEntry(server.endpoint, state.weight)
            elif server.inhibit_on_failure:
                found[server.endpoint] = PoolEntry(server.endpoint, 0)
        sorry = self.config.virtual_server.sorry_server
        if self._sorry is not None:
            found[self._sorry] = PoolEntry(self._sorry, SORRY_WEIGHT, sorry=True)
        elif sorry is not None and sorry.inhibit:
            found.setdefault(sorry.endpoint, PoolEntry(sorry.endpoint, 0, sorry=True))
        return tuple(found.values())

    def snapshot(self) -> PoolSnapshot:
        settings = self.config.virtual_server
        return PoolSnapshot(
            name=self.config.name,
            started=self._started,
            quorum_up=self._quorum_up,
            since_ns=self._since_ns,
            reason=self._reason,
            weight=self._weight,
            quorum=settings.quorum,
            hysteresis=settings.hysteresis,
            servers=tuple(server.snapshot() for server in self._servers.values()),
            entries=self._entries,
        )


def _check_turned(server: ServerState, verdict: VerdictHeard, is_first: bool, now_ns: int) -> list[PoolEffect]:
    """The server may have turned by that. One that was down from the start (`alpha`) is told to be so when the first
    verdict of a check says it too; keepalived says that once for each check."""
    is_told_late = is_first and not (verdict.up or server.up or server.told)
    if server.healthy is server.up and not is_told_late:
        return [CheckTurned(server.name, server.up, verdict.reason)]
    server.turn(verdict.reason, now_ns)
    return [_news_of(server)]


def _adapt(server: ServerState, member: Member, now_ns: int) -> list[PoolEffect]:
    """To what a reload says of it."""
    before = server.weight
    server.reconfigure(member)
    if not server.begun:
        return []
    if server.healthy is not server.up:
        server.turn(f"a reload has changed its checks: {server.why()}", now_ns)
        return [_news_of(server)]
    if server.up and server.weight != before:
        return [WeightChanged(server.name, f"weight {before} -> {server.weight}: a reload has changed it")]
    return []


def _news_of(server: ServerState) -> PoolEffect:
    return RealServerUp(server.name, server.reason) if server.up else RealServerDown(server.name, server.reason)


def _cause(server: ServerState) -> str:
    return f"{server.name} is {'up' if server.up else 'down'}, {server.reason}"
