"""Virtual router ids: no two instances may speak for the same virtual router."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.rules.report import error
from alived.vrrp.config import VrrpInstance

ANY = None
"""An interface or a source address that is not looked at."""


def duplicate_vrid(plan: Plan) -> Iterator[Diagnostic]:
    """A VRID counts per family and interface and multicast group, or per peer with unicast (as keepalived)."""
    seen: dict[tuple[object, ...], InstancePlan] = {}
    for one in plan.instances:
        vrrp = one.instance.vrrp
        other = next((seen[key] for key in _collides_with(vrrp) if key in seen), None)
        if other is not None:
            line = other.settings.place("virtual_router_id").line
            message = f"{one.name}: virtual_router_id {vrrp.virtual_router_id} is taken by {other.name} (line {line})"
            hint = "take another one; the same is possible on another interface or with other peers"
            yield error(one.settings.place("virtual_router_id"), "duplicate-vrid", message, hint)
        for key in _known_as(vrrp):
            seen.setdefault(key, one)


def _adverts(vrrp: VrrpInstance) -> Iterator[tuple[object, ...]]:
    """What another instance must not send as well; nothing if the VRID is not known."""
    if not vrrp.virtual_router_id:
        return
    if not vrrp.unicast:
        yield vrrp.virtual_router_id, vrrp.family, vrrp.interface, vrrp.group
    for peer in vrrp.unicast_peers:
        yield vrrp.virtual_router_id, vrrp.family, peer.address


def _known_as(vrrp: VrrpInstance) -> Iterator[tuple[object, ...]]:
    """Under which keys others find it. Interface and source tell unicast senders apart, if both say them."""
    senders = ((vrrp.interface, ANY), (vrrp.source_address, ANY)) if vrrp.unicast else ((ANY,), (ANY,))
    return ((*advert, *sender) for advert in _adverts(vrrp) for sender in itertools.product(*senders))


def _collides_with(vrrp: VrrpInstance) -> Iterator[tuple[object, ...]]:
    """Keys of those whose adverts would be taken for its own: the same sender, or one that does not say who it is."""
    said = (vrrp.interface, vrrp.source_address) if vrrp.unicast else ("", "")
    senders = [(one, "") if one else (ANY,) for one in said]
    return ((*advert, *sender) for advert in _adverts(vrrp) for sender in itertools.product(*senders))
