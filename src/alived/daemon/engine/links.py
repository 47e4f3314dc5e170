"""What the kernel says about links and addresses: the engine's picture of the machine, fed by the netlink monitor.

It decides nothing; it answers "is this interface usable, and which address do adverts carry as their source?".
"""

from __future__ import annotations

from collections.abc import Collection

from alived.base import Family
from alived.vip.kernel import IFA_PROTO_ALIVED
from alived.wire.inet import address_text, pack_address
from alived.wire.rtnetlink import Address, Link

IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
RT_SCOPE_LINK = 253


class Links:
    """Links by name, and the addresses on each."""

    def __init__(self) -> None:
        self._by_name: dict[str, Link] = {}
        self._by_index: dict[int, Link] = {}
        self._addresses: dict[int, dict[tuple[bytes, int], Address]] = {}
        self._macs: frozenset[bytes] | None = None
        """Of all links; None: has to be made."""

    def clear(self) -> None:
        self._macs = None
        self._by_name.clear()
        self._by_index.clear()
        self._addresses.clear()

    def name(self, index: int) -> str:
        """ "" if there is no such link."""
        link = self._by_index.get(index)
        return link.name if link else ""

    def get(self, name: str) -> Link | None:
        return self._by_name.get(name)

    def update_link(self, link: Link) -> set[str]:
        """Takes a new or deleted link in; returns the names whose state may have changed (two after a rename)."""
        self._macs = None
        known = self._by_index.get(link.index)
        names = {link.name} | ({known.name} if known else set())
        if known and self._by_name.get(known.name) is known:
            del self._by_name[known.name]
        if link.deleted:
            self._by_index.pop(link.index, None)
            self._addresses.pop(link.index, None)
        else:
            self._by_name[link.name] = self._by_index[link.index] = link
        return names

    def update_address(self, address: Address) -> None:
        found = self._addresses.setdefault(address.index, {})
        key = (address.local, address.prefix_length)
        if address.deleted:
            found.pop(key, None)
        else:
            found[key] = address

    def address(self, name: str, text: str, prefix_length: int) -> Address | None:
        """This address, if it is on the interface."""
        link = self._by_name.get(name)
        return self._addresses.get(link.index, {}).get((pack_address(text), prefix_length)) if link else None

    def all(self) -> tuple[list[Link], list[Address]]:
        """All links, and all addresses."""
        addresses = [address for found in self._addresses.values() for address in found.values()]
        return list(self._by_index.values()), addresses

    def addresses(self, name: str) -> Collection[Address]:
        link = self._by_name.get(name)
        return self._addresses.get(link.index, {}).values() if link else ()

    def has(self, name: str, text: str) -> bool:
        """Whether this address is on this interface, whatever its length."""
        packed = pack_address(text)
        return any(one.local == packed for one in self.addresses(name))

    def has_address(self, text: str) -> bool:
        """Whether this address is on any interface, and usable."""
        packed = pack_address(text)
        return any(
            a.local == packed and not a.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)
            for found in self._addresses.values()
            for a in found.values()
        )

    def usable(self, name: str) -> bool | None:
        """Whether the interface is up and has a carrier; None if there is none of that name."""
        link = self._by_name.get(name)
        return link.up and link.running if link else None

    def is_own_mac(self, mac: bytes) -> bool:
        if self._macs is None:
            self._macs = frozenset(link.mac for link in self._by_name.values())
        return mac in self._macs

    def trouble(self, name: str) -> str:
        """Why the interface cannot carry adverts now; "" if it can."""
        link = self._by_name.get(name)
        if link is None:
            return f"there is no interface {name}"
        if not link.up:
            return f"{name} is down"
        if not link.running:
            return f"{name} has no carrier (cable, switch port or peer)"
        return ""

    def primary_address(self, name: str, family: Family, virtual: Collection[str]) -> str:
        """The source of our adverts: for IPv4 the first address of the interface that is not virtual, neither ours nor
        that of another instance, for IPv6 its link-local address (RFC 9568 section 7.2); "" if there is none yet. An
        address owner whose only address is the virtual one uses that."""
        fallback = ""
        for address in self.addresses(name):
            if address.family != family or address.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED):
                continue
            if family is Family.IPV6 and (address.scope != RT_SCOPE_LINK or address.local[:2] != b"\xfe\x80"):
                continue
            text = address_text(address.local)
            if text in virtual:
                fallback = fallback or text
            elif address.proto != IFA_PROTO_ALIVED:
                return text
        return fallback
