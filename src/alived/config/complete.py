"""Draft -> Instance: network, authentication, addresses, announcements and commands of one instance."""

from __future__ import annotations

from typing import Any

import msgspec

from alived.base import Family
from alived.config.announcing import garp_policy
from alived.config.converters import IFNAMSIZ, Address
from alived.config.draft import Draft, interval_cs, preemption
from alived.config.keywords import Settings
from alived.config.lists import TrackEntry, VipEntry
from alived.config.model import Instance
from alived.config.shapes import Authentication, Deleted, Lifetime, VmacChoice
from alived.config.tracking import tracked
from alived.hooks.config import NotifyScripts
from alived.vip.config import ConflictPolicy, VanishPolicy, VipGroup, VirtualAddress
from alived.vrrp.config import AuthType, Checksum, TrackedInterface, UnicastPeer, Vmac, VrrpInstance

MAX_ADDRESSES = 255
"""The count of an advert is one byte (RFC 9568 section 5.2.5)."""
MTU = 1500
"""Room for addresses is judged by Ethernet's, interfaces are not looked at."""
DOWN_TIMER_ADVERTS = 3
DEFAULT_INTERFACE = "eth0"


def complete(draft: Draft, vmac_names: set[str]) -> Instance:
    """The instance as it will run. vmac_names: names of macvlans taken by instances before; the new one is added."""
    interface = _interface(draft)
    vmac = _vmac(draft, interface, vmac_names)
    vips, excluded = _sort_by_family(draft)
    vips, excluded = _fit_into_advert(draft, vips, excluded)
    _check_addresses(draft, vips)
    vrrp = VrrpInstance(
        name=draft.name,
        interface=interface,
        virtual_router_id=draft.require("virtual_router_id", 0, "virtual_router_id 1..255, the same on all nodes"),
        family=draft.family,
        version=draft.version,
        priority=draft.priority,
        advert_interval_cs=interval_cs(draft),
        initial_state=draft.state,
        accept=_accept(draft),
        strict_mode=draft.strict,
        addresses=tuple(entry.vip.address for entry in vips),
        startup_delay_ns=draft.defaults.get("vrrp_startup_delay", 0),
        vmac=vmac,
        track_primary="dont_track_primary" not in draft.settings,
        track_interfaces=_tracked(draft, interface),
        skip_check_adv_addr=draft.get("skip_check_adv_addr", False),
        down_timer_adverts=_down_timer_adverts(draft),
        **preemption(draft),
        **_answers(draft),
        **_authentication(draft),
        **_source(draft),
        **_unicast(draft),
        **_checksum(draft),
    )
    bound = _bind((*vips, *excluded), _vip_interface(draft, interface, vmac))
    return Instance(
        vrrp=vrrp,
        vips=_vip_group(draft, bound),
        notify=notify_scripts(draft.settings),
        notify_priority_changes=draft.get("notify_priority_changes", False),
    )


def _interface(draft: Draft) -> str:
    if draft.unicast and "interface" not in draft.settings.tried:
        if _source(draft)["source_address"]:
            return ""
        draft.fail("missing-keyword", "interface or unicast_src_ip is missing", hint="unicast_src_ip ADDRESS")
        return ""
    name: str = draft.require("interface", "", "interface NAME")
    return name


def _vmac(draft: Draft, interface: str, names: set[str]) -> Vmac | None:
    choice: VmacChoice | None = draft.settings.get("use_vmac")
    xmit_base: bool = draft.get("vmac_xmit_base", False)
    if choice is None:
        if xmit_base:
            draft.warn("vmac", "vmac_xmit_base has no effect without use_vmac", "vmac_xmit_base")
        return None
    if not interface:
        draft.fail("vmac", "use_vmac needs an interface", "use_vmac", hint="interface NAME")
    if draft.unicast and not xmit_base:
        message = "unicast with use_vmac: adverts leave by the interface itself (vmac_xmit_base is assumed)"
        draft.warn("vmac", message, "use_vmac", hint="add vmac_xmit_base")
        xmit_base = True
    elif draft.strict and xmit_base:
        draft.warn("strict-mode", "strict mode: vmac_xmit_base is skipped", "vmac_xmit_base")
        xmit_base = False
    name = choice.name or _default_vmac_name(draft, names)
    if name in names:
        draft.fail("vmac", f"another instance already calls its macvlan {name!r}", "use_vmac", hint="use_vmac NAME")
    if name == interface:
        draft.fail("vmac", f"the macvlan cannot have the name of its interface, {name!r}", "use_vmac")
    names.add(name)
    return Vmac(name, xmit_base)


