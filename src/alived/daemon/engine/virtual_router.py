"""One VRRP instance in the engine: its cores, its adverts as bytes, and the faults that the world gives it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from alived.adapters.vrrp_sockets import Prepared, Sender
from alived.config import model
from alived.daemon.engine.instance_hooks import InstanceHooks
from alived.daemon.engine.keeper import Keeper
from alived.daemon.shared.deadlines import Entry
from alived.vrrp.config import AuthType, VrrpInstance
from alived.vrrp.events import InstanceEffect, InstanceEvent, SendAdvertisement
from alived.vrrp.instance import Instance
from alived.vrrp.tracking import Tracking
from alived.vrrp.transmit import Transmitter

SEQUENCE_MAX = (1 << 32) - 1
"""Of an authentication header (RFC 2402 section 2.5)"""


class Feed(Protocol):
    """Gives an event to an instance and carries out what follows."""

    def __call__(self, router: VirtualRouter, event: InstanceEvent, now: int, /) -> None: ...


class VirtualRouter:
    """An instance and what belongs to it. The engine steps the cores and carries out their effects."""

    __slots__ = (
        "ah_sequence",
        "config",
        "core",
        "entry",
        "faults",
        "hooks",
        "keeper",
        "packets",
        "primary_address",
        "sender",
        "tracked",
        "tracking",
        "transmitter",
        "vrrp",
        "waits",
    )

    def __init__(self, config: model.Instance, tracking: Tracking, tracked: Collection[str]) -> None:
        """tracked: names of the interfaces that `tracking` wants to hear of."""
        self.config = config
        self.vrrp: VrrpInstance = config.vrrp
        self.core = Instance(config.vrrp)
        self.tracking = tracking
        self.tracked = frozenset(tracked)
        self.entry: Entry
        self.keeper: Keeper
        """Of its addresses."""
        self.hooks: InstanceHooks | None = None
        """Between the election and the addresses; None: there are none."""
        self.ah_sequence = 0
        """Highest sequence number sent or accepted with AH."""
        self.faults: dict[str, str] = {}
        """What the engine itself has told the core: reason by cause."""
        self.primary_address = ""
        """Source of the adverts, as the core was told; "" while there is none."""
        self.sender: Sender | None = None
        self.transmitter: Transmitter | None = None
        self.waits = False
        """For the first verdict on a tracker, before it begins."""
        self.packets: dict[int, list[Prepared]] = {}
        """Prepared adverts by priority."""

    @property
    def name(self) -> str:
        return self.vrrp.name

    @property
    def sending_interface(self) -> str:
        """Adverts leave from the virtual MAC device, unless `vmac_xmit_base` (RFC 9568 section 7.2)."""
        vmac = self.vrrp.vmac
        return vmac.name if vmac and not vmac.xmit_base else self.vrrp.interface

    @property
    def receiving_interface(self) -> str:
        """Adverts of a MASTER that sends from the virtual MAC, which is ours as well, are handed by the kernel to our
        device of that MAC and to nobody else; those from other MACs reach it too."""
        return self.vrrp.vmac.name if self.vrrp.vmac else self.vrrp.interface

    def reconfigure(self, config: model.Instance, tracking: Tracking, tracked: Collection[str]) -> None:
        """A reload: adverts are built anew; the engine tells the cores."""
        self.config, self.vrrp, self.tracking, self.tracked = config, config.vrrp, tracking, frozenset(tracked)
        self.connect(self.sender, self.primary_address)

    def connect(self, sender: Sender | None, source: str) -> None:
        """Takes a socket and a source address for the adverts; None: none can be sent now."""
        self.sender = sender
        self.transmitter = Transmitter(self.vrrp, source) if sender else None
        self.packets.clear()

    def prepare_adverts(self) -> None:
        """Builds the adverts that are sent when seconds count: the first one as MASTER and the last one."""
        if self.sender and self.vrrp.auth_type is not AuthType.AH:
            for priority in (self.tracking.priority, 0):
                if priority not in self.packets:
                    self._prepare(self.sender, priority)

    def begin(self, effects: Sequence[InstanceEffect]) -> Sequence[InstanceEffect]:
        """Queues the adverts with which the effects begin, and returns the rest."""
        for number, effect in enumerate(effects):
            if type(effect) is not SendAdvertisement:
                return effects[number:]
            self.queue_advert(effect.priority)
        return ()

    def queue_advert(self, priority: int) -> None:
        """Puts an advert with this priority into the sender's queue, one for each unicast peer."""
        sender = self.sender
        if sender is None:
            return
        packets = self.packets.get(priority)
        if packets is None:
            packets = self._prepare(sender, priority)
        sender.queue += packets

    def _prepare(self, sender: Sender, priority: int) -> list[Prepared]:
        assert self.transmitter
        if self.vrrp.auth_type is AuthType.AH:
            # Numbered packets: never the same bytes twice.
            self.ah_sequence = min(self.ah_sequence + 1, SEQUENCE_MAX)
            return self._prepared(sender, priority)
        packets = self.packets[priority] = self._prepared(sender, priority)
        return packets

    def _prepared(self, sender: Sender, priority: int) -> list[Prepared]:
        assert self.transmitter
        packets = self.transmitter.packets(priority, self.ah_sequence)
        return [sender.prepare(data, destination) for destination, data in packets]
