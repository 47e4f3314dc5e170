"""Tables of election by Raft: `node` and `cluster` (in vip-switch's words) and `raft_instance`."""

from __future__ import annotations

from typing import Any

from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    choice,
    flag,
    integer,
    only_argument,
    seconds,
)
from alived.config.keywords.definitions import definition
from alived.config.keywords.hooks import HOOKS, hooks
from alived.config.keywords.product import TLS, host_port, nested, path, required, tls
from alived.config.keywords.shapes import only_some_argument
from alived.config.keywords.table import Keyword, Settings, table, works
from alived.config.keywords.vrrp import INSTANCE
from alived.config.product import Listen
from alived.config.text.blocks import Block
from alived.raft.config import DEFAULT_PORT, MAX_PRIORITY, BoundBy, Member, Profile, QuorumLost, Role, is_node_id


def node_id() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "ID")
        if argument is None or is_node_id(argument.text):
            return argument.text if argument else None
        message = f"{argument.text!r} cannot be the id of a node"
        findings.error(argument.location, "invalid-value", message, "up to 64 letters, digits, '.', '_' and '-'")
        return None

    return Converter("ID", "node1", read)


def words(shape: str, example: str) -> Converter:
    """At least one word."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        return tuple(one.text for one in block.arguments) if only_some_argument(block, findings) else None

    return Converter(shape, example, read)


NODE = table(
    "in node",
    works("id", node_id(), "This node among those of the cluster."),
    works("raft_addr", host_port(DEFAULT_PORT, any_host=True), "Where this node listens for the others."),
    works("data_dir", path(), "Directory for what must survive a restart: term, vote, log."),
)

CLUSTER_NODE = table(
    "in a node of cluster",
    works("addr", host_port(DEFAULT_PORT, any_host=False), "Where the others reach the node."),
    works("priority", integer(0, MAX_PRIORITY, 100), "The highest one is preferred as the owner.", default="100"),
    works("role", choice(*Role), "A witness votes but never owns, a learner does neither.", default="voter"),
)


def build_member(name: str, settings: Settings, findings: Findings) -> Member | None:
    where: Listen | None = required(settings, "addr", f"node {name}", findings, "192.0.2.1:7946")
    if not is_node_id(name):
        message = f"{name!r} cannot be the id of a node"
        findings.error(settings.location, "invalid-value", message, "up to 64 letters, digits, '.', '_' and '-'")
        return None
    if where is None:
        return None
    said: dict[str, Any] = {"priority": settings.get("priority")} if "priority" in settings else {}
    role = Role(settings.get("role", Role.VOTER))
    return Member(id=name, address=where.address, port=where.port, role=role, **said)


CLUSTER = table(
    "in cluster",
    works(
        "node",
        definition(CLUSTER_NODE, build_member, "node1 {\naddr 192.0.2.1:7946\n}"),
        "A node of the cluster; the same list on all nodes.",
        field="nodes",
        children=CLUSTER_NODE,
        repeats=True,
    ),
    works("id", node_id(), "Name of the cluster: nodes of another one are refused."),
    works("profile", choice(*Profile), "Timers: lan, wan, or relaxed for loaded machines.", default="lan"),
    works(
        "quorum_lost",
        choice(*QuorumLost),
        "Without a majority: let go, or hold and risk two owners.",
        default="release",
    ),
    works("allow_two_voters", flag(), "Two voters: if one fails, nobody owns. Yes, I want that.", default="off"),
    works("spread_groups", flag(), "Groups are spread over the nodes.", default="off"),
    works(
        "key_file", words("PATH [OLD_PATH]...", "/etc/alived/cluster.key"), "Shared key of the nodes, then older ones."
    ),
    works("tls", tls(), "Mutual TLS between the nodes.", children=TLS),
)

_LIKE_VRRP = (
    "interface",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "promote_secondaries",
    "all_unhealthy",
    "track_interface",
    "track_script",
    "track_check",
    "track_file",
    "track_process",
    "track_gateway",
    "track_unit",
    "track_bfd",
    "garp_master_delay",
    "garp_master_repeat",
    "garp_master_refresh",
    "garp_master_refresh_repeat",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify",
    "conflict_check",
    "vip_vanish",
    "address_lifetime",
)
"""Rows that mean the same whoever elects the owner."""


def _like_vrrp() -> tuple[Keyword, ...]:
    return tuple(INSTANCE[name] for name in _LIKE_VRRP)


RAFT_INSTANCE = table(
    "in raft_instance",
    _like_vrrp(),
    works("quorum_lost", choice(*QuorumLost), "As in cluster, for these addresses.", default="that of cluster"),
    works(
        "preferred_node", words("ID...", "node1"), "Who shall own these addresses, best first.", default="by priority"
    ),
    works("nopreempt", flag(), "The owner stays owner when a preferred node comes back.", default="off"),
    works("preempt_delay", seconds(0, 3600, "30"), "A preferred node must be well this long before.", default="0"),
    works("bound_by", choice(*BoundBy), "Who binds the addresses: alived, or the hooks.", default="daemon"),
    works("garp_interval", seconds(0, 60, "0.2"), "Time between two announcements of an address.", default="0"),
    works("hooks", hooks(), "Scripts for these addresses, in place of those of all.", children=HOOKS),
)


def node() -> Converter:
    """`node { ... }` -> Settings; what it says makes sense together with `cluster` only."""
    return nested(NODE, "id node1\nraft_addr 192.0.2.1:7946\ndata_dir /var/lib/alived")


def cluster() -> Converter:
    """`cluster { ... }` -> Settings."""
    return nested(CLUSTER, "node node1 {\naddr 192.0.2.1:7946\n}")


def raft_instance() -> Converter:
    return definition(RAFT_INSTANCE, example="web {\ninterface eth0\nvirtual_ipaddress {\n192.0.2.10/24\n}\n}")
