"""A router made of our cores that speaks the language of holo's recordings: their inputs go in, their outputs come out.

Composed of what the engine composes: `alived.vrrp.packet` and `receive` for adverts as bytes, `Instance` for the
election, `VipHolder` for the addresses. The kernel of this router grants every address at once, and nothing leaves an
interface that is not OPERATIVE.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from alived.base import NS_PER_MS, DeadlineReached, DecodeError, Family
from alived.vip.config import GarpPolicy, VipGroup, VirtualAddress
from alived.vip.events import (
    AddAddresses,
    AddressPresent,
    Announce,
    Claim,
    Release,
    RemoveAddresses,
    SendGratuitous,
    VipEvent,
    VipReconfigured,
)
from alived.vip.group import VipHolder
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import (
    FaultCleared,
    FaultRaised,
    InstanceEvent,
    PrimaryAddressChanged,
    Reannounce,
    Reconfigured,
    SendAdvertisement,
    Shutdown,
    Startup,
    StateChanged,
)
from alived.vrrp.instance import Instance
from alived.vrrp.packet import Advertisement, encode, virtual_mac
from alived.vrrp.receive import Dispatcher, check

Json = dict[str, Any]

HOLO_STATE = {State.INIT: "initialize", State.FAULT: "initialize", State.BACKUP: "backup", State.MASTER: "master"}
GLOBAL_ERRORS = {"checksum-error", "version-error", "vrid-error", "ip-ttl-error"}
"""Of the router; the others are of a virtual router (ietf-vrrp)."""


class Output(NamedTuple):
    """Something that left the router. difference: why a recording may lack it, "" if it may not."""

    channel: str
    what: tuple[Any, ...]
    difference: str = ""


class Link:
    """What the router knows of an interface."""

    def __init__(self) -> None:
        self.operative = False
        self.addresses: list[str] = []

    def primary(self, family: Family) -> str:
        """The first IPv4 address; the first IPv6 link-local address."""
        for text in self.addresses:
            address = ipaddress.ip_interface(text).ip
            if address.version == 4 and family is Family.IPV4:
                return str(address)
            if address.version == 6 and family is Family.IPV6 and address.is_link_local:
                return str(address)
        return ""


class Key(NamedTuple):
    interface: str
    family: Family
    vrid: int


class Virtual:
    """One virtual router: its cores and the word for why it is master."""

    def __init__(self, config: VrrpInstance) -> None:
        self.core = Instance(config)
        self.holder = VipHolder(vip_group(config))
        self.master_reason = "not-master"

    @property
    def macvlan(self) -> str:
        config = self.core.config
        return f"mvlan{4 if config.family is Family.IPV4 else 6}-vrrp-{config.virtual_router_id}"


def vip_group(config: VrrpInstance) -> VipGroup:
    """Announced once each, as the RFC says and holo does."""
    addresses = [
        VirtualAddress(address=address, prefix_length=config.family.bits, interface="macvlan", family=config.family)
        for address in config.addresses
    ]
    once = GarpPolicy(master_delay_ns=0, master_repeat=1, lower_prio_repeat=0)
    return VipGroup(name=config.name, addresses=tuple(addresses), garp=once, lifetime_s=0)


class HoloRouter:
    def __init__(self, config: Json) -> None:
        self.now_ns = 1
        self.outputs: list[Output] = []
        self._links: dict[str, Link] = {}
        self._routers: dict[Key, Virtual] = {}
        self.configure(config)

    def take_outputs(self) -> list[Output]:
        taken, self.outputs = self.outputs, []
        return taken

    def states(self) -> set[tuple[str, str, int, str, str]]:
        """(interface, family, VRID, state, reason) of every virtual router."""
        return {
            (key.interface, key.family.name, key.vrid, HOLO_STATE[router.core.state], router.master_reason)
            for key, router in self._routers.items()
        }

    # Configuration: the whole at first, YANG diffs later

    def configure(self, config: Json) -> None:
        for interface in config.get("ietf-interfaces:interfaces", {}).get("interface", ()):
            self._links.setdefault(interface["name"], Link())
            for family, ip in ((Family.IPV4, "ipv4"), (Family.IPV6, "ipv6")):
                parent = interface.get(f"ietf-ip:{ip}", {}).get("ietf-vrrp:vrrp", {})
                for entry in parent.get("vrrp-instance", ()):
                    operation = operation_of(entry, operation_of(interface, "create"))
                    self._configure_instance(Key(interface["name"], family, entry["vrid"]), entry, operation)

    def _configure_instance(self, key: Key, entry: Json, operation: str) -> None:
        router = self._routers.get(key)
        if operation == "delete":
            if router is not None:
                self._feed(key, Shutdown("deleted"))
                self._emit("ibus", "MacvlanDel", router.macvlan)
                del self._routers[key]
            return
        old = router.core.config if router else default_instance(key)
        new = changed_instance(old, entry, operation)
        if router is None:
            self._create(key, new)
            return
        self._feed(key, Reconfigured(new))
        if new.addresses != old.addresses:
            self._feed_holder(key, VipReconfigured(vip_group(new)), "holo does not announce an added address")

    def _create(self, key: Key, config: VrrpInstance) -> None:
        router = self._routers[key] = Virtual(config)
        mac = tuple(virtual_mac(key.family, key.vrid))
        self._emit("ibus", "MacvlanAdd", key.interface, router.macvlan, mac)
        self._review(key)
        self._feed(key, Startup())

    # Ibus and protocol events

    def feed_ibus(self, event: Json) -> None:
        ((kind, body),) = event.items()
        link = self._links.setdefault(body["ifname"], Link())
        if kind == "InterfaceUpd":
            link.operative = "OPERATIVE" in body["flags"]
        elif kind == "InterfaceDel":
            self._links[body["ifname"]] = Link()
        elif kind == "InterfaceAddressAdd":
            link.addresses.append(body["addr"])
        elif kind == "InterfaceAddressDel":
            link.addresses = [address for address in link.addresses if address != body["addr"]]
        else:
            raise ValueError(f"unknown ibus event {kind}")
        for key in list(self._routers):
            self._review(key)

    def _review(self, key: Key) -> None:
        """What the instance may not run without; level-triggered."""
        router, parent = self._routers[key], self._links.setdefault(key.interface, Link())
        macvlan = self._links.setdefault(router.macvlan, Link())
        primary = parent.primary(key.family)
        conditions = {
            f"interface {key.interface}": parent.operative,
            f"interface {router.macvlan}": macvlan.operative,
            "address": bool(primary),
        }
        faults = dict(router.core.snapshot().faults)
        if primary != router.core.snapshot().primary_address and primary:
            self._feed(key, PrimaryAddressChanged(primary))
        for cause, good in conditions.items():
            if not good and cause not in faults:
                self._feed(key, FaultRaised(cause, f"{cause} is missing"))
            elif good and cause in faults:
                self._feed(key, FaultCleared(cause))

    def feed_protocol(self, event: Json) -> None:
        ((kind, body),) = event.items()
        if kind == "VrrpNetRxPacket":
            self._receive(body["src"], body["packet"])
        elif kind == "MasterDownTimer":
            self._expire(body, State.BACKUP)
        else:
            raise ValueError(f"unknown protocol event {kind}")

    def _expire(self, body: Json, state: State) -> None:
        for key, router in self._routers.items():
            if (key.vrid, key.family) == (body["vrid"], family_of(body["version"])) and router.core.state is state:
                assert router.core.deadline_ns is not None
                self.now_ns = max(self.now_ns, router.core.deadline_ns)
                self._feed(key, DeadlineReached())

    def _receive(self, source: str, packet: Json) -> None:
        family = Family.IPV4 if ipaddress.ip_address(source).version == 4 else Family.IPV6
        keys = [key for key in self._routers if key.family is family]
        by_config = {self._routers[key].core.config.name: key for key in keys}
        configs = [self._routers[key].core.config for key in keys]
        group = configs[0].group if configs else "224.0.0.18"
        error = packet.get("Err")
        kind = error if isinstance(error, str) else next(iter(error or {}), "")
        message = damaged(kind, source, group) if error else rebuilt(packet["Ok"], source, group)
        ttl = 254 if kind == "IpTtlError" else 255
        try:
            config = Dispatcher(configs).find(message, source, group)
            heard = check(config, source=source, destination=group, ttl=ttl, message=message)
        except DecodeError as error:
            self._emit_error(error.reason)
            return
        for event in heard:
            self._feed(by_config[config.name], event)

    # Our cores and their effects

    def _feed(self, key: Key, event: InstanceEvent) -> None:
        self.now_ns += NS_PER_MS
        router = self._routers[key]
        losing = False
        for effect in router.core.step(event, self.now_ns):
            match effect:
                case SendAdvertisement(_, priority):
                    self._send(key, priority, event)
                case StateChanged():
                    self._state_changed(key, effect, event)
                case Reannounce():
                    losing = True
                case _:
                    pass
        if losing:
            self._feed_holder(key, Announce("a losing advert"), "holo does not announce after a losing advert")

    def _send(self, key: Key, priority: int, event: InstanceEvent) -> None:
        config = self._routers[key].core.config
        if not self._links[key.interface].operative:
            return
        answer = getattr(event, "priority", 0)
        difference = "RFC 9568 answers a losing advert" if 0 < answer <= config.priority else ""
        version = "v2" if config.version == 2 else "v3"
        interval = config.advert_interval_cs // 100 if config.version == 2 else config.advert_interval_cs
        what = ("Vrrp", version, key.vrid, priority, interval, config.addresses)
        self._emit("protocol", *what, difference=difference)

    def _state_changed(self, key: Key, change: StateChanged, event: InstanceEvent) -> None:
        router = self._routers[key]
        router.master_reason = "not-master"
        if change.new is State.MASTER:
            router.master_reason = "no-response" if isinstance(event, DeadlineReached) else "priority"
            self._emit("northbound-notif", "vrrp-new-master-event", router.master_reason)
            self._feed_holder(key, Claim(change.reason))
        elif change.old is State.MASTER:
            gone = not self._links[key.interface].operative or not self._links[router.macvlan].operative
            self._feed_holder(key, Release(change.reason), "holo leaves addresses on a dead interface" if gone else "")

    def _feed_holder(self, key: Key, event: VipEvent, difference: str = "") -> None:
        """difference: allowed for announcements, and for removals when the interface has gone."""
        router = self._routers[key]
        for effect in router.holder.step(event, self.now_ns):
            if isinstance(effect, AddAddresses | RemoveAddresses):
                adds = isinstance(effect, AddAddresses)
                for va in effect.addresses:
                    kind = "InterfaceIpAddRequest" if adds else "InterfaceIpDelRequest"
                    lenient = "" if isinstance(event, VipReconfigured) else difference
                    self._emit("ibus", kind, router.macvlan, f"{va.address}/{va.prefix_length}", difference=lenient)
                    if adds:
                        router.holder.step(AddressPresent(va.interface, va.address, va.prefix_length), self.now_ns)
            elif isinstance(effect, SendGratuitous):
                kind = "Arp" if key.family is Family.IPV4 else "NAdv"
                for va in effect.addresses:
                    self._emit("protocol", kind, key.vrid, va.address, difference=difference)

    def _emit(self, channel: str, *what: Any, difference: str = "") -> None:
        self.outputs.append(Output(channel, what, difference))

    def _emit_error(self, reason: str) -> None:
        scope = "vrrp-protocol-error-event" if reason in GLOBAL_ERRORS else "vrrp-virtual-router-error-event"
        self._emit("northbound-notif", scope, reason)


def default_instance(key: Key) -> VrrpInstance:
    version = 2 if key.family is Family.IPV4 else 3
    return VrrpInstance(
        name=f"{key.interface}-{key.family.name}-{key.vrid}",
        interface=key.interface,
        virtual_router_id=key.vrid,
        family=key.family,
        version=version,
        higher_prio_send_advert=False,
    )


def changed_instance(old: VrrpInstance, entry: Mapping[str, Any], operation: str) -> VrrpInstance:
    """The instance after a YANG diff (or the whole) of it."""
    fields: Json = {}
    if "version" in entry:
        fields["version"] = 2 if entry["version"].endswith("v2") else 3
    if "priority" in entry:
        fields["priority"] = entry["priority"]
    if "advertise-interval-sec" in entry:
        fields["advert_interval_cs"] = entry["advertise-interval-sec"] * 100
    if "advertise-interval-centi-sec" in entry:
        fields["advert_interval_cs"] = entry["advertise-interval-centi-sec"]
    if "preempt" in entry:
        fields["nopreempt"] = not entry["preempt"].get("enabled", True)
    for ip in ("ipv4", "ipv6"):
        listed = entry.get(f"virtual-{ip}-addresses", {}).get(f"virtual-{ip}-address", ())
        if listed:
            fields["addresses"] = changed_addresses(old.addresses, listed, f"{ip}-address", operation)
    return msgspec.structs.replace(old, **fields)


def changed_addresses(old: tuple[str, ...], listed: Iterable[Json], leaf: str, operation: str) -> tuple[str, ...]:
    addresses = list(old)
    for entry in listed:
        address = str(ipaddress.ip_address(entry[leaf]))
        if operation_of(entry, operation) == "delete":
            addresses.remove(address)
        elif address not in addresses:
            addresses.append(address)
    return tuple(addresses)


def operation_of(node: Mapping[str, Any], inherited: str) -> str:
    return str(node.get("@", {}).get("yang:operation", inherited))


def family_of(version: str | Json) -> Family:
    if isinstance(version, str):
        return Family.IPV4
    return Family.IPV6 if version["V3"] == "Ipv6" else Family.IPV4


def rebuilt(packet: Json, source: str, destination: str) -> bytes:
    """The advert as bytes, with a right checksum: a recording that changes a field does not change the checksum."""
    version = 2 if packet["version"] == "V2" else 3
    advertisement = Advertisement(
        version=version,
        virtual_router_id=packet["vrid"],
        priority=packet["priority"],
        interval_cs=packet["adver_int"] * (100 if version == 2 else 1),
        addresses=tuple(packet["ip_addresses"]),
        type=packet["hdr_type"],
    )
    return encode(advertisement, source=source, destination=destination)


def damaged(error: str, source: str, destination: str) -> bytes:
    """An advert with the error that the recording names (IpTtlError: the message itself is good)."""
    good = {"version": "V2", "hdr_type": 1, "vrid": 1, "priority": 30, "adver_int": 1, "ip_addresses": ["10.0.1.5"]}
    if error == "AddressListError":
        return rebuilt({**good, "ip_addresses": []}, source, destination)
    if error == "IntervalError":
        return rebuilt({**good, "adver_int": 77}, source, destination)
    if error == "VridError":
        return rebuilt({**good, "vrid": 254}, source, destination)
    message = bytearray(rebuilt(good, source, destination))
    if error == "VersionError":
        message[0] = 4 << 4 | 1
    elif error == "ChecksumError":
        message[6] ^= 0xFF
    elif error == "PacketLengthError":
        del message[-1]
    elif error != "IpTtlError":
        raise ValueError(f"unknown packet error {error}")
    return bytes(message)
