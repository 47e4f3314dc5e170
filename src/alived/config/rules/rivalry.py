"""Nodes of one cluster against each other: who wins, whether a failure changes that, and whether adverts arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alived.config.instances.plan import Plan
from alived.config.rules.agreement import disagreements
from alived.config.rules.here import Unverified
from alived.config.rules.nodes import Found, Member, Router, routers
from alived.config.rules.raft_nodes import compare_clusters, missing_files
from alived.config.rules.report import warning
from alived.config.rules.weights import HIGHEST, TRACKING_FIELDS, weights
from alived.vrrp.config import State

SOURCE_FIELDS = ("unicast_src_ip", "mcast_src_ip")


def compare(plans: Sequence[Plan]) -> Iterator[Found]:
    """What the files of the nodes of one cluster say against each other; each finding names both places."""
    found = routers(plans)
    for router in found:
        if len(router) == 1:
            yield _alone(router[0])
            continue
        for rule in RULES:
            yield from rule(router)
    yield from _split_groups(plans, found)
    yield from compare_clusters(plans)


def _alone(member: Member) -> Found:
    message = "no other file has this virtual router: nobody takes over from this node"
    return member.warning((), "one-node-only", message, "the same virtual_router_id and addresses on another node")


def equal_priorities(router: Router) -> Iterator[Found]:
    """The higher source address wins then (RFC 9568 section 6.4.3): nobody chose that."""
    seen: dict[int, Member] = {}
    for member in router:
        first = seen.setdefault(member.vrrp.priority, member)
        if first is member:
            continue
        message = f"priority {member.vrrp.priority} as at {first.said('priority')}: "
        if member.vrrp.is_owner:
            message += "two owners of the addresses, neither gives way"
            yield member.error(("priority",), "equal-priority", message, "255 on one node at most")
        else:
            message += "the node with the higher address becomes MASTER"
            yield member.warning(("priority",), "equal-priority", message, "another priority on each node")


def several_masters(router: Router) -> Iterator[Found]:
    masters = [member for member in router if member.one.settings.get("state") is State.MASTER]
    for member in masters[1:]:
        message = f"state MASTER as at {masters[0].said('state')}: both cannot be"
        hint = "state BACKUP on all nodes: the priorities decide"
        yield member.warning(("state",), "several-masters", message, hint)


def useless_nopreempt(router: Router) -> Iterator[Found]:
    """nopreempt keeps a node from taking over from a lower one, so the highest one must say it."""
    highest = max(router, key=lambda member: member.vrrp.priority)
    if highest.vrrp.nopreempt:
        return
    for member in router:
        if member.vrrp.nopreempt and member.vrrp.priority < highest.vrrp.priority:
            message = f"nopreempt here, but not on the node of the highest priority, {highest.said('priority')}: "
            message += "that one preempts whenever it comes back"
            yield member.warning(("nopreempt",), "nopreempt-differs", message, "nopreempt on all nodes")


def same_sources(router: Router) -> Iterator[Found]:
    """One address cannot be that of two nodes."""
    seen: dict[str, Member] = {}
    for member in router:
        source = member.vrrp.source_address
        first = seen.setdefault(source, member) if source else member
        if first is not member:
            message = f"source address {source} as at {first.said(*SOURCE_FIELDS)}: each node has its own"
            hint = "are these two versions of one node's file? Then check them with --separate"
            yield member.warning(SOURCE_FIELDS, "same-source", message, hint)


def missing_peers(router: Router) -> Iterator[Found]:
    """Every node sends to every other one. Nodes that do not say their address cannot be judged."""
    for member in router:
        peers = {peer.address for peer in member.vrrp.unicast_peers}
        sources = {other.vrrp.source_address: other for other in router if other.vrrp.source_address}
        sources.pop(member.vrrp.source_address, None)
        for source, other in sources.items():
            if member.vrrp.unicast and source not in peers:
                message = f"{source} of {other.said(*SOURCE_FIELDS)} is not among the peers: "
                message += "that node hears nothing of this one and becomes MASTER"
                yield member.error(("unicast_peer",), "missing-peer", message, f"add {source} to unicast_peer")


def small_weights(router: Router) -> Iterator[Found]:
    """A failure must bring the preferred node below the next one, or its weight is for nothing."""
    preferred, following, *_ = sorted(router, key=_healthy, reverse=True)
    gap = _healthy(preferred) - _healthy(following)
    if not gap:
        return
    for name, weight in weights(preferred.one.instance):
        if abs(weight) <= gap:
            left = _healthy(preferred) - abs(weight)
            message = f"when {name} fails, its weight brings the priority from {_healthy(preferred)} to {left}, "
            message += f"not below {_healthy(following)} of {following.said('priority')}: nothing moves"
            hint = f"a weight of more than {gap}, up or down, alike on all nodes"
            yield preferred.warning(TRACKING_FIELDS, "weight-too-small", message, hint)


def _healthy(member: Member) -> int:
    """Priority while nothing that is tracked fails."""
    raised = sum(weight for _, weight in weights(member.one.instance) if weight > 0)
    return member.vrrp.priority if member.vrrp.is_owner else min(HIGHEST, member.vrrp.priority + raised)


RULES = (
    disagreements,
    equal_priorities,
    several_masters,
    useless_nopreempt,
    same_sources,
    missing_peers,
    small_weights,
)


def _split_groups(plans: Sequence[Plan], found: Sequence[Router]) -> Iterator[Found]:
    """Members of a sync group that prefer different nodes: where one wins the other loses, back and forth."""
    preferred = {
        (member.plan.location.file, member.one.name): max(router, key=lambda one: one.vrrp.priority).plan.location.file
        for router in found
        if len(router) > 1
        for member in router
    }
    for plan in plans:
        for group in plan.groups:
            members = [(plan.location.file, name) for name in group.vrrp.members]
            chosen = {name: preferred[file, name] for file, name in members if (file, name) in preferred}
            if len(set(chosen.values())) > 1:
                said = ", ".join(f"{name} in {file}" for name, file in chosen.items())
                message = f"{group.name}: the members have their highest priority on different nodes ({said})"
                hint = "one node with the highest priority for all members"
                yield plan, warning(group.settings.place("group"), "split-group", message, hint)


def unknown_nodes(plans: Sequence[Plan]) -> Iterator[tuple[Plan, Unverified]]:
    """Peers whose files were not given, and nodes that do not say which address is theirs."""
    for router in routers(plans):
        sources = {member.vrrp.source_address for member in router}
        for member in router:
            if not member.vrrp.unicast or len(router) == 1:
                continue
            if not member.vrrp.source_address:
                reason = "no unicast_src_ip: whether the others send to this node"
                yield member.plan, Unverified("source", member.one.name, reason)
            elif "" not in sources:
                for peer in member.vrrp.unicast_peers:
                    if peer.address not in sources:
                        yield member.plan, Unverified("peer", peer.address, "none of the files is this node's")
    yield from missing_files(plans)
