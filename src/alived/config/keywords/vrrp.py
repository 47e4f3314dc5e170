"""Tables of `vrrp_instance` and `vrrp_sync_group`: every keyword that keepalived knows there, and ours."""

from __future__ import annotations

from alived.config.keywords.auth_hmac import AUTH_HMAC, auth_hmac
from alived.config.keywords.consequences import LINKS_ARE_REPORTED
from alived.config.keywords.converters import (
    address,
    boolean,
    choice,
    command,
    flag,
    integer,
    interface,
    multicast,
    optional,
    seconds,
)
from alived.config.keywords.lines import MAX_U32
from alived.config.keywords.lists import members as group_members
from alived.config.keywords.lists import peers, vips
from alived.config.keywords.routes import routes
from alived.config.keywords.routing_rules import rules
from alived.config.keywords.shapes import (
    AUTHENTICATION,
    authentication,
    command_or_nothing,
    garp_extra,
    ipvlan,
    lifetime,
    old_checksum,
    state,
    vmac,
)
from alived.config.keywords.table import Keyword, no_effect, not_yet, refused, table, works
from alived.config.keywords.tracking import trackers, tracks
from alived.health.trackers_config import MAX_WEIGHT
from alived.owner import AllUnhealthy

MAX_REPEAT = 1000
"""Announcements of one address in a burst; keepalived takes any number, more than this is a flood."""
DAY_S = 86400


def notify_rows() -> tuple[Keyword, ...]:
    return (
        works("notify_master", command(), "Command on the change to MASTER."),
        works("notify_backup", command(), "Command on the change to BACKUP."),
        works("notify_fault", command(), "Command on the change to FAULT."),
        works("notify_stop", command(), "Command when the daemon stops."),
        works(
            "notify",
            command(),
            "Command on every change, after the specific one, with four more arguments: "
            "INSTANCE|GROUP, name, state, priority.",
        ),
    )


def policy_rows() -> tuple[Keyword, ...]:
    """alived's own keywords; in `global_defs` they set the default of all instances."""
    return (
        works(
            "conflict_check",
            choice("take", "abort"),
            "What to do if somebody else answers for an address before it is bound: take it at once and report, "
            "or probe first and stay in FAULT.",
            default="take",
        ),
        works(
            "vip_vanish",
            choice("restore", "fail_over"),
            "What to do if somebody else removes an address: bind it again, or give the instance up.",
            default="restore",
        ),
        works(
            "address_lifetime",
            lifetime(),
            "Lifetime that the kernel gives a bound address, renewed while it is owned: a dead or frozen daemon "
            "loses it. auto: chosen by the number of addresses.",
            default="auto",
        ),
    )


def _track_rows(who: str) -> tuple[Keyword, ...]:
    """Names of trackers; they are looked up when all blocks are read."""
    scripts, files = trackers(MAX_WEIGHT, "check"), trackers(MAX_WEIGHT + 1, "load weight 2")
    processes, sessions = trackers(MAX_WEIGHT + 1, "nginx"), trackers(MAX_WEIGHT, "peer")
    checks, gateways, units = (trackers(MAX_WEIGHT, example) for example in ("web", "uplink", "proxy"))
    blind = f"{who} will not notice"
    return (
        works("track_interface", tracks, "FAULT while one of these links is down, or a weight on the priority."),
        works("track_script", scripts, "Scripts: FAULT while one is down, or a weight on the priority."),
        works("track_check", checks, "Checks with a name: FAULT while one is down, or a weight on the priority."),
        works("track_file", files, "Files: their numbers weigh; with weight 0 any number but 0 means FAULT."),
        works("track_gateway", gateways, "Gateways: FAULT while one is down, or a weight on the priority."),
        works("track_unit", units, "Units of systemd: FAULT while one is down, or a weight on the priority."),
        works("track_process", processes, "Processes: FAULT while one is down, or a weight on the priority."),
        not_yet("track_bfd", "BFD sessions.", f"{blind} when a BFD session goes down", converter=sessions),
    )


_ALL_UNHEALTHY = works(
    "all_unhealthy",
    choice(*AllUnhealthy),
    "If something that it may not own without fails on every node: FAULT everywhere, or the best of them owns.",
    default="none",
)

_LATE = "late timers are only reported"

