"""The engine: the process that must never be late. It never forks, resolves a name or touches a disk.

`Wiring` holds the instances; here is their life: start, reload, stop, and answers to the parent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, assert_never

import msgspec

from alived.adapters import scheduling
from alived.adapters.loop import now_ns
from alived.base import NS_PER_MS
from alived.config import model
from alived.config.change import (
    Change,
    Kind,
    Subject,
    automatic_lifetime_s,
    compare,
    instance_changes,
    raft_changes,
)
from alived.daemon.engine.owned_group import owned_groups
from alived.daemon.engine.wiring import Wiring
from alived.daemon.shared import promptness
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    EngineSnapshot,
    HookOutcome,
    SnapshotRequest,
    TrackerVerdicts,
)

T = TypeVar("T", model.Instance, model.RaftGroup)
TURN_GAP_NS = NS_PER_MS // 2
"""Least time between two turns of the loop while packets pour in: they are handled in batches."""


class Engine:
    """The role of the engine child."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._loop = context.loop
        self._config = context.config
        self._instances: dict[str, model.Instance] = {}
        self._groups: dict[str, model.RaftGroup] = {}
        self._wiring = Wiring(context)
        self._scheduling = ""
        self._cpus = scheduling.affinity()

    def start(self) -> None:
        scheduling.raise_file_limit()
        self._apply_scheduling()
        self._loop.turn_gap_ns = TURN_GAP_NS
        self._wiring.start()
        now = now_ns()
        self._wiring.begin(self._config)
        self._take(self._config)
        instances, groups = self._wiring.instances, self._wiring.owned_groups
        for instance in self._instances.values():
            router = instances.add(instance, now)
            self._loop.add_work(functools.partial(instances.get_ready, router))
        for config in self._groups.values():
            group = groups.add(config, now)
            self._loop.add_work(functools.partial(groups.get_ready, group))
        self._wiring.settle(now)

    def _take(self, config: model.Config) -> None:
        """Its instances and groups by name, with automatic lifetimes filled in."""
        self._config = config
        lifetime_s = automatic_lifetime_s(config)
        self._instances = {one.vrrp.name: _with_lifetime(one, lifetime_s) for one in config.instances}
        self._groups = {one.raft.name: _with_lifetime(one, lifetime_s) for one in owned_groups(config)}

    def handle(self, message: BusMessage) -> None:
        match message:
            case SnapshotRequest():
                self._context.send(self._snapshot(message.request_id))
            case Configure():
                self._reload(message.config)
            case TrackerVerdicts(verdicts):
                self._wiring.judge(verdicts)
            case HookOutcome():
                self._wiring.hook_ended(message)
            case _:
                raise AssertionError(f"the engine does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        self._wiring.shut_down()
        self._wiring.holders.work.when_idle(lambda: self._finish(done))

    def _finish(self, done: Callable[[], None]) -> None:
        self._wiring.finish()
        done()

    def _apply_scheduling(self) -> None:
        """Level-triggered: on the start and whenever a reload changes `global_defs`."""
        wanted = self._config.global_defs
        self._scheduling = promptness.real_time(wanted)
        if why := scheduling.lock_memory(wanted.no_swap):
            self._context.log("warning", "no-swap", f"vrrp_no_swap: cannot lock memory: {why}")
        if why := scheduling.set_affinity(wanted.cpu_affinity or self._cpus):
            self._context.log("warning", "cpu-affinity", f"vrrp_cpu_affinity: {why}")

    def _reload(self, config: model.Config) -> None:
        """Only what differs changes; an instance that stays the same misses no advert."""
        changes = compare(self._config, config)
        groups_before = self._groups
        self._take(config)
        self._wiring.begin(config)
        of_groups = self._changes_of_groups(groups_before, [*raft_changes(changes)])
        self._expect([*instance_changes(changes)], of_groups)
        self._change_instances([*instance_changes(changes)])
        self._change_groups(of_groups)
        self._wiring.settle(now_ns())
        for change in changes:
            if change.subject == Subject.LIFETIME:
                for name in self._instances:  # one after the other, as time permits
                    self._loop.add_work(functools.partial(self._change_lifetime, name))
                for name in self._groups:
                    self._loop.add_work(functools.partial(self._change_group_lifetime, name))
            elif change.subject == Subject.GLOBAL_DEFS:
                self._apply_scheduling()
        self._context.send(Configured(changes=tuple(map(str, changes))))

    def _changes_of_groups(
        self, before: Mapping[str, model.RaftGroup], changes: Sequence[Change]
    ) -> Sequence[tuple[Kind, str]]:
        """What a reload means for groups here: the role of this node may have changed too, and with it whether it may
        come to own them."""
        kinds = {change.name: change.kind for change in changes}
        gone = [(Kind.REMOVED, name) for name in before if name not in self._groups]
        there = [(kinds.get(name) if name in before else Kind.ADDED, name) for name in self._groups]
        return [*gone, *((kind, name) for kind, name in there if kind is not None)]

    def _expect(self, of_instances: Sequence[Change], of_groups: Sequence[tuple[Kind, str]]) -> None:
        """All that will be changed in place: said before anything is done, so that an address that moves from one to
        another is not taken away on the way."""
        for change in of_instances:
            if change.kind is Kind.CHANGED:
                self._wiring.instances.expect(change.name, self._instances[change.name])
        for kind, name in of_groups:
            if kind is Kind.CHANGED:
                self._wiring.owned_groups.expect(name, self._groups[name])

    def _change_instances(self, changes: Sequence[Change]) -> None:
        instances, wanted = self._wiring.instances, self._instances
        for change in changes:
            match change.kind:
                case Kind.ADDED:
                    instances.add(wanted[change.name], now_ns())
                case Kind.REMOVED:
                    instances.remove(instances.routers[change.name], "a reload removes it", deleted=True)
                case Kind.REPLACED:
                    instances.remove(instances.routers[change.name], "a reload makes another virtual router of it")
                    instances.add(wanted[change.name], now_ns())
                case Kind.CHANGED:
                    instances.reconfigure(instances.routers[change.name], wanted[change.name])
                case _:
                    assert_never(change.kind)

    def _change_groups(self, changes: Sequence[tuple[Kind, str]]) -> None:
        groups, wanted = self._wiring.owned_groups, self._groups
        for kind, name in changes:
            match kind:
                case Kind.ADDED:
                    groups.add(wanted[name], now_ns())
                case Kind.REMOVED:
                    groups.remove(groups.groups[name], "a reload removes it", deleted=True)
                case Kind.REPLACED:
                    groups.remove(groups.groups[name], "a reload changes who binds its addresses")
                    groups.add(wanted[name], now_ns())
                case Kind.CHANGED:
                    groups.reconfigure(groups.groups[name], wanted[name])
                case _:
                    assert_never(kind)

    def _change_lifetime(self, name: str) -> None:
        instances = self._wiring.instances
        if name in self._instances:  # else another reload has taken it away since
            instances.change_lifetime(instances.routers[name], self._instances[name])

    def _change_group_lifetime(self, name: str) -> None:
        groups = self._wiring.owned_groups
        if name in self._groups:
            groups.change_lifetime(groups.groups[name], self._groups[name])

    def _snapshot(self, request_id: int) -> EngineSnapshot:
        lateness, self._loop.lateness_max_ns = self._loop.lateness_max_ns, 0
        return EngineSnapshot(
            request_id=request_id,
            now_ns=now_ns(),
            instances=tuple(router.core.snapshot() for router in self._wiring.instances.routers.values()),
            vips=self._wiring.vips(),
            links=self._wiring.holders.link_snapshots(),
            groups=self._wiring.instances.groups.snapshots(),
            raft_groups=self._wiring.owned_groups.snapshots(),
            bound_by_hooks=self._wiring.owned_groups.bound_by_hooks(),
            receive_errors=dict(self._wiring.ports.errors),
            lateness_max_ns=lateness,
            scheduling=self._scheduling,
        )


def _with_lifetime(one: T, automatic_s: int) -> T:
    """With the lifetime of its addresses, if it does not say it."""
    if one.vips.lifetime_s is not None:
        return one
    return msgspec.structs.replace(one, vips=msgspec.structs.replace(one.vips, lifetime_s=automatic_s))


def make_engine(context: ChildContext) -> Engine:
    """The factory that the supervisor gives to its engine child."""
    return Engine(context)
