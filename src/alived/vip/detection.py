"""Duplicate address detection (RFC 4862 section 5.4): which IPv6 addresses are bound with it, how often it may fail."""

from __future__ import annotations

import msgspec

from alived.base import Family
from alived.vip.config import ConflictPolicy, VirtualAddress
from alived.vip.plan import Key, key_of

DAD_TRIES = 3
"""So often an address is bound again without detection after detection failed (ConflictPolicy.TAKE)."""


class Detection:
    """Of the addresses of one group."""

    def __init__(self) -> None:
        self._failed: dict[Key, int] = {}
        """How often it has failed, by address"""

    def applied(self, va: VirtualAddress, policy: ConflictPolicy) -> VirtualAddress:
        """The address as it is to be bound. IPv6 has no probe of ours: with ConflictPolicy.ABORT the kernel's detection
        is the probe. With TAKE a detection that has failed is not tried again."""
        if va.family is Family.IPV4:
            return va
        nodad = (va.nodad and policy is ConflictPolicy.TAKE) or key_of(va) in self._failed
        return va if va.nodad is nodad else msgspec.structs.replace(va, nodad=nodad)

    def failed(self, va: VirtualAddress, policy: ConflictPolicy) -> bool:
        """It has failed. Gives whether the address is bound again, now without detection."""
        times = self._failed.get(key_of(va), 0) + 1
        if policy is ConflictPolicy.ABORT or times > DAD_TRIES:
            return False
        self._failed[key_of(va)] = times
        return True

    def forget(self) -> bool:
        """The next time all begin anew. Gives whether that changes how any of them is bound."""
        had_failed = bool(self._failed)
        self._failed.clear()
        return had_failed
