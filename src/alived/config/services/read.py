"""All that a file says about load balancing -> fields of Config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alived.config.findings import Findings
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.table import Settings
from alived.config.keywords.virtual_server import VirtualServerBlock
from alived.config.model import Service
from alived.config.services.levels import Surroundings
from alived.config.services.virtual_servers import complete
from alived.health.config import SslContext
from alived.lvs.config import VirtualServerGroup


def read_services(said: Settings, defaults: Settings, findings: Findings) -> dict[str, Any]:
    """Fields of Config that are not empty. said: the top level; defaults: `global_defs`."""
    groups = _groups(said.get("virtual_server_groups", ()), findings)
    around = Surroundings(
        groups=groups,
        track_files=_names(said.get("track_files", ())),
        bfd_sessions=_names(said.get("bfd_instances", ())),
        defaults=defaults,
        findings=findings,
    )
    blocks: tuple[VirtualServerBlock, ...] = said.get("virtual_servers", ())
    services = tuple(_complete(blocks, around))
    fields = {"virtual_servers": services, "virtual_server_groups": tuple(groups.values()), "ssl": _ssl(said)}
    return {field: value for field, value in fields.items() if value}


def _names(definitions: Iterable[Definition]) -> frozenset[str]:
    return frozenset(one.name for one in definitions)


def _ssl(said: Settings) -> SslContext | None:
    found: Settings | None = said.get("ssl")
    return None if found is None else SslContext(**found.values)


def _groups(definitions: Iterable[Definition], findings: Findings) -> dict[str, VirtualServerGroup]:
    found = unique("virtual_server_group", definitions, findings)
    for one in found.values():
        group: VirtualServerGroup = one.value
        families = {member.family for member in group.addresses} | {mark.family for mark in group.fwmarks}
        if len(families) == 3:  # both, and None of a mark
            message = f"{one.name}: a fwmark without a family cannot stand beside addresses of both families"
            findings.error(one.location, "family-mismatch", message, "fwmark NUMBER inet, fwmark NUMBER inet6")
    return {name: one.value for name, one in found.items()}


def _complete(blocks: Iterable[VirtualServerBlock], around: Surroundings) -> Iterator[Service]:
    """All services; the kernel has one for an address, port and protocol, so two alike are reported."""
    seen: dict[tuple[object, ...], VirtualServerBlock] = {}
    for block in blocks:
        service = complete(block, around)
        if service is None:
            continue
        value = service.virtual_server
        first = seen.setdefault((value.service, value.protocol, value.family), block)
        if first is not block:
            place = first.entry.location.seen_from(block.entry.location)
            message = f"virtual_server {value.service} is already in {place}: "
            message += "the kernel has one service for both, with the real servers of both"
            around.warn(block.entry.location, "duplicate-service", message, "one virtual_server with all real servers")
        yield service
