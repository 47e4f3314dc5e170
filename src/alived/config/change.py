"""What changes when one configuration takes the place of another. Pure, and the only place where that is decided: the
engine carries out what `compare` says, and `alived plan` shows it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from alived.config.differences import Difference, differences, identified, of_field, word
from alived.config.model import Config
from alived.health.trackers_config import Tracking
from alived.raft.config import BoundBy, Cluster
from alived.vip.config import VipGroup
from alived.vip.lifetime import lifetime_of
from alived.vrrp.config import TrackedInterface


class Kind(enum.StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    """Stopped and started again: it is another virtual router now."""
    CHANGED = "changed"
    """Changed in place: its state, its addresses, its timer and its counters live on."""


class Subject(enum.StrEnum):
    """What a daemon runs. Anything else of a configuration is a section that no engine reads yet, by its keyword."""

    INSTANCE = "instance"
    RAFT_INSTANCE = "raft_instance"
    SYNC_GROUP = "sync group"
    GLOBAL_DEFS = "global_defs"
    SCRIPT = "vrrp_script"
    PROCESS = "vrrp_track_process"
    FILE = "track_file"
    CHECK = "check"
    GATEWAY = "gateway"
    UNIT = "unit"
    VIRTUAL_SERVER = "virtual_server"
    LINK_DELAY = "interface_up_down_delays"
    CLUSTER = "cluster"
    HOOK = "hook"
    LIFETIME = "address lifetime"
    """Of the addresses of instances that do not say it: it depends on how many there are on this machine."""


SECTIONS = {
    "track_processes": Subject.PROCESS,
    "checks": Subject.CHECK,
    "combined_checks": Subject.CHECK,
    "link_delays": Subject.LINK_DELAY,
}
"""What the parts of a section are called, where that is not the name of its field without an s"""
IDENTITY = ("interface", "virtual_router_id", "family", "version", "vmac")
"""What makes another virtual router of an instance."""
CLUSTER_IDENTITY = ("node_id", "cluster_id", "data_dir", "listen_address", "listen_port", "profile", "tls")
"""What makes another member of a cluster of this node: what it owns is handed over, and it begins anew."""
MEMBERS_STAY = "the list to form a cluster from (one that is formed keeps its members: see `alived cluster add`)"
"""What an operator may not expect of an edit of the nodes."""
OF_OWNER = ("vrrp", "raft")
"""The part of an instance or group that says who owns it; for people it is the block itself."""


class Change(msgspec.Struct, frozen=True):
    """subject: a `Subject` or the keyword of a section that no engine reads yet. name: "" where there is only one."""

    kind: Kind
    subject: str
    name: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether anything that runs changes with it."""
        return self.subject in tuple(Subject)

    def __str__(self) -> str:
        thing = f"{self.subject} {self.name}".rstrip()
        if self.kind is Kind.REPLACED:
            thing += " started anew"
        elif self.kind is not Kind.CHANGED:
            thing += f" {self.kind}"
        return ": ".join(filter(None, (thing, "; ".join(map(str, self.differences)))))


def compare(old: Config, new: Config) -> tuple[Change, ...]:
    """What leads from old to new, what goes first; nothing if and only if nothing that was said differs."""
    return (
        *_global_defs(old, new),
        *_instances(old, new),
        *_raft_groups(old, new),
        *_things(
            Subject.SYNC_GROUP,
            {group.vrrp.name: group for group in old.sync_groups},
            {group.vrrp.name: group for group in new.sync_groups},
        ),
        *_lifetime(old, new),
        *_cluster(old.cluster, new.cluster),
        *_sections(old, new),
    )


def instance_changes(changes: Iterable[Change]) -> Iterator[Change]:
    """Those of instances, in the order in which they are carried out."""
    return (change for change in changes if change.subject == Subject.INSTANCE)


def raft_changes(changes: Iterable[Change]) -> Iterator[Change]:
    """Those of groups elected by Raft, in the order in which they are carried out."""
    return (change for change in changes if change.subject == Subject.RAFT_INSTANCE)


def automatic_lifetime_s(config: Config) -> int:
    """Of the addresses of groups that do not say it. All addresses of the machine count: what renewing costs is the sum
    over groups."""
    return lifetime_of(*bound(config).values())


def bound(config: Config) -> dict[tuple[str, str], VipGroup]:
    """What the daemon binds, by the kind and the name of its owner."""
    instances = {(str(Subject.INSTANCE), one.vrrp.name): one.vips for one in config.instances}
    groups = {
        (str(Subject.RAFT_INSTANCE), one.raft.name): one.vips
        for one in config.raft_groups
        if one.raft.bound_by is BoundBy.DAEMON
    }
    return instances | groups


def _global_defs(old: Config, new: Config) -> Iterator[Change]:
    if found := tuple(differences(old.global_defs, new.global_defs)):
        yield Change(Kind.CHANGED, Subject.GLOBAL_DEFS, "", found)


