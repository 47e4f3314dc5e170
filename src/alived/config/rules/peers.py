"""Unicast peers and source addresses that cannot be right, whatever the network is."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.keywords.converters import Address, parse_address
from alived.config.keywords.lists import PeerEntry
from alived.config.rules.report import error


def duplicate_peer(plan: Plan) -> Iterator[Diagnostic]:
    for one in plan.instances:
        seen: set[str] = set()
        peers: tuple[PeerEntry, ...] = one.settings.get("unicast_peer", ())
        for entry in peers:
            if entry.peer.address in seen:
                message = f"{one.name}: peer {entry.peer.address} is listed twice and would get every advert twice"
                yield error(entry.location, "duplicate-entry", message, "remove one of them")
            seen.add(entry.peer.address)


def impossible_router(plan: Plan) -> Iterator[Diagnostic]:
    """An address that no other node can have as peer, or that reaches none as source."""
    for one in plan.instances:
        peers: tuple[PeerEntry, ...] = one.settings.get("unicast_peer", ())
        for entry in peers:
            kind = _kind(parse_address(entry.peer.address))
            if kind:
                message = f"{one.name}: peer {entry.peer.address} is {kind}: no other node has it"
                yield error(entry.location, "unusable-address", message, "the own address of the other node")
        kind = _kind(parse_address(one.instance.vrrp.source_address))
        if kind:
            place = one.settings.place("unicast_src_ip", "mcast_src_ip")
            message = f"{one.name}: source address {one.instance.vrrp.source_address} is {kind}"
            yield error(place, "unusable-address", message, "an address that this node always has")


def _kind(address: Address | None) -> str:
    if address is None:
        return ""
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_loopback:
        return "a loopback address"
    return "a multicast address" if address.is_multicast else ""
