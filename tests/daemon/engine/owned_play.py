"""An engine with groups elected by Raft, and a raft process that says what the test wants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from alived.adapters.loop import Loop, now_ns
from alived.base import NS_PER_MS
from alived.config.model import Config, GlobalDefs, Instance, RaftGroup
from alived.daemon.shared.lease_line import LeaseLine, LinePair
from alived.daemon.shared.messages import HookDue, HookOutcome
from alived.hooks.config import ON_FAILURE, Hook, HookEvent, Script
from alived.hooks.events import Kind
from alived.raft.config import BoundBy, Cluster, Member, RaftInstance
from alived.raft.member_events import EngineReported, Held, Leases
from alived.raft.packets import GroupReport
from alived.vip.config import GarpPolicy, VipGroup, VirtualAddress
from alived.vip.ownership_events import OwnershipSnapshot
from alived.vrrp.config import TrackedInterface
from tests.daemon.engine.engine_play import Play, address

LONG_MS = 60_000
"""A lease that no test outlives."""


def group(name: str, *vips: VirtualAddress | str, interface: str = "eth0", **fields: object) -> RaftGroup:
    """fields: of RaftInstance, RaftGroup or VipGroup."""
    bound = tuple(address(vip, interface) if isinstance(vip, str) else vip for vip in vips)
    of_raft = {key: fields.pop(key) for key in list(fields) if key in RaftInstance.__struct_fields__}
    of_vips = {key: fields.pop(key) for key in list(fields) if key in VipGroup.__struct_fields__}
    return RaftGroup(
        raft=RaftInstance(name=name, **({"interface": interface} | of_raft)),  # type: ignore[arg-type]
        vips=VipGroup(name=name, addresses=bound, **({"garp": GarpPolicy(master_delay_ns=0)} | of_vips)),  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )


def hook(event: HookEvent) -> Hook:
    return Hook(event=event, script=Script(argv=("/bin/true",)), on_failure=ON_FAILURE[event])


def owned_config(
    *groups: RaftGroup, instances: Sequence[Instance] = (), hooks: Sequence[Hook] = (), **member: object
) -> Config:
    """member: of this node."""
    own = Member(id="a", address="192.0.2.1", **member)  # type: ignore[arg-type]
    members = (own, Member(id="b", address="192.0.2.2"), Member(id="c", address="192.0.2.3"))
    return Config(
        global_defs=GlobalDefs(rt_priority=0),
        cluster=Cluster(node_id="a", data_dir="/nowhere", members=members),
        raft_groups=groups,
        instances=tuple(instances),
        hooks=tuple(hooks),
    )


def outcome(due: HookDue, reason: str = "") -> HookOutcome:
    """reason: why they failed; "": they did not."""
    return HookOutcome(kind=due.kind, name=due.name, event=due.event, number=due.number, ok=not reason, reason=reason)


class OwnedPlay(Play):
    """`lease` and `withdraw` are the raft process's words; `reports` what it hears."""

    def __init__(self, wanted: Config, lease_key: bytes = b"") -> None:
        self.reports: list[EngineReported] = []
        self.pair = LinePair()
        loop = Loop()
        self._line = LeaseLine(loop, self.pair.raft_end, self._heard)
        self._number = 0
        super().__init__(wanted, self.pair.engine_end, lease_key, loop)

    def _heard(self, news: Leases | EngineReported) -> None:
        assert isinstance(news, EngineReported)
        self.reports.append(news)

    def lease(
        self, *names: str, ms: int = LONG_MS, term: int = 7, leaving: Sequence[str] = (), answer: bool = True
    ) -> int:
        """All that this node may own now, for so long. The number of the leases."""
        until_ns = now_ns() + ms * NS_PER_MS
        self._number += 1
        held = tuple(Held(name, until_ns, name in leaving) for name in names)
        reason = f"node a leads in term {term}" if held else f"node b leads in term {term}"
        assert self._line.send(Leases(number=self._number, term=term, held=held, reason=reason, answer=answer))
        return self._number

    def withdraw(self) -> int:
        return self.lease(term=8)

    def until_answered(self, number: int) -> EngineReported:
        self.until(lambda: bool(self.reports) and self.reports[-1].number >= number, f"an answer to {number}")
        return self.reports[-1]

    def carried_out(self) -> int:
        """Number of the newest leases that the engine has carried out, as the raft process sees it."""
        return self._line.carried_out()

    def report(self, name: str) -> GroupReport:
        """The newest."""
        return next(report for report in self.reports[-1].groups if report.name == name)

    def until_reported(self, name: str, **fields: object) -> GroupReport:
        def said() -> bool:
            report = self.report(name) if self.reports else None
            return report is not None and all(getattr(report, field) == value for field, value in fields.items())

        self.until(said, f"{name} is reported as {fields}; reported: {self.reports[-3:]}")
        return self.report(name)

    def owner(self, name: str) -> OwnershipSnapshot:
        return next(shown for shown in self.snapshot().raft_groups if shown.name == name)

    def due(self, event: HookEvent) -> HookDue:
        """The newest; waited for."""
        self.until(lambda: any(due.event is event for due in self.of(HookDue)), f"{event} is due")
        return [due for due in self.of(HookDue) if due.event is event][-1]

    def end(self, event: HookEvent, reason: str = "") -> None:
        """The worker says that these hooks have ended; reason: why they failed."""
        self.engine.handle(outcome(self.due(event), reason))

    def ready_ended(self) -> None:
        """The parent says that ToReady has."""
        self.engine.handle(outcome(HookDue(kind=Kind.DAEMON, name="", event=HookEvent.TO_READY, number=1)))

    def stop(self) -> None:
        super().stop()
        self._line.close()
        self.pair.close()


@contextlib.contextmanager
def owning(
    *groups: RaftGroup, instances: Sequence[Instance] = (), hooks: Sequence[Hook] = (), **member: object
) -> Iterator[OwnedPlay]:
    play = OwnedPlay(owned_config(*groups, instances=instances, hooks=hooks, **member))
    try:
        yield play
    finally:
        play.stop()
        play.loop.close()


def by_hooks(known: RaftGroup) -> RaftGroup:
    return msgspec.structs.replace(known, raft=msgspec.structs.replace(known.raft, bound_by=BoundBy.HOOKS))


def tracks(known: RaftGroup, *interfaces: TrackedInterface) -> RaftGroup:
    return msgspec.structs.replace(known, track_interfaces=interfaces)
