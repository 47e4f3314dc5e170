"""The engine: the process that must never be late. It never forks, resolves a name or touches a disk.

`Wiring` holds the instances; here is their life: start, reload, stop, and answers to the parent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from alived.adapters import scheduling
from alived.adapters.loop import now_ns
from alived.base import NS_PER_MS
from alived.config import model
from alived.config.change import Change, Kind, Subject, automatic_lifetime_s, compare, instance_changes
from alived.daemon.child import ChildContext
from alived.daemon.messages import BusMessage, Configure, Configured, EngineSnapshot, ScriptVerdicts, SnapshotRequest
from alived.daemon.reports import Reports
from alived.daemon.wiring import Wiring

TURN_GAP_NS = NS_PER_MS // 2
"""Least time between two turns of the loop while packets pour in: they are handled in batches."""


class Engine:
    """The role of the engine child."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._loop = context.loop
        self._config = context.config
        self._instances: dict[str, model.Instance] = {}
        self._wiring = Wiring(self._loop, Reports(context))
        self._scheduling = ""
        self._cpus = scheduling.affinity()

    def start(self) -> None:
        scheduling.raise_file_limit()
        self._apply_scheduling()
        self._loop.turn_gap_ns = TURN_GAP_NS
        self._wiring.start()
        now = now_ns()
        self._wiring.begin(self._config)
        self._instances = _with_lifetimes(self._config)
        for instance in self._instances.values():
            router = self._wiring.add(instance, now)
            self._loop.add_work(functools.partial(self._wiring.get_ready, router))
        self._wiring.settle(now)

    def handle(self, message: BusMessage) -> None:
        match message:
            case SnapshotRequest():
                self._context.send(self._snapshot(message.request_id))
            case Configure():
                self._reload(message.config)
            case ScriptVerdicts(verdicts):
                self._wiring.scripts_judged(verdicts)
            case _:
                raise AssertionError(f"the engine does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        self._wiring.shut_down()
        self._wiring.work.when_idle(lambda: self._finish(done))

    def _finish(self, done: Callable[[], None]) -> None:
        self._wiring.finish()
        done()

    def _apply_scheduling(self) -> None:
        """Level-triggered: on the start and whenever a reload changes `global_defs`."""
        wanted = self._config.global_defs
        priority = 1 if wanted.rt_priority is None else wanted.rt_priority
        self._scheduling = scheduling.set_real_time(priority) if priority else scheduling.set_normal()
        if why := scheduling.lock_memory(wanted.no_swap):
            self._context.log("warning", "no-swap", f"vrrp_no_swap: cannot lock memory: {why}")
        if why := scheduling.set_affinity(wanted.cpu_affinity or self._cpus):
            self._context.log("warning", "cpu-affinity", f"vrrp_cpu_affinity: {why}")

    def _reload(self, config: model.Config) -> None:
        """Only what differs changes; an instance that stays the same misses no advert."""
        changes = compare(self._config, config)
        self._config = config
        self._instances = _with_lifetimes(config)
        self._change_instances([*instance_changes(changes)])
        for change in changes:
            if change.subject == Subject.LIFETIME:
                for name in self._instances:  # one after the other, as time permits
                    self._loop.add_work(functools.partial(self._change_lifetime, name))
            elif change.subject == Subject.GLOBAL_DEFS:
                self._apply_scheduling()
        self._context.send(Configured(changes=tuple(map(str, changes))))

    def _change_instances(self, changes: Sequence[Change]) -> None:
        wiring, wanted = self._wiring, self._instances
        wiring.begin(self._config)
        for change in changes:
            if change.kind is Kind.CHANGED:
                wiring.expect(change.name, wanted[change.name])
        for change in changes:
            match change.kind:
                case Kind.ADDED:
                    wiring.add(wanted[change.name], now_ns())
                case Kind.REMOVED:
                    wiring.remove(wiring.routers[change.name], "a reload removes it", deleted=True)
                case Kind.REPLACED:
                    wiring.remove(wiring.routers[change.name], "a reload makes another virtual router of it")
                    wiring.add(wanted[change.name], now_ns())
                case Kind.CHANGED:
                    wiring.reconfigure(wiring.routers[change.name], wanted[change.name])
                case _:
                    assert_never(change.kind)
        wiring.settle(now_ns())

    def _change_lifetime(self, name: str) -> None:
        if name in self._instances:  # else another reload has taken it away since
            self._wiring.change_lifetime(self._wiring.routers[name], self._instances[name])

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


def _with_lifetimes(config: model.Config) -> dict[str, model.Instance]:
    """The instances by name, with automatic lifetimes filled in."""
    automatic = automatic_lifetime_s(config)
    return {
        instance.vrrp.name: instance
        if instance.vips.lifetime_s is not None
        else msgspec.structs.replace(instance, vips=msgspec.structs.replace(instance.vips, lifetime_s=automatic))
        for instance in config.instances
    }


def make_engine(context: ChildContext) -> Engine:
    """The factory that the supervisor gives to its engine child."""
    return Engine(context)
