"""`ha_suspend`: which virtual servers serve an address that is not on this machine; their checks rest meanwhile.

The kernel is asked once and listened to from then on, as long as some virtual server wants it. Whoever lost an address
and gets it back asks again within a `delay_loop`; what was known holds until then, as in keepalived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alived.adapters.netlink import Monitor, Requests
from alived.config.model import Config, Service
from alived.daemon.shared.child import ChildContext
from alived.lvs.config import Endpoint, GroupName
from alived.wire import rtnetlink
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import Address

Span = tuple[bytes, bytes]
"""The first and the last of consecutive addresses."""


class Suspension:
    """changed(): some virtual server is suspended now, or no longer."""

    def __init__(self, context: ChildContext, changed: Callable[[], None]) -> None:
        self._context, self._changed = context, changed
        self._wanted: dict[int, tuple[str, list[Span]]] = {}
        """Position of a virtual server -> its name in sentences, its addresses"""
        self._suspended: set[int] = set()
        self._here: set[tuple[int, int, bytes]] = set()
        """Interface, length of the prefix, address"""
        self._monitor: Monitor | None = None

    def configure(self, config: Config) -> None:
        """Says what is suspended without calling back."""
        self._wanted = {
            position: (str(service.virtual_server.service), list(_spans(service, config)))
            for position, service in enumerate(config.virtual_servers)
            if service.virtual_server.ha_suspend
        }
        self._suspended &= self._wanted.keys()
        if self._wanted and self._monitor is None:
            self._monitor = Monitor()  # before the kernel is asked: nothing falls in between
            self._context.loop.add_reader(self._monitor.fileno(), self._read)
            self._ask()
        elif not self._wanted:
            self.close()
        self._judge()

    def is_suspended(self, position: int) -> bool:
        """position: of the virtual server in the configuration."""
        return position in self._suspended

    def close(self) -> None:
        if self._monitor is not None:
            self._context.loop.remove_reader(self._monitor.fileno())
            self._monitor.close()
            self._monitor = None

    def _ask(self) -> None:
        requests = Requests()
        try:
            found = requests.dump(rtnetlink.RTM_GETADDR)
        finally:
            requests.close()
        self._here = {_key(one) for one in found if isinstance(one, Address)}

    def _read(self) -> None:
        assert self._monitor is not None
        while (messages := self._monitor.read()) != []:
            if messages is None:  # the kernel had to drop some
                self._ask()
                continue
            for message in messages:
                if isinstance(message, Address):
                    (self._here.discard if message.deleted else self._here.add)(_key(message))
        if self._judge():
            self._changed()

    def _judge(self) -> bool:
        """True if something is otherwise than before."""
        here = {address for _, _, address in self._here}
        suspended = {
            position for position, (_, spans) in self._wanted.items() if not any(_is_here(span, here) for span in spans)
        }
        for position in sorted(suspended ^ self._suspended):
            name = self._wanted[position][0]
            if position in suspended:
                message = f"the checks for {name} rest: its address is not on this machine (ha_suspend)"
                self._context.log("info", "checks-suspended", message)
            else:
                self._context.log("info", "checks-resumed", f"the checks for {name} go on: its address is here")
        changed, self._suspended = suspended != self._suspended, suspended
        return changed


def _key(address: Address) -> tuple[int, int, bytes]:
    return address.index, address.prefix_length, address.local


def _spans(service: Service, config: Config) -> Iterator[Span]:
    match service.virtual_server.service:
        case Endpoint(address):
            yield pack_address(address), pack_address(address)
        case GroupName(name):
            for group in config.virtual_server_groups:
                if group.name == name:
                    yield from ((pack_address(one.first), pack_address(one.last)) for one in group.addresses)


def _is_here(span: Span, here: set[bytes]) -> bool:
    first, last = span
    return first in here or (first != last and any(len(one) == len(first) and first <= one <= last for one in here))
