"""Tables of `global_defs` and of the top level: every keyword that keepalived knows there, and ours."""

from __future__ import annotations

from alived.base import Family
from alived.config.keywords.converters import boolean, flag, integer, interface, multicast, seconds, word
from alived.config.keywords.shapes import cpus, dynamic, user
from alived.config.keywords.table import default_of, no_effect, not_yet, table, works
from alived.config.keywords.vrrp import DAY_S, MAX_REPEAT, NO_MAIL, policy_rows

NO_LVS = "this version balances no load"
NO_BFD = "this version has no BFD"
NO_SNMP = "alived has no SNMP agent"
NO_DBUS = "alived has no DBus interface; its control socket says the same"
NO_FIREWALL = "alived uses nftables and a table of its own"
NO_FIFO = "nothing is written there; `notify` scripts run in order"
NO_SCHEDULING = "real-time scheduling and the run-time limit are chosen by alived (vrrp_rt_priority)"
NO_BUFFERS = "buffers are large enough and an overrun is healed by reading again"
NO_FILES = "no such file is written; `alived status --json` says the same"


_NAMES = (
    works("router_id", word("NAME", "node1"), "Name of this machine in reports.", default="host name"),
    works("process_name", word("NAME", "alived"), "Name of the processes in ps.", default="alived"),
    works("vrrp_process_name", word("NAME", "alived"), "The same.", field="process_name"),
    no_effect("process_names", "Processes get names.", "they always have names"),
    no_effect("checker_process_name", "Name of the checker.", NO_LVS, "checker"),
    no_effect("lvs_process_name", "Name of the checker.", NO_LVS, "checker"),
    no_effect("bfd_process_name", "Name of the BFD process.", NO_BFD, "bfd"),
)

_SCRIPTS = (
    works("script_user", user(), "Who runs scripts.", default="keepalived_script if there is one, else root"),
    works("enable_script_security", flag(), "Do not run as root what others can change.", default="off"),
    no_effect("use_symlink_paths", "Check symbolic links of scripts.", "paths are resolved before they are checked"),
    not_yet("set_supplementary_groups", "Scripts get all groups of the user.", "scripts get the main group only"),
    not_yet("startup_script", "Command before the start.", "this command is not run", '"/bin/true"'),
    not_yet("startup_script_timeout", "Its timeout.", "startup_script is not run", "10"),
    not_yet("shutdown_script", "Command after the end.", "this command is not run", '"/bin/true"'),
    not_yet("shutdown_script_timeout", "Its timeout.", "shutdown_script is not run", "10"),
    not_yet("notify_fifo", "Pipe for changes of state.", NO_FIFO, "/run/fifo"),
    not_yet("notify_fifo_script", "Reader of the pipe.", NO_FIFO, '"/bin/true"'),
    not_yet("vrrp_notify_fifo", "Pipe for changes of state.", NO_FIFO, "/run/fifo"),
    not_yet("vrrp_notify_fifo_script", "Reader of the pipe.", NO_FIFO, '"/bin/true"'),
    not_yet("fifo_write_vrrp_states_on_reload", "States to the pipe on a reload.", NO_FIFO),
    not_yet("lvs_notify_fifo", "Pipe for real servers.", NO_LVS, "/run/fifo"),
    not_yet("lvs_notify_fifo_script", "Reader of that pipe.", NO_LVS, '"/bin/true"'),
)

