"""What stands beside the instances: fields of Config of the same name, with references looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from alived.base import NS_PER_S, Location
from alived.config.findings import Findings
from alived.config.instances.addresses import DEFAULT_INTERFACE
from alived.config.instances.plan import InstancePlan
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.lines import Entry
from alived.config.keywords.table import Settings, did_you_mean
from alived.health.trackers_config import LinkDelay
from alived.vip.static_config import GarpGroup, StaticAddress


def statics(
    said: Settings, defaults: Settings, instances: Iterable[InstancePlan], findings: Findings
) -> dict[str, Any]:
    """Fields of Config. said: the top level; defaults: `global_defs`."""
    known = {one.name: one for one in instances}
    groups = unique("track_group", said.get("track_groups", ()), findings)
    for group in groups.values():
        _check_members(group, known, findings)
    for field in ("static_addresses", "static_routes", "static_rules"):
        for entry in said.get(field, ()):
            _check_group(entry, groups, findings)
    interface: str = defaults.get("default_interface", DEFAULT_INTERFACE)
    return {
        "track_groups": tuple(group.value for group in groups.values()),
        "static_addresses": tuple(_on(entry.value, interface) for entry in said.get("static_addresses", ())),
        "static_routes": _tracked(said.get("static_routes", ()), "interface", "dev", findings),
        "static_rules": _tracked(said.get("static_rules", ()), "input_interface", "iif", findings),
        "garp_groups": _garp_groups(said, known, findings),
        "link_delays": _link_delays(said.get("link_delays", ()), known, findings),
    }


def _check_members(group: Definition, known: Mapping[str, InstancePlan], findings: Findings) -> None:
    for line in group.settings.get("group", ()):
        for word in line:
            if word.text not in known:
                message = f"{group.name}: there is no vrrp_instance {word.text!r}"
                findings.error(word.location, "unknown-member", message, did_you_mean(word.text, known))


def _check_group(entry: Entry, groups: Mapping[str, Definition], findings: Findings) -> None:
    """A group that is named exists."""
    name: str = entry.value.track_group
    if name and name not in groups:
        hint = did_you_mean(name, groups) or f"track_group {name} {{ group {{ INSTANCE ... }} }}"
        findings.error(entry.location, "unknown-group", f"there is no track_group {name!r}", hint)


def _tracked(entries: Iterable[Entry], field: str, option: str, findings: Findings) -> tuple[Any, ...]:
    """Routes or rules; without an interface none can be tracked, as in keepalived."""
    values = []
    for entry in entries:
        value = entry.value
        if value.track_group and not getattr(value, field):
            message = f"track_group {value.track_group} is skipped: what has no {option} cannot be tracked"
            findings.warning(entry.location, "track-group-skipped", message, f"{option} NAME")
            value = msgspec.structs.replace(value, track_group="")
        values.append(value)
    return tuple(values)


def _on(static: StaticAddress, interface: str) -> StaticAddress:
    if static.address.interface:
        return static
    return StaticAddress(msgspec.structs.replace(static.address, interface=interface), static.track_group)


def _garp_groups(said: Settings, known: Mapping[str, InstancePlan], findings: Findings) -> tuple[GarpGroup, ...]:
    """An interface belongs to one group, and somebody announces there."""
    used = {address.interface for one in known.values() for address in one.instance.vips.addresses}
    used |= {one.instance.vrrp.interface for one in known.values()}
    seen: dict[str, Location] = {}
    groups: list[GarpGroup] = []
    for block in said.get("garp_groups", ()):
        names: list[str] = []
        for entry in block.settings.get("interfaces", ()):
            first = seen.setdefault(entry.value, entry.location)
            if first is not entry.location:
                message = f"{entry.value} is already in the garp_group of line {first.line}: skipped here"
                findings.warning(entry.location, "duplicate-entry", message, "one group for each interface")
                continue
            if used and entry.value not in used:
                message = f"no instance announces on {entry.value!r}: its pace is of no use"
                findings.warning(entry.location, "unused-interface", message, did_you_mean(entry.value, used))
            names.append(entry.value)
        groups.append(
            GarpGroup(
                interfaces=tuple(names),
                garp_interval_ns=block.settings.get("garp_interval"),
                gna_interval_ns=block.settings.get("gna_interval"),
            )
        )
    return tuple(groups)


def _link_delays(
    entries: Iterable[Entry], known: Mapping[str, InstancePlan], findings: Findings
) -> tuple[LinkDelay, ...]:
    """Each interface once; the last one counts, as in keepalived. Each is shorter than the patience of its instances: a
    backup whose cable is out must be in FAULT before it would take over."""
    by_name: dict[str, LinkDelay] = {}
    for entry in entries:
        delay: LinkDelay = entry.value
        if delay.interface in by_name:
            message = f"{delay.interface} has a delay already: this one counts"
            findings.warning(entry.location, "duplicate-entry", message, "remove one of them")
        shorter = _shorter(delay, known)
        if shorter != delay:
            shown = f"{shorter.down_ns / NS_PER_S:g} s, {shorter.up_ns / NS_PER_S:g} s"
            message = f"the delays of {delay.interface} are {shown}: its instances do not wait longer for adverts"
            findings.warning(entry.location, "link-delay-reduced", message, "shorter delays, or slower adverts")
        delay = shorter
        by_name[delay.interface] = delay
    return tuple(by_name.values())


def _shorter(delay: LinkDelay, known: Mapping[str, InstancePlan]) -> LinkDelay:
    """As keepalived shortens it: a little less than down_timer_adverts - 1 adverts of each instance there."""
    for plan in known.values():
        vrrp = plan.instance.vrrp
        interval_ns = vrrp.advert_interval_ns
        bound_ns = (vrrp.down_timer_adverts - 1) * interval_ns
        limit_ns = max(bound_ns - interval_ns // 256, 0)
        if vrrp.interface == delay.interface:
            down_ns, up_ns = (limit_ns if one >= bound_ns else one for one in (delay.down_ns, delay.up_ns))
            delay = LinkDelay(interface=delay.interface, down_ns=down_ns, up_ns=up_ns)
    return delay
