"""Which pools a configuration has, whose verdicts each of them hears, and which scripts their servers have."""

from __future__ import annotations

import collections
from collections.abc import Mapping

import msgspec

from alived.config.model import Config, PoolMember, Service
from alived.config.services.names import named_services, unlike
from alived.daemon.shared.configured_checks import configured_checks
from alived.health.config import FileCheck
from alived.health.trackers_config import TrackerKind, Weight
from alived.hooks.config import NotifyScripts
from alived.hooks.events import Kind
from alived.lvs.names import server_name
from alived.lvs.pool_events import Member, MemberCheck, PoolConfig


class Listener(msgspec.Struct, frozen=True):
    """A pool hears of a tracker as one of its checks. file: what the number is multiplied with; None: no file."""

    pool: str
    check: str
    file: Weight | None = None


class ConfiguredPools(msgspec.Struct, frozen=True):
    """listeners: by the key of a tracker."""

    pools: dict[str, PoolConfig]
    listeners: dict[str, list[Listener]]


def configured_pools(config: Config) -> ConfiguredPools:
    """By the same keys."""
    probed: dict[tuple[int, int], list[MemberCheck]] = collections.defaultdict(list)
    for check in configured_checks(config).values():
        if check.server is not None:
            probed[check.server].append(MemberCheck(name=check.name, alpha=check.check.alpha))
    factors = {file.name: file.weight for file in config.track_files}
    found = ConfiguredPools({}, collections.defaultdict(list))
    for outer, (key, named) in enumerate(named_services(config).items()):
        members = []
        for inner, one in enumerate(named.service.pool):
            listeners = {TrackerKind.CHECK.key(check.name): Listener(key, check.name) for check in probed[outer, inner]}
            files = _files(key, named.service, one, factors)
            for tracker, listener in (*listeners.items(), *files):
                found.listeners[tracker].append(listener)
            checks = (*probed[outer, inner], *(MemberCheck(name=file.check, told_at_once=True) for _, file in files))
            name = server_name(one.server.endpoint, named.service.virtual_server.protocol)
            members.append(Member(name=name, server=one.server, checks=checks))
        found.pools[key] = PoolConfig(
            name=named.name,
            virtual_server=named.service.virtual_server,
            members=tuple(members),
            rs_init_notifies=config.global_defs.lvs.rs_init_notifies,
        )
    return found


def of_servers(config: Config) -> frozenset[str]:
    """Keys of the checks of real servers, as trackers."""
    checks = configured_checks(config).values()
    return frozenset(TrackerKind.CHECK.key(check.name) for check in checks if check.server is not None)


def _files(pool: str, service: Service, one: PoolMember, factors: Mapping[str, Weight]) -> list[tuple[str, Listener]]:
    """Its FILE_CHECKs, each with the key of the file."""
    found: dict[str, tuple[str, Listener]] = {}
    for check in one.checks:
        if isinstance(check, FileCheck):
            where = f"{service.virtual_server.service} {one.server.endpoint}"
            name = unlike(f"{where} FILE_CHECK {check.track_file}", found)
            factor = check.weight or factors[check.track_file]
            found[name] = TrackerKind.FILE.key(check.track_file), Listener(pool, name, factor)
    return list(found.values())


def of_pool(server: str, pool: str) -> str:
    """What a real server is called among those of all pools. server: its name, pool: the key of its pool."""
    return f"{server} of {pool}"


def server_scripts(config: Config) -> dict[tuple[str, str], NotifyScripts]:
    """`notify_up`, `notify_down`, `quorum_up` and `quorum_down`, by kind and name."""
    found: dict[tuple[str, str], NotifyScripts] = {}
    for key, named in named_services(config).items():
        service = named.service
        found[str(Kind.VIRTUAL_SERVER), key] = NotifyScripts(up=service.quorum_up, down=service.quorum_down)
        for one in service.pool:
            name = of_pool(server_name(one.server.endpoint, service.virtual_server.protocol), key)
            found[str(Kind.REAL_SERVER), name] = NotifyScripts(up=one.notify_up, down=one.notify_down)
    return found
