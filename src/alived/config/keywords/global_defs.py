"""Table of `global_defs`: every keyword that keepalived knows there, and ours."""

from __future__ import annotations

from alived.base import Family
from alived.config.keywords.consequences import NO_BFD, NO_LVS
from alived.config.keywords.converters import boolean, flag, integer, interface, multicast, seconds, word
from alived.config.keywords.global_machine import BUFFERS, DBUS, FILES, FIREWALL, LVS, SCHEDULING, SNMP
from alived.config.keywords.global_reports import FIFOS, MAIL, SCRIPTS
from alived.config.keywords.shapes import dynamic, garp_extra
from alived.config.keywords.table import default_of, no_effect, not_yet, table, works
from alived.config.keywords.vrrp import DAY_S, MAX_REPEAT, policy_rows

_NAMES = (
    works("router_id", word("NAME", "node1"), "Name of this machine in reports.", default="host name"),
    works("process_name", word("NAME", "alived"), "Name of the processes in ps.", default="alived"),
    works("vrrp_process_name", word("NAME", "alived"), "The same.", field="process_name"),
    no_effect("process_names", "Processes get names.", "they always have names", converter=flag()),
    no_effect("checker_process_name", "Name of the checker.", NO_LVS, converter=word("NAME", "checker")),
    no_effect(
        "lvs_process_name",
        "The same.",
        NO_LVS,
        converter=word("NAME", "checker"),
        field="checker_process_name",
        deprecated="checker_process_name",
    ),
    no_effect("bfd_process_name", "Name of the BFD process.", NO_BFD, converter=word("NAME", "bfd")),
)

_VRRP = (
    works("vrrp_version", integer(2, 3, 3), "VRRP version of instances over IPv4.", field="version", default="2"),
    works(
        "vrrp_mcast_group4",
        multicast(Family.IPV4, "224.0.0.18"),
        "Group of adverts over IPv4.",
        field="multicast_group4",
        default="224.0.0.18",
    ),
    works(
        "vrrp_mcast_group6",
        multicast(Family.IPV6, "ff02::12"),
        "Group of adverts over IPv6.",
        field="multicast_group6",
        default="ff02::12",
    ),
    works("default_interface", interface(), "Interface of addresses that have none.", default="eth0"),
    works("dynamic_interfaces", dynamic(), "Interfaces may be missing at the start.", default="off"),
    default_of("vrrp_strict", boolean(), "strict_mode", "off"),
    default_of("vrrp_check_unicast_src", flag(), "check_unicast_src", "off"),
    default_of("vrrp_skip_check_adv_addr", boolean(), "skip_check_adv_addr", "off"),
    default_of("vrrp_down_timer_adverts", integer(1, 100, 3), "down_timer_adverts", "3"),
    default_of("vrrp_lower_prio_no_advert", boolean(), "lower_prio_no_advert", "off"),
    default_of("vrrp_higher_prio_send_advert", boolean(), "higher_prio_send_advert", "on"),
    default_of("v3_checksum_as_v2", boolean(), "v3_checksum_as_v2", "off", "2.2.8"),
    default_of("vrrp_notify_priority_changes", boolean(), "notify_priority_changes", "off"),
    works("vrrp_startup_delay", seconds(0, 1000, "5.5"), "No takeover this long after the start.", default="0"),
    works(
        "vrrp_delay_after_boot",
        seconds(0, 1000, "30"),
        "No takeover before the machine is this old.",
        default="0",
        since="2.4.0",
    ),
    works("log_unknown_vrids", flag(), "Report adverts of virtual routers that are not ours.", default="off"),
    not_yet(
        "vrrp_owner_ignore_adverts",
        "Default of `owner_ignore_adverts`.",
        "an owner compares adverts as any other master",
        converter=boolean(),
        field="owner_ignore_adverts",
        default="off",
        since="2.3.3",
    ),
    works("vmac_prefix", word("NAME", "vrrp"), "Begin of the names of macvlans.", default="vrrp"),
    not_yet(
        "vmac_addr_prefix",
        "The same for use_vmac_addr.",
        "use_vmac_addr has no effect",
        converter=word("NAME", "vrrp"),
        default="vmac_prefix",
    ),
    no_effect(
        "disable_local_igmp",
        "No IGMP for 224.0.0.0/24.",
        "alived does not change that kernel setting",
        converter=flag(),
    ),
)

_ANNOUNCE = (
    default_of("vrrp_garp_master_delay", seconds(0, DAY_S), "garp_master_delay", "5"),
    default_of("vrrp_garp_master_repeat", integer(0, MAX_REPEAT, 5), "garp_master_repeat", "5"),
    default_of("vrrp_garp_master_refresh", seconds(0, 365 * DAY_S, "60"), "garp_master_refresh", "0"),
    default_of("vrrp_garp_master_refresh_repeat", integer(0, MAX_REPEAT, 1), "garp_master_refresh_repeat", "1"),
    default_of("vrrp_garp_lower_prio_delay", seconds(0, DAY_S), "garp_lower_prio_delay", "vrrp_garp_master_delay"),
    default_of(
        "vrrp_garp_lower_prio_repeat", integer(0, MAX_REPEAT, 5), "garp_lower_prio_repeat", "vrrp_garp_master_repeat"
    ),
    works(
        "vrrp_garp_interval",
        seconds(0, 60, "0.001"),
        "Least time between two gratuitous ARPs on an interface.",
        field="garp_interval",
        default="0",
    ),
    works(
        "vrrp_gna_interval",
        seconds(0, 60, "0.001"),
        "Least time between two unsolicited NAs on an interface.",
        field="gna_interval",
        default="0",
    ),
    works("vrrp_min_garp", boolean(), "One announcement, no second burst.", field="min_garp", default="off"),
    not_yet(
        "vrrp_garp_extra_if",
        "Default of `garp_extra_if`.",
        "no extra announcements there",
        converter=garp_extra(1),
        field="garp_extra_if",
        default="off",
    ),
    not_yet(
        "vrrp_vmac_garp_intvl",
        "The same.",
        "no extra announcements there",
        converter=garp_extra(1),
        field="garp_extra_if",
        deprecated="vrrp_garp_extra_if",
    ),
)

GLOBAL = table(
    "in global_defs",
    _NAMES,
    SCRIPTS,
    FIFOS,
    MAIL,
    _VRRP,
    _ANNOUNCE,
    SCHEDULING,
    FIREWALL,
    LVS,
    SNMP,
    DBUS,
    BUFFERS,
    FILES,
    policy_rows(),
)
