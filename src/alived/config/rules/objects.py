"""Objects by name: what can happen to them is told, and a webhook may want to hear of some of them only."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.keywords.definitions import Definition
from alived.config.keywords.table import did_you_mean
from alived.config.model import Config
from alived.config.rules.report import warning
from alived.config.services.names import named_services
from alived.lvs.names import server_name

_OF_SERVERS = ("[", "FWM ")
"""How names of real and virtual servers begin."""


def object_names(config: Config) -> frozenset[str]:
    """Of instances, groups, Raft groups, real and virtual servers, as news has them."""
    found = {one.vrrp.name for one in config.instances} | {one.vrrp.name for one in config.sync_groups}
    found |= {one.raft.name for one in config.raft_groups}
    for named in named_services(config).values():
        protocol = named.service.virtual_server.protocol
        found.add(named.name)
        found |= {server_name(one.server.endpoint, protocol) for one in named.service.pool}
    return frozenset(found)


def unknown_objects(plan: Plan, config: Config, is_partial: bool) -> Iterator[Diagnostic]:
    """`objects` of a webhook that names nobody. is_partial: something else is wrong, and servers may be left out."""
    section: Definition | None = plan.said.get("notifications")
    hooks: tuple[Definition, ...] = section.settings.get("webhook", ()) if section else ()
    wanted = [(hook.name, word) for hook in hooks for word in hook.settings.get("objects", ())]
    known = object_names(config) if wanted else frozenset()
    for hook_name, word in wanted:
        if word.text in known or (is_partial and word.text.startswith(_OF_SERVERS)):
            continue
        message = f"webhook {hook_name}: there is no object {word.text!r}: nothing is told of it"
        hint = did_you_mean(word.text, known) or _hint(known)
        yield warning(word.location, "unknown-object", message, hint)


def _hint(known: frozenset[str]) -> str:
    some = sorted(known)[:5]
    more = ", ..." if len(known) > len(some) else ""
    return f"there are {', '.join(some)}{more}" if some else "there is no object yet that anything could happen to"