def _default_vmac_name(draft: Draft, names: set[str]) -> str:
    """vrrp.VRID; if taken vrrp6.VRID for IPv6, then vrrp1.VRID and so on, as keepalived."""
    prefix: str = draft.defaults.get("vmac_prefix", "vrrp")
    vrid: int = draft.settings.get("virtual_router_id", 0)
    numbers = ["", *(["6"] if draft.family is Family.IPV6 else []), *map(str, range(1, len(names) + 2))]
    tails = (f"{number}.{vrid}" for number in numbers)
    return next(name for name in (prefix[: IFNAMSIZ - len(tail)] + tail for tail in tails) if name not in names)


def _sort_by_family(draft: Draft) -> tuple[tuple[VipEntry, ...], tuple[VipEntry, ...]]:
    """An advert has addresses of one family (RFC 9568 section 5.2.9): the others are held but not advertised."""
    fitting = tuple(entry for entry in draft.vips if entry.address.family is draft.family)
    others = tuple(entry for entry in draft.vips if entry.address.family is not draft.family)
    for entry in others:
        message = f"{draft.name}: {entry.address.text} is not of the family of the instance: held, but not advertised"
        hint = "move it to virtual_ipaddress_excluded (keepalived 2.2 would drop it here)"
        draft.findings.warning(entry.location, "other-family", message, hint)
    return fitting, others + draft.excluded


def _fit_into_advert(
    draft: Draft, vips: tuple[VipEntry, ...], excluded: tuple[VipEntry, ...]
) -> tuple[tuple[VipEntry, ...], tuple[VipEntry, ...]]:
    """What does not fit into one packet is held, but not advertised, as keepalived does."""
    room = min(MAX_ADDRESSES, _room(draft))
    if len(vips) <= room:
        return vips, excluded
    message = f"{len(vips)} addresses, but an advert has room for {room}: the others are held, but not advertised"
    hint = "move them to virtual_ipaddress_excluded, alike on all nodes"
    draft.findings.warning(vips[room].location, "too-many-addresses", f"{draft.name}: {message}", hint)
    return vips[:room], vips[room:] + excluded


def _room(draft: Draft) -> int:
    """Addresses that fit into MTU bytes behind the headers (keepalived counts the Ethernet header, too)."""
    if draft.family is Family.IPV6:
        return (MTU - 14 - 40 - 8) // 16
    authentication = 8 if draft.version == 2 else 0
    authentication += 24 if _authentication(draft, silent=True)["auth_type"] is AuthType.AH else 0
    return (MTU - 14 - 20 - 8 - authentication) // 4


def _check_addresses(draft: Draft, vips: tuple[VipEntry, ...]) -> None:
    if not vips:
        _check_none(draft)
    elif draft.family is Family.IPV6 and not draft.unicast and not vips[0].address.is_link_local:
        message = f"{draft.name}: the first IPv6 address should be link-local (RFC 9568 section 5.2.9)"
        hint = "put an address such as fe80::100 first, alike on all nodes"
        report = draft.findings.error if draft.strict else draft.findings.warning
        report(vips[0].location, "first-not-link-local", message, hint)


def _check_none(draft: Draft) -> None:
    if "virtual_ipaddress" in draft.settings.tried and not draft.vips and draft.findings.has_errors:
        return
    if draft.get("no_virtual_ipaddress", False):
        if draft.strict:
            draft.fail("strict-mode", "strict mode needs an address", "no_virtual_ipaddress")
        return
    hint = "virtual_ipaddress { ... }, or no_virtual_ipaddress if that is what you want"
    if draft.version == 3 or draft.strict:
        draft.fail("no-address", "an instance of version 3 needs an address", hint=hint)
    else:
        draft.warn("no-address", "no address moves with this instance", hint=hint)


def _vip_interface(draft: Draft, interface: str, vmac: Vmac | None) -> str:
    """Where addresses without `dev` go."""
    if vmac is not None:
        return vmac.name
    if interface or "interface" in draft.settings.tried:
        return interface
    chosen: str = draft.defaults.get("default_interface", DEFAULT_INTERFACE)
    for entry in draft.vips + draft.excluded:
        if not entry.vip.interface and "default_interface" not in draft.defaults:
            message = f"{draft.name}: {entry.address.text} has no interface: {chosen} is assumed"
            draft.findings.warning(entry.location, "no-interface", message, f"{entry.address.text} dev NAME")
    return chosen


def _bind(entries: tuple[VipEntry, ...], interface: str) -> tuple[VirtualAddress, ...]:
    return tuple(
        entry.vip if entry.vip.interface else msgspec.structs.replace(entry.vip, interface=interface)
        for entry in entries
    )


def _accept(draft: Draft) -> bool:
    accept: bool = draft.get("accept", draft.is_owner or not draft.strict)
    if accept and draft.strict and draft.version == 2 and not draft.is_owner:
        draft.warn("strict-mode", "strict mode: VRRP version 2 has no accept mode, packets are dropped", "accept")
        return False
    return accept


