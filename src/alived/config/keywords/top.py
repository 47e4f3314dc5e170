"""The table of the top level: every block and keyword that keepalived knows outside all blocks."""

from __future__ import annotations

import msgspec

from alived.config.keywords import checks, cluster, hooks, product, vip_conf, webhooks
from alived.config.keywords.bfd import BFD_INSTANCE, build_bfd
from alived.config.keywords.consequences import LINKS_ARE_REPORTED, NO_BFD, NO_FIREWALL, NO_IPVS, NO_LVS, NO_STATIC
from alived.config.keywords.converters import flag, optional, whole_seconds, word
from alived.config.keywords.definitions import definition, statements
from alived.config.keywords.endpoints import group
from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.lines import MAX_U32
from alived.config.keywords.neighbours import GATEWAY, UNIT, build_gateway, build_unit
from alived.config.keywords.routes import routes
from alived.config.keywords.routing_rules import rules
from alived.config.keywords.statics import (
    GARP_GROUP,
    TRACK_GROUP,
    build_track_group,
    garp_group,
    link_delays,
    polled_interfaces,
    static_addresses,
)
from alived.config.keywords.table import no_effect, not_yet, refused, table, works
from alived.config.keywords.trackers import (
    TRACK_FILE,
    TRACK_PROCESS,
    VRRP_SCRIPT,
    build_file,
    build_process,
    build_script,
)
from alived.config.keywords.virtual_server import SSL, VIRTUAL_SERVER, ssl, virtual_server
from alived.config.keywords.vrrp import INSTANCE, SYNC_GROUP

_TRACK_FILE = works(
    "track_file",
    definition(TRACK_FILE, build_file, "load {\nfile /run/load\n}"),
    "A file whose number weighs.",
    field="track_files",
    children=TRACK_FILE,
    repeats=True,
)

_OWN = (
    works(
        "check",
        checks.check(),
        "A check with a name, to be tracked: no script needed.",
        field="checks",
        children=checks.CHECK,
        repeats=True,
    ),
    works(
        "gateway",
        definition(GATEWAY, build_gateway, "uplink {\ntarget default\n}"),
        "Neighbours that must answer, to be tracked.",
        field="gateways",
        children=GATEWAY,
        repeats=True,
    ),
    works(
        "unit",
        definition(UNIT, build_unit, "proxy {\nsystemd_unit nginx.service\n}"),
        "A unit of systemd, to be tracked.",
        field="units",
        children=UNIT,
        repeats=True,
    ),
    works("node", cluster.node(), "This node of a cluster.", children=cluster.NODE),
    works("cluster", cluster.cluster(), "Nodes that elect owners by Raft.", children=cluster.CLUSTER),
    works(
        "raft_instance",
        cluster.raft_instance(),
        "Addresses whose owner is elected by Raft.",
        children=cluster.RAFT_INSTANCE,
        repeats=True,
    ),
    works(
        "vip_conf",
        vip_conf.vip_conf(),
        "The address that vip-switch's scripts bind.",
        children=vip_conf.VIP_CONF,
    ),
    works("hooks", hooks.hooks(), "Scripts on events.", children=hooks.HOOKS),
    works("logging", product.logging(), "Where the log goes, and what is in it.", children=product.LOGGING),
    not_yet("web", "REST, metrics, panel.", "nothing listens there", converter=product.web(), children=product.WEB),
    works("notifications", webhooks.notifications(), "Who is told of what happens.", children=webhooks.NOTIFICATIONS),
)
"""alived's own blocks."""
OWN_BLOCKS = frozenset(row.name for row in _OWN)

_INSTANCE = """VI_1 {
interface eth0
virtual_router_id 51
priority 100
virtual_ipaddress {
192.0.2.10/24
}
}"""

