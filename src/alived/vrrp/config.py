"""What an operator can say about a VRRP instance and a sync group, in keepalived's words. Frozen values, no defaults
that depend on other fields: the configuration reader has filled them in."""

from __future__ import annotations

import enum

import msgspec

from alived.base import NS_PER_CS, Family
from alived.owner import AllUnhealthy
from alived.owner import State as State

MULTICAST_GROUP = {Family.IPV4: "224.0.0.18", Family.IPV6: "ff02::12"}
"""RFC 9568 section 5.1.1.2 and 5.1.2.2."""

OWNER_PRIORITY = 255
"""RFC 9568 section 5.2.4: the router that owns the addresses."""
LAST_RESORT_PRIORITY = 9
"""The highest one of a router that fails a condition and may be MASTER for want of a better one (`all_unhealthy best`);
all that are well have a higher one."""


class AuthType(enum.StrEnum):
    NONE = "none"
    PASS = "PASS"
    AH = "AH"


class Checksum(enum.StrEnum):
    """How the checksum of VRRPv3 over IPv4 is *sent*; both readings are accepted on receipt."""

    PSEUDO_HEADER = "pseudo_header"
    """RFC 5798 as keepalived and FRR read it: what interoperates with what is deployed."""
    MESSAGE_ONLY = "message_only"
    """RFC 9568 section 5.2.8; keepalived's `v3_checksum_as_v2`."""


class AntiReplay(enum.StrEnum):
    """How a signed advert that was heard before is known."""

    TIME = "time"
    """By the time of its signature; clocks of the routers must agree."""
    MONOTONIC = "monotonic"
    """By its counter, which only grows."""


class HmacMode(enum.StrEnum):
    """How far a group is on its way to signed adverts."""

    ENFORCE = "enforce"
    """Unsigned ones are refused."""
    PERMISSIVE = "permissive"
    """Unsigned ones are accepted, signed ones are sent."""
    RECEIVE_ONLY = "receive-only"
    """Both are accepted, unsigned ones are sent."""


class HmacKey(msgspec.Struct, frozen=True):
    """A key of 32 to 64 bytes, or the file that holds it."""

    id: int
    secret: bytes = b""
    file: str = ""

    def __repr__(self) -> str:
        """Never the secret: it must not get into a log."""
        return f"HmacKey(id={self.id}, file={self.file!r})"


class AuthHmac(msgspec.Struct, frozen=True, kw_only=True):
    """`auth_hmac` of keepalived 2.4: a trailer of HMAC-SHA-256 behind each advert."""

    keys: tuple[HmacKey, ...]
    active_key: int
    """Number of the key that adverts are signed with"""
    time_window_ns: int | None = None
    """None: three advert intervals, at least 5 s"""
    anti_replay: AntiReplay = AntiReplay.TIME
    mode: HmacMode = HmacMode.ENFORCE


class UnicastPeer(msgspec.Struct, frozen=True):
    """A peer that gets our advertisements; a TTL / hop limit outside min..max is refused."""

    address: str
    min_ttl: int = 0
    max_ttl: int = 255


class TrackedInterface(msgspec.Struct, frozen=True):
    """Weight 0: FAULT while the link is down (or up, if `reverse`); else the weight changes the priority:
    positive is added while up, negative is added while down."""

    name: str
    weight: int = 0
    reverse: bool = False


class Vmac(msgspec.Struct, frozen=True):
    """`use_vmac`: a macvlan with 00:00:5e:00:01:VRID (IPv4) or 00:00:5e:00:02:VRID (IPv6) on the interface.
    name: at most 15 bytes. xmit_base: adverts leave from the interface's own MAC (`vmac_xmit_base`)."""

    name: str
    xmit_base: bool = False
    other_interfaces: bool = False
    """`use_vmac_addr`: addresses on other interfaces get macvlans with the virtual MAC, too"""


class VrrpInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual router (`vrrp_instance`)."""

    name: str
    interface: str
    """Where adverts go; "" only with unicast peers."""
    virtual_router_id: int
    """1..255"""
    family: Family = Family.IPV4
    version: int = 2
    priority: int = 100
    """Base priority 1..255; trackers change the effective one."""
    advert_interval_cs: int = 100
    """v2: a multiple of 100 up to 25500; v3: 1..4095."""
    initial_state: State = State.BACKUP
    """keepalived's `state`: changes nothing in the election; BACKUP is required for nopreempt and preempt_delay."""
    nopreempt: bool = False
    preempt_delay_ns: int = 0
    accept: bool = True
    strict_mode: bool = False
    down_timer_adverts: int = 3
    addresses: tuple[str, ...] = ()
    """Advertised addresses in the order of the configuration (canonical text, no prefix length)."""
    auth_type: AuthType = AuthType.NONE
    auth_pass: str = ""
    """PASS: at most 8 bytes."""
    source_address: str = ""
    """`mcast_src_ip` or `unicast_src_ip`; "": the primary address of the interface."""
    track_source_address: bool = False
    """`track_src_ip`: FAULT while source_address is not on the machine."""
    unicast_peers: tuple[UnicastPeer, ...] = ()
    unicast: bool = False
    """True with a `unicast_peer` block, even an empty one: such an instance never falls back to multicast."""
    unicast_ttl: int = 255
    check_unicast_src: bool = False
    """Adverts from others than the peers are refused."""
    unicast_fault_no_peer: bool = False
    multicast_group: str = ""
    """"": MULTICAST_GROUP of the family."""
    checksum: Checksum = Checksum.PSEUDO_HEADER
    old_unicast_checksum: bool = False
    """v3 over IPv4 by unicast with the pseudo header's destination as keepalived before 1.3.6: the multicast group."""
    skip_check_adv_addr: bool = False
    lower_prio_no_advert: bool = False
    """Stay silent on an advert that loses against us (RFC 9568 and the default: answer at once)."""
    higher_prio_send_advert: bool = False
    """Send one more advert before giving way, so that everybody hears who lost."""
    vmac: Vmac | None = None
    track_primary: bool = True
    """FAULT while `interface` is down (`dont_track_primary` clears it)."""
    track_interfaces: tuple[TrackedInterface, ...] = ()
    startup_delay_ns: int = 0
    """`vrrp_startup_delay`: no takeover during this time after the start."""
    all_unhealthy: AllUnhealthy = AllUnhealthy.NONE
    auth_hmac: AuthHmac | None = None
    timer_expired_backup: int | None = None
    """Highest priority of the others: BACKUP if our timer ran so late that one of them may be MASTER; None: never"""
    owner_ignore_adverts: bool = False
    """With priority 255: adverts of others are not looked at"""
    sync_group: str = ""
    """Name of the sync group that lists this instance, "" if none does: such an instance asks its group before it
    becomes MASTER or leaves FAULT."""

    @property
    def advert_interval_ns(self) -> int:
        return self.advert_interval_cs * NS_PER_CS

    @property
    def group(self) -> str:
        return self.multicast_group or MULTICAST_GROUP[self.family]

    @property
    def is_owner(self) -> bool:
        return self.priority == OWNER_PRIORITY


class VrrpSyncGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Instances that change state together (`vrrp_sync_group`)."""

    name: str
    members: tuple[str, ...]
    track_interfaces: tuple[TrackedInterface, ...] = ()
    sync_group_tracking_weight: bool = False
    """Members may have different priorities because of weights (keepalived's keyword)."""
