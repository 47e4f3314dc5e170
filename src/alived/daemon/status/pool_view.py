"""What `alived status` says of virtual servers and their pools, as plain values. Pure.

Who is up is decided in the parent, so it is known whether the process that asks answers or not.
"""

from __future__ import annotations

from collections.abc import Mapping

from alived.config.model import Config
from alived.config.services.names import NamedService, named_services
from alived.daemon.shared.configured_checks import configured_checks
from alived.daemon.status.view import UNKNOWN, Clock, Json
from alived.health.check_events import CheckSnapshot
from alived.lvs.pool_events import PoolEntry, PoolSnapshot, ServerSnapshot


def virtual_servers(
    config: Config, pools: Mapping[str, PoolSnapshot], checks: Mapping[str, CheckSnapshot], clock: Clock
) -> list[Json]:
    """pools: by key. checks: by name, as far as the process that asks has answered."""
    suspended = {
        check.server[0]
        for name, check in configured_checks(config).items()
        if check.server is not None and name in checks and checks[name].suspended
    }
    return [
        _virtual_server(named, pools[key], clock) | {"suspended": position in suspended}
        for position, (key, named) in enumerate(named_services(config).items())
        if key in pools  # else the daemon is about to begin or to end
    ]


def _virtual_server(named: NamedService, pool: PoolSnapshot, clock: Clock) -> Json:
    service = named.service.virtual_server
    entries = {str(entry.endpoint): entry for entry in pool.entries}
    return {
        "name": pool.name,
        "service": str(service.service),
        "protocol": str(service.protocol) if service.protocol else None,
        "state": ("up" if pool.quorum_up else "down") if pool.started else UNKNOWN,
        "since": clock.wall(pool.since_ns),
        "since_s": clock.age_s(pool.since_ns),
        "reason": pool.reason,
        "weight": pool.weight,
        "quorum": pool.quorum,
        "hysteresis": pool.hysteresis,
        "real_servers": [_real_server(server, entries, clock) for server in pool.servers],
        "sorry_server": str(service.sorry_server.endpoint) if service.sorry_server else None,
        "sorry_server_serves": any(entry.sorry and entry.weight for entry in pool.entries),
    }


def _real_server(server: ServerSnapshot, entries: Mapping[str, PoolEntry], clock: Clock) -> Json:
    address = str(server.endpoint)
    entry = entries.get(address)
    return {
        "name": server.name,
        "address": address,
        "state": "up" if server.up else "down",
        "since": clock.wall(server.since_ns),
        "since_s": clock.age_s(server.since_ns),
        "reason": server.reason,
        "weight": server.weight,
        "own_weight": server.own_weight,
        "pool_weight": entry.weight if entry else None,
        "checks": server.checks,
        "failed_checks": [{"name": check.name, "reason": check.reason} for check in server.failed],
    }
