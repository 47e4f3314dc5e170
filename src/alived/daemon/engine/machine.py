"""The engine's view of the machine: dumps at the start, the monitor after that, a dump again if the monitor lost
something."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import msgspec

from alived.adapters.loop import Loop
from alived.adapters.netlink import Monitor, Requests
from alived.daemon.engine.links import Links
from alived.wire import rtnetlink
from alived.wire.rtnetlink import Address, Link

BATCH = 256
"""Notifications before others get their turn."""


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
        for message in self._ask():
            self._update(message)
        self._loop.add_reader(self._monitor.fileno(), self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._monitor.fileno())
        self._monitor.close()

    def catch_up(self) -> None:
        """Hears all that the kernel has said by now."""
        while (messages := self._monitor.read()) != []:
            self._take(self._differences() if messages is None else messages)

    def refresh(self, name: str) -> Link | None:
        """Looks at this link at once, without waiting for the monitor (we have just made the device). Not at all of
        them: there may be hundreds, each of which was made a moment ago."""
        link = self._requests.link(name)
        if link:
            self.links.update_link(link)
        return link

    def _ask(self) -> list[Link | Address]:
        """All links and all addresses."""
        return self._requests.dump(rtnetlink.RTM_GETLINK) + self._requests.dump(rtnetlink.RTM_GETADDR)

    def _read(self) -> None:
        heard: list[Link | Address] = []
        if self._postponed():
            return
        while len(heard) < BATCH and (messages := self._monitor.read()) != []:
            if messages is None:
                heard = self._differences()
                break
            heard += messages
        self._take(heard)

    def _take(self, messages: Iterable[Link | Address]) -> None:
        """Addresses in a row are told together; a link alone, and in its place among them, because what an address
        means depends on the state of its link at that moment."""
        for kind, group in itertools.groupby(messages, type):
            if kind is Address:
                addresses = [message for message in group if isinstance(message, Address)]
                for address in addresses:
                    self.links.update_address(address)
                self._changed(set(), addresses)
            else:
                for link in group:
                    self._changed(self._update(link), [])

    def _update(self, message: Link | Address) -> set[str]:
        if isinstance(message, Link):
            return self.links.update_link(message)
        self.links.update_address(message)
        return set()

    def _differences(self) -> list[Link | Address]:
        """What the monitor would have told us had it not lost something, in the kernel's order: from what we know to
        what is."""
        known_links, known_addresses = self.links.all()
        now = self._ask()
        indices = {message.index for message in now if isinstance(message, Link)}
        there = {_key(message) for message in now if isinstance(message, Address)}
        lost_links = [link for link in known_links if link.index not in indices]
        lost = [address for address in known_addresses if _key(address) not in there]
        return [
            *(msgspec.structs.replace(link, up=False, running=False) for link in lost_links),
            *(msgspec.structs.replace(a, deleted=True) for a in lost if a.index not in indices),
            *(msgspec.structs.replace(link, deleted=True) for link in lost_links),
            *(message for message in now if isinstance(message, Link)),
            *(msgspec.structs.replace(a, deleted=True) for a in lost if a.index in indices),
            *(message for message in now if isinstance(message, Address)),
        ]


def _key(address: Address) -> tuple[int, bytes, int]:
    return address.index, address.local, address.prefix_length
