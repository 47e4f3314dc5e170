"""What an operator can say about virtual servers (IPVS). Frozen values in keepalived's words.

Checks and commands of a server are not here: `alived.config.model` puts them together. Values are effective ones, that
is with everything inherited and every default filled in.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from alived.base import Family

PERSISTENCE_TIMEOUT_S = 360
"""`persistence_timeout` without a value; also where persistence is needed, but was not said."""


class Endpoint(msgspec.Struct, frozen=True, tag=True):
    """address: canonical text. port 0: every port."""

    address: str
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}" if self.port else host


class Fwmark(msgspec.Struct, frozen=True, tag=True):
    """Packets that the firewall has marked. family None: said by the virtual server."""

    mark: int
    family: Family | None = None

    def __str__(self) -> str:
        return f"fwmark {self.mark}"


class GroupName(msgspec.Struct, frozen=True, tag=True):
    """All that the virtual_server_group of this name lists."""

    name: str

    def __str__(self) -> str:
        return f"group {self.name}"


Service: TypeAlias = Endpoint | Fwmark | GroupName
"""Which packets a virtual server is for."""


class AddressRange(msgspec.Struct, frozen=True):
    """An address or consecutive ones; first == last: one. port 0: every port."""

    first: str
    last: str
    family: Family
    port: int = 0


class VirtualServerGroup(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    addresses: tuple[AddressRange, ...] = ()
    fwmarks: tuple[Fwmark, ...] = ()


class Protocol(enum.StrEnum):
    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Scheduler(enum.StrEnum):
    """Which real server gets a new connection; ipvsadm(8) describes them."""

    RR = "rr"
    WRR = "wrr"
    LC = "lc"
    WLC = "wlc"
    LBLC = "lblc"
    LBLCR = "lblcr"
    SH = "sh"
    MH = "mh"
    DH = "dh"
    FO = "fo"
    OVF = "ovf"
    SED = "sed"
    NQ = "nq"
    TWOS = "twos"


class Method(enum.StrEnum):
    """How packets get to a real server: their destination rewritten, only their MAC, or in a tunnel."""

    NAT = "NAT"
    DR = "DR"
    TUN = "TUN"


class Tunnel(enum.StrEnum):
    IPIP = "ipip"
    GUE = "gue"
    GRE = "gre"


class TunnelChecksum(enum.StrEnum):
    NONE = "nocsum"
    FULL = "csum"
    REMOTE = "remcsum"


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """`lvs_method`. What begins with tunnel counts for TUN only; the port for gue only."""

    method: Method = Method.NAT
    tunnel: Tunnel = Tunnel.IPIP
    tunnel_port: int = 0
    tunnel_checksum: TunnelChecksum = TunnelChecksum.NONE


class RealServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server of the pool."""

    endpoint: Endpoint
    family: Family
    weight: int = 1
    forwarding: Forwarding = Forwarding()
    uthreshold: int = 0
    """No new connections above so many; 0: no limit"""
    lthreshold: int = 0
    """New connections again below so many; 0: three quarters of uthreshold"""
    inhibit_on_failure: bool = False
    """Weight 0 instead of removal when it is down: connections that exist go on"""
    alpha: bool = False
    """Not in the pool before its checks have succeeded"""
    snmp_name: str = ""


class SorryServer(msgspec.Struct, frozen=True, kw_only=True):
    """Serves while the quorum is lost."""

    endpoint: Endpoint
    family: Family
    forwarding: Forwarding = Forwarding()
    inhibit: bool = False


class VirtualServer(msgspec.Struct, frozen=True, kw_only=True):
    service: Service
    family: Family | None
    """None: a group of both; its real servers are in tunnels"""
    protocol: Protocol | None = Protocol.UDP
    """None: marked packets of any protocol"""
    lvs_sched: Scheduler = Scheduler.WLC
    scheduler_flags: tuple[int, ...] = ()
    """Of 1, 2, 3; sh and mh: 1 is fallback, 2 is port"""
    ops: bool = False
    """Each packet of UDP is scheduled by itself"""
    persistence_timeout_s: int = 0
    """0: no persistence"""
    persistence_granularity: str = ""
    """Clients of a subnet stick together: netmask (IPv4) or prefix length (IPv6); "": each by itself"""
    persistence_engine: str = ""
    """Such as sip; "": by address"""
    quorum: int = 1
    hysteresis: int = 0
    sorry_server: SorryServer | None = None
    alpha: bool = False
    """Begin without quorum, real servers out of the pool until they are checked"""
    omega: bool = False
    """Commands for down on the stop of the daemon too"""
    ha_suspend: bool = False
    """No checks while the address of the service is not on this machine"""
    snmp_name: str = ""
