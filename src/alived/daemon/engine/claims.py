"""Hears who else claims our addresses (ARP, neighbour advertisements) on the interfaces that carry them."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterable

from alived.adapters.loop import Loop
from alived.adapters.neighbours import ETH_P_ARP, ETH_P_IPV6, ClaimListener
from alived.base import DecodeError, Family
from alived.daemon.engine.links import Links
from alived.vip.config import VirtualAddress
from alived.wire import neighbour
from alived.wire.inet import address_text, pack_address

BATCH = 64
"""Frames of one listener before others get their turn."""
Key = tuple[str, int, int]
"""(interface, its index, EtherType)"""


class Claims:
    """A listener for each interface and family with virtual addresses.

    claimed(interface, address, mac): somebody who is not this machine claims the address.
    """

    def __init__(self, loop: Loop, links: Links, claimed: Callable[[str, str, str], None]) -> None:
        self._loop, self._links, self._claimed = loop, links, claimed
        self._listeners: dict[Key, tuple[frozenset[bytes], ClaimListener]] = {}

    def watch(self, addresses: Iterable[VirtualAddress]) -> None:
        """Listens for these addresses, and only for them. Level-triggered."""
        wanted: dict[Key, set[bytes]] = collections.defaultdict(set)
        for va in addresses:
            link = self._links.get(va.interface)
            if link and link.up:
                ethertype = ETH_P_ARP if va.family is Family.IPV4 else ETH_P_IPV6
                wanted[va.interface, link.index, ethertype].add(pack_address(va.address))
        for key, (heard, listener) in list(self._listeners.items()):
            if wanted.get(key, set()) != set(heard):
                self._loop.remove_reader(listener.fileno())
                listener.close()
                del self._listeners[key]
        for key, packed in wanted.items():
            if key not in self._listeners:
                self._listen(key, frozenset(packed))

    def _listen(self, key: Key, addresses: frozenset[bytes]) -> None:
        interface, _, ethertype = key
        with contextlib.suppress(OSError):  # the interface went away under us: its return calls `watch` again
            listener = ClaimListener(interface, ethertype, addresses)
            self._listeners[key] = (addresses, listener)
            self._loop.add_reader(listener.fileno(), lambda: self._read(interface, listener))

    def _read(self, interface: str, listener: ClaimListener) -> None:
        for _ in range(BATCH):
            frame = listener.read()
            if frame is None:
                return
            try:
                heard = neighbour.decode(frame)
            except DecodeError:
                continue  # not a claim of anything
            if isinstance(heard, neighbour.Arp):
                address, mac = heard.sender, heard.sender_mac
            elif isinstance(heard, neighbour.NeighbourAdvertisement):
                address, mac = heard.target, heard.link_layer or heard.frame_source
            else:
                continue
            if not self._links.is_own_mac(mac):
                self._claimed(interface, address_text(address), mac.hex(":"))
