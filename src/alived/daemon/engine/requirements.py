"""What an instance needs from the machine, compared with what there is: interface, source address, virtual MAC
device, sockets. Level-triggered: `review` may be asked at any time and makes what is missing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from alived.adapters.netlink import Requests
from alived.adapters.sysctl import Sysctls
from alived.base import Family
from alived.config import model
from alived.daemon.engine import vmac
from alived.daemon.engine.links import Links
from alived.daemon.engine.machine import Machine
from alived.daemon.engine.ports import Ports
from alived.daemon.engine.virtual_router import VirtualRouter
from alived.vrrp import events as vrrp
from alived.vrrp.config import State
from alived.wire import rtnetlink
from alived.wire.inet import pack_address

Notice = Callable[[str, str, str], None]
"""(instance, code, sentence)"""
IFA_F_NODAD = 0x02
SCOPE_LINK = 253


def things(config: model.Instance, tracked: Collection[str]) -> set[str]:
    """What concerns an instance if it changes: interfaces by their names, and its source address on any of them."""
    vrrp_config = config.vrrp
    found = {vrrp_config.interface, *tracked} | {va.interface for va in config.vips.addresses}
    if vrrp_config.vmac:
        found.add(vrrp_config.vmac.name)
    if vrrp_config.track_source_address:
        found.add(vrrp_config.source_address)
    return found


class Requirements:
    """Makes and checks what instances stand on."""

    def __init__(
        self,
        machine: Machine,
        requests: Requests,
        ports: Ports,
        notice: Notice,
        sysctls: Sysctls,
        usable: Callable[[str, int], bool | None],
    ) -> None:
        """usable: of a tracked link, as of now."""
        self._usable = usable
        self._machine, self._requests, self._ports, self._notice = machine, requests, ports, notice
        self._sysctls = sysctls
        self._links: Links = machine.links

    def review(self, router: VirtualRouter, now: int) -> Iterator[vrrp.InstanceEvent]:
        """Makes what is missing, connects sockets, and yields what the instance must hear of it: new faults first, so
        that it does not come back for a moment, and while there are sockets for its last advert."""
        tracked = [
            event
            for name in sorted(router.tracked)
            for event in router.tracking.set_interface(name, self._usable(name, now))
        ]
        faults: dict[str, str] = {}
        self._virtual_device(router, faults)
        source = self._source(router, faults)
        if source:
            self._connect(router, source, faults)
        before, router.faults = router.faults, faults
        yield from (event for event in tracked if not isinstance(event, vrrp.FaultCleared))
        for cause, reason in faults.items():
            if before.get(cause) != reason:
                yield vrrp.FaultRaised(cause, reason)
        if not source:
            self._ports.detach(router)
        elif source != router.primary_address:
            yield vrrp.PrimaryAddressChanged(source)
        router.primary_address = source
        yield from (event for event in tracked if isinstance(event, vrrp.FaultCleared))
        for cause in before.keys() - faults.keys():
            yield vrrp.FaultCleared(cause)

    def undo(self, routers: Iterable[VirtualRouter]) -> None:
        """Removes what was made for these instances, which have stopped."""
        routers = list(routers)
        for router in routers:
            self._ports.detach(router)
            device = router.vrrp.vmac and self._links.get(router.vrrp.vmac.name)
            if device and vmac.is_ours(router.vrrp, device):
                try:
                    vmac.remove(self._requests, device)
                except OSError as error:
                    self._notice(router.name, "vmac", f"cannot remove {device.name}: {error.strerror}")

    def proxy_arp(self, router: VirtualRouter) -> None:
        """To be asked on a change to and from MASTER: who answers for addresses that are reached through us."""
        if router.vrrp.vmac and (parent := self._links.get(router.vrrp.interface)):
            master = router.core.state is State.MASTER
            self._set(router, vmac.proxy_settings(self._sysctls, router.vrrp, parent.index, master=master))

    def _set(self, router: VirtualRouter, settings: list[tuple[str, str]]) -> None:
        for sentence in vmac.apply_settings(self._sysctls, settings):
            self._notice(router.name, "sysctl", sentence)

    def restore_settings(self) -> None:
        """Puts the kernel settings back that virtual MAC devices needed."""
        self._sysctls.restore()

    # -- one requirement each; a fault is a sentence under its cause --

    def _virtual_device(self, router: VirtualRouter, faults: dict[str, str]) -> None:
        device = router.vrrp.vmac
        parent = self._links.get(router.vrrp.interface)
        if not device or not parent:
            return  # without the parent, the interface itself is the trouble
        existing = self._links.get(device.name)
        try:
            if not existing or not vmac.is_ours(router.vrrp, existing) or existing.parent_index != parent.index:
                vmac.create(self._requests, router.vrrp, parent, existing)
                self._set(router, vmac.settings(router.vrrp))
                self.proxy_arp(router)
                existing = self._machine.refresh(device.name)
            if existing and not existing.up:
                vmac.set_up(self._requests, existing.index)
                self._machine.refresh(device.name)
            if router.vrrp.family is Family.IPV6 and not device.xmit_base:
                self._share_link_local(router)
        except vmac.VmacError as error:
            faults["vmac"] = str(error)
        except OSError as error:
            faults["vmac"] = f"cannot set {device.name} up: {error.strerror}"

    def _share_link_local(self, router: VirtualRouter) -> None:
        """IPv6 adverts from the virtual MAC carry the link-local address of the interface (as keepalived's do)."""
        assert router.vrrp.vmac
        name = router.vrrp.vmac.name
        address = self._links.primary_address(router.vrrp.interface, Family.IPV6, router.vrrp.addresses)
        device = self._links.get(name)
        if not address or not device or self._links.primary_address(name, Family.IPV6, router.vrrp.addresses):
            return
        message = rtnetlink.address_message(
            rtnetlink.RTM_NEWADDR,
            0,
            family=Family.IPV6,
            index=device.index,
            prefix_length=64,
            local=pack_address(address),
            scope=SCOPE_LINK,
            flags=IFA_F_NODAD,
        )
        self._requests.request(message)

    def _source(self, router: VirtualRouter, faults: dict[str, str]) -> str:
        """The source address of our adverts; "" with the fault that says why there is none."""
        config = router.vrrp
        if config.source_address:
            if config.track_source_address and not self._links.has_address(config.source_address):
                faults["source address"] = f"the source address {config.source_address} is not on this machine"
                return ""
            return config.source_address
        if not config.interface:
            faults["source address"] = "an instance without interface needs unicast_src_ip"
            return ""
        if not self._links.get(config.interface):
            faults["source address"] = (
                f"no address to send adverts from, since there is no interface {config.interface}"
            )
            return ""
        address = self._links.primary_address(config.interface, config.family, config.addresses)
        if not address:
            kind = "IPv4" if config.family is Family.IPV4 else "IPv6 link-local"
            faults["source address"] = f"{config.interface} has no usable {kind} address to send adverts from"
        return address

    def _connect(self, router: VirtualRouter, source: str, faults: dict[str, str]) -> None:
        if router.vrrp.unicast and not router.vrrp.unicast_peers and router.vrrp.unicast_fault_no_peer:
            faults["unicast"] = "there is no unicast peer"
            return
        try:
            self._ports.attach(router, source)
        except OSError as error:
            self._ports.detach(router)
            faults["socket"] = f"cannot open the sockets for adverts on {router.sending_interface}: {error.strerror}"
