"""What an operator can say about things that are watched for VRRP: scripts, processes, files, BFD sessions, links.

Frozen values in keepalived's words. Times are nanoseconds. A tracker says up or down (or a number, for a file); what
that means to an instance is said by its `Tracking`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

import msgspec

from alived.base import NS_PER_MS, NS_PER_S

MAX_WEIGHT = 253
"""Weights go from -253 to 253; a file or a process may have 254."""


class TrackerKind(enum.StrEnum):
    """What can be tracked besides interfaces. Names are unique within a kind."""

    SCRIPT = "script"
    PROCESS = "process"
    FILE = "file"
    CHECK = "check"
    GATEWAY = "gateway"
    UNIT = "unit"
    VIRTUAL_SERVER = "virtual_server"
    """Up while it has its quorum. Its name is what it is for (`str` of a Service); only a check counts it"""

    def key(self, name: str) -> str:
        """The name of a tracker among those of all kinds, e.g. "script chk_http"."""
        return f"{self} {name}"


class Weight(msgspec.Struct, frozen=True):
    """0: FAULT while the tracker is down (or up, if `reverse`). Else it changes the priority: a positive one is added
    while up, a negative one while down; `reverse` changes the sign. For a file: the factor of its number."""

    value: int = 0
    reverse: bool = False

    @property
    def sense(self) -> int:
        """What is better of a number in a file: a higher one (1), a lower one (-1), 0 (0), any but 0 (2)."""
        if self.value == 0:
            return 2 if self.reverse else 0
        return -1 if (self.value < 0) is not self.reverse else 1


class FlapDamping(msgspec.Struct, frozen=True):
    """`flap_damping`: how long a tracker that fell for the second time must stay up before it counts; each further fall
    doubles that."""

    hold_ns: int
    max_hold_ns: int


class VrrpScript(msgspec.Struct, frozen=True, kw_only=True):
    """`vrrp_script`: runs every `interval_ns`; exit code 0 is a success. user "": `script_user`."""

    name: str
    argv: tuple[str, ...]
    user: str = ""
    group: str = ""
    interval_ns: int = NS_PER_S
    timeout_ns: int = NS_PER_S
    """After it the run counts as a failure; default: the interval"""
    rise: int = 1
    """Successes in a row before it is up"""
    fall: int = 1
    """Failures in a row before it is down"""
    init_fail: bool = False
    """Whether it is down until it has risen; else its first result counts at once"""
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None


class ParamMatch(enum.StrEnum):
    """How the arguments of a process must agree."""

    NONE = "none"
    """They are not looked at."""
    EXACT = "exact"
    INITIAL = "initial"
    """The last one may be longer than said."""
    PARTIAL = "partial"
    """There may be more of them than said."""


class TrackProcess(msgspec.Struct, frozen=True, kw_only=True):
    """`vrrp_track_process`: up while the number of matching processes is from `quorum` to `quorum_max`."""

    name: str
    process: str
    """Name as in /proc/PID/comm; with `full_command` the first word of /proc/PID/cmdline"""
    arguments: tuple[str, ...] = ()
    param_match: ParamMatch = ParamMatch.NONE
    full_command: bool = False
    quorum: int = 1
    quorum_max: int | None = None
    """None: any number"""
    fork_delay_ns: int = 0
    """Time between enough processes and up"""
    terminate_delay_ns: int = 0
    """Time between too few processes and down"""
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None


class TrackFile(msgspec.Struct, frozen=True, kw_only=True):
    """`track_file`: a file that holds a number. With weight 0 any number but 0 means FAULT; else the number times the
    weight is added to the priority, and -254 or less means FAULT."""

    name: str
    path: str
    init_value: int | None = None
    """Written at the start if the file is missing; None: nothing is written"""
    overwrite: bool = False
    """Whether `init_value` is written also if the file is there"""
    weight: Weight = Weight(1)
    flap_damping: FlapDamping | None = None


class GatewayMethod(enum.StrEnum):
    """How targets are asked."""

    LINK = "link"
    """ARP for IPv4, neighbour solicitations for IPv6: `arp` or `ndp` in a configuration"""
    ICMP = "icmp"


DEFAULT_ROUTES = ("default", "default6")
"""Targets that mean the gateway of the default route, IPv4 and IPv6, whatever it is when it is asked"""


class TrackGateway(msgspec.Struct, frozen=True, kw_only=True):
    """`gateway`: up while at least `quorum` of its targets answer."""

    name: str
    targets: tuple[str, ...]
    """Numeric addresses, or DEFAULT_ROUTES"""
    quorum: int = 1
    interface: str = ""
    """Where they are asked; "": where the route leads, with LINK only for DEFAULT_ROUTES"""
    method: GatewayMethod = GatewayMethod.LINK
    interval_ns: int = NS_PER_S
    timeout_ns: int = NS_PER_S
    """For an answer; at most the interval"""
    rise: int = 2
    fall: int = 3
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None


class TrackUnit(msgspec.Struct, frozen=True, kw_only=True):
    """`unit`: up while a unit of systemd is active."""

    name: str
    unit: str
    """With its suffix: nginx.service"""
    interval_ns: int = NS_PER_S
    """Between two questions"""
    rise: int = 1
    fall: int = 1
    weight: Weight = Weight()
    flap_damping: FlapDamping | None = None


class BfdInstance(msgspec.Struct, frozen=True, kw_only=True):
    """`bfd_instance`: a session of RFC 5880 (port 3784, multihop 4784)."""

    name: str
    neighbor_ip: str
    source_ip: str = ""
    min_rx_ns: int = 10 * NS_PER_MS
    min_tx_ns: int = 10 * NS_PER_MS
    idle_tx_ns: int = 1000 * NS_PER_MS
    """Interval while the session is not up"""
    multiplier: int = 5
    passive: bool = False
    ttl: int = 255
    """TTL or hop limit that packets leave with; default: 255 for IPv4, 64 for IPv6"""
    max_hops: int = 0
    """Hops that a packet may have made; -1 or 255: any number"""
    multihop: bool = False
    weight: Weight = Weight()
    for_vrrp: bool = True
    """Whether instances may track it"""
    for_checkers: bool = True
    """Whether real servers may depend on it"""


class LinkDelay(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `interface_up_down_delays`: how long a link must stay as it is before the change counts."""

    interface: str
    down_ns: int
    up_ns: int = 0


class Tracked(msgspec.Struct, frozen=True):
    """A tracker that an instance or a group watches, with the weight that counts there."""

    name: str
    weight: Weight


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """`track_script`, `track_process`, `track_file`, `track_check` and `track_bfd` of an instance or a group."""

    scripts: tuple[Tracked, ...] = ()
    processes: tuple[Tracked, ...] = ()
    files: tuple[Tracked, ...] = ()
    checks: tuple[Tracked, ...] = ()
    gateways: tuple[Tracked, ...] = ()
    units: tuple[Tracked, ...] = ()
    bfd: tuple[Tracked, ...] = ()

    def judged(self) -> Iterator[tuple[TrackerKind, Tracked]]:
        """All for which there will be a verdict."""
        for kind, field in _JUDGED.items():
            for tracked in getattr(self, field):
                yield kind, tracked


_JUDGED: Mapping[TrackerKind, str] = {
    TrackerKind.SCRIPT: "scripts",
    TrackerKind.PROCESS: "processes",
    TrackerKind.FILE: "files",
    TrackerKind.GATEWAY: "gateways",
    TrackerKind.UNIT: "units",
    TrackerKind.CHECK: "checks",
}
"""Fields of `Tracking` by kind"""
