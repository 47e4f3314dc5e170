"""Which files are nodes of one cluster, and which of their instances are one virtual router.

Two files belong together if an instance of each has the same virtual address and the same VRID or name, if one has the
other's source address among the unicast peers of the same virtual router, or if they list a node of the same Raft
cluster. A VRID, a name or an address alone says nothing: 51, VI_1 and 192.168.1.100 are in every tutorial.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import msgspec

from alived.base import Diagnostic, Location
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.rules.addresses import entries
from alived.config.rules.report import error, warning
from alived.vrrp.config import VrrpInstance


class Member(msgspec.Struct, frozen=True):
    """An instance as part of a virtual router. The node is its file."""

    plan: Plan
    one: InstancePlan

    @property
    def vrrp(self) -> VrrpInstance:
        return self.one.instance.vrrp

    def place(self, *fields: str) -> Location:
        return self.one.settings.place(*fields)

    def said(self, *fields: str) -> str:
        """Where this node says it, for a sentence about another one."""
        return f"{self.place(*fields)} ({self.one.name})"

    def error(self, fields: Sequence[str], code: str, message: str, hint: str) -> Found:
        return self.plan, error(self.place(*fields), code, f"{self.one.name}: {message}", hint)

    def warning(self, fields: Sequence[str], code: str, message: str, hint: str) -> Found:
        return self.plan, warning(self.place(*fields), code, f"{self.one.name}: {message}", hint)


Found = tuple[Plan, Diagnostic]
"""A finding of a comparison, and the node whose file it is about."""


Router = tuple[Member, ...]
"""The instances of one virtual router, in the order of the files; at most one of each file."""


def members(plan: Plan) -> Iterator[Member]:
    return (Member(plan, one) for one in plan.instances)


def clusters(plans: Sequence[Plan]) -> list[tuple[Plan, ...]]:
    """The plans sorted into those that belong together; a plan that belongs to none is alone."""
    found: list[tuple[list[Plan], set[Hashable], set[Hashable]]] = []
    for plan in plans:
        together, offered, wanted = [plan], _offers(plan), _wants(plan)
        for other in [one for one in found if one[1] & wanted or one[2] & offered]:
            found.remove(other)
            together, offered, wanted = other[0] + together, other[1] | offered, other[2] | wanted
        found.append((together, offered, wanted))
    return [tuple(together) for together, _, _ in found]


def _offers(plan: Plan) -> set[Hashable]:
    """What another file may name to belong to this one."""
    sources = (
        (member.vrrp.family, member.vrrp.virtual_router_id, member.vrrp.source_address)
        for member in members(plan)
        if member.vrrp.source_address
    )
    return _shared(plan).union(sources)


def _wants(plan: Plan) -> set[Hashable]:
    """What this file names of others."""
    peers = (
        (member.vrrp.family, member.vrrp.virtual_router_id, peer.address)
        for member in members(plan)
        for peer in member.vrrp.unicast_peers
    )
    return _shared(plan).union(peers)


def _shared(plan: Plan) -> set[Hashable]:
    """What all nodes of a cluster name alike."""
    marked = {
        (address, mark)
        for member in members(plan)
        for address in _addresses(member)
        for mark in (member.vrrp.virtual_router_id, member.one.name)
    }
    return {*marked, *_raft_addresses(plan)}


def _raft_addresses(plan: Plan) -> set[Hashable]:
    """Where the nodes of the Raft cluster of a file are reached: all its files name them."""
    nodes = plan.said.get("cluster").get("nodes", ()) if "cluster" in plan.said else ()
    return {("raft", one.value.address, one.value.port) for one in nodes if one.value is not None}


def _addresses(member: Member) -> Iterator[Hashable]:
    """All virtual addresses but link-local ones, which mean another thing on every link."""
    return (entry.address.text for entry in entries(member.one) if not entry.address.is_link_local)


def _vrid(member: Member) -> Iterator[Hashable]:
    if member.vrrp.virtual_router_id:
        yield member.vrrp.family, member.vrrp.virtual_router_id


def routers(plans: Iterable[Plan]) -> list[Router]:
    """Instances that mean the same virtual router: by a shared address, else by their VRID."""
    found: list[list[Member]] = []
    for plan in plans:
        rest = list(members(plan))
        for keys in (_addresses, _vrid):
            rest = _join(rest, found, keys)
        found.extend([member] for member in rest)
    return [tuple(router) for router in found]


def _join(
    rest: Iterable[Member], found: Iterable[list[Member]], keys: Callable[[Member], Iterator[Hashable]]
) -> list[Member]:
    """Adds the members of a plan to the routers that they share a key with; returns those that found none."""
    index: dict[Hashable, list[list[Member]]] = {}
    for router in found:
        for key in {key for member in router for key in keys(member)}:
            index.setdefault(key, []).append(router)
    left: list[Member] = []
    for member in rest:
        candidates = (router for key in keys(member) for router in index.get(key, ()))
        free = next((router for router in candidates if router[-1].plan is not member.plan), None)
        if free is None:
            left.append(member)
        else:
            free.append(member)
    return left
