"""Where adverts come in and go out: sockets shared by the instances of an interface.

`Ports` is level-triggered: `attach` may be called again and again with what an instance needs now, and opens, keeps or
closes accordingly.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable

from alived.adapters.loop import Loop
from alived.adapters.vrrp_sockets import AH_PROTOCOL, VRRP_PROTOCOL, Sender
from alived.base import NS_PER_S, Family
from alived.daemon.engine.links import Links
from alived.daemon.engine.port import Port, PortKey
from alived.daemon.engine.virtual_router import Feed, VirtualRouter
from alived.vrrp.config import AuthType

LOG_INTERVAL_NS = 10 * NS_PER_S
"""The same complaint about the same sender is logged at most this often; the counters miss none."""
SENDERS_LOGGED_MAX = 1024


class Ports:
    """All sockets for adverts.

    feed: gives an event to an instance and carries out what follows. changed: the deadline of an instance moved
    earlier. notice(name, code, sentence): a line for the log.
    """

    def __init__(
        self,
        loop: Loop,
        links: Links,
        *,
        feed: Feed,
        changed: Callable[[VirtualRouter], None],
        notice: Callable[[str, str, str], None],
    ) -> None:
        self.feed, self.changed = feed, changed
        self.errors: collections.Counter[str] = collections.Counter()
        """Adverts that were not accepted, by reason; and "send-error"."""
        self._loop, self._links, self._notice = loop, links, notice
        self._ports: dict[PortKey, Port] = {}
        self._senders: dict[tuple[object, ...], Sender] = {}
        self._users: collections.Counter[tuple[object, ...]] = collections.Counter()
        """How many instances send by it."""
        self._attached: dict[str, tuple[PortKey, tuple[object, ...], str]] = {}
        self._logged: dict[tuple[str, str], int] = {}

    def attach(self, router: VirtualRouter, source: str) -> None:
        """Connects the instance with sockets for its interface as it is now. Raises OSError."""
        vrrp = router.vrrp
        base, out = self._links.get(router.receiving_interface), self._links.get(router.sending_interface)
        protocol = AH_PROTOCOL if vrrp.version == 2 and vrrp.auth_type is AuthType.AH else VRRP_PROTOCOL
        port_key = PortKey(router.receiving_interface, base.index if base else 0, vrrp.family, protocol)
        group = "" if vrrp.unicast else vrrp.group
        sender_key = (
            vrrp.family,
            router.sending_interface,
            out.index if out else 0,
            source if vrrp.family is Family.IPV6 else "",
            group,
            vrrp.unicast_ttl if vrrp.unicast else 255,
        )
        wanted = (port_key, sender_key, source)
        if self._attached.get(router.name) == wanted:
            return
        self.detach(router)
        port = self._ports.get(port_key) or self._open_port(port_key)
        self._attached[router.name] = wanted
        self._users[sender_key] += 1
        port.add(router)
        if group:
            port.receiver.join(group, port_key.if_index)
        sender = self._senders.get(sender_key)
        if sender is None:
            hop_limit = vrrp.unicast_ttl if vrrp.unicast else 255
            sender = Sender(
                vrrp.family,
                router.sending_interface,
                out.index if out else 0,
                source=source,
                group=group,
                hop_limit=hop_limit,
            )
            self._senders[sender_key] = sender
        router.connect(sender, source)

    def detach(self, router: VirtualRouter) -> None:
        """Takes the instance off its sockets; the last one closes them."""
        attached = self._attached.pop(router.name, None)
        if attached is None:
            return
        self.flush()
        router.connect(None, "")
        port_key, sender_key, _ = attached
        port = self._ports[port_key]
        port.remove(router)
        if not port.routers:
            self._loop.remove_reader(port.receiver.fileno())
            port.receiver.close()
            del self._ports[port_key]
        self._users[sender_key] -= 1
        if not self._users[sender_key]:
            del self._users[sender_key]
            if sender := self._senders.pop(sender_key, None):
                sender.close()

    def reconfigured(self, router: VirtualRouter) -> None:
        """A reload changed what the instance accepts."""
        if attached := self._attached.get(router.name):
            self._ports[attached[0]].add(router)

    def flush(self) -> None:
        """Sends the adverts that are queued, all of an interface with one system call."""
        for sender in self._senders.values():
            if sender.queue:
                sender.flush()
                if sender.errors:
                    self._send_failed(sender)

    def rehearse(self) -> None:
        """Goes through `flush` without a packet (see daemon/engine/rehearsal.py)."""
        for sender in itertools.islice(self._senders.values(), 1):
            sender.rehearse()

    def rejected(self, interface: str, source: str, reason: str, detail: str, now: int) -> None:
        """Counts an advert that was not accepted and says so now and then."""
        self.errors[reason] += 1
        key = (source, reason)
        last = self._logged.get(key)
        if last is not None and now - last < LOG_INTERVAL_NS:
            return
        if len(self._logged) >= SENDERS_LOGGED_MAX:  # a flood with made-up senders: forget, at a bounded price
            self._logged.clear()
        self._logged[key] = now
        self._notice(interface or "any interface", reason, f"advert of {source} not accepted: {detail or reason}")

    def _send_failed(self, sender: Sender) -> None:
        self.errors["send-error"] += sender.errors
        sender.errors = 0
        self._notice(
            sender.interface, "send-error", f"cannot send adverts from {sender.interface}: {sender.last_error}"
        )

    def _open_port(self, key: PortKey) -> Port:
        port = Port(key, self)
        self._ports[key] = port
        self._loop.add_reader(port.receiver.fileno(), port.read)
        return port