_ELECTION = (
    works("state", state(), "Where to begin; below priority 255 a MASTER listens first too.", default="BACKUP"),
    works("virtual_router_id", integer(1, 255, 51), "Number of the virtual router, the same on all its nodes."),
    works(
        "priority",
        integer(1, 255, 150),
        "The highest wins; 255: owner of the addresses.",
        default="100; 255 for MASTER",
    ),
    works("version", integer(2, 3, 3), "VRRP version.", default="vrrp_version; 3 for IPv6"),
    works("advert_int", seconds(0.01, 255, "1"), "Time between adverts; v2 takes whole seconds.", default="1"),
    works("nopreempt", flag(), "A lower priority that is MASTER stays MASTER; needs state BACKUP.", default="off"),
    works("preempt", flag(False), "Undoes nopreempt.", field="nopreempt"),
    works("preempt_delay", seconds(0, 1000, "300"), "Wait this long before preempting.", default="0"),
    works(
        "down_timer_adverts",
        integer(1, 100, 3),
        "Adverts that may be missed before the master counts as dead; the same on all nodes.",
        default="3",
    ),
    works("strict_mode", boolean(), "Hold to the RFC and refuse what deviates from it.", default="vrrp_strict"),
    works("skip_check_adv_addr", boolean(), "Do not compare the addresses in adverts of the same master again."),
    works("lower_prio_no_advert", boolean(), "Stay silent on an advert of a lower priority.", default="off"),
    works("higher_prio_send_advert", boolean(), "Send one more advert before giving way.", default="on"),
    not_yet(
        "timer_expired_backup",
        "BACKUP if the timer ran so late that another may be MASTER; NUMBER: the highest priority of the others.",
        _LATE,
        converter=optional(integer(1, 254, 200), 254),
        default="off; 254 without a number",
        since="2.2.8",
    ),
    not_yet(
        "thread_timer_expired",
        "The same.",
        _LATE,
        converter=optional(integer(1, 254, 200), 254),
        field="timer_expired_backup",
        since="2.3.2",
        deprecated="timer_expired_backup",
    ),
    not_yet(
        "owner_ignore_adverts",
        "With priority 255: adverts of others are not looked at.",
        "an owner compares adverts as any other master",
        converter=boolean(),
        default="vrrp_owner_ignore_adverts",
        since="2.3.3",
    ),
)

_NETWORK = (
    works("interface", interface(), "Interface that adverts leave and enter by."),
    works("use_vmac", vmac(), "A macvlan with the virtual MAC holds the addresses.", default="no; name vrrp.VRID"),
    works("vmac_xmit_base", flag(), "Adverts leave by the interface itself, not by the macvlan.", default="off"),
    not_yet(
        "use_vmac_addr",
        "Macvlans on other interfaces too.",
        "addresses elsewhere have the MAC of their interface",
        converter=flag(),
        default="off",
    ),
    refused(
        "use_ipvlan",
        "An ipvlan instead of a macvlan.",
        "addresses would land on the wrong interface",
        converter=ipvlan(),
    ),
    refused("vrf", "Unicast in a VRF.", "adverts would leave by the wrong routing table", converter=interface()),
    works("native_ipv6", flag(), "The instance is IPv6 (deprecated: its addresses say so)."),
    works("mcast_src_ip", address(), "Source address of multicast adverts.", default="primary address"),
    works("mcast_dst_ip", multicast(None, "224.0.0.20"), "Group of adverts.", default="224.0.0.18, ff02::12"),
    works("track_src_ip", flag(), "FAULT while the source address is not on the machine.", default="off"),
    works("unicast_src_ip", address(), "Source address of unicast adverts.", default="primary address"),
    works("unicast_peer", peers, "Adverts go to these addresses instead of a multicast group."),
    works("unicast_ttl", integer(1, 255, 255), "TTL or hop limit of unicast adverts.", default="255"),
    works("unicast_fault_no_peer", flag(), "FAULT, not multicast, if there is no peer.", default="off"),
    works("check_unicast_src", flag(), "Refuse adverts of others than the peers.", default="vrrp_check_unicast_src"),
    works("old_unicast_checksum", old_checksum(), "v3 unicast checksum of keepalived before 1.3.6.", default="off"),
    works(
        "v3_checksum_as_v2",
        boolean(),
        "v3 over IPv4: checksum without pseudo header, as RFC 9568.",
        default="off",
        since="2.2.8",
    ),
    works("dont_track_primary", flag(), "No FAULT while the interface is down.", default="off"),
    *_track_rows("this instance"),
    no_effect(
        "linkbeat_use_polling",
        "Poll the link state.",
        LINKS_ARE_REPORTED,
        converter=flag(),
        deprecated="linkbeat_interfaces",
    ),
    no_effect(
        "kernel_rx_buf_size",
        "Receive buffer.",
        "one socket serves all instances; its buffer is large",
        converter=integer(0, MAX_U32, 65536),
    ),
    works(
        "authentication",
        authentication(),
        "v2 only; compliant routers have none.",
        default="none",
        children=AUTHENTICATION,
    ),
    refused(
        "auth_hmac",
        "Signed adverts.",
        "adverts would go out unauthenticated",
        converter=auth_hmac(),
        children=AUTH_HMAC,
        since="2.4.0",
    ),
)

