"""Virtual router ids: no two instances may speak for the same virtual router."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.rules.report import error
from alived.vrrp.config import VrrpInstance


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
            yield error(one.settings.place("virtual_router_id"), "duplicate-vrid", message, hint)
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
