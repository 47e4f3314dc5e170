"""Rules across instances and groups. Each is a small function: a plan in, diagnostics out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from alived.base import Diagnostic, Location, Severity
from alived.config.blocks import Word
from alived.config.keywords import Settings
from alived.config.lists import VipEntry
from alived.config.model import Instance
from alived.vrrp.config import VrrpInstance, VrrpSyncGroup


class InstancePlan(msgspec.Struct, frozen=True):
    """An instance and the settings it came from, which know the places."""

    instance: Instance
    settings: Settings

    @property
    def name(self) -> str:
        return self.instance.vrrp.name


class GroupPlan(msgspec.Struct, frozen=True):
    vrrp: VrrpSyncGroup
    settings: Settings
    members: tuple[Word, ...]


class Plan(msgspec.Struct, frozen=True):
    location: Location
    instances: tuple[InstancePlan, ...]
    groups: tuple[GroupPlan, ...]


def validate(plan: Plan) -> Iterator[Diagnostic]:
    """What all rules find."""
    for rule in RULES:
        yield from rule(plan)


def _error(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, location, code, message, hint)


def _warning(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.WARNING, location, code, message, hint)


def nothing_to_do(plan: Plan) -> Iterator[Diagnostic]:
    if not plan.instances:
        message = "there is no vrrp_instance: nothing would run"
        yield _error(plan.location, "no-instance", message, "vrrp_instance NAME { ... }")


def duplicate_vrid(plan: Plan) -> Iterator[Diagnostic]:
    """A VRID counts per interface, family and multicast group, or per set of unicast peers (keepalived likewise)."""
    seen: dict[tuple[object, ...], list[InstancePlan]] = {}
    for one in plan.instances:
        vrrp = one.instance.vrrp
        if not vrrp.virtual_router_id:
            continue
        key = (vrrp.virtual_router_id, vrrp.family, vrrp.interface, vrrp.unicast, vrrp.multicast_group)
        for other in seen.get(key, ()):
            if _meet(vrrp, other.instance.vrrp):
                place = other.settings.place("virtual_router_id")
                message = f"{one.name}: virtual_router_id {vrrp.virtual_router_id} is taken by {other.name} "
                message += f"(line {place.line}) on the same interface"
                yield _error(one.settings.place("virtual_router_id"), "duplicate-vrid", message, "take another, 1..255")
                break
        seen.setdefault(key, []).append(one)


def _meet(one: VrrpInstance, other: VrrpInstance) -> bool:
    """Whether two instances with the same key hear each other's adverts."""
    if not one.unicast:
        return True
    if one.source_address and other.source_address and one.source_address != other.source_address:
        return False
    theirs = {peer.address for peer in other.unicast_peers}
    return any(peer.address in theirs for peer in one.unicast_peers)


def duplicate_vip(plan: Plan) -> Iterator[Diagnostic]:
    """An address belongs to one instance, once."""
    seen: dict[str, tuple[str, Location]] = {}
    for one in plan.instances:
        for entry in _entries(one):
            first = seen.setdefault(entry.address.text, (one.name, entry.location))
            if first[1] is entry.location:
                continue
            whose = "in the same instance" if first[0] == one.name else f"in {first[0]}"
            message = f"{one.name}: {entry.address.text} is already {whose} (line {first[1].line})"
            report = _warning if first[0] == one.name else _error
            yield report(entry.location, "duplicate-vip", message, "remove one of them")


def _entries(one: InstancePlan) -> Iterator[VipEntry]:
    yield from one.settings.get("virtual_ipaddress", ())
    yield from one.settings.get("virtual_ipaddress_excluded", ())


RULES: tuple[Callable[[Plan], Iterator[Diagnostic]], ...] = (nothing_to_do, duplicate_vrid, duplicate_vip)