_ADDRESSES = (
    works("virtual_ipaddress", vips, "Addresses that the MASTER holds, in the advert."),
    works("virtual_ipaddress_excluded", vips, "Addresses that the MASTER holds, not in the advert; any family."),
    works("no_virtual_ipaddress", flag(), "The instance has no addresses on purpose.", since="2.2.8"),
    works("promote_secondaries", flag(), "Losing one address of a subnet must not take the others along."),
    not_yet(
        "virtual_routes", "Routes of the MASTER.", "these routes are not installed", converter=routes(static=False)
    ),
    not_yet("virtual_rules", "Rules of the MASTER.", "these rules are not installed", converter=rules(static=False)),
    works("accept", flag(), "Accept packets to the addresses.", default="on, unless strict"),
    works("no_accept", flag(False), "Drop packets to the addresses unless owner: for routers.", field="accept"),
)

_ANNOUNCE = (
    works("garp_master_delay", seconds(0, DAY_S), "Second burst this long after the first; 0: none.", default="5"),
    works(
        "garp_master_repeat", integer(0, MAX_REPEAT, 5), "Gratuitous ARPs or NAs per address and burst.", default="5"
    ),
    works("garp_master_refresh", seconds(0, 365 * DAY_S, "60"), "Period of further bursts; 0: none.", default="0"),
    works("garp_master_refresh_repeat", integer(0, MAX_REPEAT, 1), "Packets per address then.", default="1"),
    works(
        "garp_lower_prio_delay",
        seconds(0, DAY_S),
        "Second burst this long after an advert of a lower priority.",
        default="vrrp_garp_lower_prio_delay",
    ),
    works(
        "garp_lower_prio_repeat",
        integer(0, MAX_REPEAT, 5),
        "Packets per address and burst after such an advert.",
        default="vrrp_garp_lower_prio_repeat",
    ),
    not_yet(
        "garp_extra_if",
        "Announce on other macvlans again and again; all: on all other interfaces.",
        "no extra announcements there",
        converter=garp_extra(0),
        default="vrrp_garp_extra_if",
    ),
    not_yet(
        "vmac_garp_intvl",
        "The same.",
        "no extra announcements there",
        converter=garp_extra(0),
        field="garp_extra_if",
        deprecated="garp_extra_if",
    ),
)

_REPORT = (
    *notify_rows(),
    works("notify_deleted", command_or_nothing(), "Command when a reload removes the instance."),
    works("notify_master_rx_lower_pri", command(), "Command when a MASTER hears a lower priority."),
    works(
        "notify_priority_changes",
        boolean(),
        "Lines in pipes on changes of priority, too.",
        default="vrrp_notify_priority_changes",
    ),
    works("smtp_alert", boolean(), "Mail on changes of state.", default="smtp_alert_vrrp"),
    no_effect("debug", "Debug level.", "keepalived never implemented it either", converter=integer(0, 4, 1)),
    not_yet(
        "lvs_sync_daemon_interface",
        "The IPVS sync daemon follows this instance.",
        "connections are not synchronised",
        converter=interface(),
        deprecated="lvs_sync_daemon INTERFACE INSTANCE in global_defs",
    ),
)

INSTANCE = table("in vrrp_instance", _ELECTION, _NETWORK, _ADDRESSES, _ANNOUNCE, _REPORT, policy_rows(), _ALL_UNHEALTHY)

SYNC_GROUP = table(
    "in vrrp_sync_group",
    works("group", group_members, "Instances that change their state together."),
    _track_rows("this group"),
    notify_rows(),
    works("sync_group_tracking_weight", flag(), "Weights may differ between members.", default="off"),
    works(
        "global_tracking",
        flag(),
        "The same.",
        field="sync_group_tracking_weight",
        deprecated="sync_group_tracking_weight",
    ),
    works("notify_priority_changes", boolean(), "Default of the members.", default="off"),
    works("smtp_alert", boolean(), "Mail on changes of state.", default="smtp_alert_vrrp"),
)
