"""`global_defs` from its settings to its value; what only is a default of instances is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.instances.plan import InstancePlan
from alived.config.keywords.mail import MailServer
from alived.config.keywords.table import Settings, did_you_mean
from alived.config.model import GlobalDefs, ReloadPlan
from alived.hooks.config import Script
from alived.lvs.daemon_config import ConnectionTimeouts, LvsDefaults, SyncDaemon
from alived.notify.config import DaemonScripts, Fifo, Fifos, MailSettings, MailTls

SCRIPT_TIMEOUT_NS = 10 * NS_PER_S

_OWN = {
    "router_id": "router_id",
    "rt_priority": "rt_priority",
    "no_swap": "no_swap",
    "cpu_affinity": "cpu_affinity",
    "enable_script_security": "enable_script_security",
    "log_unknown_vrids": "log_unknown_vrids",
    "dynamic_interfaces": "dynamic_interfaces",
    "process_name": "process_name",
    "vrrp_startup_delay": "startup_delay_ns",
    "vrrp_delay_after_boot": "delay_after_boot_ns",
    "vmac_addr_prefix": "vmac_addr_prefix",
    "random_seed": "random_seed",
    "config_save_dir": "config_save_dir",
}
_MAIL = {
    "notification_email_from": "sender",
    "smtp_helo_name": "helo_name",
    "smtp_connect_timeout": "connect_timeout_ns",
    "no_email_faults": "no_email_faults",
    "smtp_ca_file": "ca_file",
    "smtp_user": "user",
    "smtp_password_file": "password_file",
}
_LVS = {
    "lvs_flush": "flush",
    "lvs_flush_on_stop": "flush_on_stop",
    "nftables_ipvs": "nftables_table",
    "nftables_ipvs_priority": "nftables_priority",
    "nftables_ipvs_start_fwmark": "nftables_start_fwmark",
    "checker_log_all_failures": "log_all_failures",
    "rs_init_notifies": "rs_init_notifies",
    "no_checker_emails": "no_checker_emails",
}
"""Settings -> the fields of the values that take them as they are."""


def global_defs(said: Settings, instances: Iterable[InstancePlan], findings: Findings) -> GlobalDefs:
    """The value of all `global_defs` blocks; `lvs_sync_daemon` may also be said by an instance."""
    user, group = said.get("script_user", ("", ""))
    return GlobalDefs(
        script_user=user,
        script_group=group,
        reload=ReloadPlan(
            time_file=said.get("reload_time_file", ""),
            repeat=said.get("reload_repeat", False),
            marker=said.get("reload_file"),
        ),
        mail=_mail(said),
        fifos=_fifos(said, findings),
        scripts=_scripts(said),
        lvs=_lvs(said, list(instances), findings),
        **_taken(said, _OWN),
    )


def _taken(said: Settings, fields: Mapping[str, str]) -> dict[str, Any]:
    return {field: said.get(setting) for setting, field in fields.items() if setting in said}


def _mail(said: Settings) -> MailSettings:
    server: MailServer | None = said.get("smtp_server")
    where: dict[str, Any] = {"server": server.host, "port": server.port} if server else {}
    recipients = tuple(address for line in said.get("notification_email", ()) for address in line)
    tls = MailTls(said.get("smtp_tls", MailTls.OFF))
    owners: bool = said.get("smtp_alert_vrrp", said.get("smtp_alert", False))
    return MailSettings(recipients=recipients, tls=tls, of_raft_groups=owners, **where, **_taken(said, _MAIL))


def _fifos(said: Settings, findings: Findings) -> Fifos:
    kinds = {"all": "notify_fifo", "vrrp": "vrrp_notify_fifo", "lvs": "lvs_notify_fifo"}
    paths: dict[str, str] = {}
    fifos: dict[str, Fifo | None] = {}
    for kind, keyword in kinds.items():
        fifo: Fifo | None = said.get(keyword)
        script: Script | None = said.get(f"{keyword}_script")
        if fifo is None and script is not None:
            message = f"{keyword}_script without {keyword}: there is nothing to read"
            findings.warning(said.place(f"{keyword}_script"), "no-fifo", message, f"{keyword} PATH")
        if fifo is not None and paths.setdefault(fifo.path, keyword) != keyword:
            message = f"{keyword} {fifo.path} is that of {paths[fifo.path]}, too: lines would be mixed"
            findings.error(said.place(keyword), "duplicate-entry", message, "a path of its own for each")
        fifos[kind] = msgspec.structs.replace(fifo, script=script) if fifo else None
    return Fifos(states_on_reload=said.get("fifo_write_vrrp_states_on_reload", False), **fifos)


def _scripts(said: Settings) -> DaemonScripts:
    return DaemonScripts(
        startup=_with_timeout("startup_script", said),
        shutdown=_with_timeout("shutdown_script", said),
        supplementary_groups=said.get("set_supplementary_groups", False),
    )


def _with_timeout(keyword: str, said: Settings) -> Script | None:
    script: Script | None = said.get(keyword)
    if script is None:
        return None
    return msgspec.structs.replace(script, timeout_ns=said.get(f"{keyword}_timeout", SCRIPT_TIMEOUT_NS))


def _lvs(said: Settings, instances: list[InstancePlan], findings: Findings) -> LvsDefaults:
    return LvsDefaults(
        timeouts=said.get("lvs_timeouts", ConnectionTimeouts()),
        sync_daemon=_sync_daemon(said, instances, findings),
        smtp_alert=said.get("smtp_alert_checker", said.get("smtp_alert", False)),
        **_taken(said, _LVS),
    )


def _sync_daemon(said: Settings, instances: list[InstancePlan], findings: Findings) -> SyncDaemon | None:
    """IPVS has one sync daemon: that of `global_defs`, else that of the first instance that speaks of it."""
    chosen: SyncDaemon | None = said.get("lvs_sync_daemon")
    if chosen is not None:
        names = [one.name for one in instances]
        if chosen.instance and chosen.instance not in names:
            message = f"lvs_sync_daemon: there is no vrrp_instance {chosen.instance!r}"
            place = said.place("lvs_sync_daemon")
            findings.error(place, "unknown-instance", message, did_you_mean(chosen.instance, names))
    for one in instances:
        interface: str = one.settings.get("lvs_sync_daemon_interface", "")
        if interface and chosen is not None:
            message = (
                f"{one.name}: lvs_sync_daemon_interface is skipped: there is one sync daemon, on {chosen.interface}"
            )
            findings.warning(one.settings.place("lvs_sync_daemon_interface"), "duplicate-keyword", message)
        elif interface:
            chosen = SyncDaemon(interface=interface, instance=one.name)
    return chosen
