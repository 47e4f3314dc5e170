"""The table of the top level: every block and keyword that keepalived knows outside all blocks."""

from __future__ import annotations

import msgspec

from alived.config.keywords import cluster, hooks, product
from alived.config.keywords.bfd import BFD_INSTANCE, build_bfd
from alived.config.keywords.consequences import NO_BFD, NO_FIREWALL, NO_LVS
from alived.config.keywords.definitions import definition, statements
from alived.config.keywords.endpoints import group
from alived.config.keywords.global_defs import GLOBAL
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

_TRACK_FILE = not_yet(
    "track_file",
    "A file whose number weighs.",
    "nobody reads it",
    converter=definition(TRACK_FILE, build_file, "load {\nfile /run/load\n}"),
    field="track_files",
    children=TRACK_FILE,
    repeats=True,
)

NO_RAFT = "this version has no engine for Raft"

_OWN = (
    not_yet("node", "This node of a cluster.", NO_RAFT, converter=cluster.node(), children=cluster.NODE),
    not_yet(
        "cluster", "Nodes that elect owners by Raft.", NO_RAFT, converter=cluster.cluster(), children=cluster.CLUSTER
    ),
    not_yet(
        "raft_instance",
        "Addresses whose owner is elected by Raft.",
        f"{NO_RAFT}: nobody owns these addresses",
        converter=cluster.raft_instance(),
        children=cluster.RAFT_INSTANCE,
        repeats=True,
    ),
    not_yet("hooks", "Scripts on events.", "these scripts never run", converter=hooks.hooks(), children=hooks.HOOKS),
    not_yet(
        "logging",
        "Where the log goes, and what is in it.",
        "the log goes to standard error; --debug and --log-format say how",
        converter=product.logging(),
        children=product.LOGGING,
    ),
    not_yet("web", "REST, metrics, panel.", "nothing listens there", converter=product.web(), children=product.WEB),
    not_yet(
        "notifications",
        "Who is told of changes of state.",
        "nobody is told",
        converter=product.notifications(),
        field="webhooks",
        children=product.NOTIFICATIONS,
    ),
)
"""alived's own blocks."""

TOP = table(
    "at the top level, outside all blocks",
    works("global_defs", statements("{\n}"), "What holds for the whole daemon.", children=GLOBAL),
    works("vrrp_instance", definition(INSTANCE), "One virtual router.", children=INSTANCE, repeats=True),
    works(
        "vrrp_sync_group",
        definition(SYNC_GROUP),
        "Instances that change their state together.",
        children=SYNC_GROUP,
        repeats=True,
    ),
    not_yet(
        "vrrp_script",
        "A script to track.",
        "it never runs; instances that track it will not notice",
        converter=definition(VRRP_SCRIPT, build_script, "check {\nscript /bin/true\n}"),
        field="vrrp_scripts",
        children=VRRP_SCRIPT,
        repeats=True,
    ),
    not_yet(
        "vrrp_track_process",
        "A process to track.",
        "nobody watches it",
        converter=definition(TRACK_PROCESS, build_process, "nginx {\nprocess nginx\n}"),
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
    not_yet("garp_group", "Pace of announcements on interfaces.", "vrrp_garp_interval holds for all of them", "{\n}"),
    not_yet("track_group", "Names for static objects.", "static objects are not installed", "t {\n}"),
    not_yet("static_ipaddress", "Addresses always there.", "these addresses are not added", "{\n192.0.2.9 dev eth0\n}"),
    not_yet("static_routes", "Routes always there.", "these routes are not added", "{\n192.0.2.0/24 dev eth0\n}"),
    not_yet("static_rules", "Rules always there.", "these rules are not added", "{\nfrom 192.0.2.0/24 table 1\n}"),
    not_yet("interface_up_down_delays", "Debounce links.", "a link change counts at once", "{\neth0 1\n}"),
    not_yet(
        "virtual_server",
        "A service to balance.",
        f"{NO_LVS}: it is read and checked, but nothing is set up, here or in others",
        converter=virtual_server(),
        field="virtual_servers",
        children=VIRTUAL_SERVER,
        repeats=True,
    ),
    not_yet(
        "virtual_server_group",
        "Addresses and marks of one service.",
        f"{NO_LVS}: it is read and checked, but nothing is set up, here or in others",
        converter=group(),
        field="virtual_server_groups",
        repeats=True,
    ),
    not_yet("SSL", "Keys of SSL checks.", NO_LVS, converter=ssl(), field="ssl", children=SSL),
    refused("net_namespace", "Run in this namespace.", "addresses would appear in the wrong one", "red"),
    not_yet("net_namespace_ipvs", "IPVS in this namespace.", NO_LVS, "red"),
    no_effect("namespace_with_ipsets", "ipsets in namespaces.", NO_FIREWALL),
    no_effect("use_pid_dir", "Where PID files are.", "see --runtime-dir"),
    no_effect("instance", "Name of this daemon among several.", "see --runtime-dir", "one"),
    no_effect("child_wait_time", "Patience with children.", "alived's children end at once", "5"),
    no_effect("linkbeat_use_polling", "Poll the link state.", "netlink reports link changes at once"),
    no_effect("linkbeat_interfaces", "Poll the link state.", "netlink reports link changes at once", "{\neth0\n}"),
    _OWN,
)
