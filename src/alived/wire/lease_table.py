"""The kernel lease: a table of nftables that lets the addresses of a group speak only while somebody renews it.

The leases are a set whose elements time out by themselves. The one who may own a group sends a frame to `lo` now and
then; a rule on its way out puts the number of the group into the set, or sets its time anew, and drops the frame. There
is a rule for each of several timeouts, and the frame says which one: so the kernel's lease ends with the one that it
stands for, or a step earlier, however late the renewal came. All
that leaves with an address of the group as its source (packets, ARP, neighbour advertisements) or comes in for it is
looked up by address, which gives the chain of its group, and that chain drops it unless the number of the group is in
the set. So one frame renews any number of addresses, whoever bound them, and when the frames stop, because their sender
is killed, frozen or swapped out, the addresses fall silent after the timeout, which the kernel alone decides.

Only frames that a process with CAP_NET_RAW sends by a packet socket can renew, and only those with the key of this
table: several daemons may have groups of the same name. A frame that a rule has taken is dropped, which its sender
sees (ENOBUFS); one that passes has met no table.

What is dropped is seen on the interface of an address only. Let in are ARP and neighbour discovery: they say where
the owner of this moment is, and what would be answered to them does not get out.
"""

from __future__ import annotations

import ipaddress
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alived.base import NS_PER_MS

ETHERTYPE_RENEW, ETHERTYPE_CLOSE = 0x88B5, 0x88B6
"""IEEE 802 local experimental EtherTypes 1 and 2."""
KEY_LENGTH = 8
_FRAME = struct.Struct("=8sIB")
"""Key, number of the group, place of the timeout: as the kernel compares them, in the byte order of the machine"""
_NUMBER, _PLACE = "@ll,176,32", "@ll,208,8"
"""Where a frame has the number and the place. As raw bytes: nft 1.0.6 cannot list rules that look behind an EtherType
it does not know, and operators do list them."""
_LEASES_MAX = 65536
_KEYS = {"ipv4": "type ipv4_addr", "ipv6": "type ipv6_addr", "target": "typeof @th,64,128"}
"""Kinds of maps from an address to the chain of its group"""
_LEAVING = {
    "ipv4": ("ip saddr", "arp saddr ip"),
    "ipv6": ("ip6 saddr",),
    "target": ("icmpv6 type nd-neighbor-advert @th,64,128",),
}
_COMING = {"ipv4": ("ip daddr",), "ipv6": ("ip6 daddr",), "target": ()}


class LeasedGroup(msgspec.Struct, frozen=True):
    """A group and what its lease covers: (interface, address) of each address."""

    name: str
    addresses: tuple[tuple[str, str], ...]


class LeaseTable(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    key: bytes
    timeouts_ns: tuple[int, ...]
    """How long an address may speak after the last renewal: each renewal chooses. Whole milliseconds, at most 256"""
    groups: tuple[LeasedGroup, ...]


def group_number(name: str) -> int:
    """What stands for a group in frames and rules. One of four thousand million pairs of groups shares a number, and
    with it a lease."""
    return zlib.crc32(name.encode())


def frame(key: bytes, group: str, place: int = 0) -> bytes:
    """What renews or closes the lease of a group, by its EtherType. place: of the timeout among those of the table."""
    return _FRAME.pack(key, group_number(group), place)


def interfaces(groups: Iterable[LeasedGroup]) -> list[str]:
    """Where the addresses are."""
    return sorted({interface for group in groups for interface, _ in group.addresses})


def make(table: LeaseTable) -> str:
    """Makes the table, all leases closed, in place of one that may be there."""
    return remove(table.name) + _table(table)


def change(before: LeaseTable, after: LeaseTable) -> str:
    """The same table with other groups: leases that are open stay open, no packet sees anything in between."""
    return "".join(f"delete {what} netdev {before.name} {name}\n" for what, name in _objects(before)) + _table(after)


def remove(name: str) -> str:
    """Whether it is there or not."""
    return f"table netdev {name} {{}}\ndelete table netdev {name}\n"


def _objects(table: LeaseTable) -> list[tuple[str, str]]:
    """All but the leases, in the order in which they can be deleted."""
    places = list(enumerate(interfaces(table.groups)))
    return [
        ("chain", "renewals"),
        *(("chain", f"{way}_{place}") for place, _ in places for way in ("out", "in")),
        *(("map", f"{kind}_{place}") for place, interface in places for kind in _elements(table.groups, interface)),
        *(("chain", _chain(group)) for group in table.groups),
    ]


def _chain(group: LeasedGroup) -> str:
    return f"group_{group_number(group.name):08x}"


def _table(table: LeaseTable) -> str:
    lines = [
        f"table netdev {table.name} {{",
        f"  set leases {{ typeof {_NUMBER}; size {_LEASES_MAX}; flags dynamic,timeout; }}",
        *_renewals(table),
    ]
    for group in table.groups:
        # The hash of anything, modulo 1, is 0: a way to write a constant where nft wants something of the packet.
        number = f"jhash meta protocol mod 1 offset {group_number(group.name)}"
        lines.append(f"  chain {_chain(group)} {{\n    {number} != @leases counter drop\n  }}")
    for place, interface in enumerate(interfaces(table.groups)):
        lines += _doors(_elements(table.groups, interface), place, interface)
    return "\n".join([*lines, "}"]) + "\n"


def _renewals(table: LeaseTable) -> list[str]:
    renew, close = (f"@ll,96,80 {kind:#x}{table.key.hex()}" for kind in (ETHERTYPE_RENEW, ETHERTYPE_CLOSE))
    return [
        "  chain renewals {",
        '    type filter hook egress device "lo" priority 0; policy accept;',
        *(
            f"    {renew} {_PLACE} {place} update @leases {{ {_NUMBER} timeout {timeout_ns // NS_PER_MS}ms }} drop"
            for place, timeout_ns in enumerate(table.timeouts_ns)
        ),
        f"    {close} delete @leases {{ {_NUMBER} }}",
        f"    {close} drop",
        "  }",
    ]


def _elements(groups: Iterable[LeasedGroup], interface: str) -> dict[str, list[str]]:
    """The addresses of an interface, each with the chain of its group, by the kind of map that they go to."""
    found: dict[str, list[str]] = {}
    for group in groups:
        for device, text in group.addresses:
            if device == interface:
                address = ipaddress.ip_address(text)
                if address.version == 4:
                    found.setdefault("ipv4", []).append(f"{address} : goto {_chain(group)}")
                else:
                    found.setdefault("ipv6", []).append(f"{address} : goto {_chain(group)}")
                    found.setdefault("target", []).append(f"{int(address):#034x} : goto {_chain(group)}")
    return found


def _doors(elements: Mapping[str, Sequence[str]], place: int, interface: str) -> list[str]:
    """What one interface lets out and in."""
    maps = [
        f"  map {kind}_{place} {{\n    {_KEYS[kind]} : verdict; elements = {{ {', '.join(found)} }}\n  }}"
        for kind, found in elements.items()
    ]
    leaving = [f"    {match} vmap @{kind}_{place}" for kind in elements for match in _LEAVING[kind]]
    coming = [f"    {match} vmap @{kind}_{place}" for kind in elements for match in _COMING[kind]]
    return [
        *maps,
        f"  chain out_{place} {{",
        f'    type filter hook egress device "{interface}" priority 0; policy accept;',
        *leaving,
        "  }",
        f"  chain in_{place} {{",
        f'    type filter hook ingress device "{interface}" priority -500; policy accept;',
        *coming,
        "  }",
    ]