TOP = table(
    "at the top level, outside all blocks",
    works("global_defs", statements("{\n}"), "What holds for the whole daemon.", children=GLOBAL),
    works(
        "vrrp_instance",
        definition(INSTANCE, example=_INSTANCE),
        "One virtual router.",
        children=INSTANCE,
        repeats=True,
    ),
    works(
        "vrrp_sync_group",
        definition(SYNC_GROUP, example="G {\ngroup {\nVI_1\nVI_2\n}\n}"),
        "Instances that change their state together.",
        children=SYNC_GROUP,
        repeats=True,
    ),
    works(
        "vrrp_script",
        definition(VRRP_SCRIPT, build_script, "check {\nscript /bin/true\n}"),
        "A script to track.",
        field="vrrp_scripts",
        children=VRRP_SCRIPT,
        repeats=True,
    ),
    works(
        "vrrp_track_process",
        definition(TRACK_PROCESS, build_process, "nginx {\nprocess nginx\n}"),
        "A process to track.",
        field="track_processes",
        children=TRACK_PROCESS,
        repeats=True,
    ),
    _TRACK_FILE,
    msgspec.structs.replace(_TRACK_FILE, name="vrrp_track_file", deprecated="track_file"),
    not_yet(
        "bfd_instance",
        "A BFD session.",
        NO_BFD,
        converter=definition(BFD_INSTANCE, build_bfd, "peer {\nneighbor_ip 192.0.2.2\n}"),
        field="bfd_instances",
        children=BFD_INSTANCE,
        repeats=True,
    ),
    not_yet(
        "garp_group",
        "Interfaces that share a pace of announcements.",
        "vrrp_garp_interval holds for all interfaces",
        converter=garp_group(),
        field="garp_groups",
        children=GARP_GROUP,
        repeats=True,
    ),
    not_yet(
        "track_group",
        "Instances that depend on static addresses, routes and rules.",
        f"what is static {NO_STATIC}",
        converter=definition(TRACK_GROUP, build_track_group, "statics {\ngroup {\nVI_1\n}\n}"),
        field="track_groups",
        children=TRACK_GROUP,
        repeats=True,
    ),
    not_yet(
        "static_ipaddress",
        "Addresses that are always there.",
        f"an address here {NO_STATIC}",
        converter=static_addresses(),
        field="static_addresses",
    ),
    not_yet(
        "static_routes", "Routes that are always there.", f"a route here {NO_STATIC}", converter=routes(static=True)
    ),
    not_yet("static_rules", "Rules that are always there.", f"a rule here {NO_STATIC}", converter=rules(static=True)),
    works(
        "interface_up_down_delays",
        link_delays(),
        "How long a link must stay as it is before those that track it hear of the change.",
        field="link_delays",
    ),
    not_yet(
        "virtual_server",
        "A service to balance.",
        NO_IPVS,
        converter=virtual_server(),
        field="virtual_servers",
        children=VIRTUAL_SERVER,
        repeats=True,
    ),
    not_yet(
        "virtual_server_group",
        "Addresses and marks of one service.",
        NO_IPVS,
        converter=group(),
        field="virtual_server_groups",
        repeats=True,
    ),
    works(
        "SSL",
        ssl(),
        "Certificate, key and authorities of SSL checks that do not say their own.",
        field="ssl",
        children=SSL,
    ),
    refused(
        "net_namespace",
        "Run in this namespace.",
        "addresses would appear in the wrong one",
        converter=word("NAME", "red"),
    ),
    not_yet("net_namespace_ipvs", "IPVS in this namespace.", NO_LVS, converter=optional(word("NAME", "red"), "")),
    no_effect("namespace_with_ipsets", "ipsets in namespaces.", NO_FIREWALL, converter=flag()),
    no_effect("use_pid_dir", "Where PID files are.", "see --runtime-dir", converter=flag()),
    no_effect("instance", "Name of this daemon among several.", "see --runtime-dir", converter=word("NAME", "one")),
    no_effect(
        "child_wait_time",
        "Patience with children.",
        "alived's children end at once",
        converter=whole_seconds(0, MAX_U32),
    ),
    no_effect("linkbeat_use_polling", "Poll the link state.", LINKS_ARE_REPORTED, converter=flag()),
    no_effect("linkbeat_interfaces", "Poll the link state.", LINKS_ARE_REPORTED, converter=polled_interfaces()),
    _OWN,
)
