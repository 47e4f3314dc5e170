"""How a virtual address is said to the kernel: words of the configuration -> fields of RTM_NEWADDR / RTM_DELADDR."""

from __future__ import annotations

import functools
import ipaddress
from typing import TypedDict

from alived.base import Family
from alived.vip.config import INFINITE_LIFETIME, VirtualAddress
from alived.vip.plan import bound_prefix_length
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import (
    IFA_F_HOMEADDRESS,
    IFA_F_MANAGETEMPADDR,
    IFA_F_MCAUTOJOIN,
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
)

IFA_PROTO_ALIVED = 0xA1
"""Who added the address (IFA_PROTO, kernel 5.18; one byte, `ip address show proto 0xa1`). The kernel itself uses 1 to
3; from 4 on the number is free. Not keepalived's 18 (its route protocol): one must see which of two daemons on a
machine an address belongs to, and clean up only one's own."""

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254}
"""rtm_scope; any other is a number. "nowhere" (255) is no scope for an address."""


class AddressRequest(TypedDict):
    """Keyword arguments of `alived.wire.rtnetlink.address_message`."""

    family: int
    index: int
    prefix_length: int
    local: bytes
    peer: bytes
    broadcast: bytes
    label: str
    scope: int
    flags: int
    valid_lft: int
    preferred_lft: int
    proto: int


@functools.lru_cache(maxsize=16384)
def address_request(va: VirtualAddress, index: int, lifetime_s: int) -> AddressRequest:
    """va on the device with this index, for lifetime_s seconds (0: forever). Shared: not to be changed by the caller.

    ValueError for text that the reader of the configuration should not have let pass.
    """
    length = bound_prefix_length(va)
    valid_lft = lifetime_s or INFINITE_LIFETIME
    return AddressRequest(
        family=int(va.family),
        index=index,
        prefix_length=length,
        local=pack_address(va.address),
        peer=pack_address(va.peer.partition("/")[0]) if va.peer else b"",
        broadcast=broadcast_of(va),
        label=va.label,
        scope=scope_number(va.scope),
        flags=flags_of(va),
        valid_lft=valid_lft,
        preferred_lft=min(preferred_lft_of(va), valid_lft),
        proto=IFA_PROTO_ALIVED,
    )


def scope_number(scope: str) -> int:
    return SCOPES[scope] if scope in SCOPES else int(scope)


def flags_of(va: VirtualAddress) -> int:
    """IFA_F_*; those of IPv6 only are left out for IPv4."""
    flags = IFA_F_NOPREFIXROUTE if va.noprefixroute else 0
    flags |= IFA_F_MCAUTOJOIN if va.autojoin else 0
    if va.family is Family.IPV6:
        flags |= IFA_F_NODAD if va.nodad else 0
        flags |= IFA_F_HOMEADDRESS if va.home else 0
        flags |= IFA_F_MANAGETEMPADDR if va.mngtmpaddr else 0
    return flags


def preferred_lft_of(va: VirtualAddress) -> int:
    """Seconds. An IPv6 /128 is deprecated from the start unless asked otherwise, so that the kernel never chooses it
    as the source of a new connection (RFC 6724 rule 3); IPv4 does not know of deprecation."""
    if va.preferred_lft is not None:
        return va.preferred_lft
    return 0 if va.family is Family.IPV6 and va.prefix_length == 128 else INFINITE_LIFETIME


def broadcast_of(va: VirtualAddress) -> bytes:
    """IPv4 only. "+" sets the host bits of the subnet, "-" clears them; a /31 or /32 has no such address (RFC 3021)."""
    if not va.broadcast or va.family is Family.IPV6:
        return b""
    if va.broadcast not in "+-":
        return pack_address(va.broadcast)
    if va.prefix_length > 30:
        return b""
    network = ipaddress.IPv4Network((va.address, va.prefix_length), strict=False)
    return (network.broadcast_address if va.broadcast == "+" else network.network_address).packed
