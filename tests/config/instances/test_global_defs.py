"""`global_defs` as values: mail, pipes, scripts, IPVS."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.model import GlobalDefs, ReloadPlan
from alived.hooks.config import Script
from alived.lvs.daemon_config import ConnectionTimeouts, FlushOnStop, LvsDefaults, SyncDaemon
from alived.notify.config import DaemonScripts, Fifo, Fifos, MailSettings
from tests.config.helpers import complaints, instance_text, understood

INSTANCE = instance_text()


def defs(body: str) -> GlobalDefs:
    return understood(f"global_defs {{\n{body}\n}}\n{INSTANCE}").global_defs


def wrong(body: str) -> list[tuple[str, int]]:
    return complaints(f"global_defs {{\n{body}\n}}\n{INSTANCE}")


def test_nothing_said() -> None:
    assert defs("") == GlobalDefs()


def test_mail() -> None:
    body = (
        "notification_email {\na@example.com b@example.com\nc@example.com\n}\nnotification_email_from d@example.com\n"
    )
    body += "smtp_server mail.example.com 587\nsmtp_helo_name n1\nsmtp_connect_timeout 7\nno_email_faults"
    assert defs(body).mail == MailSettings(
        recipients=("a@example.com", "b@example.com", "c@example.com"),
        sender="d@example.com",
        server="mail.example.com",
        port=587,
        helo_name="n1",
        connect_timeout_ns=7 * NS_PER_S,
        no_email_faults=True,
    )


def test_pipes() -> None:
    body = "notify_fifo /run/a root wheel\nnotify_fifo_script '/bin/x y'\nlvs_notify_fifo /run/b\n"
    assert defs(body.replace("'", '"') + "fifo_write_vrrp_states_on_reload").fifos == Fifos(
        all=Fifo(path="/run/a", user="root", group="wheel", script=Script(argv=("/bin/x", "y"))),
        lvs=Fifo(path="/run/b"),
        states_on_reload=True,
    )


def test_each_pipe_has_a_path_of_its_own() -> None:
    assert wrong("notify_fifo /run/a\nvrrp_notify_fifo /run/a") == [("duplicate-entry", 3)]
    assert wrong("notify_fifo_script /bin/x") == [("no-fifo", 2)]


def test_scripts_have_10_seconds_unless_said() -> None:
    body = "startup_script /bin/a\nshutdown_script /bin/b\nshutdown_script_timeout 3\nset_supplementary_groups"
    assert defs(body).scripts == DaemonScripts(
        startup=Script(argv=("/bin/a",), timeout_ns=10 * NS_PER_S),
        shutdown=Script(argv=("/bin/b",), timeout_ns=3 * NS_PER_S),
        supplementary_groups=True,
    )


def test_reloads() -> None:
    found = defs("reload_time_file /run/t\nreload_repeat\nreload_file")
    assert found.reload == ReloadPlan(time_file="/run/t", repeat=True, marker="")
    assert defs("reload_file /run/r").reload.marker == "/run/r"


def test_ipvs() -> None:
    body = "lvs_timeouts tcp 900 udp 5\nlvs_flush\nlvs_flush_on_stop VS\nnftables_ipvs\nnftables_ipvs_priority -5\n"
    body += "nftables_ipvs_start_fwmark 7\nchecker_log_all_failures\nrs_init_notifies\nno_checker_emails\n"
    body += "smtp_alert\nsmtp_alert_checker off\nlvs_sync_daemon eth0 inst VI_1 id 3 maxlen 1400 port 1 ttl 2"
    body += "\nnotification_email {\na@example.com\n}\nsmtp_server 192.0.2.25"
    assert defs(body).lvs == LvsDefaults(
        timeouts=ConnectionTimeouts(tcp_ns=900 * NS_PER_S, udp_ns=5 * NS_PER_S),
        flush=True,
        flush_on_stop=FlushOnStop.VIRTUAL_SERVERS,
        sync_daemon=SyncDaemon(interface="eth0", instance="VI_1", sync_id=3, max_length=1400, port=1, ttl=2),
        nftables_table="keepalived",
        nftables_priority=-5,
        nftables_start_fwmark=7,
        log_all_failures=True,
        rs_init_notifies=True,
        no_checker_emails=True,
        smtp_alert=False,
    )
    assert defs("lvs_flush_onstop").lvs.flush_on_stop is FlushOnStop.FULL


class TestSyncDaemon:
    def test_the_old_way(self) -> None:
        found = defs("lvs_sync_daemon eth0 VI_1 5").lvs.sync_daemon
        assert found == SyncDaemon(interface="eth0", instance="VI_1", sync_id=5)

    def test_a_group_to_tell(self) -> None:
        found = defs("lvs_sync_daemon eth0 group 224.0.0.99").lvs.sync_daemon
        assert found is not None and found.group == "224.0.0.99"

    def test_an_instance_may_say_it(self) -> None:
        config = understood(instance_text("lvs_sync_daemon_interface eth1"))
        assert config.global_defs.lvs.sync_daemon == SyncDaemon(interface="eth1", instance="VI_1")

    def test_there_is_one(self) -> None:
        text = "global_defs {\nlvs_sync_daemon eth0\n}\n" + instance_text("lvs_sync_daemon_interface eth1")
        assert complaints(text) == [("duplicate-keyword", 8)]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ("", "missing-argument"),
            ("eth0 inst VI_9", "unknown-instance"),
            ("eth0 VI_1 300", "out-of-range"),
            ("eth0 id 3 VI_1", "unknown-option"),
            ("eth0 VI_1 5 6", "unknown-option"),
            ("eth0 group 192.0.2.1", "invalid-value"),
            ("eth0 port", "missing-argument"),
        ],
    )
    def test_what_is_wrong(self, arguments: str, code: str) -> None:
        assert wrong(f"lvs_sync_daemon {arguments}") == [(code, 2)]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("smtp_server", "missing-argument"),
        ("smtp_server a 70000", "out-of-range"),
        ("smtp_server a 25 b", "extra-arguments"),
        ("notify_fifo", "missing-argument"),
        ("notification_email {\nb@example.com\na {\n}\n}", "unexpected-block"),
        ("lvs_timeouts", "missing-argument"),
        ("lvs_timeouts icmp 5", "unknown-option"),
        ("lvs_timeouts tcp x", "invalid-value"),
        ("lvs_flush_on_stop RS", "invalid-value"),
        ("vrrp_rx_bufs_policy SOME", "invalid-value"),
        ("vrrp_rx_bufs_policy 99999999999", "out-of-range"),
        ("umask 999", "invalid-value"),
        ("umask IWGRP|IXXX", "invalid-value"),
        ("umask", "invalid-value"),
        ("umask 01000", "invalid-value"),
        ("include_check some", "invalid-value"),
        ("vrrp_rlimit_rttime 0", "out-of-range"),
        ("checker_priority -21", "out-of-range"),
        ("max_auto_priority 100", "out-of-range"),
        ("vrrp_garp_extra_if all", "missing-argument"),
        ("vrrp_garp_extra_if 0", "out-of-range"),
        ("vrrp_garp_extra_if 5 6", "extra-arguments"),
        ("snmp_vs_stats_update_interval 31", "out-of-range"),
    ],
)
def test_values_that_keepalived_would_not_take(statement: str, code: str) -> None:
    assert [found for found, _ in wrong(statement)] == [code]


@pytest.mark.parametrize(
    "statement",
    [
        "umask 0x12",
        "umask 18",
        "umask IWGRP | IWOTH",
        "umask IRWXO",
        "vrrp_rx_bufs_policy advert",
        "vrrp_rx_bufs_policy 5",
        "include_check",
        "include_check +match -readable",
        "max_auto_priority",
        "vrrp_iptables",
        "nftables",
        "snmp_socket",
    ],
)
def test_values_that_it_takes(statement: str) -> None:
    assert wrong(statement) == []
