"""Virtual MAC devices (`use_vmac`): a macvlan with 00:00:5e:00:01:VRID (IPv4) or 00:00:5e:00:02:VRID (IPv6), made
and removed by us, and the kernel settings that two devices on one segment need, put back on exit."""

from __future__ import annotations

from alived.adapters.netlink import Requests
from alived.adapters.sysctl import Sysctls
from alived.base import AlivedError, Family
from alived.vrrp.config import VrrpInstance
from alived.vrrp.packet import virtual_mac
from alived.wire import rtnetlink
from alived.wire.rtnetlink import Link

MEDIUM_ID = 112 << 20
"""The kernel's media are numbers without a meaning; this and the index of an interface is one that nobody else uses."""


class VmacError(AlivedError):
    """A device of that name is in the way, or the kernel refused."""


def is_ours(instance: VrrpInstance, link: Link) -> bool:
    """Whether this device is the one that we would make (left behind by a daemon that was killed)."""
    return link.kind == "macvlan" and link.mac == virtual_mac(instance.family, instance.virtual_router_id)


def create(requests: Requests, instance: VrrpInstance, parent: Link, existing: Link | None) -> None:
    """Makes the device and sets it up. Raises VmacError with a sentence."""
    assert instance.vmac
    name = instance.vmac.name
    if existing and not is_ours(instance, existing):
        raise VmacError(
            f"a device {name} exists already and is not a virtual MAC device of VRID {instance.virtual_router_id}"
        )
    try:
        if existing and existing.parent_index != parent.index:
            remove(requests, existing)
            existing = None
        if not existing:
            mac = virtual_mac(instance.family, instance.virtual_router_id)
            requests.request(rtnetlink.macvlan_message(0, name=name, parent_index=parent.index, mac=mac))
    except OSError as error:
        raise VmacError(f"cannot make the virtual MAC device {name} on {parent.name}: {error.strerror}") from error


def set_up(requests: Requests, index: int) -> None:
    requests.request(rtnetlink.link_flags_message(0, index, up=True))


def remove(requests: Requests, link: Link) -> None:
    requests.request(rtnetlink.delete_link_message(0, link.index))


def settings(instance: VrrpInstance) -> list[tuple[str, str]]:
    """What both devices need so that only the virtual MAC answers for virtual addresses (A4): the interface answers
    ARP for its own addresses only, and the virtual device takes packets although the route points elsewhere."""
    assert instance.vmac
    own, base = instance.vmac.name, instance.interface
    if instance.family is Family.IPV6:
        return [(f"ipv6/conf/{own}/accept_ra", "0"), (f"ipv6/conf/{own}/autoconf", "0")]
    return [
        (f"ipv4/conf/{own}/arp_ignore", "1"),
        (f"ipv4/conf/{own}/accept_local", "1"),
        (f"ipv4/conf/{own}/rp_filter", "0"),
        (f"ipv4/conf/{own}/promote_secondaries", "1"),
        (f"ipv4/conf/{base}/arp_ignore", "1"),
        (f"ipv4/conf/{base}/arp_filter", "1"),
    ]


def proxy_settings(
    sysctls: Sysctls, instance: VrrpInstance, parent_index: int, *, master: bool
) -> list[tuple[str, str]]:
    """Where the operator wants proxy ARP on the interface, the MASTER answers and nobody else, with the virtual MAC
    (RFC 9568 section 8.1.3, A6). Both devices are of one medium: for hosts of their own segment nobody answers."""
    assert instance.vmac
    own, base = instance.vmac.name, instance.interface
    try:
        if instance.family is Family.IPV6 or sysctls.before(f"ipv4/conf/{base}/proxy_arp") != "1":
            return []
        medium = sysctls.before(f"ipv4/conf/{base}/medium_id")
    except OSError:
        return []  # the interface is gone
    if medium == "0":
        medium = str(MEDIUM_ID + parent_index)
    return [
        (f"ipv4/conf/{own}/medium_id", medium),
        (f"ipv4/conf/{base}/medium_id", medium),
        (f"ipv4/conf/{base}/proxy_arp", "0"),
        (f"ipv4/conf/{own}/proxy_arp", "1" if master else "0"),
    ]


def apply_settings(sysctls: Sysctls, wanted: list[tuple[str, str]]) -> list[str]:
    """Sets them; returns a sentence for each that could not be set."""
    troubles = []
    for key, value in wanted:
        try:
            sysctls.set(key, value)
        except OSError as error:
            troubles.append(f"cannot set net.{key.replace('/', '.')} to {value}: {error.strerror}")
    return troubles
