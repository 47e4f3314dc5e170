"""Draft -> the virtual addresses of an instance: which are advertised, and where each is bound."""

from __future__ import annotations

import msgspec

from alived.base import Family
from alived.config.instances.draft import Draft
from alived.config.keywords.lists import VipEntry
from alived.vip.config import VirtualAddress
from alived.vrrp.config import AuthType, Vmac

MAX_ADDRESSES = 255
"""The count of an advert is one byte (RFC 9568 section 5.2.5)."""
MTU = 1500
"""Room for addresses is judged by Ethernet's: interfaces are not looked at here."""
DEFAULT_INTERFACE = "eth0"

Sorted = tuple[tuple[VipEntry, ...], tuple[VipEntry, ...]]
"""Advertised and not advertised."""


def sort_addresses(draft: Draft, auth_type: AuthType) -> Sorted:
    """What goes into the adverts and what does not; checks both."""
    vips, excluded = _fit_into_advert(draft, *_sort_by_family(draft), auth_type)
    if vips:
        _check_first(draft, vips[0])
    else:
        _check_none(draft)
    for entry in (*vips, *excluded):
        check_usable(draft, entry)
    return vips, excluded


def _sort_by_family(draft: Draft) -> Sorted:
    """An advert has addresses of one family (RFC 9568 section 5.2.9): the others are held but not advertised."""
    fitting = tuple(entry for entry in draft.vips if entry.address.family is draft.family)
    others = tuple(entry for entry in draft.vips if entry.address.family is not draft.family)
    for entry in others:
        message = f"{draft.name}: {entry.address.text} is not of the family of the instance: held, but not advertised"
        hint = "move it to virtual_ipaddress_excluded (keepalived 2.2 would drop it here)"
        draft.findings.warning(entry.location, "other-family", message, hint)
    return fitting, others + draft.excluded


def _fit_into_advert(
    draft: Draft, vips: tuple[VipEntry, ...], excluded: tuple[VipEntry, ...], auth_type: AuthType
) -> Sorted:
    """What does not fit into one packet is held, but not advertised, as keepalived does."""
    room = min(MAX_ADDRESSES, _room(draft, auth_type))
    if len(vips) <= room:
        return vips, excluded
    message = f"{len(vips)} addresses, but an advert has room for {room}: the others are held, but not advertised"
    hint = "move them to virtual_ipaddress_excluded, alike on all nodes"
    draft.findings.warning(vips[room].location, "too-many-addresses", f"{draft.name}: {message}", hint)
    return vips[:room], vips[room:] + excluded


def _room(draft: Draft, auth_type: AuthType) -> int:
    """Addresses that fit into MTU bytes behind the headers (keepalived counts the Ethernet header, too)."""
    if draft.family is Family.IPV6:
        return (MTU - 14 - 40 - 8) // 16
    authentication = (8 if draft.version == 2 else 0) + (24 if auth_type is AuthType.AH else 0)
    return (MTU - 14 - 20 - 8 - authentication) // 4


def _check_first(draft: Draft, first: VipEntry) -> None:
    if draft.family is Family.IPV6 and not draft.unicast and not first.address.is_link_local:
        message = f"{draft.name}: the first IPv6 address should be link-local (RFC 9568 section 5.2.9)"
        hint = "put an address such as fe80::100 first, alike on all nodes"
        report = draft.findings.error if draft.strict else draft.findings.warning
        report(first.location, "first-not-link-local", message, hint)


def _check_none(draft: Draft) -> None:
    if "virtual_ipaddress" in draft.settings.tried and draft.findings.has_errors:
        return
    if "no_virtual_ipaddress" in draft.settings and not draft.strict:
        return
    hint = "virtual_ipaddress { ... }, or no_virtual_ipaddress if that is what you want"
    if draft.version == 3 or draft.strict:
        what = "strict mode" if draft.strict else "an instance of version 3"
        draft.fail("no-address", f"{what} needs an address", "no_virtual_ipaddress", hint=hint)
    else:
        draft.warn("no-address", "no address is advertised by this instance", hint=hint)


def check_usable(draft: Draft, entry: VipEntry) -> None:
    """Reports an address that clients cannot use, or not from here."""
    address = entry.address
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        message = f"{draft.name}: {address.text} cannot be a virtual address"
        findings, hint = draft.findings, "an address of the network that clients use"
        findings.error(entry.location, "unusable-address", message, hint)
    elif address.is_link_local and address.family is Family.IPV6 and draft.family is Family.IPV4:
        message = f"{draft.name}: {address.text} is a link-local IPv6 address in an IPv4 instance"
        hint = "is an IPv6 instance meant? Put its addresses into a vrrp_instance of their own"
        draft.findings.warning(entry.location, "link-local-in-ipv4", message, hint)


def bind(draft: Draft, entries: tuple[VipEntry, ...], interface: str, vmac: Vmac | None) -> tuple[VirtualAddress, ...]:
    """Each address with its device: the macvlan takes those of its family that would be on its interface."""
    base = interface or _default_interface(draft, entries)
    return tuple(_bound(entry.vip, base, vmac.name if vmac else base, draft.family) for entry in entries)


def _bound(vip: VirtualAddress, base: str, own: str, family: Family) -> VirtualAddress:
    if vip.interface not in ("", base):
        return vip
    return msgspec.structs.replace(vip, interface=own if vip.family is family else base)


def _default_interface(draft: Draft, entries: tuple[VipEntry, ...]) -> str:
    """Where addresses without `dev` go if the instance has no interface (unicast)."""
    chosen: str = draft.defaults.get("default_interface", DEFAULT_INTERFACE)
    if draft.unicast and "interface" not in draft.settings.tried and "default_interface" not in draft.defaults:
        for entry in entries:
            if not entry.vip.interface:
                message = f"{draft.name}: {entry.address.text} has no interface: {chosen} is assumed"
                draft.findings.warning(entry.location, "no-interface", message, f"{entry.address.text} dev NAME")
    return chosen
