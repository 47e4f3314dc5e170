"""`node`, `cluster` and `raft_instance` -> Cluster and the groups whose owner it elects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.instances.addresses import bind, check_usable
from alived.config.instances.complete import notify_scripts, vip_group
from alived.config.instances.draft import Draft
from alived.config.instances.network import interface
from alived.config.instances.plan import InstancePlan
from alived.config.instances.trackers import Known
from alived.config.instances.tracking import tracked, trackers
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.product import required
from alived.config.keywords.table import Settings, did_you_mean
from alived.config.model import RaftGroup
from alived.config.product import Listen
from alived.hooks.config import HookEvent
from alived.owner import AllUnhealthy
from alived.raft.config import (
    MAX_MEMBERS,
    BoundBy,
    Cluster,
    Member,
    Profile,
    QuorumLost,
    RaftInstance,
)
from alived.vip.config import VipGroup

_OF_NODE = {"id": "node1", "raft_addr": "192.0.2.1:7946", "data_dir": "/var/lib/alived"}
"""What it must say, and examples."""
IMPLIED = "default"
"""Name of the group of a cluster that names none: one owner, whose addresses its hooks bind (as vip-switch)."""


def read_raft(
    said: Settings, defaults: Settings, known: Known, instances: Iterable[InstancePlan], findings: Findings
) -> dict[str, Any]:
    """The fields of Config that speak of Raft; none if the configuration does not. instances: those of VRRP."""
    definitions = unique("raft_instance", said.get("raft_instance", ()), findings)
    cluster = _cluster(said, bool(definitions), findings)
    if cluster is None and not definitions:
        return {}
    quorum_lost = QuorumLost(said.get("cluster").get("quorum_lost", "release") if "cluster" in said else "release")
    owners = {vip.address: f"vrrp_instance {one.name}" for one in instances for vip in one.instance.vips.addresses}
    groups: list[RaftGroup] = []
    for one in definitions.values():
        draft = Draft(one.name, one.settings, defaults, findings, None, known)
        _check_addresses(draft, owners)
        groups.append(_group(draft, quorum_lost, cluster))
    if not groups:
        implied = RaftInstance(name=IMPLIED, quorum_lost=quorum_lost, bound_by=BoundBy.HOOKS)
        groups.append(RaftGroup(raft=implied, vips=said.get("vip_conf", VipGroup(name=IMPLIED))))
        _check_known(said, findings)
    if cluster is not None:
        _check_own_addresses(cluster, groups, said, findings)
    return {"cluster": cluster, "raft_groups": tuple(groups)}


def _check_own_addresses(cluster: Cluster, groups: Iterable[RaftGroup], said: Settings, findings: Findings) -> None:
    """Whoever does not own an address removes it: from a node that needs it to hear the others, it must not."""
    nodes = {member.address: member.id for member in cluster.members}
    places = {one.name: one.settings.place("virtual_ipaddress") for one in said.get("raft_instance", ())}
    for group in groups:
        place = places.get(group.raft.name) or said.place("vip_conf")
        for vip in group.vips.addresses:
            if vip.address in nodes:
                message = f"{vip.address} is the own address of {nodes[vip.address]}, which would lose it"
                findings.error(place, "vip-as-peer", message, "an address that no machine has by itself")


def _check_known(said: Settings, findings: Findings) -> None:
    """Hooks may bind whatever they like, but the kernel silences only what it was told of."""
    binds = any(hook.event is HookEvent.TO_MASTER for hook in said.get("hooks", ()))
    if binds and "vip_conf" not in said and "vip_conf" not in said.tried:
        message = "nobody says which address the hooks bind: a frozen owner would go on answering for it"
        hint = "a vip.conf beside this file (vip-switch --vip-conf FILE), or raft_instance NAME { ... bound_by hooks }"
        findings.warning(said.place("cluster"), "no-address", message, hint)
    elif "vip_conf" in said:
        _check_pace(said, findings)


def _check_pace(said: Settings, findings: Findings) -> None:
    """A script that announces longer than it may run has failed in the end, on each node."""
    garp = said.get("vip_conf").garp
    takes_ns = (garp.master_repeat - 1) * (garp.garp_interval_ns or 0)
    for hook in said.get("hooks", ()):
        if hook.event is HookEvent.TO_MASTER and takes_ns >= hook.script.timeout_ns:
            limit = f"{hook.script.timeout_ns / NS_PER_S:g} s"
            message = (
                f"announcing takes {takes_ns / NS_PER_S:g} s, and ToMaster is ended after {limit}: it always fails"
            )
            hint = "a smaller ARP_COUNT or ARP_DELAY_MS, or a longer timeout of ToMaster"
            findings.warning(said.place("vip_conf"), "announcing-too-long", message, hint)


def _cluster(said: Settings, is_needed: bool, findings: Findings) -> Cluster | None:
    node: Settings | None = said.get("node")
    settings: Settings | None = said.get("cluster")
    if node is None or settings is None:
        missing = [name for name in ("node", "cluster") if name not in said]
        if is_needed or len(missing) == 1:
            place = said.place("cluster", "node", "raft_instance")
            message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: nobody elects an owner"
            findings.error(place, "missing-keyword", message, "node { id ... } and cluster { node ID { addr ... } }")
        return None
    fields = {name: required(node, name, "node", findings, example) for name, example in _OF_NODE.items()}
    members = _members(settings, findings)
    if None in fields.values() or not members:
        return None
    listen: Listen = fields["raft_addr"]
    cluster = Cluster(
        node_id=fields["id"],
        data_dir=fields["data_dir"],
        members=members,
        listen_address=listen.address,
        listen_port=listen.port,
        cluster_id=settings.get("id", ""),
        profile=Profile(settings.get("profile", Profile.LAN)),
        key_files=settings.get("key_file", ()),
        tls=settings.get("tls"),
        allow_two_voters="allow_two_voters" in settings,
        spread_groups="spread_groups" in settings,
    )
    _check(cluster, node, settings, findings)
    return cluster


def _members(settings: Settings, findings: Findings) -> tuple[Member, ...]:
    nodes: tuple[Definition, ...] = settings.get("nodes", ())
    if not nodes and "nodes" not in settings.tried:
        message = "cluster has no nodes"
        findings.error(settings.location, "missing-keyword", message, "node ID { addr ADDRESS:PORT } for each")
    by_id = unique("node", nodes, findings)
    addresses: dict[tuple[str, int], str] = {}
    for one in by_id.values():
        if one.value is not None:
            first = addresses.setdefault((one.value.address, one.value.port), one.name)
            if first != one.name:
                message = f"node {one.name!r} has the same addr as node {first!r}"
                findings.error(one.location, "duplicate-address", message, "each node has its own")
    return tuple(one.value for one in by_id.values() if one.value is not None)


def _check(cluster: Cluster, node: Settings, settings: Settings, findings: Findings) -> None:
    """What must hold for nodes that elect an owner."""
    ids = [member.id for member in cluster.members]
    if cluster.node_id not in ids:
        message = f"this node, {cluster.node_id!r}, is not among the nodes of cluster: {', '.join(ids)}"
        hint = did_you_mean(cluster.node_id, ids) or "id as in one of them, or one more node"
        findings.error(node.place("id"), "unknown-node", message, hint)
    _check_size(cluster, settings, findings)
    if not any(member.may_own for member in cluster.members):
        message = "no node may own: all are witnesses or learners"
        findings.error(settings.place("nodes"), "no-owner", message, "role voter on those that shall own")
    if not cluster.key_files and cluster.tls is None:
        message = "the nodes do not know each other: whoever reaches their port can vote"
        findings.warning(settings.location, "no-peer-authentication", message, "key_file PATH, the same file on all")
    own = next((member for member in cluster.members if member.id == cluster.node_id), None)
    if own is not None and own.port != cluster.listen_port:
        message = f"this node listens on port {cluster.listen_port}, but its addr says {own.port}"
        hint = "right if something forwards the port, wrong otherwise"
        findings.warning(node.place("raft_addr"), "port-mismatch", message, hint)


def _check_size(cluster: Cluster, settings: Settings, findings: Findings) -> None:
    voters, place = len(cluster.voters), settings.place("nodes")
    if len(cluster.members) > MAX_MEMBERS:
        message = f"{len(cluster.members)} nodes: a cluster has at most {MAX_MEMBERS}"
        findings.error(place, "out-of-range", message, "more nodes make it slower, not safer")
    if voters == 2 and not cluster.allow_two_voters:
        message = "two voters are worse than one: if either fails, nobody has a majority and nobody owns"
        hint = "a third node, role witness on any small machine; or allow_two_voters, if that is what you want"
        findings.error(place, "two-voters", message, hint)
    if voters == 1 and len(cluster.members) > 1:
        message = "one voter only: if it fails, nobody can become the owner"
        findings.warning(place, "one-voter", message, "role voter or witness on two more nodes")


def _check_addresses(draft: Draft, owners: dict[str, str]) -> None:
    """Each address is usable and belongs to one group. owners: address -> whose it is; those of the group are added."""
    entries = (*draft.vips, *draft.excluded)
    for entry in entries:
        check_usable(draft, entry)
        first = owners.setdefault(entry.address.text, f"raft_instance {draft.name}")
        if first != f"raft_instance {draft.name}":
            message = f"{draft.name}: {entry.address.text} is already in {first}"
            draft.findings.error(entry.location, "duplicate-vip", message, "remove one of them")
    if not entries and not {"virtual_ipaddress", "virtual_ipaddress_excluded"} & draft.settings.tried:
        hint = "virtual_ipaddress { ... }"
        draft.warn("no-address", "no address belongs to this raft_instance", hint=hint)


def _group(draft: Draft, quorum_lost: QuorumLost, cluster: Cluster | None) -> RaftGroup:
    settings = draft.settings
    device = interface(draft)
    raft = RaftInstance(
        name=draft.name,
        interface=device,
        quorum_lost=QuorumLost(settings.get("quorum_lost", quorum_lost)),
        preferred_nodes=_preferred(draft, cluster),
        nopreempt="nopreempt" in settings,
        preempt_delay_ns=settings.get("preempt_delay", 0),
        bound_by=BoundBy(settings.get("bound_by", BoundBy.DAEMON)),
        all_unhealthy=AllUnhealthy(settings.get("all_unhealthy", AllUnhealthy.NONE)),
    )
    return RaftGroup(
        raft=raft,
        vips=_vips(draft, device),
        notify=notify_scripts(settings),
        hooks=settings.get("hooks"),
        track_interfaces=tracked(draft, device),
        tracking=trackers(draft),
    )


def _vips(draft: Draft, device: str) -> VipGroup:
    """garp_interval can be said here: the daemon's own default is for all interfaces."""
    vips = vip_group(draft, bind(draft, (*draft.vips, *draft.excluded), device, None))
    if "garp_interval" not in draft.settings:
        return vips
    garp = msgspec.structs.replace(vips.garp, garp_interval_ns=draft.settings.get("garp_interval"))
    return msgspec.structs.replace(vips, garp=garp)


def _preferred(draft: Draft, cluster: Cluster | None) -> tuple[str, ...]:
    names: tuple[str, ...] = draft.settings.get("preferred_node", ())
    may_own: Mapping[str, bool] = {member.id: member.may_own for member in cluster.members} if cluster else {}
    for name in names if cluster else ():
        if not may_own.get(name, False):
            reason = "may not own" if name in may_own else "is not in cluster"
            hint = did_you_mean(name, (one for one, may in may_own.items() if may))
            draft.fail("unknown-node", f"preferred_node {name!r} {reason}", "preferred_node", hint=hint)
    return names
