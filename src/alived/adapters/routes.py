"""The default gateway, as /proc/net shows the routes of the network that this process is in."""

from __future__ import annotations

import ipaddress
import pathlib
from typing import NamedTuple

from alived.base import Family

IPV4_ROUTES, IPV6_ROUTES = pathlib.Path("/proc/net/route"), pathlib.Path("/proc/net/ipv6_route")
RTF_UP, RTF_GATEWAY, RTF_REJECT = 0x1, 0x2, 0x200


class Route(NamedTuple):
    """metric first: the smallest one counts."""

    metric: int
    gateway: str
    interface: str


def default_route(family: Family) -> Route | None:
    """The best default route through a gateway; None: there is none."""
    found = _ipv4() if family is Family.IPV4 else _ipv6()
    return min(found, default=None)


def _ipv4() -> list[Route]:
    found = []
    for line in IPV4_ROUTES.read_text().splitlines()[1:]:
        interface, destination, gateway, flags, _, _, metric, mask = line.split()[:8]
        if int(destination, 16) == 0 == int(mask, 16) and _leads_on(int(flags, 16)):
            address = ipaddress.IPv4Address(int(gateway, 16).to_bytes(4, "little"))
            found.append(Route(int(metric), str(address), interface))
    return found


def _ipv6() -> list[Route]:
    if not IPV6_ROUTES.exists():
        return []
    found = []
    for line in IPV6_ROUTES.read_text().splitlines():
        destination, length, _, _, gateway, metric, _, _, flags, interface = line.split()
        if int(destination, 16) == 0 == int(length, 16) and _leads_on(int(flags, 16)):
            found.append(Route(int(metric, 16), str(ipaddress.IPv6Address(int(gateway, 16))), interface))
    return found


def _leads_on(flags: int) -> bool:
    return flags & (RTF_UP | RTF_GATEWAY | RTF_REJECT) == RTF_UP | RTF_GATEWAY