def _down_timer_adverts(draft: Draft) -> int:
    adverts: int = draft.get("down_timer_adverts", DOWN_TIMER_ADVERTS)
    if draft.strict and adverts != DOWN_TIMER_ADVERTS:
        draft.warn("strict-mode", f"strict mode: down_timer_adverts is {DOWN_TIMER_ADVERTS}", "down_timer_adverts")
        return DOWN_TIMER_ADVERTS
    return adverts


def _answers(draft: Draft) -> dict[str, Any]:
    """lower_prio_no_advert and higher_prio_send_advert: strict mode decides both."""
    wanted = {"lower_prio_no_advert": True, "higher_prio_send_advert": False}
    if not draft.strict:
        return {field: draft.get(field, False) for field in wanted}
    for field, value in wanted.items():
        if draft.settings.get(field, value) is not value:
            draft.warn("strict-mode", f"strict mode: {field} is {'on' if value else 'off'}", field)
    return wanted


def _authentication(draft: Draft, silent: bool = False) -> dict[str, Any]:
    """None of it where it cannot be; said once."""
    given: Authentication | None = draft.settings.get("authentication")
    if given is None:
        return {"auth_type": AuthType.NONE, "auth_pass": ""}
    reason = _why_no_authentication(draft, given)
    if not reason:
        return {"auth_type": given.type, "auth_pass": given.password}
    if not silent:
        draft.warn("authentication-skipped", f"authentication is skipped: {reason}", "authentication")
    return {"auth_type": AuthType.NONE, "auth_pass": ""}


def _why_no_authentication(draft: Draft, given: Authentication) -> str:
    if draft.strict:
        return "strict mode"
    if draft.version == 3:
        return "VRRP version 3 has none"
    return "" if given.password else "auth_pass is missing"


def _source(draft: Draft) -> dict[str, Any]:
    """The source address: mcast_src_ip and unicast_src_ip say the same, the last one counts (as in keepalived)."""
    said = [setting for field, setting in draft.settings if field in ("mcast_src_ip", "unicast_src_ip")]
    source: Address | None = said[-1].value if said else None
    return {"source_address": source.text if source else "", "track_source_address": "track_src_ip" in draft.settings}


def _unicast(draft: Draft) -> dict[str, Any]:
    peers = tuple(entry.peer for entry in draft.peers)
    group: Address | None = draft.get("mcast_dst_ip", None)
    if group is None:
        group = draft.defaults.get("multicast_group4" if draft.family is Family.IPV4 else "multicast_group6")
    return {
        "unicast": draft.unicast,
        "unicast_peers": tuple(UnicastPeer(peer.address, peer.min_ttl, peer.max_ttl) for peer in peers),
        "unicast_ttl": draft.get("unicast_ttl", 255),
        "unicast_fault_no_peer": draft.get("unicast_fault_no_peer", False),
        "check_unicast_src": draft.get("check_unicast_src", False) or any(entry.has_ttl for entry in draft.peers),
        "multicast_group": group.text if group and not draft.unicast else "",
    }


def _checksum(draft: Draft) -> dict[str, Any]:
    as_v2: bool = draft.get("v3_checksum_as_v2", False)
    return {
        "checksum": Checksum.MESSAGE_ONLY if as_v2 else Checksum.PSEUDO_HEADER,
        "old_unicast_checksum": draft.get("old_unicast_checksum", False),
    }


def _tracked(draft: Draft, interface: str) -> tuple[TrackedInterface, ...]:
    entries: tuple[TrackEntry, ...] = draft.settings.get("track_interface", ())
    return tracked(entries, draft.findings, draft.name, interface, draft.is_owner)


def notify_scripts(settings: Settings) -> NotifyScripts:
    deleted: Deleted | None = settings.get("notify_deleted")
    events = ("master", "backup", "fault", "stop")
    scripts = {event: settings.get(f"notify_{event}") for event in events}
    return NotifyScripts(notify=settings.get("notify"), deleted=deleted.script if deleted else None, **scripts)


def _vip_group(draft: Draft, addresses: tuple[VirtualAddress, ...]) -> VipGroup:
    lifetime: Lifetime = draft.get("address_lifetime", Lifetime(None))
    return VipGroup(
        name=draft.name,
        addresses=addresses,
        garp=garp_policy(draft),
        conflict=ConflictPolicy(draft.get("conflict_check", ConflictPolicy.TAKE)),
        vanish=VanishPolicy(draft.get("vip_vanish", VanishPolicy.RESTORE)),
        lifetime_s=lifetime.seconds,
        promote_secondaries="promote_secondaries" in draft.settings,
    )
