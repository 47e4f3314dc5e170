"""What an operator can say about routes and routing rules, in iproute2's words. Frozen values.

Names of tables, realms, protocols and the like stay as written: the machine that installs a route knows them.
"""

from __future__ import annotations

import enum

import msgspec

from alived.base import Family


class Encapsulation(msgspec.Struct, frozen=True, kw_only=True):
    """`encap` of a route: a lightweight tunnel. kind "ip" and "ip6": the other fields but `labels` and `locator`."""

    kind: str
    """ip, ip6, mpls or ila"""
    id: int | None = None
    dst: str = ""
    src: str = ""
    tos: str = ""
    """`tos` or, for ip6, `tc`"""
    ttl: int | None = None
    """`ttl` or, for ip6, `hoplimit`"""
    flags: int | None = None
    labels: tuple[int, ...] = ()
    """mpls"""
    locator: str = ""
    """ila"""


class NextHop(msgspec.Struct, frozen=True, kw_only=True):
    """One of several ways of a route."""

    via: str = ""
    interface: str = ""
    weight: int | None = None
    """1..256"""
    onlink: bool = False
    realms: str = ""
    encap: Encapsulation | None = None


class RouteMetric(msgspec.Struct, frozen=True):
    """A number that the kernel keeps with a route (mtu, advmss, rtt, ...). lock: the kernel may not change it."""

    value: int
    lock: bool = False


class InsertMode(enum.StrEnum):
    """Where a route goes among those with the same destination."""

    PREPEND = "prepend"
    """Before them: keepalived's way."""
    ADD = "add"
    """Only if there is none: that of `ip route add`."""
    APPEND = "append"
    """Behind them."""


class VirtualRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `virtual_routes` or `static_routes`, as `ip route` would take it."""

    destination: str
    """ADDRESS/LENGTH or "default\""""
    family: Family = Family.IPV4
    type: str = "unicast"
    """unicast, local, broadcast, anycast, multicast, prohibit, unreachable, blackhole, throw, nat or xresolve"""
    source: str = ""
    """`from`, IPv6 only: ADDRESS/LENGTH of the sender"""
    preferred_source: str = ""
    """`src`: the address that we send from"""
    via: str = ""
    interface: str = ""
    table: str = "main"
    vrf: str = ""
    """The table of this VRF, in place of `table`"""
    tos: str = ""
    protocol: str = ""
    scope: str = ""
    metric: int | None = None
    onlink: bool = False
    encap: Encapsulation | None = None
    next_hops: tuple[NextHop, ...] = ()
    metrics: tuple[tuple[str, RouteMetric], ...] = ()
    """Name and number: mtu, hoplimit, advmss, rtt (1/8 ms), rttvar (1/4 ms), rto_min (ms), reordering, window, cwnd,
    ssthresh, initcwnd, initrwnd, quickack, fastopen_no_cookie"""
    congctl: str = ""
    congctl_lock: bool = False
    ecn: bool = False
    realms: str = ""
    expires_s: int | None = None
    """IPv6 only"""
    preference: str = ""
    """`pref`, IPv6 only: low, medium, high or a number"""
    ttl_propagate: bool | None = None
    insert: InsertMode = InsertMode.PREPEND
    no_track: bool = False
    """Its loss is not a fault"""
    track_group: str = ""
    """Static routes only: the instances of this group are in FAULT if it is lost"""


class VirtualRule(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `virtual_rules` or `static_rules`: which packets look where for their route."""

    action: str
    """table, goto, nop, blackhole, unreachable, prohibit or l3mdev"""
    family: Family = Family.IPV4
    table: str = ""
    """action table"""
    goto: int | None = None
    """action goto: the preference of another rule"""
    preference: int | None = None
    """None: chosen, from 16383 downwards"""
    inverted: bool = False
    """`not`: packets that do not match"""
    source: str = ""
    """`from`: ADDRESS/LENGTH, "" is any"""
    destination: str = ""
    """`to`"""
    tos: str = ""
    fwmark: int | None = None
    fwmask: int | None = None
    input_interface: str = ""
    output_interface: str = ""
    realms: str = ""
    suppress_prefix_length: int | None = None
    suppress_interface_group: str = ""
    tunnel_id: int | None = None
    user_ids: tuple[int, int] | None = None
    """First and last"""
    protocol: int | None = None
    """Who installed the rule"""
    ip_protocol: str = ""
    """tcp, udp, ... or a number"""
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    no_track: bool = False
    track_group: str = ""
