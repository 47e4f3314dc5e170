"""Whether this kernel and this nft can enforce leases: tried with a table of its own that is gone a moment later."""

from __future__ import annotations

import os

from alived.adapters import nft
from alived.adapters.kernel_lease import KernelLease
from alived.adapters.netns import CAP_NET_ADMIN, CAP_NET_RAW, capable
from alived.adapters.nft import NftError
from alived.base import NS_PER_MS
from alived.wire import lease_table
from alived.wire.lease_table import KEY_LENGTH, LeasedGroup, LeaseTable

_NOT_USED = (("lo", "127.255.255.254"), ("lo", "100::1"))
"""Addresses that nobody misses for a moment."""


def why_not() -> str | None:
    """Why leases cannot be enforced in this network namespace; "": they can; None: only root can find out."""
    if not capable(CAP_NET_ADMIN, CAP_NET_RAW):
        return None
    name, key = f"alived_probe_{os.getpid()}", os.urandom(KEY_LENGTH)
    table = LeaseTable(name=name, key=key, timeouts_ns=(NS_PER_MS,), groups=(LeasedGroup("probe", _NOT_USED),))
    try:
        nft.run(lease_table.make(table))
        try:
            return "" if _is_taken(key) else "frames to lo do not reach a table: is lo up?"
        finally:
            nft.run(lease_table.remove(name))
    except (NftError, OSError) as error:
        return str(error)


def _is_taken(key: bytes) -> bool:
    lease = KernelLease(key)
    try:
        return lease.renew("probe")
    finally:
        lease.shut()
