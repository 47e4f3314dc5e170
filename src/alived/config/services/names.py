"""What the virtual servers of a configuration are called: by keepalived, and among themselves."""

from __future__ import annotations

import collections
from collections.abc import Container

import msgspec

from alived.config.model import Config, Service
from alived.lvs.config import GroupName
from alived.lvs.names import service_name


class NamedService(msgspec.Struct, frozen=True):
    """name: as keepalived writes it."""

    name: str
    service: Service


def named_services(config: Config) -> dict[str, NamedService]:
    """By a key of its own, which is its name unless two are alike, in the order of the configuration."""
    found: dict[str, NamedService] = {}
    of_group: collections.Counter[str] = collections.Counter()
    for service in config.virtual_servers:
        virtual = service.virtual_server
        group = virtual.service.name if isinstance(virtual.service, GroupName) else ""
        name = service_name(virtual.service, virtual.protocol, of_group[group])
        of_group[group] += 1
        found[unlike(name, found)] = NamedService(name, service)
    return found


def unlike(name: str, taken: Container[str]) -> str:
    """A server may have two checks of a kind; an address may serve TCP and UDP, a mark both families."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    return unique
