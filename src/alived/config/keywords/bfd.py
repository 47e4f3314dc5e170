"""Table of `bfd_instance`: a session of RFC 5880 that instances and real servers can depend on."""

from __future__ import annotations

from alived.base import NS_PER_MS, Family
from alived.config.findings import Findings
from alived.config.keywords.converters import Address, address, boolean, flag, integer, milliseconds
from alived.config.keywords.table import Settings, table, works
from alived.config.keywords.trackers import require, weight
from alived.health.trackers_config import MAX_WEIGHT, BfdInstance, Weight

MAX_MS = 4294967
"""keepalived counts microseconds in 32 bits."""
MIN_IDLE_MS = 1000
"""RFC 5880 section 6.8.3: at least a second while the session is not up."""
HOP_LIMIT = 64
DEFAULT_MS = 10


def build_bfd(name: str, said: Settings, findings: Findings) -> BfdInstance | None:
    neighbor: Address | None = require(name, "neighbor_ip", "neighbor_ip ADDRESS", said, findings)
    if neighbor is None:
        return None
    source: Address | None = said.get("source_ip")
    if source is not None and source.family is not neighbor.family:
        message = f"{name}: source_ip {source.text} is not of the family of {neighbor.text}"
        findings.error(said.place("source_ip"), "family-mismatch", message)
    ttl: int = said.get("ttl", 255 if neighbor.family is Family.IPV4 else HOP_LIMIT)
    chosen = said.get("vrrp", False), said.get("checker", False)
    for_vrrp, for_checkers = chosen if any(chosen) else (True, True)
    return BfdInstance(
        name=name,
        neighbor_ip=neighbor.text,
        source_ip=source.text if source else "",
        min_rx_ns=said.get("min_rx", DEFAULT_MS * NS_PER_MS),
        min_tx_ns=said.get("min_tx", DEFAULT_MS * NS_PER_MS),
        idle_tx_ns=said.get("idle_tx", MIN_IDLE_MS * NS_PER_MS),
        multiplier=said.get("multiplier", 5),
        passive=said.get("passive", False),
        ttl=ttl,
        max_hops=_max_hops(name, ttl, said, findings),
        multihop=said.get("multihop", False),
        weight=said.get("weight", Weight()),
        for_vrrp=for_vrrp,
        for_checkers=for_checkers,
    )


def _max_hops(name: str, ttl: int, said: Settings, findings: Findings) -> int:
    hops: int = said.get("max_hops", 0)
    if hops <= ttl:
        return hops
    message = f"{name}: max_hops {hops} is more than the TTL {ttl} that packets leave with: {ttl} is used"
    findings.warning(said.place("max_hops"), "out-of-range", message, f"max_hops {ttl}")
    return ttl


BFD_INSTANCE = table(
    "in bfd_instance",
    works("neighbor_ip", address(), "The other end of the session."),
    works("neighbour_ip", address(), "The same.", field="neighbor_ip"),
    works("source_ip", address(), "Source address of packets.", default="chosen by the kernel"),
    works("min_rx", milliseconds(1, MAX_MS, "10"), "Least time between packets that we can hear.", default="10"),
    works("min_tx", milliseconds(1, MAX_MS, "10"), "Least time between packets that we send.", default="10"),
    works("idle_tx", milliseconds(MIN_IDLE_MS, MAX_MS, "1000"), "The same while not up.", default="1000"),
    works("multiplier", integer(1, 255, 5), "Packets that may be missed before it is down.", default="5"),
    works("passive", flag(), "Do not begin: answer only.", default="off"),
    works("ttl", integer(1, 255, 255), "TTL of packets.", default="255; 64 for IPv6"),
    works("hoplimit", integer(1, 255, 64), "The same for IPv6.", field="ttl", default="64"),
    works("max_hops", integer(-1, 255, 0), "Hops that a packet may have made; 255: any number.", default="0"),
    works("multihop", boolean(), "Sessions over routers (port 4784).", default="off", since="2.2.8"),
    works("weight", weight(MAX_WEIGHT), "Change of the priority; 0: FAULT while it is down.", default="0"),
    works("vrrp", flag(), "Only instances may track it.", default="both"),
    works("checker", flag(), "Only real servers may depend on it.", default="both"),
)