_MAIL = (
    not_yet("notification_email", "Who gets mail.", NO_MAIL, "{\nadmin@example.com\n}"),
    not_yet("notification_email_from", "Sender of mail.", NO_MAIL, "alived@example.com"),
    not_yet("smtp_server", "Mail server.", NO_MAIL, "192.0.2.25"),
    not_yet("smtp_helo_name", "Our name in HELO.", NO_MAIL, "node1.example.com"),
    not_yet("smtp_connect_timeout", "Timeout of the mail server.", NO_MAIL, "30"),
    not_yet("smtp_alert", "Mail on every change.", NO_MAIL),
    not_yet("smtp_alert_vrrp", "Mail on changes of VRRP.", NO_MAIL),
    not_yet("smtp_alert_checker", "Mail on changes of real servers.", NO_MAIL),
    not_yet("no_email_faults", "No mail on faults.", NO_MAIL),
    not_yet("no_checker_emails", "No mail on single checks.", NO_MAIL),
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
    default_of("vrrp_strict", flag(), "strict_mode", "off"),
    default_of("vrrp_check_unicast_src", flag(), "check_unicast_src", "off"),
    default_of("vrrp_skip_check_adv_addr", flag(), "skip_check_adv_addr", "off"),
    default_of("vrrp_down_timer_adverts", integer(1, 100, 3), "down_timer_adverts", "3"),
    default_of("vrrp_lower_prio_no_advert", boolean(), "lower_prio_no_advert", "off"),
    default_of("vrrp_higher_prio_send_advert", boolean(), "higher_prio_send_advert", "on"),
    default_of("v3_checksum_as_v2", boolean(), "v3_checksum_as_v2", "off"),
    default_of("vrrp_notify_priority_changes", boolean(), "notify_priority_changes", "off"),
    works("vrrp_startup_delay", seconds(0, 1000, "5.5"), "No takeover this long after the start.", default="0"),
    works("vrrp_delay_after_boot", seconds(0, 1000, "30"), "No takeover before the machine is this old.", default="0"),
    works("log_unknown_vrids", flag(), "Report adverts of virtual routers that are not ours.", default="off"),
    not_yet("vrrp_owner_ignore_adverts", "Owners hear no adverts.", "an owner compares adverts as any other master"),
    works("vmac_prefix", word("NAME", "vrrp"), "Begin of the names of macvlans.", default="vrrp"),
    not_yet("vmac_addr_prefix", "The same for use_vmac_addr.", "use_vmac_addr has no effect", "vrrp"),
    no_effect("disable_local_igmp", "No IGMP for 224.0.0.0/24.", "alived does not change that kernel setting"),
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
    not_yet("vrrp_garp_extra_if", "Announce on other interfaces.", "no extra announcements there", "all 100"),
    not_yet("vrrp_vmac_garp_intvl", "Old name of vrrp_garp_extra_if.", "no extra announcements there", "all 100"),
)

_SCHEDULING = (
    works(
        "vrrp_rt_priority",
        integer(0, 99, 10),
        "Real-time priority of the engine; 0: never real-time.",
        field="rt_priority",
        default="lowest real-time priority, if the kernel allows",
    ),
    works("vrrp_no_swap", flag(), "Keep the engine in memory.", field="no_swap", default="off"),
    works("vrrp_cpu_affinity", cpus(), "CPUs that the engine may use.", field="cpu_affinity", default="all"),
    *(
        no_effect(name, "Scheduling.", NO_SCHEDULING, example)
        for name, example in (
            ("max_auto_priority", "10"),
            ("min_auto_priority_delay", "1000000"),
            ("vrrp_priority", "-10"),
            ("vrrp_rlimit_rttime", "10000"),
            ("vrrp_rlimit_rtime", "10000"),
        )
    ),
    *(
        no_effect(f"{process}_{name}", "Scheduling of that process.", consequence, example)
        for process, consequence in (("checker", NO_LVS), ("bfd", NO_BFD))
        for name, example in (
            ("priority", "-10"),
            ("no_swap", ""),
            ("rt_priority", "10"),
            ("cpu_affinity", "0"),
            ("rlimit_rttime", "10000"),
            ("rlimit_rtime", "10000"),
        )
    ),
)

_FIREWALL = tuple(
    no_effect(name, "Firewall.", NO_FIREWALL, example)
    for name, example in (
        ("vrrp_iptables", "keepalived"),
        ("vrrp_ipsets", "keepalived"),
        ("nftables", "keepalived"),
        ("nftables_priority", "-1"),
        ("nftables_ifindex", ""),
        ("nftables_counters", ""),
    )
)

_LVS = tuple(
    not_yet(name, "Load balancing.", NO_LVS, example)
    for name, example in (
        ("checker_log_all_failures", ""),
        ("lvs_timeouts", "tcp 900"),
        ("lvs_flush", ""),
        ("lvs_flush_on_stop", ""),
        ("lvs_flush_onstop", ""),
        ("lvs_sync_daemon", "eth0 VI_1"),
        ("nftables_ipvs", "keepalived_ipvs"),
        ("nftables_ipvs_priority", "-1"),
        ("nftables_ipvs_start_fwmark", "1000"),
        ("rs_init_notifies", ""),
    )
)

