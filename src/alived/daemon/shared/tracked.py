"""Which trackers a configuration uses, and who uses them. What nobody tracks is not looked at."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from alived.config.model import Config
from alived.daemon.shared.configured_checks import configured_checks, time_to_confirm_ns
from alived.health.checks_config import CombinedCheck, NamedCheck
from alived.health.combination import in_order
from alived.health.config import FileCheck
from alived.health.trackers_config import (
    FlapDamping,
    TrackerKind,
    TrackFile,
    TrackGateway,
    TrackProcess,
    TrackUnit,
    VrrpScript,
    Weight,
)

T = TypeVar("T", VrrpScript, TrackProcess, TrackFile, TrackGateway, TrackUnit)


Damped: TypeAlias = VrrpScript | TrackProcess | TrackFile | TrackGateway | TrackUnit | NamedCheck | CombinedCheck


def tracked_scripts(config: Config) -> dict[str, VrrpScript]:
    """By name, in the order of the configuration."""
    return _tracked(config, TrackerKind.SCRIPT, config.vrrp_scripts)


def tracked_processes(config: Config) -> dict[str, TrackProcess]:
    return _tracked(config, TrackerKind.PROCESS, config.track_processes)


def tracked_files(config: Config) -> dict[str, TrackFile]:
    return _tracked(config, TrackerKind.FILE, config.track_files)


def tracked_gateways(config: Config) -> dict[str, TrackGateway]:
    return _tracked(config, TrackerKind.GATEWAY, config.gateways)


def tracked_units(config: Config) -> dict[str, TrackUnit]:
    return _tracked(config, TrackerKind.UNIT, config.units)


def _tracked(config: Config, kind: TrackerKind, defined: Sequence[T]) -> dict[str, T]:
    if not defined:
        return {}
    used = trackers_of(config)
    return {one.name: one for one in defined if kind.key(one.name) in used}


def trackers_of(config: Config) -> dict[str, list[tuple[str, Weight]]]:
    """Key of a tracker -> instances and groups that track it, and real servers with a FILE_CHECK, each with the weight
    that counts there; and combinations that count it and are tracked themselves."""
    found: dict[str, list[tuple[str, Weight]]] = collections.defaultdict(list)
    instances = ((instance.vrrp.name, instance.tracking) for instance in config.instances)
    groups = ((group.vrrp.name, group.tracking) for group in config.sync_groups)
    elected = ((group.raft.name, group.tracking) for group in config.raft_groups)
    for name, tracking in itertools.chain(instances, groups, elected):
        for kind, tracked in tracking.judged():
            found[kind.key(tracked.name)].append((name, tracked.weight))
    for key, user, weight in _files_of_servers(config):
        found[key].append((user, weight))
    for check in reversed(in_order(config.combined_checks)):
        if (key := TrackerKind.CHECK.key(check.name)) in found:
            for member in check.members:
                found[member.key].append((key, Weight()))
    return found


def _files_of_servers(config: Config) -> Iterator[tuple[str, str, Weight]]:
    """What FILE_CHECKs look at: the key of the file, whose check it is, the weight that counts there."""
    factors = {file.name: file.weight for file in config.track_files}
    for service in config.virtual_servers:
        for member in service.pool:
            name = f"{service.virtual_server.service} {member.server.endpoint}"
            for check in member.checks:
                if isinstance(check, FileCheck):
                    yield TrackerKind.FILE.key(check.track_file), name, check.weight or factors[check.track_file]


def tracked_services(config: Config) -> frozenset[str]:
    """Names of virtual servers (`str` of a Service) whose quorum somebody tracks."""
    kind = TrackerKind.VIRTUAL_SERVER
    members = (member for check in config.combined_checks for member in check.members if member.kind is kind)
    wanted = {member.name for member in members}
    used = trackers_of(config) if wanted else {}
    return frozenset(name for name in wanted if kind.key(name) in used)


def dampings(config: Config) -> dict[str, FlapDamping]:
    """Of trackers that have it, by key."""
    kinds: dict[TrackerKind, Sequence[Damped]] = {
        TrackerKind.SCRIPT: config.vrrp_scripts,
        TrackerKind.PROCESS: config.track_processes,
        TrackerKind.FILE: config.track_files,
        TrackerKind.GATEWAY: config.gateways,
        TrackerKind.UNIT: config.units,
        TrackerKind.CHECK: (*config.checks, *config.combined_checks),
    }
    return {
        kind.key(one.name): one.flap_damping for kind, trackers in kinds.items() for one in trackers if one.flap_damping
    }


def times_to_confirm(config: Config) -> dict[str, int | None]:
    """Key of a tracker -> nanoseconds in which a new worker comes to a verdict on it. None: what is up stays so however
    long nobody asks, that is a check of a real server, or a virtual server: who cannot ask must not empty the pool."""
    scripts: dict[str, int | None] = {
        TrackerKind.SCRIPT.key(name): script.interval_ns + script.timeout_ns
        for name, script in tracked_scripts(config).items()
    }
    checks = {
        TrackerKind.CHECK.key(name): time_to_confirm_ns(configured.check) if configured.expires else None
        for name, configured in configured_checks(config).items()
    }
    processes: dict[str, int | None] = {TrackerKind.PROCESS.key(name): 0 for name in tracked_processes(config)}
    files: dict[str, int | None] = {TrackerKind.FILE.key(name): 0 for name in tracked_files(config)}
    gateways: dict[str, int | None] = {
        TrackerKind.GATEWAY.key(name): one.interval_ns + one.timeout_ns
        for name, one in tracked_gateways(config).items()
    }
    units: dict[str, int | None] = {
        TrackerKind.UNIT.key(name): one.interval_ns for name, one in tracked_units(config).items()
    }
    services: dict[str, int | None] = {TrackerKind.VIRTUAL_SERVER.key(name): None for name in tracked_services(config)}
    return scripts | checks | processes | files | gateways | units | services
