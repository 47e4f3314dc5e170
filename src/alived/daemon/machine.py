"""The engine's view of the machine: dumps at the start, the monitor after that, a dump again if the monitor lost
something."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.loop import Loop
from alived.adapters.netlink import Monitor, Requests
from alived.daemon.links import Links
from alived.wire import rtnetlink
from alived.wire.rtnetlink import Address, Link


class Machine:
    """Keeps `links` true and tells what changed.

    changed(links, addresses): names of links whose state may have changed, and the addresses that came or went (in
    the order in which the kernel said so). postponed(): True while reading can wait because addresses are being bound.
    """

    def __init__(
        self,
        loop: Loop,
        requests: Requests,
        *,
        changed: Callable[[set[str], list[Address]], None],
        postponed: Callable[[], bool],
    ) -> None:
        self.links = Links()
        self._requests, self._changed, self._postponed = requests, changed, postponed
        self._loop = loop
        self._monitor = Monitor()

    def start(self) -> None:
        """Reads everything and listens from then on (the monitor was opened before: nothing falls in between)."""
        self._dump()
        self._loop.add_reader(self._monitor.fileno(), self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._monitor.fileno())
        self._monitor.close()

    def refresh(self) -> None:
        """Reads links and addresses again at once, without waiting for the monitor (we have just made a device)."""
        self._dump()

    def _dump(self) -> tuple[set[str], list[Address]]:
        self.links.clear()
        names: set[str] = set()
        addresses: list[Address] = []
        for found in self._requests.dump(rtnetlink.RTM_GETLINK):
            if isinstance(found, Link):
                names |= self.links.update_link(found)
        for found in self._requests.dump(rtnetlink.RTM_GETADDR):
            if isinstance(found, Address):
                self.links.update_address(found)
                addresses.append(found)
        return names, addresses

    def _read(self) -> None:
        if self._postponed():
            return
        messages = self._monitor.read()
        if messages is None:
            self._changed(*self._dump())
            return
        names: set[str] = set()
        addresses: list[Address] = []
        for message in messages:
            if isinstance(message, Link):
                names |= self.links.update_link(message)
            else:
                self.links.update_address(message)
                addresses.append(message)
        self._changed(names, addresses)
