"""Nodes of one cluster against each other: who wins, whether a failure changes that, and whether adverts arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.rules.agreement import disagreements
from alived.config.rules.nodes import Member, Router, routers
from alived.config.rules.report import error, warning
from alived.config.rules.weights import place_of_tracking, weights
from alived.vrrp.config import State


def compare(plans: Sequence[Plan]) -> Iterator[Diagnostic]:
    """What the files of the nodes of one cluster say against each other; each finding names both places."""
    found = routers(plans)
    for router in found:
        if len(router) == 1:
            yield from _alone(router[0], len(plans))
            continue
        for rule in (disagreements, equal_priorities, several_masters, useless_nopreempt, same_sources):
            yield from rule(router)
        yield from missing_peers(router)
        yield from small_weights(router)
    yield from split_groups(plans, found)


def _alone(member: Member, nodes: int) -> Iterator[Diagnostic]:
    if nodes > 1:
        message = (
            f"{member.one.name}: none of the other files has this virtual router: nobody takes over from this node"
        )
        hint = "the same virtual_router_id and addresses on another node"
        yield warning(member.one.settings.location, "one-node-only", message, hint)


def equal_priorities(router: Router) -> Iterator[Diagnostic]:
    """The higher source address wins then (RFC 9568 section 6.4.3): nobody chose that."""
    seen: dict[int, Member] = {}
    for member in router:
        first = seen.setdefault(member.vrrp.priority, member)
        if first is member:
            continue
        place = first.place("priority")
        message = f"{member.one.name}: priority {member.vrrp.priority} as at {place} ({first.one.name}): "
        if member.vrrp.is_owner:
            message += "two owners of the addresses, neither gives way"
            yield error(member.place("priority"), "equal-priority", message, "255 on one node at most")
        else:
            message += "the node with the higher address becomes MASTER"
            yield warning(member.place("priority"), "equal-priority", message, "another priority on each node")


def several_masters(router: Router) -> Iterator[Diagnostic]:
    masters = [member for member in router if member.one.settings.get("state") is State.MASTER]
    for member in masters[1:]:
        place = masters[0].place("state")
        message = f"{member.one.name}: state MASTER as at {place} ({masters[0].one.name}): one of them must not"
        hint = "state BACKUP on all nodes: the priorities decide"
        yield warning(member.place("state"), "several-masters", message, hint)


def useless_nopreempt(router: Router) -> Iterator[Diagnostic]:
    """nopreempt keeps a node from taking over from a lower one, so the highest one must say it."""
    highest = max(router, key=lambda member: member.vrrp.priority)
    if highest.vrrp.nopreempt:
        return
    for member in router:
        if member.vrrp.nopreempt and member.vrrp.priority < highest.vrrp.priority:
            place = highest.place("priority")
            message = f"{member.one.name}: nopreempt here, but not on the node of the highest priority ({place}): "
            message += "that one preempts whenever it comes back"
            yield warning(member.place("nopreempt"), "nopreempt-differs", message, "nopreempt on all nodes")


def same_sources(router: Router) -> Iterator[Diagnostic]:
    """One address cannot be that of two nodes."""
    seen: dict[str, Member] = {}
    for member in router:
        source = member.vrrp.source_address
        first = seen.setdefault(source, member) if source else member
        if first is not member:
            place = first.place("unicast_src_ip", "mcast_src_ip")
            message = f"{member.one.name}: source address {source} as at {place} ({first.one.name}): "
            message += "each node has an address of its own"
            hint = "are these two versions of one node's file? Then check them with --separate"
            yield warning(member.place("unicast_src_ip", "mcast_src_ip"), "same-source", message, hint)


def missing_peers(router: Router) -> Iterator[Diagnostic]:
    """Every node sends to every other one. Nodes that do not say their address cannot be judged."""
    for member in router:
        if not member.vrrp.unicast:
            continue
        peers = {peer.address for peer in member.vrrp.unicast_peers}
        for other in router:
            source = other.vrrp.source_address
            if source and source != member.vrrp.source_address and source not in peers:
                place = other.place("unicast_src_ip", "mcast_src_ip")
                message = f"{member.one.name}: {source} ({place}) is not among the peers: "
                message += "that node hears nothing of this one and becomes MASTER"
                yield error(member.place("unicast_peer"), "missing-peer", message, f"add {source} to unicast_peer")


def small_weights(router: Router) -> Iterator[Diagnostic]:
    """A failure must bring the preferred node below the next one, or its weight is for nothing."""
    preferred, *rest = sorted(router, key=_healthy, reverse=True)
    following = rest[0]
    if preferred.vrrp.is_owner or _healthy(preferred) == _healthy(following):
        return
    for name, weight in weights(preferred.vrrp):
        left = _healthy(preferred) - abs(weight)
        if left < _healthy(following):
            continue
        message = f"{preferred.one.name}: when {name} fails, its weight brings {_healthy(preferred)} to {left}; "
        message += f"{following.one.name} at {following.place('priority')} has {_healthy(following)}: nothing moves"
        hint = f"a weight of more than {_healthy(preferred) - _healthy(following)}, up or down, on all nodes"
        yield warning(preferred.place(*place_of_tracking(preferred.one)), "weight-too-small", message, hint)


def _healthy(member: Member) -> int:
    """Priority while nothing that is tracked fails."""
    raised = sum(weight for _, weight in weights(member.vrrp) if weight > 0)
    return member.vrrp.priority if member.vrrp.is_owner else min(254, member.vrrp.priority + raised)


def split_groups(plans: Sequence[Plan], found: Sequence[Router]) -> Iterator[Diagnostic]:
    """Members of a sync group that prefer different nodes: the group follows the first that falls, back and forth."""
    favourite = {
        member.one.settings.location: max(router, key=lambda one: one.vrrp.priority).plan.location.file
        for router in found
        for member in router
        if len(router) > 1
    }
    for plan in plans:
        places = {one.name: one.settings.location for one in plan.instances}
        for group in plan.groups:
            chosen = {name: favourite[places[name]] for name in group.vrrp.members if places.get(name) in favourite}
            if len(set(chosen.values())) > 1:
                said = ", ".join(f"{name} at {file}" for name, file in chosen.items())
                message = f"{group.name}: the members have their highest priority on different nodes ({said})"
                hint = "one node with the highest priority for all members"
                yield warning(group.settings.place("group"), "split-group", message, hint)
