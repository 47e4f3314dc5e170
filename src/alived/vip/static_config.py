"""What stays on the machine whoever is MASTER, and which interfaces share a pace. Frozen values."""

from __future__ import annotations

import msgspec

from alived.vip.config import VirtualAddress


class StaticAddress(msgspec.Struct, frozen=True):
    """A line of `static_ipaddress`: always there. track_group: the TrackGroup that it belongs to."""

    address: VirtualAddress
    track_group: str = ""


class TrackGroup(msgspec.Struct, frozen=True):
    """`track_group`: the instances that are in FAULT if a static address, route or rule of the group is lost."""

    name: str
    instances: tuple[str, ...]


class GarpGroup(msgspec.Struct, frozen=True, kw_only=True):
    """`garp_group`: interfaces that share a pace of announcements. None: the pace of `global_defs`."""

    interfaces: tuple[str, ...]
    garp_interval_ns: int | None = None
    gna_interval_ns: int | None = None
