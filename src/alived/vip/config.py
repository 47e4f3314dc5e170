"""What an operator can say about virtual addresses. Frozen values in keepalived's (and iproute2's) words."""

from __future__ import annotations

import enum

import msgspec

from alived.base import NS_PER_S, Family
from alived.vip.routes_config import VirtualRoute, VirtualRule

INFINITE_LIFETIME = 0xFFFFFFFF
"""IFA_CACHEINFO's "forever"."""


class VirtualAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `virtual_ipaddress` or `virtual_ipaddress_excluded`."""

    address: str
    """Canonical text, no prefix length."""
    prefix_length: int
    """Default 32 / 128, as keepalived."""
    interface: str
    """Device it is bound to (the vmac's name if the instance uses one)."""
    family: Family = Family.IPV4
    label: str = ""
    scope: str = "global"
    """global, site, link, host or a number"""
    broadcast: str = ""
    """"": none; "+": the highest address of the subnet; "-": the lowest; else an address"""
    peer: str = ""
    """ADDRESS[/LENGTH] of a point-to-point peer"""
    preferred_lft: int | None = None
    """Seconds; None: 0 (deprecated) for /128 addresses so that the VIP is never the source by default, else forever"""
    nodad: bool = True
    home: bool = False
    mngtmpaddr: bool = False
    noprefixroute: bool = False
    autojoin: bool = False
    no_track: bool = False
    """`no_track`: its loss is not a fault."""
    use_vmac: bool = False
    """`use_vmac` of this address: on a macvlan even if the instance has none"""

    def __str__(self) -> str:
        """For people: "192.0.2.100/32 dev eth0"."""
        return f"{self.address}/{self.prefix_length} dev {self.interface}"


class ConflictPolicy(enum.StrEnum):
    """What to do when somebody else answers for an address that we are about to bind (RFC 5227)."""

    TAKE = "take"
    """Bind at once, probe at the same time, report who else answers (as fast as keepalived)."""
    ABORT = "abort"
    """Probe first; bind only if nobody answers within `probe_wait_ns`; else FAULT with the MAC that answered."""


class VanishPolicy(enum.StrEnum):
    """What to do when somebody else removes an address that we hold."""

    RESTORE = "restore"
    """Bind and announce it again; fail over if it vanishes over and over."""
    FAIL_OVER = "fail_over"
    """Give the group up (keepalived's way)."""


class GarpPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When gratuitous ARP and unsolicited NA are sent; keepalived's keywords and defaults."""

    master_delay_ns: int = 5 * NS_PER_S
    """`garp_master_delay`: second burst this long after the first; 0: none"""
    master_repeat: int = 5
    """`garp_master_repeat`: packets per address in a burst"""
    master_refresh_ns: int = 0
    """`garp_master_refresh`: period of further announcements while MASTER; 0: none"""
    master_refresh_repeat: int = 1
    lower_prio_delay_ns: int = 5 * NS_PER_S
    """`garp_lower_prio_delay`: second burst after a losing advert was heard"""
    lower_prio_repeat: int = 5
    garp_interval_ns: int = 0
    """`garp_interval`: least time between two gratuitous ARPs on an interface"""
    gna_interval_ns: int = 0
    extra_interval_ns: int = 0
    """`garp_extra_if`: period of announcements on macvlans other than the instance's; 0: none"""
    extra_all_interfaces: bool = False
    """`garp_extra_if all`: on all other interfaces, macvlan or not"""


class VipGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of one owner."""

    name: str
    """The instance's name"""
    addresses: tuple[VirtualAddress, ...] = ()
    """Advertised ones first, then the excluded"""
    garp: GarpPolicy = GarpPolicy()
    conflict: ConflictPolicy = ConflictPolicy.TAKE
    probe_wait_ns: int = NS_PER_S // 5
    vanish: VanishPolicy = VanishPolicy.RESTORE
    lifetime_s: int | None = None
    """valid_lft of a bound address, renewed while we own it; 0: forever; None: chosen by count (ADR 0003)"""
    promote_secondaries: bool = False
    routes: tuple[VirtualRoute, ...] = ()
    rules: tuple[VirtualRule, ...] = ()