_SNMP = tuple(
    no_effect(name, "SNMP.", NO_SNMP, example)
    for name, example in (
        ("snmp_socket", "unix:/var/agentx/master"),
        ("enable_traps", ""),
        ("enable_snmp_vrrp", ""),
        ("enable_snmp_keepalived", ""),
        ("enable_snmp_rfc", ""),
        ("enable_snmp_rfcv2", ""),
        ("enable_snmp_rfcv3", ""),
        ("enable_snmp_checker", ""),
        ("snmp_vs_stats_update_interval", "5"),
        ("snmp_rs_stats_update_interval", "5"),
    )
)

_DBUS = tuple(
    no_effect(name, "DBus.", NO_DBUS, example)
    for name, example in (
        ("enable_dbus", ""),
        ("dbus_service_name", "org.example.Vrrp"),
        ("dbus_no_interface_name", ""),
    )
)

_BUFFERS = tuple(
    no_effect(name, "Buffers of sockets.", NO_BUFFERS, example)
    for name, example in (
        ("vrrp_netlink_cmd_rcv_bufs", "1048576"),
        ("vrrp_netlink_cmd_rcv_bufs_force", "on"),
        ("vrrp_netlink_monitor_rcv_bufs", "1048576"),
        ("vrrp_netlink_monitor_rcv_bufs_force", "on"),
        ("process_monitor_rcv_bufs", "1048576"),
        ("process_monitor_rcv_bufs_force", "on"),
        ("lvs_netlink_cmd_rcv_bufs", "1048576"),
        ("lvs_netlink_cmd_rcv_bufs_force", "on"),
        ("lvs_netlink_monitor_rcv_bufs", "1048576"),
        ("lvs_netlink_monitor_rcv_bufs_force", "on"),
        ("vrrp_rx_bufs_policy", "MTU"),
        ("vrrp_rx_bufs_multiplier", "3"),
    )
)

_FILES = (
    no_effect("umask", "Mode of new files.", "files of alived belong to root and nobody else writes them", "022"),
    not_yet("random_seed", "Seed of ${_RANDOM}.", "${_RANDOM} is not known", "1"),
    no_effect("reload_check_config", "Check before a reload.", "alived always does that"),
    not_yet("reload_time_file", "Reload at a time of day.", "no reload happens by itself", "/etc/reload-time"),
    not_yet("reload_repeat", "Reload again and again.", "no reload happens by itself"),
    not_yet("reload_file", "File that says when a reload is done.", NO_FILES, "/run/reloaded"),
    not_yet("include_check", "How strict include is.", "a file to include that is missing is an error", "readable"),
    not_yet("config_save_dir", "Copies of configurations.", NO_FILES, "/var/tmp"),
    no_effect("tmp_config_directory", "Where a copy is kept.", "the configuration is kept in memory", "/tmp"),
    no_effect("data_use_instance", "Names of dump files.", NO_FILES, "on"),
    no_effect("json_version", "Shape of the JSON dump.", NO_FILES, "2"),
    no_effect("iproute_usr_dir", "Where iproute2 keeps names.", "scopes are known by name or number", "/usr/share"),
    no_effect("iproute_etc_dir", "Where iproute2 keeps names.", "scopes are known by name or number", "/etc/iproute2"),
    no_effect("state_dump_file", "File for the state.", NO_FILES, "/tmp/a"),
    no_effect("stats_dump_file", "File for counters.", NO_FILES, "/tmp/b"),
    no_effect("json_dump_file", "File for JSON.", NO_FILES, "/tmp/c"),
)

GLOBAL = table(
    "in global_defs",
    _NAMES,
    _SCRIPTS,
    _MAIL,
    _VRRP,
    _ANNOUNCE,
    _SCHEDULING,
    _FIREWALL,
    _LVS,
    _SNMP,
    _DBUS,
    _BUFFERS,
    _FILES,
    policy_rows(),
)
