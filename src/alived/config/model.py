"""The whole configuration as one frozen value: what the daemon runs, whatever language the file was in."""

from __future__ import annotations

import msgspec

from alived.config.product import Logging, Web
from alived.health.checks_config import CombinedCheck, NamedCheck
from alived.health.config import AnyCheck, SslContext
from alived.health.trackers_config import (
    BfdInstance,
    LinkDelay,
    TrackFile,
    TrackGateway,
    Tracking,
    TrackProcess,
    TrackUnit,
    VrrpScript,
)
from alived.hooks.config import Hook, NotifyScripts, Script
from alived.lvs.config import RealServer, VirtualServer, VirtualServerGroup
from alived.lvs.daemon_config import LvsDefaults
from alived.notify.config import DaemonScripts, Fifos, MailSettings, Notifications
from alived.raft.config import Cluster, RaftInstance
from alived.vip.config import VipGroup
from alived.vip.routes_config import VirtualRoute, VirtualRule
from alived.vip.static_config import GarpGroup, StaticAddress, TrackGroup
from alived.vrrp.config import TrackedInterface, VrrpInstance, VrrpSyncGroup


class ReloadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Reloads that come by themselves, and what others can see of a reload."""

    time_file: str = ""
    """`reload_time_file`: holds the time of the next reload; "": none"""
    repeat: bool = False
    """`reload_repeat`: every day at that time"""
    marker: str | None = None
    """`reload_file`: is there while a configuration is read; "": in the runtime directory, None: nowhere"""


class GlobalDefs(msgspec.Struct, frozen=True, kw_only=True):
    """`global_defs`; what only sets a default for instances has been written into them by the reader."""

    router_id: str = ""
    """Default: the host's name"""
    rt_priority: int | None = None
    """`vrrp_rt_priority` 1..99; None: real time with the lowest priority if the kernel lets us; 0: never"""
    no_swap: bool = False
    """`vrrp_no_swap`: mlockall in the engine"""
    cpu_affinity: tuple[int, ...] = ()
    startup_delay_ns: int = 0
    delay_after_boot_ns: int = 0
    """`vrrp_delay_after_boot`: no takeover before the machine is this old"""
    script_user: str = ""
    script_group: str = ""
    enable_script_security: bool = False
    log_unknown_vrids: bool = False
    dynamic_interfaces: bool = False
    process_name: str = ""
    vmac_addr_prefix: str = ""
    """Begin of the names of macvlans of `use_vmac_addr`; "": that of `vmac_prefix`"""
    random_seed: int | None = None
    config_save_dir: str = ""
    reload: ReloadPlan = ReloadPlan()
    mail: MailSettings = MailSettings()
    fifos: Fifos = Fifos()
    scripts: DaemonScripts = DaemonScripts()
    lvs: LvsDefaults = LvsDefaults()


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A VRRP instance with what it moves and whom it tells."""

    vrrp: VrrpInstance
    vips: VipGroup
    notify: NotifyScripts = NotifyScripts()
    notify_priority_changes: bool = False
    tracking: Tracking = Tracking()
    smtp_alert: bool = False


class SyncGroup(msgspec.Struct, frozen=True, kw_only=True):
    vrrp: VrrpSyncGroup
    notify: NotifyScripts = NotifyScripts()
    tracking: Tracking = Tracking()
    smtp_alert: bool = False


class PoolMember(msgspec.Struct, frozen=True, kw_only=True):
    """A real server with what tells whether it is up, and whom it tells."""

    server: RealServer
    checks: tuple[AnyCheck, ...] = ()
    notify_up: Script | None = None
    notify_down: Script | None = None
    smtp_alert: bool = True


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual server with its pool, and whom it tells."""

    virtual_server: VirtualServer
    pool: tuple[PoolMember, ...]
    quorum_up: Script | None = None
    quorum_down: Script | None = None
    smtp_alert: bool = False


class RaftGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A raft_instance with what it moves and whom it tells."""

    raft: RaftInstance
    vips: VipGroup
    notify: NotifyScripts = NotifyScripts()
    hooks: tuple[Hook, ...] | None = None
    """None: those of the whole configuration"""
    track_interfaces: tuple[TrackedInterface, ...] = ()
    tracking: Tracking = Tracking()


class Config(msgspec.Struct, frozen=True, kw_only=True):
    global_defs: GlobalDefs = GlobalDefs()
    instances: tuple[Instance, ...] = ()
    sync_groups: tuple[SyncGroup, ...] = ()
    vrrp_scripts: tuple[VrrpScript, ...] = ()
    track_processes: tuple[TrackProcess, ...] = ()
    track_files: tuple[TrackFile, ...] = ()
    gateways: tuple[TrackGateway, ...] = ()
    units: tuple[TrackUnit, ...] = ()
    checks: tuple[NamedCheck, ...] = ()
    combined_checks: tuple[CombinedCheck, ...] = ()
    """Their names are those of checks too: no two of either are alike"""
    bfd_instances: tuple[BfdInstance, ...] = ()
    track_groups: tuple[TrackGroup, ...] = ()
    static_addresses: tuple[StaticAddress, ...] = ()
    static_routes: tuple[VirtualRoute, ...] = ()
    static_rules: tuple[VirtualRule, ...] = ()
    garp_groups: tuple[GarpGroup, ...] = ()
    link_delays: tuple[LinkDelay, ...] = ()
    net_namespace_ipvs: str | None = None
    """Where IPVS is; "": where the daemon was started, None: where it runs"""
    virtual_servers: tuple[Service, ...] = ()
    virtual_server_groups: tuple[VirtualServerGroup, ...] = ()
    ssl: SslContext = SslContext()
    cluster: Cluster | None = None
    raft_groups: tuple[RaftGroup, ...] = ()
    """With a cluster there is at least one"""
    vip_conf: VipGroup | None = None
    """Addresses of vip-switch's vip.conf, bound by hooks"""
    hooks: tuple[Hook, ...] = ()
    logging: Logging | None = None
    web: Web | None = None
    notifications: Notifications = Notifications()
