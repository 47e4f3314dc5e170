"""Rules across instances and groups. Each is a small function: a plan in, diagnostics out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alived.base import Diagnostic, Location, Severity
from alived.config.instances.plan import GroupPlan, InstancePlan, Plan
from alived.config.keywords.lists import PeerEntry, VipEntry
from alived.config.keywords.table import did_you_mean
from alived.vrrp.config import VrrpInstance


def validate(plan: Plan) -> Iterator[Diagnostic]:
    """What all rules find."""
    for rule in RULES:
        yield from rule(plan)


def _error(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, location, code, message, hint)


def _warning(location: Location, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.WARNING, location, code, message, hint)


def duplicate_vrid(plan: Plan) -> Iterator[Diagnostic]:
    """A VRID counts per family and interface and multicast group, or per peer with unicast (as keepalived)."""
    seen: dict[tuple[object, ...], list[InstancePlan]] = {}
    for one in plan.instances:
        vrrp = one.instance.vrrp
        others = [other for key in _adverts(vrrp) for other in seen.get(key, ())]
        other = next((other for other in others if _same_sender(vrrp, other.instance.vrrp)), None)
        if other is not None:
            line = other.settings.place("virtual_router_id").line
            message = f"{one.name}: virtual_router_id {vrrp.virtual_router_id} is taken by {other.name} (line {line})"
            hint = "take another one; the same is possible on another interface or with other peers"
            yield _error(one.settings.place("virtual_router_id"), "duplicate-vrid", message, hint)
        for key in _adverts(vrrp):
            seen.setdefault(key, []).append(one)


def _adverts(vrrp: VrrpInstance) -> Iterator[tuple[object, ...]]:
    """What another instance must not send as well; nothing if the VRID is not known."""
    if not vrrp.virtual_router_id:
        return
    if not vrrp.unicast:
        yield vrrp.virtual_router_id, vrrp.family, vrrp.interface, vrrp.group
    for peer in vrrp.unicast_peers:
        yield vrrp.virtual_router_id, vrrp.family, peer.address


def _same_sender(one: VrrpInstance, other: VrrpInstance) -> bool:
    """Whether adverts of both would be taken for the same router's; sources tell unicast ones apart."""
    if not one.unicast:
        return True
    if one.interface and other.interface and one.interface != other.interface:
        return False
    return not (one.source_address and other.source_address and one.source_address != other.source_address)


def duplicate_vip(plan: Plan) -> Iterator[Diagnostic]:
    """An address belongs to one instance, once. A link-local one may be on several interfaces."""
    seen: dict[tuple[str, str], tuple[InstancePlan, VipEntry]] = {}
    for one in plan.instances:
        for entry in _entries(one):
            scope = _device(one, entry) if entry.address.is_link_local else ""
            first, first_entry = seen.setdefault((entry.address.text, scope), (one, entry))
            if first_entry is entry:
                continue
            whose = "in the same instance" if first is one else f"in {first.name}"
            message = f"{one.name}: {entry.address.text} is already {whose} (line {first_entry.location.line})"
            same_device = _device(one, entry) == _device(first, first_entry)
            report = _error if same_device and first is not one else _warning
            yield report(entry.location, "duplicate-vip", message, "remove one of them")


def _entries(one: InstancePlan) -> Iterator[VipEntry]:
    yield from one.settings.get("virtual_ipaddress", ())
    yield from one.settings.get("virtual_ipaddress_excluded", ())


def _device(one: InstancePlan, entry: VipEntry) -> str:
    return entry.vip.interface or one.instance.vrrp.interface


def virtual_as_own(plan: Plan) -> Iterator[Diagnostic]:
    """A virtual address as source or peer: it is somewhere else when it is needed."""
    for one in plan.instances:
        vrrp = one.instance.vrrp
        virtual = {address.address for address in one.instance.vips.addresses}
        peers: tuple[PeerEntry, ...] = one.settings.get("unicast_peer", ())
        for entry in peers:
            if entry.peer.address in virtual:
                message = f"{one.name}: peer {entry.peer.address} is a virtual address of the instance"
                yield _error(entry.location, "vip-as-peer", message, "list the own addresses of the other nodes")
        if vrrp.source_address in virtual:
            place = one.settings.place("unicast_src_ip", "mcast_src_ip")
            message = f"{one.name}: source address {vrrp.source_address} is one of the virtual addresses"
            yield _error(place, "vip-as-source", message, "an address that this node always has")


def duplicate_peer(plan: Plan) -> Iterator[Diagnostic]:
    for one in plan.instances:
        seen: set[str] = set()
        peers: tuple[PeerEntry, ...] = one.settings.get("unicast_peer", ())
        for entry in peers:
            if entry.peer.address in seen:
                message = f"{one.name}: peer {entry.peer.address} is listed twice and would get every advert twice"
                yield _error(entry.location, "duplicate-entry", message, "remove one of them")
            seen.add(entry.peer.address)


def group_members(plan: Plan) -> Iterator[Diagnostic]:
    """Members exist, belong to one group, and there are two at least."""
    names = {one.name for one in plan.instances}
    owner: dict[str, str] = {}
    for group in plan.groups:
        for word in group.members:
            if word.text not in names:
                message = f"{group.name}: there is no vrrp_instance {word.text!r}"
                yield _error(word.location, "unknown-member", message, did_you_mean(word.text, names))
            elif owner.setdefault(word.text, group.name) != group.name:
                message = f"{group.name}: {word.text!r} is already in sync group {owner[word.text]!r}"
                yield _error(word.location, "two-groups", message, "an instance can be in one group only")
        if len(group.vrrp.members) < 2:
            yield _small_group(group)


def _small_group(group: GroupPlan) -> Diagnostic:
    place = group.settings.place("group")
    if not group.vrrp.members:
        message = f"{group.name}: the group has no member and no effect"
        return _warning(place, "empty-group", message, "group { INSTANCE ... }")
    message = f"{group.name}: the group has one member only: it moves alone"
    return _warning(place, "small-group", message, "remove the group or add the other instance")


def mixed_owners(plan: Plan) -> Iterator[Diagnostic]:
    """Owners become MASTER at once, whoever the others' master is."""
    by_name = {one.name: one.instance.vrrp for one in plan.instances}
    for group in plan.groups:
        owners = {by_name[name].is_owner for name in group.vrrp.members if name in by_name}
        if len(owners) == 2:
            message = f"{group.name}: some members have priority 255, others do not: they cannot move together"
            yield _warning(group.settings.place("group"), "mixed-owners", message, "the same priority on all members")


RULES: tuple[Callable[[Plan], Iterator[Diagnostic]], ...] = (
    duplicate_vrid,
    duplicate_vip,
    virtual_as_own,
    duplicate_peer,
    group_members,
    mixed_owners,
)