def _lifetime(old: Config, new: Config) -> Iterator[Change]:
    before, after = automatic_lifetime_s(old), automatic_lifetime_s(new)
    if before != after and _with_automatic_lifetime(old) & _with_automatic_lifetime(new):
        difference = Difference("chosen by count", f"{before} s", f"{after} s")
        yield Change(Kind.CHANGED, Subject.LIFETIME, "", (difference,))


def _with_automatic_lifetime(config: Config) -> set[tuple[str, str]]:
    return {owner for owner, vips in bound(config).items() if vips.lifetime_s is None and vips.addresses}


def _instances(old: Config, new: Config) -> Iterator[Change]:
    tracked_before, tracked_after = _tracked_by_groups(old), _tracked_by_groups(new)
    before = {instance.vrrp.name: instance for instance in old.instances}
    after = {instance.vrrp.name: instance for instance in new.instances}
    yield from (Change(Kind.REMOVED, Subject.INSTANCE, name) for name in before if name not in after)
    for name, instance in after.items():
        known = before.get(name)
        if known is None:
            yield Change(Kind.ADDED, Subject.INSTANCE, name)
            continue
        found = [] if known == instance else [*_differences(known, instance)]
        group = instance.vrrp.sync_group
        if group == known.vrrp.sync_group and tracked_before.get(group) != tracked_after.get(group):
            found.append(Difference(f"what sync group {group} tracks", "", ""))
        if found:
            another = any(getattr(known.vrrp, field) != getattr(instance.vrrp, field) for field in IDENTITY)
            yield Change(Kind.REPLACED if another else Kind.CHANGED, Subject.INSTANCE, name, tuple(found))


def _raft_groups(old: Config, new: Config) -> Iterator[Change]:
    """Who binds the addresses of a group is what it is; everything else changes in place."""
    before = {group.raft.name: group for group in old.raft_groups}
    after = {group.raft.name: group for group in new.raft_groups}
    for change in _things(Subject.RAFT_INSTANCE, before, after):
        name = change.name
        if change.kind is Kind.CHANGED and before[name].raft.bound_by is not after[name].raft.bound_by:
            change = msgspec.structs.replace(change, kind=Kind.REPLACED)
        yield change


def _tracked_by_groups(config: Config) -> dict[str, tuple[tuple[TrackedInterface, ...], Tracking]]:
    """Its members track it too."""
    return {group.vrrp.name: (group.vrrp.track_interfaces, group.tracking) for group in config.sync_groups}


def _differences(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[Difference]:
    """Of an instance or a group. What an operator says in one block is in several parts of the model, and addresses are
    in two of them, as advertised and as bound: they are told once."""
    parts = {name: (getattr(old, name), getattr(new, name)) for name in old.__struct_fields__}
    bound = tuple(_of_part(parts, "vips"))
    told = any(word("addresses") in difference.field for difference in bound)
    for part in OF_OWNER:
        for difference in _of_part(parts, part):
            if not (told and word("addresses") in difference.field):
                yield difference
    yield from bound
    for name, (before, after) in parts.items():
        if name not in (*OF_OWNER, "vips") and before != after:
            yield from of_field(name, word(name), before, after)


def _of_part(parts: Mapping[str, tuple[msgspec.Struct, msgspec.Struct]], name: str) -> Iterator[Difference]:
    return differences(*parts[name]) if name in parts else iter(())


def _things(
    subject: str, before: Mapping[str, msgspec.Struct], after: Mapping[str, msgspec.Struct]
) -> Iterator[Change]:
    """Things with names: each may come, go or change."""
    yield from (Change(Kind.REMOVED, subject, name) for name in before if name not in after)
    for name, thing in after.items():
        known = before.get(name)
        if known is None:
            yield Change(Kind.ADDED, subject, name)
        elif known != thing:
            yield Change(Kind.CHANGED, subject, name, tuple(_differences(known, thing)))


def is_another_member(old: Cluster, new: Cluster) -> bool:
    return any(getattr(old, field) != getattr(new, field) for field in CLUSTER_IDENTITY)


def _cluster(old: Cluster | None, new: Cluster | None) -> Iterator[Change]:
    if old == new:
        return
    if old is None or new is None:
        yield Change(_kind(old, new), Subject.CLUSTER)
        return
    found = tuple(differences(old, new))
    if old.members != new.members:
        found = (*found, Difference(MEMBERS_STAY, "", ""))
    yield Change(Kind.REPLACED if is_another_member(old, new) else Kind.CHANGED, Subject.CLUSTER, "", found)


def _sections(old: Config, new: Config) -> Iterator[Change]:
    """What is in the model, but has no engine yet."""
    for field in Config.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if field in ("global_defs", "instances", "sync_groups", "raft_groups", "cluster") or before == after:
            continue
        if isinstance(before, tuple) and isinstance(after, tuple):
            yield from _things(SECTIONS.get(field, field.removesuffix("s")), identified(before), identified(after))
        elif isinstance(before, msgspec.Struct) and type(before) is type(after):
            yield Change(Kind.CHANGED, field, "", tuple(differences(before, after)))
        else:
            yield Change(_kind(before, after), field)


def _kind(before: object, after: object) -> Kind:
    if before is None:
        return Kind.ADDED
    return Kind.REMOVED if after is None else Kind.CHANGED
