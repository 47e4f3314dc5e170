"""Files of the nodes of one Raft cluster against each other: what they must agree upon so that one majority exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from alived.config.instances.plan import Plan
from alived.config.keywords.table import Settings
from alived.config.rules.agreement import ALIKE, UNWELL
from alived.config.rules.here import Unverified
from alived.config.rules.nodes import Found
from alived.config.rules.report import error, warning
from alived.owner import AllUnhealthy
from alived.raft.config import Member

NODES = "the list of nodes belongs into the files of all nodes, alike"


class Node(msgspec.Struct, frozen=True):
    """What a file says about its node and the cluster that it belongs to."""

    plan: Plan
    settings: Settings
    id: str

    @property
    def members(self) -> dict[str, Member]:
        return {one.name: one.value for one in self.settings.get("nodes", ()) if one.value is not None}

    def said(self, field: str) -> str:
        """The place of a statement, for sentences about another file."""
        return str(self.settings.place(field))


def compare_clusters(plans: Sequence[Plan]) -> Iterator[Found]:
    """What the files say against each other; the first one is what the others are compared with."""
    nodes = [node for plan in plans for node in _nodes(plan)]
    seen: dict[str, Node] = {}
    for node in nodes:
        first = seen.setdefault(node.id, node)
        if node.id and first is not node:
            place = node.plan.said.get("node").place("id")
            other = first.plan.said.get("node").place("id")
            message = f"this node is {node.id!r}, as the one of {other}: two nodes with one vote"
            yield node.plan, error(place, "same-node", message, "its own id in each file")
    for node in nodes[1:]:
        yield from _members(nodes[0], node)
        yield from _settings(nodes[0], node)
        yield from _groups(nodes[0], node)


def missing_files(plans: Sequence[Plan]) -> Iterator[tuple[Plan, Unverified]]:
    """Nodes of a cluster of which some files were given, but not theirs."""
    nodes = [node for plan in plans for node in _nodes(plan)]
    given = {node.id for node in nodes}
    for node in nodes if len(nodes) > 1 else ():
        for name in node.members.keys() - given:
            yield node.plan, Unverified("node", name, "none of the files is this node's")


def _nodes(plan: Plan) -> Iterator[Node]:
    if "node" in plan.said and "cluster" in plan.said:
        yield Node(plan, plan.said.get("cluster"), plan.said.get("node").get("id", ""))


def _members(first: Node, node: Node) -> Iterator[Found]:
    place = node.settings.place("nodes")
    theirs, ours = first.members, node.members
    differing = sorted(theirs.keys() ^ ours.keys())
    if differing:
        message = f"{', '.join(differing)}: only one of this file and {first.said('nodes')} has it among the nodes; "
        message += "they do not agree what a majority is, there could be two owners"
        yield node.plan, error(place, "nodes-differ", message, NODES)
    for name in sorted(theirs.keys() & ours.keys()):
        there, here = theirs[name], ours[name]
        if (here.address, here.port, here.role) != (there.address, there.port, there.role):
            message = f"node {name} is {_told(here)}, but {_told(there)} at {first.said('nodes')}"
            yield node.plan, error(place, "nodes-differ", message, NODES)
        elif here.priority != there.priority:
            message = f"node {name} has priority {here.priority}, but {there.priority} at {first.said('nodes')}"
            yield node.plan, warning(place, "node-priority-differs", message, NODES)


def _told(member: Member) -> str:
    return f"{member.role} at {member.address} port {member.port}"


def _settings(first: Node, node: Node) -> Iterator[Found]:
    for field, default, consequence in (
        ("id", "", "they refuse each other"),
        ("profile", "lan", "one takes over while the other may still own"),
    ):
        here, there = node.settings.get(field, default), first.settings.get(field, default)
        if here != there:
            message = f"cluster: {field} {here!r}, but {there!r} at {first.said(field)}: {consequence}"
            yield node.plan, error(node.settings.place(field), "cluster-differs", message, ALIKE)
    if ("tls" in node.settings) != ("tls" in first.settings):
        message = f"tls here or at {first.said('tls')}, but not in both: they do not understand each other"
        yield node.plan, error(node.settings.place("tls"), "cluster-differs", message, ALIKE)


def _groups(first: Node, node: Node) -> Iterator[Found]:
    """The groups and their addresses; interfaces may have other names on other nodes."""
    theirs, ours = _addresses(first.plan), _addresses(node.plan)
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            there = f"{first.plan.location.file} has {', '.join(sorted(theirs.get(name, ()))) or 'none of it'}"
            message = f"raft_instance {name}: {', '.join(sorted(ours.get(name, ()))) or 'none of it here'}; {there}"
            place = node.plan.said.place("raft_instance", "cluster")
            yield node.plan, warning(place, "vips-differ", message, ALIKE)
    yield from _policies(first, node)


def _policies(first: Node, node: Node) -> Iterator[Found]:
    """What their groups do if all nodes are unhealthy."""
    theirs, ours = _groups_by_name(first.plan), _groups_by_name(node.plan)
    for name in sorted(theirs.keys() & ours.keys()):
        here, there = (one[name].get("all_unhealthy", AllUnhealthy.NONE) for one in (ours, theirs))
        if here != there:
            said = f"all_unhealthy {there} at {theirs[name].place('all_unhealthy')}"
            message = f"raft_instance {name}: all_unhealthy {here}, but {said}: {UNWELL}"
            yield node.plan, warning(ours[name].place("all_unhealthy"), "all-unhealthy-differs", message, ALIKE)


def _groups_by_name(plan: Plan) -> dict[str, Settings]:
    return {one.name: one.settings for one in plan.said.get("raft_instance", ())}


def _addresses(plan: Plan) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(
            f"{entry.address.text}/{entry.vip.prefix_length}"
            for field in ("virtual_ipaddress", "virtual_ipaddress_excluded")
            for entry in settings.get(field, ())
        )
        for name, settings in _groups_by_name(plan).items()
    }
