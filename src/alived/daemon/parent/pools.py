"""The pools of all virtual servers: verdicts go in, and whoever is concerned hears what follows.

They live in the parent, where the verdicts are: a worker that dies loses none of them, and the next one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import assert_never

from alived.adapters.loop import now_ns
from alived.config.model import Config
from alived.daemon.shared.configured_pools import ConfiguredPools, Listener, configured_pools, of_pool
from alived.daemon.shared.messages import ServerChanged, TrackerVerdict
from alived.daemon.shared.tracked import tracked_services
from alived.health.trackers_config import TrackerKind
from alived.hooks.events import Kind
from alived.lvs.file_check import file_says
from alived.lvs.pool import Pool
from alived.lvs.pool_events import (
    CheckTurned,
    DaemonStops,
    EntriesChanged,
    PoolDropped,
    PoolEffect,
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


class Pools:
    """changed: a server came or went, for scripts, pipes and receivers. of_check: a check has turned and the server
    stays as it is. of_quorum: a virtual server that somebody tracks has its quorum, or has not. note: a line for the
    log."""

    def __init__(
        self,
        config: Config,
        changed: Callable[[ServerChanged], None],
        of_check: Callable[[ServerChanged], None],
        of_quorum: Callable[[TrackerVerdict], None],
        note: Callable[[str, str, str], None],
    ) -> None:
        self._changed, self._of_check, self._note = changed, of_check, note
        self._of_quorum = of_quorum
        self._quorums: dict[str, bool] = {}
        """What was said of virtual servers that are tracked, by what they are for."""
        self._take(config)
        self._pools: dict[str, Pool] = {}
        self._began = False

    def _take(self, config: Config) -> None:
        self._configured = configured_pools(config)
        self._tracked = tracked_services(config)
        self._quorums = {service: up for service, up in self._quorums.items() if service in self._tracked}

    def begin(self) -> None:
        """Those who are told are there."""
        self._began = True
        self._begin(self._configured)

    def _begin(self, configured: ConfiguredPools) -> None:
        for key, config in configured.pools.items():
            if key not in self._pools:
                self._pools[key] = Pool(config, now_ns())
                self._step(key, PoolStarted())

    def configure(self, config: Config) -> None:
        """A reload. The worker has the new configuration already: it knows the scripts."""
        self._take(config)
        configured = self._configured
        if not self._began:
            return
        for key in [key for key in self._pools if key not in configured.pools]:
            self._step(key, PoolDropped())
            del self._pools[key]
        for key, pool in self._pools.items():
            if pool.config != configured.pools[key]:
                self._step(key, PoolReconfigured(configured.pools[key]))
        self._begin(configured)
        for service in self._tracked:
            self._judge_quorum(service)

    def judged(self, verdicts: Iterable[TrackerVerdict]) -> None:
        """All that the worker says of trackers, also what it only confirms."""
        for verdict in verdicts:
            for listener in self._configured.listeners.get(verdict.key, ()):
                if listener.pool in self._pools:
                    self._step(listener.pool, _heard(listener, verdict))

    def stop(self) -> None:
        """The daemon does; nothing that is heard after that counts."""
        for key in list(self._pools):
            self._step(key, DaemonStops())
            del self._pools[key]

    def snapshots(self) -> dict[str, PoolSnapshot]:
        return {key: pool.snapshot() for key, pool in self._pools.items()}

    def _step(self, key: str, event: PoolEvent) -> None:
        pool = self._pools[key]
        for effect in pool.step(event, now_ns()):
            self._apply(key, pool.config.name, effect)
        if (service := _service_of(pool)) in self._tracked:
            self._judge_quorum(service)

    def _judge_quorum(self, service: str) -> None:
        """Where TCP and UDP of an address are two virtual servers, both count."""
        shown = [pool.snapshot() for pool in self._pools.values() if _service_of(pool) == service]
        if not all(pool.started for pool in shown):
            return
        lost = [pool for pool in shown if not pool.quorum_up]
        pool, up = (lost or shown)[0], not lost
        if self._quorums.get(service) is not up:
            self._quorums[service] = up
            reason = f"virtual server {pool.name} has {'its' if up else 'no'} quorum: {pool.reason}"
            self._of_quorum(TrackerVerdict(TrackerKind.VIRTUAL_SERVER, service, up, reason, now_ns()))

    def _apply(self, key: str, name: str, effect: PoolEffect) -> None:
        match effect:
            case RealServerUp(server, reason, at_start):
                if not at_start:
                    self._note("info", "real-server-up", f"real server {server} of {name} is up: {reason}")
                self._changed(_of_server(key, name, server, True, reason, at_start=at_start))
            case RealServerDown(server, reason):
                self._note("warning", "real-server-down", f"real server {server} of {name} is down: {reason}")
                self._changed(_of_server(key, name, server, False, reason))
            case CheckTurned(server, up, reason):
                self._of_check(_of_server(key, name, server, up, reason))
            case QuorumGained(reason):
                self._note("info", "quorum-gained", f"virtual server {name} has its quorum: {reason}")
                self._changed(_of_pool(key, name, True, reason))
            case QuorumLost(reason):
                self._note("warning", "quorum-lost", f"virtual server {name} has no quorum: {reason}")
                self._changed(_of_pool(key, name, False, reason))
            case WeightChanged(server, reason):
                self._note("info", "weight-changed", f"real server {server} of {name}: {reason}")
            case EntriesChanged():
                pass  # `snapshots` has what IPVS should have
            case _:
                assert_never(effect)


def _service_of(pool: Pool) -> str:
    return str(pool.config.virtual_server.service)


def _heard(listener: Listener, verdict: TrackerVerdict) -> VerdictHeard:
    if listener.file is None:
        return VerdictHeard(check=listener.check, up=verdict.up, reason=verdict.reason, weight=verdict.value)
    says = file_says(verdict.value or 0, listener.file.value, reverse=listener.file.reverse)
    return VerdictHeard(check=listener.check, up=says.up, reason=verdict.reason, adds=says.adds)


def _of_server(
    pool: str, virtual_server: str, server: str, up: bool, reason: str, *, at_start: bool = False
) -> ServerChanged:
    return ServerChanged(
        kind=Kind.REAL_SERVER,
        name=of_pool(server, pool),
        server=server,
        virtual_server=virtual_server,
        up=up,
        reason=reason,
        time_ns=now_ns(),
        wall_time=time.time(),
        at_start=at_start,
    )


def _of_pool(pool: str, virtual_server: str, up: bool, reason: str) -> ServerChanged:
    return ServerChanged(
        kind=Kind.VIRTUAL_SERVER,
        name=pool,
        virtual_server=virtual_server,
        up=up,
        reason=reason,
        time_ns=now_ns(),
        wall_time=time.time(),
    )
