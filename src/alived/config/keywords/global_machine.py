"""Rows of `global_defs` about the machine: scheduling, buffers, firewall, load balancing, files, other interfaces.

Much of it configures a part of keepalived that alived does not have; its values are checked all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.config.keywords.consequences import (
    NO_BFD,
    NO_BUFFERS,
    NO_DBUS,
    NO_FILES,
    NO_FIREWALL,
    NO_LVS,
    NO_RELOAD,
    NO_SCHEDULING,
    NO_SNMP,
)
from alived.config.keywords.converters import Converter, boolean, flag, integer, optional, seconds, word
from alived.config.keywords.global_values import (
    connection_timeouts,
    flush_on_stop,
    include_checks,
    rx_policy,
    sync_daemon,
    umask,
    words,
)
from alived.config.keywords.lines import MAX_U32
from alived.config.keywords.shapes import cpus
from alived.config.keywords.table import Keyword, no_effect, not_yet, works

MAX_I32 = 2**31 - 1
PATH = word("PATH", "/run/file")
TABLE = optional(word("TABLE", "keepalived"), "keepalived")
RUN_TIME_US = integer(1, MAX_U32, 10000)
PRIORITY = integer(-20, 19, -10)

Rows = Iterable[tuple[str, Converter]]


def _unused(meaning: str, consequence: str, rows: Rows) -> tuple[Keyword, ...]:
    return tuple(no_effect(name, meaning, consequence, converter=converter) for name, converter in rows)


def _process(process: str, consequence: str) -> tuple[Keyword, ...]:
    """Scheduling of a process that alived does not have."""
    rows = {
        "priority": PRIORITY,
        "no_swap": flag(),
        "rt_priority": integer(1, 99, 10),
        "cpu_affinity": cpus(),
        "rlimit_rttime": RUN_TIME_US,
    }
    named = ((f"{process}_{name}", converter) for name, converter in rows.items())
    return (
        *_unused("Scheduling of that process.", consequence, named),
        _run_time(process, consequence),
    )


def _run_time(process: str, consequence: str) -> Keyword:
    """The limit has two spellings."""
    return no_effect(
        f"{process}_rlimit_rtime",
        "The same as rlimit_rttime.",
        consequence,
        converter=RUN_TIME_US,
        field=f"{process}_rlimit_rttime",
        deprecated=f"{process}_rlimit_rttime",
    )


SCHEDULING = (
    works(
        "vrrp_rt_priority",
        integer(0, 99, 10),
        "Real-time priority of the engine; 0: never real-time.",
        field="rt_priority",
        default="lowest real-time priority, if the kernel allows",
    ),
    works("vrrp_no_swap", flag(), "Keep the engine in memory.", field="no_swap", default="off"),
    works("vrrp_cpu_affinity", cpus(), "CPUs that the engine may use.", field="cpu_affinity", default="all"),
    *_unused(
        "Scheduling.",
        NO_SCHEDULING,
        (
            ("max_auto_priority", optional(integer(-1, 99, 10), 99)),
            ("min_auto_priority_delay", integer(1, 10_000_000, 1_000_000)),
            ("vrrp_priority", PRIORITY),
            ("vrrp_rlimit_rttime", RUN_TIME_US),
        ),
    ),
    _run_time("vrrp", NO_SCHEDULING),
    *_process("checker", NO_LVS),
    *_process("bfd", NO_BFD),
)

_IPSETS = "[SET [SET6 [SET_IF6 [SET_IGMP [SET_MLD [SET_ND]]]]]]"

FIREWALL = (
    *_unused(
        "Firewall.",
        NO_FIREWALL,
        (
            ("vrrp_iptables", words("[IN_CHAIN [OUT_CHAIN]]", "keepalived", 2, 0)),
            ("nftables", TABLE),
            ("nftables_priority", integer(-MAX_I32 - 1, MAX_I32, -1)),
            ("nftables_ifindex", flag()),
            ("nftables_counters", flag()),
        ),
    ),
    no_effect("vrrp_ipsets", "Firewall.", NO_FIREWALL, converter=words(_IPSETS, "keepalived", 6, 0)),
)

LVS = (
    works("checker_log_all_failures", boolean(), "A line in the log for each failed check.", default="off"),
    not_yet(
        "lvs_timeouts",
        "How long IPVS remembers idle connections.",
        NO_LVS,
        converter=connection_timeouts(),
        default="as on the machine",
    ),
    not_yet("lvs_flush", "Empty IPVS at the start.", NO_LVS, converter=flag(), default="off"),
    not_yet(
        "lvs_flush_on_stop",
        "Empty IPVS at the end, or (VS) remove whole virtual servers.",
        NO_LVS,
        converter=flush_on_stop(),
        default="server by server",
    ),
    not_yet(
        "lvs_flush_onstop",
        "The same.",
        NO_LVS,
        converter=flush_on_stop(),
        field="lvs_flush_on_stop",
        deprecated="lvs_flush_on_stop",
    ),
    not_yet("lvs_sync_daemon", "Tell other machines about connections.", NO_LVS, converter=sync_daemon()),
    not_yet("nftables_ipvs", "Table for the marks of groups.", NO_LVS, converter=TABLE),
    not_yet(
        "nftables_ipvs_priority",
        "Priority of its chains.",
        NO_LVS,
        converter=integer(-MAX_I32 - 1, MAX_I32, -1),
        default="-1",
    ),
    not_yet(
        "nftables_ipvs_start_fwmark",
        "First mark.",
        NO_LVS,
        converter=integer(1, MAX_U32, 1000),
        default="1000",
    ),
    works("rs_init_notifies", boolean(), "notify_up of real servers at the start, too.", default="off"),
)

_SNMP_INTERVAL = seconds(0.001, 30, "5")

SNMP = (
    *_unused(
        "SNMP.",
        NO_SNMP,
        (
            ("snmp_socket", words("[ADDRESS]", "unix:/var/agentx/master", 1, 0)),
            ("enable_traps", flag()),
            ("enable_snmp_vrrp", flag()),
            ("enable_snmp_rfc", flag()),
            ("enable_snmp_rfcv2", flag()),
            ("enable_snmp_rfcv3", flag()),
            ("enable_snmp_checker", flag()),
        ),
    ),
    no_effect(
        "enable_snmp_keepalived",
        "SNMP.",
        NO_SNMP,
        converter=flag(),
        field="enable_snmp_vrrp",
        deprecated="enable_snmp_vrrp",
    ),
    no_effect("snmp_vs_stats_update_interval", "SNMP.", NO_SNMP, converter=_SNMP_INTERVAL, since="2.3.0"),
    no_effect("snmp_rs_stats_update_interval", "SNMP.", NO_SNMP, converter=_SNMP_INTERVAL, since="2.3.0"),
)

DBUS = (
    no_effect("enable_dbus", "DBus.", NO_DBUS, converter=flag()),
    no_effect("dbus_service_name", "DBus.", NO_DBUS, converter=word("NAME", "org.example.Vrrp")),
    no_effect("dbus_no_interface_name", "DBus.", NO_DBUS, converter=word("NAME", "none"), since="2.3.0"),
)

_NETLINK = ("vrrp_netlink_cmd", "vrrp_netlink_monitor", "process_monitor", "lvs_netlink_cmd", "lvs_netlink_monitor")

BUFFERS = _unused(
    "Buffers of sockets.",
    NO_BUFFERS,
    (
        *(
            row
            for name in _NETLINK
            for row in (
                (f"{name}_rcv_bufs", integer(0, MAX_U32, 1048576)),
                (f"{name}_rcv_bufs_force", boolean()),
            )
        ),
        ("vrrp_rx_bufs_policy", rx_policy()),
        ("vrrp_rx_bufs_multiplier", integer(1, MAX_U32, 3)),
    ),
)

_KEPT_IN_MEMORY = "the configuration is kept in memory"
_IPROUTE = "names of iproute2 are looked up where it keeps them"

FILES = (
    no_effect(
        "umask", "Mode of new files.", "files of alived belong to root and nobody else writes them", converter=umask()
    ),
    not_yet(
        "random_seed",
        "Makes ${_RANDOM} repeatable.",
        "${_RANDOM} differs from start to start",
        converter=integer(0, MAX_U32, 1),
    ),
    no_effect(
        "reload_check_config",
        "Check before a reload.",
        "alived always does that",
        converter=words("[FILE]", "/run/check.log", 1, 0),
    ),
    not_yet("reload_time_file", "File with the time of the next reload.", NO_RELOAD, converter=PATH),
    not_yet("reload_repeat", "Reload every day at that time.", NO_RELOAD, converter=flag(), default="off"),
    not_yet(
        "reload_file",
        "File that is there while a configuration is read.",
        "no such file is written",
        converter=optional(PATH, ""),
    ),
    works("include_check", include_checks(), "How strict include is.", default="missing files are skipped"),
    not_yet("config_save_dir", "Where copies of configurations are kept.", "no copy is kept", converter=PATH),
    no_effect("tmp_config_directory", "Where a copy is kept while reading.", _KEPT_IN_MEMORY, converter=PATH),
    no_effect("data_use_instance", "Names of dump files.", NO_FILES, converter=boolean()),
    no_effect("json_version", "Shape of the JSON dump.", NO_FILES, converter=integer(1, 2, 2), since="2.2.8"),
    no_effect("iproute_usr_dir", "Where iproute2 keeps names.", _IPROUTE, converter=PATH, since="2.3.2"),
    no_effect("iproute_etc_dir", "Where iproute2 keeps names.", _IPROUTE, converter=PATH, since="2.3.2"),
    no_effect("state_dump_file", "File for the state.", NO_FILES, converter=PATH, since="2.3.3"),
    no_effect("stats_dump_file", "File for counters.", NO_FILES, converter=PATH, since="2.3.3"),
    no_effect("json_dump_file", "File for JSON.", NO_FILES, converter=PATH, since="2.3.3"),
)
