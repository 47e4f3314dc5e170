"""One group elected by Raft in the engine: its core, its addresses, what it tracks, and what the elector is told."""

from __future__ import annotations

import msgspec

from alived.config import model
from alived.daemon.engine.judgements import add_trackers
from alived.daemon.engine.keeper import Keeper
from alived.daemon.shared.deadlines import Entry
from alived.daemon.shared.hook_facts import hooks_of
from alived.hooks.events import Kind
from alived.hooks.limits import limits_of
from alived.owner import AllUnhealthy
from alived.raft.config import DEFAULT_PRIORITY, BoundBy, Role
from alived.raft.packets import GroupReport
from alived.raft.profiles import TIMERS
from alived.vip.config import VipGroup
from alived.vip.ownership import Ownership
from alived.vip.ownership_events import OwnershipConfig
from alived.vrrp.config import OWNER_PRIORITY
from alived.vrrp.tracking import Tracking


def owned_groups(config: model.Config) -> tuple[model.RaftGroup, ...]:
    """The groups that this node may come to own. A witness has not even their network."""
    cluster = config.cluster
    own = next((one for one in cluster.members if one.id == cluster.node_id), None) if cluster else None
    return () if own and own.role is Role.WITNESS else config.raft_groups


class OwnedGroup:
    """A group and what belongs to it. `OwnedGroups` steps the core and carries out its effects."""

    __slots__ = (
        "_reported",
        "_reported_version",
        "config",
        "core",
        "entry",
        "keeper",
        "ownership",
        "tracked",
        "tracking",
        "waits",
    )

    def __init__(self, config: model.RaftGroup, whole: model.Config, hook_numbers_from: int, *, fenced: bool) -> None:
        """whole: the configuration that it is a part of. fenced: the kernel is asked to enforce leases."""
        self.entry: Entry
        self.keeper: Keeper
        self.waits = False
        """For the first verdict on a tracker or for ToReady, before it begins."""
        self._reported: GroupReport | None = None
        self._reported_version = 0
        self.take(config, whole, fenced=fenced)
        self.core = Ownership(self.ownership, hook_numbers_from)

    def is_outdated(self, whole: model.Config, *, fenced: bool) -> bool:
        """Whether something else of the configuration has changed what the group is here."""
        return self._ownership(self.config, whole, fenced=fenced) != self.ownership

    def take(self, config: model.RaftGroup, whole: model.Config, *, fenced: bool) -> None:
        """Of this group from now on; what is tracked is as good as unknown. The caller tells the core."""
        self.config = config
        self.ownership = self._ownership(config, whole, fenced=fenced)
        last_resort = 0 if config.raft.all_unhealthy is AllUnhealthy.BEST else None
        self.tracking = Tracking(self.ownership.priority, highest=OWNER_PRIORITY, last_resort=last_resort)
        conditions = self._conditions()
        for name in conditions:
            self.tracking.add_condition(name)
        self.tracking.add_interfaces(config.track_interfaces)
        self.tracked = frozenset({*conditions, *(tracked.name for tracked in config.track_interfaces)})
        add_trackers(self.tracking, config.tracking)

    def _ownership(self, config: model.RaftGroup, whole: model.Config, *, fenced: bool) -> OwnershipConfig:
        members = whole.cluster.members if whole.cluster else ()
        priorities = [one.priority for one in members if whole.cluster and one.id == whole.cluster.node_id]
        return OwnershipConfig(
            name=config.raft.name,
            priority=priorities[0] if priorities else DEFAULT_PRIORITY,
            hook_limits=limits_of(hooks_of(whole, Kind.RAFT, config.raft.name)),
            bound_by_hooks=config.raft.bound_by is BoundBy.HOOKS,
            fenced=fenced and bool(config.vips.addresses),  # else nobody knows what to silence
            least_ns=TIMERS[whole.cluster.profile].heartbeat_ns if whole.cluster else 0,
        )

    def _conditions(self) -> list[str]:
        """Interfaces without which it owns nothing: its own, and those of addresses that we bind."""
        names = {self.config.raft.interface, *(va.interface for va in self.vips.addresses if not va.no_track)}
        return sorted(names - {""})

    @property
    def name(self) -> str:
        return self.config.raft.name

    @property
    def vips(self) -> VipGroup:
        """What the holder binds."""
        return self.vips_of(self.config)

    @staticmethod
    def vips_of(config: model.RaftGroup) -> VipGroup:
        """Under a name that no VRRP instance has."""
        by_hooks = config.raft.bound_by is BoundBy.HOOKS
        addresses = () if by_hooks else config.vips.addresses
        return msgspec.structs.replace(config.vips, name=vips_key(config.raft.name), addresses=addresses)

    @property
    def things(self) -> frozenset[str]:
        """Interfaces that concern it if they change."""
        return self.tracked | {va.interface for va in self.vips.addresses}

    def report(self, now: int) -> GroupReport:
        """For the elector: nearly always what it was the last time."""
        core, known = self.core, self._reported
        if known and core.version == self._reported_version and known.held_ns in (0, None):
            return known
        self._reported_version = core.version
        self._reported = GroupReport(
            name=self.name,
            able=core.able,
            priority=core.priority,
            reason=core.ability_reason,
            holds=core.holds,
            held_ns=core.held_ago_ns(now),
        )
        return self._reported


def vips_key(name: str) -> str:
    """The name of the addresses of a group: a VRRP instance may have the same name as the group."""
    return f"raft_instance {name}"
