"""The reaper: removes what an engine that died has left in the kernel, at once and on the next start.

It needs no list of what was bound: everything that this configuration could have bound and that carries our mark is a
leftover. An address without the mark (an operator's own, the address of an owner) is not touched.
"""

from __future__ import annotations

import errno
import os

from alived.adapters.netlink import Requests
from alived.config.change import bound
from alived.config.model import Config
from alived.daemon.engine import vmac
from alived.vip.config import INFINITE_LIFETIME, VirtualAddress
from alived.vip.kernel import IFA_PROTO_ALIVED, address_request
from alived.vip.plan import bound_prefix_length
from alived.wire import rtnetlink
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import Address, Link

BATCH = 256
NOT_THERE = {errno.EADDRNOTAVAIL, errno.ENODEV}
"""It has just gone by itself."""


def remove(config: Config) -> list[str]:
    """Removes leftovers of this configuration; returns a sentence for each. Raises OSError without CAP_NET_ADMIN."""
    requests = Requests()
    try:
        links = {link.index: link for link in requests.dump(rtnetlink.RTM_GETLINK) if isinstance(link, Link)}
        addresses = [a for a in requests.dump(rtnetlink.RTM_GETADDR) if isinstance(a, Address)]
        return [*_remove_addresses(requests, config, links, addresses), *_remove_vmacs(requests, config, links)]
    finally:
        requests.close()


def is_ours(address: Address) -> bool:
    """Our mark; or, from a kernel before 5.18 that does not keep it, a finite lifetime."""
    return address.proto == IFA_PROTO_ALIVED or (address.proto == 0 and address.valid_lft != INFINITE_LIFETIME)


def _remove_addresses(
    requests: Requests, config: Config, links: dict[int, Link], addresses: list[Address]
) -> list[str]:
    ours: dict[tuple[str, bytes, int], VirtualAddress] = {
        (va.interface, pack_address(va.address), bound_prefix_length(va)): va
        for vips in bound(config).values()
        for va in vips.addresses
    }
    found = [
        (ours[key], address.index)
        for address in addresses
        if is_ours(address)
        and address.index in links
        and (key := (links[address.index].name, address.local, address.prefix_length)) in ours
    ]
    messages = [
        rtnetlink.address_message(rtnetlink.RTM_DELADDR, 0, **address_request(va, index, 0)) for va, index in found
    ]
    errors: dict[int, int] = {}
    for start in range(0, len(messages), BATCH):
        errors |= {start + n: error for n, error in requests.transact(messages[start : start + BATCH]).items()}
    return [
        _sentence(f"leftover address {va.address}/{va.prefix_length} from {va.interface}", errors.get(number, 0))
        for number, (va, _) in enumerate(found)
        if errors.get(number) not in NOT_THERE
    ]


def _sentence(what: str, error: int) -> str:
    return f"cannot remove the {what}: {os.strerror(error)}" if error else f"removed the {what}"


def _remove_vmacs(requests: Requests, config: Config, links: dict[int, Link]) -> list[str]:
    by_name = {link.name: link for link in links.values()}
    removed = []
    for instance in config.instances:
        device = instance.vrrp.vmac
        link = by_name.get(device.name) if device else None
        if link and vmac.is_ours(instance.vrrp, link):
            try:
                vmac.remove(requests, link)
                error = 0
            except OSError as refusal:
                error = refusal.errno or errno.EIO
            if error not in NOT_THERE:
                removed.append(_sentence(f"leftover virtual MAC device {link.name}", error))
    return removed
