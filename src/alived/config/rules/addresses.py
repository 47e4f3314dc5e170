"""Virtual addresses: each in one place, usable by clients, and never an address that a node needs for itself."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic, Family
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.keywords.lists import PeerEntry, VipEntry
from alived.config.rules.report import error, warning


def duplicate_vip(plan: Plan) -> Iterator[Diagnostic]:
    """An address belongs to one instance, once. A link-local one may be on several interfaces."""
    seen: dict[tuple[str, str], tuple[InstancePlan, VipEntry]] = {}
    for one in plan.instances:
        for entry in entries(one):
            scope = device(one, entry) if entry.address.is_link_local else ""
            first, first_entry = seen.setdefault((entry.address.text, scope), (one, entry))
            if first_entry is entry:
                continue
            whose = "in the same instance" if first is one else f"in {first.name}"
            place = first_entry.location.seen_from(entry.location)
            message = f"{one.name}: {entry.address.text} is already {whose} ({place})"
            same_device = device(one, entry) == device(first, first_entry)
            report = error if same_device and first is not one else warning
            yield report(entry.location, "duplicate-vip", message, "remove one of them")


def entries(one: InstancePlan) -> Iterator[VipEntry]:
    yield from one.settings.get("virtual_ipaddress", ())
    yield from one.settings.get("virtual_ipaddress_excluded", ())


def device(one: InstancePlan, entry: VipEntry) -> str:
    return entry.vip.interface or one.instance.vrrp.interface


def virtual_as_own(plan: Plan) -> Iterator[Diagnostic]:
    """A virtual address as source or peer: it is somewhere else when it is needed."""
    for one in plan.instances:
        vrrp = one.instance.vrrp
        virtual = {address.address for address in one.instance.vips.addresses}
        peers: tuple[PeerEntry, ...] = one.settings.get("unicast_peer", ())
        for entry in peers:
            if entry.peer.address in virtual:
                message = f"{one.name}: peer {entry.peer.address} is a virtual address of the instance"
                yield error(entry.location, "vip-as-peer", message, "list the own addresses of the other nodes")
        if vrrp.source_address in virtual:
            place = one.settings.place("unicast_src_ip", "mcast_src_ip")
            message = f"{one.name}: source address {vrrp.source_address} is one of the virtual addresses"
            yield error(place, "vip-as-source", message, "an address that this node always has")


def not_a_host(plan: Plan) -> Iterator[Diagnostic]:
    """192.0.2.0/24 and 192.0.2.255/24 are the names of a subnet and of all its hosts: clients cannot use them."""
    for one in plan.instances:
        for entry in entries(one):
            kind = _kind_of_number(entry)
            if kind:
                text = f"{entry.address.text}/{entry.vip.prefix_length}"
                message = f"{one.name}: {text} is the {kind} address of its subnet, not one of a host"
                hint = f"the prefix length belongs to the address: {_first_host(entry)}/{entry.vip.prefix_length}"
                yield warning(entry.location, "not-a-host", message, hint)


def _kind_of_number(entry: VipEntry) -> str:
    host_bits = 32 - entry.vip.prefix_length
    if entry.address.family is not Family.IPV4 or host_bits < 2 or host_bits == 32:
        return ""
    host = number(entry.address.text) & ((1 << host_bits) - 1)
    return "network" if host == 0 else "broadcast" if host == (1 << host_bits) - 1 else ""


def _first_host(entry: VipEntry) -> str:
    mask = (1 << (32 - entry.vip.prefix_length)) - 1
    first = (number(entry.address.text) & ~mask) + 1
    return ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))


def number(text: str) -> int:
    """An IPv4 address as a number."""
    a, b, c, d = map(int, text.split("."))
    return a << 24 | b << 16 | c << 8 | d


def outside_subnet(plan: Plan) -> Iterator[Diagnostic]:
    """A virtual address whose subnet, by its own prefix length, is not that of the nodes.

    Said only if the file leaves no doubt: this node and all its peers are in one subnet of that length, and the
    address is on the same interface, but in another one.
    """
    for one in plan.instances:
        vrrp = one.instance.vrrp
        routers = [vrrp.source_address, *(peer.address for peer in vrrp.unicast_peers)]
        if vrrp.family is not Family.IPV4 or not all(routers) or len(routers) < 2:
            continue
        if any(":" in router for router in routers):
            continue  # the other family, which is an error of its own
        for entry in entries(one):
            length = entry.vip.prefix_length
            if entry.address.family is not Family.IPV4 or device(one, entry) != vrrp.interface:
                continue
            subnets = {number(router) >> (32 - length) for router in routers}
            if len(subnets) == 1 and number(entry.address.text) >> (32 - length) not in subnets:
                message = (
                    f"{one.name}: {entry.address.text}/{length} is on {vrrp.interface}, but {vrrp.source_address} and "
                    "the peers there are in another subnet of that length"
                )
                yield warning(entry.location, "outside-subnet", message, "an address of the subnet, or dev NAME")
