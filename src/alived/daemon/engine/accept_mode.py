"""`no_accept` and `strict_mode`: which virtual addresses accept no packets, and the firewall table that sees to it."""

from __future__ import annotations

from alived.adapters import nft
from alived.base import Family
from alived.config.model import Config
from alived.vrrp.config import VrrpInstance
from alived.wire.no_accept_table import script


def accepts(vrrp: VrrpInstance) -> bool:
    """RFC 9568 section 6.1: an owner always does; others if Accept_Mode is on (keepalived's default)."""
    return vrrp.is_owner or (vrrp.accept and not vrrp.strict_mode)


def closed_addresses(config: Config) -> dict[Family, list[str]]:
    """The addresses that accept nothing, by family."""
    closed: dict[Family, list[str]] = {Family.IPV4: [], Family.IPV6: []}
    for instance in config.instances:
        if not accepts(instance.vrrp):
            for va in instance.vips.addresses:
                closed[va.family].append(va.address)
    return {family: sorted(set(addresses)) for family, addresses in closed.items()}


class AcceptMode:
    """The table of one daemon."""

    def __init__(self, runtime_dir: str) -> None:
        self._table = nft.table_name(runtime_dir)
        self._closed = False

    def enforce(self, config: Config) -> None:
        """Makes the table say what this configuration wants. Raises NftError. Without such addresses nft is not even
        asked for, unless there is a table of before."""
        closed = closed_addresses(config)
        wanted = any(closed.values())
        if wanted or self._closed:
            nft.run(script(self._table, closed[Family.IPV4], closed[Family.IPV6]))
            self._closed = wanted

    def lift(self) -> None:
        """Removes the table. Raises NftError."""
        if self._closed:
            nft.run(script(self._table, [], []))
            self._closed = False
