"""What an operator can say in `global_defs` about load balancing as a whole. Frozen values in keepalived's words."""

from __future__ import annotations

import enum

import msgspec

SYNC_PORT = 8848
SYNC_GROUP = "224.0.0.81"


class FlushOnStop(enum.StrEnum):
    """What is removed when the daemon stops."""

    NO = "no"
    """Each server by itself."""
    FULL = "full"
    """All that IPVS has, at once."""
    VIRTUAL_SERVERS = "VS"
    """Each virtual server, and its real servers with it."""


class ConnectionTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """`lvs_timeouts` of IPVS connections; None: stays as it is on the machine."""

    tcp_ns: int | None = None
    tcp_fin_ns: int | None = None
    udp_ns: int | None = None


class SyncDaemon(msgspec.Struct, frozen=True, kw_only=True):
    """`lvs_sync_daemon`: IPVS tells other machines about its connections."""

    interface: str
    instance: str = ""
    """It follows the state of this vrrp_instance; "": it sends and listens all the time"""
    sync_id: int | None = None
    """None: the VRID of the instance, 0 without one"""
    max_length: int = 0
    """0: what the MTU leaves"""
    port: int = SYNC_PORT
    ttl: int = 1
    group: str = SYNC_GROUP


class LvsDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all virtual servers."""

    timeouts: ConnectionTimeouts = ConnectionTimeouts()
    flush: bool = False
    """`lvs_flush`: IPVS is emptied at the start"""
    flush_on_stop: FlushOnStop = FlushOnStop.NO
    sync_daemon: SyncDaemon | None = None
    nftables_table: str = ""
    """`nftables_ipvs`: table for the marks of virtual server groups; "": no marks of ours"""
    nftables_priority: int = -1
    nftables_start_fwmark: int = 1000
    log_all_failures: bool = False
    """`checker_log_all_failures`"""
    rs_init_notifies: bool = False
    """`notify_up` of each real server at the start, too"""
    smtp_alert: bool = False
    """Mail on changes of virtual and real servers, unless they say otherwise"""
    no_checker_emails: bool = False
    """No mail on single checks, only when a server comes or goes"""
