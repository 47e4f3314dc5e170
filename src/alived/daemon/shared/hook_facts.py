"""Which hooks an object has, and what a configuration says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.config.model import Config
from alived.daemon.shared.messages import HookDue
from alived.hooks.config import Hook, HookEvent
from alived.hooks.events import Facts, Kind
from alived.vip.config import VipGroup

OF_DAEMON = (HookEvent.TO_READY, HookEvent.TO_DESTROY)


def hooks_of(config: Config, kind: str, name: str) -> tuple[Hook, ...]:
    """Those of all, unless a group elected by Raft has its own. Sync groups have none: their members have."""
    match kind:
        case Kind.RAFT:
            own = next((group.hooks for group in config.raft_groups if group.raft.name == name), None)
            found = config.hooks if own is None else own
        case Kind.INSTANCE | Kind.DAEMON:
            found = config.hooks
        case _:
            found = ()
    return tuple(hook for hook in found if (hook.event in OF_DAEMON) is (kind == Kind.DAEMON))


def awaits_ready(config: Config) -> bool:
    """Whether nobody may own anything before ToReady has ended."""
    return any(hook.event is HookEvent.TO_READY for hook in config.hooks)


def objects(config: Config) -> list[tuple[str, str]]:
    """Kind and name of all that have hooks of their own state, the daemon first."""
    return [
        (Kind.DAEMON, ""),
        *((Kind.INSTANCE, one.vrrp.name) for one in config.instances),
        *((Kind.RAFT, one.raft.name) for one in config.raft_groups),
    ]


def without_state(config: Config, due: HookDue) -> HookDue:
    """For an event that no engine sent: what the configuration says of the object. The daemon has all addresses."""
    match due.kind:
        case Kind.RAFT:
            group = next(one for one in config.raft_groups if one.raft.name == due.name)
            found = {"vips": vips([group.vips]), "interface": group.raft.interface, "peers": nodes(config)}
        case Kind.INSTANCE:
            instance = next(one for one in config.instances if one.vrrp.name == due.name)
            heard = tuple(peer.address for peer in instance.vrrp.unicast_peers)
            found = {"vips": vips([instance.vips]), "interface": instance.vrrp.interface, "peers": heard}
        case _:
            every = [*(one.vips for one in config.instances), *(one.vips for one in config.raft_groups)]
            found = {"vips": vips(every), "peers": nodes(config)}
    return msgspec.structs.replace(due, **found)


def vips(groups: Iterable[VipGroup]) -> tuple[str, ...]:
    """ADDRESS/LENGTH of each address."""
    return tuple(f"{vip.address}/{vip.prefix_length}" for group in groups for vip in group.addresses)


def nodes(config: Config) -> tuple[str, ...]:
    """Ids of the other nodes of the cluster."""
    cluster = config.cluster
    return tuple(one.id for one in cluster.members if one.id != cluster.node_id) if cluster else ()


def facts(config: Config, due: HookDue, host: str) -> Facts:
    """host: the name of this machine, if the configuration has none for the node."""
    cluster = config.cluster
    return Facts(
        node_id=cluster.node_id if cluster else config.global_defs.router_id or host,
        raft_addr=f"{cluster.listen_address}:{cluster.listen_port}" if cluster else "",
        old=str(due.old) if due.kind else "",
        new=str(due.new) if due.kind else "",
        reason=due.reason,
        priority=due.priority,
        term=due.term,
        vips=due.vips,
        interface=due.interface,
        peers=due.peers,
    )
