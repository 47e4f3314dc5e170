"""Draft -> how an instance speaks: interface, macvlan, source address, unicast peers, multicast group."""

from __future__ import annotations

from typing import Any

from alived.base import Family
from alived.config.instances.draft import Draft
from alived.config.keywords.converters import IFNAMSIZ, Address
from alived.config.keywords.shapes import VmacChoice
from alived.config.keywords.table import Setting
from alived.vrrp.config import MULTICAST_GROUP, Vmac

_UNICAST_WORDS = ("unicast_src_ip", "unicast_ttl", "check_unicast_src", "old_unicast_checksum")


def interface(draft: Draft) -> str:
    """Name of the interface; "" is possible with unicast and a source address that needs no scope."""
    if not draft.unicast or "interface" in draft.settings.tried:
        name: str = draft.require("interface", "", "interface NAME")
        if name == "lo":
            draft.fail("loopback", "the loopback interface reaches no other router", "interface")
        return name
    source = _source(draft)
    if source is None:
        hint = "unicast without an interface needs unicast_src_ip"
        draft.fail("missing-keyword", "interface or unicast_src_ip is missing", hint=hint)
    elif source.value.is_link_local:
        message = f"{source.value.text} is link-local: it means nothing without an interface"
        draft.fail("missing-keyword", message, source.keyword, hint="interface NAME")
    return ""


def vmac(draft: Draft, name_of_interface: str, names: set[str]) -> Vmac | None:
    """The macvlan of `use_vmac`. names: those of other instances; ours is added."""
    choice: VmacChoice | None = draft.settings.get("use_vmac")
    if choice is None:
        if "vmac_xmit_base" in draft.settings:
            draft.warn("vmac", "vmac_xmit_base has no effect without use_vmac", "vmac_xmit_base")
        return None
    if not name_of_interface and "interface" not in draft.settings.tried:
        draft.fail("vmac", "use_vmac needs an interface", "use_vmac", hint="interface NAME")
    name = choice.name or _default_vmac_name(draft, names)
    if name in names:
        draft.fail("vmac", f"another instance already calls its macvlan {name!r}", "use_vmac", hint="use_vmac NAME")
    if name == name_of_interface:
        draft.fail("vmac", f"the macvlan cannot have the name of its interface, {name!r}", "use_vmac")
    names.add(name)
    return Vmac(name, _xmit_base(draft), "use_vmac_addr" in draft.settings)


def _xmit_base(draft: Draft) -> bool:
    said = "vmac_xmit_base" in draft.settings
    if draft.unicast and not said:
        message = "unicast with use_vmac: adverts leave by the interface itself (vmac_xmit_base is assumed)"
        draft.warn("vmac", message, "use_vmac", hint="add vmac_xmit_base")
        return True
    if draft.strict and said:
        draft.warn("strict-mode", "strict mode: vmac_xmit_base is skipped", "vmac_xmit_base")
        return False
    return said


def _default_vmac_name(draft: Draft, names: set[str]) -> str:
    """vrrp.VRID; if taken vrrp6.VRID for IPv6, then vrrp1.VRID and so on, as keepalived."""
    prefix: str = draft.defaults.get("vmac_prefix", "vrrp")
    vrid: int = draft.settings.get("virtual_router_id", 0)
    numbers = ["", *(["6"] if draft.family is Family.IPV6 else []), *map(str, range(1, len(names) + 2))]
    tails = (f"{number}.{vrid}" for number in numbers)
    return next(name for name in (prefix[: IFNAMSIZ - len(tail)] + tail for tail in tails) if name not in names)


def _source(draft: Draft) -> Setting | None:
    """mcast_src_ip and unicast_src_ip say the same; the last one counts, as in keepalived."""
    said = [setting for field, setting in draft.settings if field in ("mcast_src_ip", "unicast_src_ip")]
    return said[-1] if said else None


def source(draft: Draft) -> dict[str, Any]:
    setting = _source(draft)
    tracked = "track_src_ip" in draft.settings
    if setting is None:
        if tracked:
            message = "track_src_ip has no effect without unicast_src_ip or mcast_src_ip"
            draft.warn("track-src-ip", message, "track_src_ip")
        return {}
    _require_family(draft, setting.value, setting)
    return {"source_address": setting.value.text, "track_source_address": tracked}


def _require_family(draft: Draft, address: Address, setting: Setting) -> None:
    if address.family is not draft.family:
        message = f"{draft.name}: {address.text} is not of the family of the instance (IPv{_number(draft.family)})"
        draft.findings.error(setting.location, "family-mismatch", message, "an instance speaks one family only")


def _number(family: Family) -> int:
    return 4 if family is Family.IPV4 else 6


def unicast(draft: Draft) -> dict[str, Any]:
    """Peers and what goes with them; warns of unicast words that have no effect without peers."""
    own = _source(draft)
    own_address = own.value.text if own else ""
    for entry in draft.peers:
        if entry.family is not draft.family:
            message = f"{draft.name}: peer {entry.peer.address} is not of the family of the instance"
            draft.findings.error(entry.location, "family-mismatch", message, "an instance speaks one family only")
        if entry.peer.address == own_address:
            message = f"{draft.name}: peer {own_address} is our own source address: skipped"
            draft.findings.warning(entry.location, "own-peer", message, "list the other nodes only")
    if draft.unicast:
        _check_unicast(draft)
    else:
        for field in _UNICAST_WORDS:
            if field in draft.settings:
                message = f"{field} has no effect without unicast_peer: adverts are multicast"
                draft.warn("no-unicast-peer", message, field, hint="unicast_peer { ADDRESS }")
    return {
        "unicast": draft.unicast,
        "unicast_peers": tuple(entry.peer for entry in draft.peers if entry.peer.address != own_address),
        "unicast_ttl": draft.get("unicast_ttl", 255),
        "unicast_fault_no_peer": draft.get("unicast_fault_no_peer", False),
        "check_unicast_src": draft.get("check_unicast_src", False) or any(entry.has_ttl for entry in draft.peers),
    }


def _check_unicast(draft: Draft) -> None:
    if draft.strict:
        draft.fail("strict-mode", "strict mode knows no unicast peers", "unicast_peer", hint="strict_mode off")
    if draft.peers or ("unicast_peer" in draft.settings.tried and draft.findings.has_errors):
        return
    if draft.get("unicast_fault_no_peer", False):
        draft.warn("no-unicast-peer", "no unicast peer: the instance stays in FAULT", "unicast_peer")
    else:
        message = "no unicast peer: nobody hears this instance (keepalived would fall back to multicast)"
        draft.warn("no-unicast-peer", message, "unicast_peer", hint="remove unicast_peer for multicast")


def multicast_group(draft: Draft) -> str:
    """The group if it is not the usual one: mcast_dst_ip, else that of `global_defs`."""
    said: Address | None = draft.settings.get("mcast_dst_ip")
    if draft.unicast:
        if said:
            draft.warn("multicast-skipped", "mcast_dst_ip has no effect with unicast peers", "mcast_dst_ip")
        return ""
    if said and said.family is not draft.family:
        message = f"{said.text} is not of the family of the instance"
        draft.fail("family-mismatch", message, "mcast_dst_ip", hint="an instance speaks one family only")
    usual = draft.defaults.get("multicast_group4" if draft.family is Family.IPV4 else "multicast_group6")
    group: Address | None = said or usual
    return group.text if group and group.text != MULTICAST_GROUP[draft.family] else ""
