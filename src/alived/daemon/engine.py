"""The engine: the process that must never be late. It never forks, resolves a name or touches a disk.

`Wiring` holds the instances; here is their life: start, reload, stop, and answers to the parent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import msgspec

from alived.adapters import scheduling
from alived.adapters.loop import now_ns
from alived.base import NS_PER_MS
from alived.config import model
from alived.daemon.changes import Change, Kind, compare
from alived.daemon.child import ChildContext
from alived.daemon.messages import BusMessage, Configure, Configured, EngineSnapshot, SnapshotRequest
from alived.daemon.reports import Reports
from alived.daemon.wiring import Wiring
from alived.vip.lifetime import lifetime_of

TURN_GAP_NS = NS_PER_MS // 2
"""Least time between two turns of the loop while packets pour in: they are handled in batches."""


class Engine:
    """The role of the engine child."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._loop = context.loop
        self._config = context.config
        self._wiring = Wiring(self._loop, Reports(context))
        self._scheduling = ""

    def start(self) -> None:
        scheduling.raise_file_limit()
        self._apply_scheduling()
        self._loop.turn_gap_ns = TURN_GAP_NS
        self._wiring.start()
        now = now_ns()
        self._wiring.groups.configure(self._config, now)
        for instance in _with_lifetimes(self._config):
            router = self._wiring.add(instance, now)
            self._loop.add_work(functools.partial(self._wiring.get_ready, router))
        self._wiring.settle()

    def handle(self, message: BusMessage) -> None:
        match message:
            case SnapshotRequest():
                self._context.send(self._snapshot(message.request_id))
            case Configure():
                self._reload(message.config)
            case _:
                raise AssertionError(f"the engine does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        self._wiring.shut_down()
        self._wiring.work.when_idle(lambda: self._finish(done))

    def _finish(self, done: Callable[[], None]) -> None:
        self._wiring.finish()
        done()

    def _apply_scheduling(self) -> None:
        wanted = self._config.global_defs
        priority = 1 if wanted.rt_priority is None else wanted.rt_priority
        self._scheduling = scheduling.set_real_time(priority) if priority else "normal (vrrp_rt_priority 0)"
        if wanted.no_swap and (why := scheduling.lock_memory()):
            self._context.log("warning", "no-swap", f"vrrp_no_swap: cannot lock memory: {why}")
        if wanted.cpu_affinity and (why := scheduling.set_affinity(wanted.cpu_affinity)):
            self._context.log("warning", "cpu-affinity", f"vrrp_cpu_affinity: {why}")

    def _reload(self, config: model.Config) -> None:
        """Only what differs changes; an instance that stays the same misses no advert."""
        changes = compare(self._config, config)
        self._config = config
        self._wiring.groups.configure(config, now_ns())
        new = {instance.vrrp.name: instance for instance in _with_lifetimes(config)}
        for change in changes:
            if change.kind is Kind.CHANGED:
                self._wiring.expect(change.name, new[change.name])
        for change in changes:
            self._change(change, new.get(change.name))
        self._wiring.settle()
        self._context.send(Configured(changes=tuple(change.sentence for change in changes)))

    def _change(self, change: Change, instance: model.Instance | None) -> None:
        wiring = self._wiring
        if change.kind in (Kind.REMOVED, Kind.REPLACED):
            wiring.deleted = {change.name} if change.kind is Kind.REMOVED else set()
            wiring.remove(wiring.routers[change.name], "a reload removes it")
            wiring.deleted = set()
        if change.kind in (Kind.ADDED, Kind.REPLACED):
            assert instance
            wiring.add(instance, now_ns())
        elif change.kind is Kind.CHANGED:
            assert instance
            wiring.reconfigure(wiring.routers[change.name], instance)

    def _snapshot(self, request_id: int) -> EngineSnapshot:
        lateness, self._loop.lateness_max_ns = self._loop.lateness_max_ns, 0
        routers = self._wiring.routers.values()
        return EngineSnapshot(
            request_id=request_id,
            now_ns=now_ns(),
            instances=tuple(router.core.snapshot() for router in routers),
            vips=tuple(router.holder.snapshot() for router in routers),
            groups=self._wiring.groups.snapshots(),
            receive_errors=dict(self._wiring.ports.errors),
            lateness_max_ns=lateness,
            scheduling=self._scheduling,
        )


def _with_lifetimes(config: model.Config) -> list[model.Instance]:
    """The instances with automatic lifetimes filled in. All addresses of the machine count: what renewing costs is the
    sum over groups."""
    automatic = lifetime_of(*(instance.vips for instance in config.instances))
    return [
        instance
        if instance.vips.lifetime_s is not None
        else msgspec.structs.replace(instance, vips=msgspec.structs.replace(instance.vips, lifetime_s=automatic))
        for instance in config.instances
    ]


def make_engine(context: ChildContext) -> Engine:
    """The factory that the supervisor gives to its engine child."""
    return Engine(context)
