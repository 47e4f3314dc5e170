"""What `alived status` says: the engine's snapshot as plain values with ages instead of clocks. Pure.

A state that is not fresh is "unknown"; what was known is beside it, with its age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import alived
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.messages import EngineSnapshot, GroupSnapshot, Transition
from alived.daemon.status.role_status import RoleStatus
from alived.vip.events import VipSnapshot
from alived.vip.ownership_events import OwnershipSnapshot
from alived.vrrp.events import InstanceSnapshot, PeerSnapshot

UNKNOWN = "unknown"
_COUNTERS = (
    "adverts_sent",
    "adverts_received",
    "became_master",
    "released_master",
    "priority_zero_sent",
    "priority_zero_received",
)
Json = dict[str, Any]
NEVER_HEARD: Json = {"state": UNKNOWN, "reason": "the engine has not answered yet", "last_known_state": None}


class Clock:
    """A moment by both clocks, to tell a wall time of what happened at a CLOCK_BOOTTIME."""

    def __init__(self, now_ns: int, wall_time: float) -> None:
        self.now_ns = now_ns
        self.wall_time = wall_time

    def wall(self, then_ns: int) -> float:
        return round(self.wall_time - (self.now_ns - then_ns) / NS_PER_S, 3)

    def age_s(self, then_ns: int) -> float:
        return round((self.now_ns - then_ns) / NS_PER_S, 3)

    def age_ms(self, then_ns: int) -> int:
        return (self.now_ns - then_ns) // NS_PER_MS


def status(
    config: Config,
    snapshot: EngineSnapshot | None,
    fresh: bool,
    processes: Sequence[RoleStatus],
    clock: Clock,
) -> Json:
    """snapshot: the newest one, whatever its age; None if there never was one. fresh: it answers this question."""
    return {
        "version": alived.__version__,
        "time": round(clock.wall_time, 3),
        "age_ms": clock.age_ms(snapshot.now_ns) if snapshot else None,
        "fresh": fresh,
        "instances": _instances(config, snapshot, fresh, clock),
        "sync_groups": _groups(config, snapshot, fresh, clock),
        "receive_errors": snapshot.receive_errors if snapshot else {},
        "scheduling": snapshot.scheduling if snapshot else UNKNOWN,
        "lateness_max_ms": snapshot.lateness_max_ns / NS_PER_MS if snapshot else None,
        "processes": [_process(p, clock) for p in processes],
    }


def _instances(config: Config, snapshot: EngineSnapshot | None, fresh: bool, clock: Clock) -> list[Json]:
    if snapshot is None:
        return [{"name": i.vrrp.name, **NEVER_HEARD} for i in config.instances]
    vips = {v.group: v for v in snapshot.vips}
    return [_instance(i, vips.get(i.name), fresh, clock) for i in snapshot.instances]


def _instance(instance: InstanceSnapshot, vips: VipSnapshot | None, fresh: bool, clock: Clock) -> Json:
    return {
        "name": instance.name,
        **state_of(instance, fresh, clock),
        "priority": instance.priority,
        "base_priority": instance.base_priority,
        "interface": instance.interface,
        "vrid": instance.virtual_router_id,
        "version": instance.version,
        "family": "IPv4" if instance.family == 2 else "IPv6",
        "advert_interval_s": instance.advert_interval_cs / 100,
        "master_advert_interval_s": instance.master_advert_interval_cs / 100,
        "master": instance.master,
        "primary_address": instance.primary_address,
        "peers": [_peer(p, clock) for p in instance.peers],
        "vips": vips_of(vips),
        "faults": [{"cause": cause, "reason": reason} for cause, reason in instance.faults],
        "counters": {name: getattr(instance, name) for name in _COUNTERS}
        | {"announced": vips.announced if vips else 0, "restored": vips.restored if vips else 0},
    }


def state_of(thing: InstanceSnapshot | GroupSnapshot | OwnershipSnapshot, fresh: bool, clock: Clock) -> Json:
    known = {
        "since": clock.wall(thing.since_ns),
        "since_s": clock.age_s(thing.since_ns),
        "last_known_state": str(thing.state),
    }
    if fresh:
        return {"state": str(thing.state), "reason": thing.reason, **known}
    return {"state": UNKNOWN, "reason": f"the engine does not answer; last known: {thing.reason}", **known}


def _peer(peer: PeerSnapshot, clock: Clock) -> Json:
    due = peer.adverts + peer.missed
    return {
        "address": peer.address,
        "priority": peer.priority,
        "age_ms": clock.age_ms(peer.last_heard_ns),
        "interval_s": peer.interval_cs / 100,
        "adverts": peer.adverts,
        "missed": peer.missed,
        "loss_pct": round(100 * peer.missed / due, 2) if due else 0.0,
    }


def vips_of(vips: VipSnapshot | None) -> Json:
    return bindings(vips.wanted, vips.present) if vips else bindings((), ())


def bindings(wanted: Sequence[str], present: Sequence[str]) -> Json:
    return {
        "wanted": list(wanted),
        "present": list(present),
        "missing": [v for v in wanted if v not in set(present)],
        "unexpected": [v for v in present if v not in set(wanted)],
    }


def _groups(config: Config, snapshot: EngineSnapshot | None, fresh: bool, clock: Clock) -> list[Json]:
    if snapshot is None:
        return [{"name": g.vrrp.name, **NEVER_HEARD} for g in config.sync_groups]
    return [{"name": g.name, **state_of(g, fresh, clock), "members": list(g.members)} for g in snapshot.groups]


def _process(process: RoleStatus, clock: Clock) -> Json:
    return {
        "role": process.role,
        "pid": process.pid,
        "state": process.state,
        "since_s": clock.age_s(process.since_ns),
        "restarts": process.restarts,
        "silent_ms": None if process.silent_ns is None else process.silent_ns // NS_PER_MS,
        "last_death": process.last_death,
    }


def transition(change: Transition) -> Json:
    """A line of the history."""
    return {
        "time": round(change.wall_time, 3),
        "kind": change.kind,
        "name": change.name,
        "old": str(change.old),
        "new": str(change.new),
        "priority": change.priority,
        "reason": change.reason,
        "evidence": list(change.evidence),
    }


def what_runs(config: Config) -> str:
    """3 instances, 1 Raft group, 2 virtual servers"""
    counts = (
        (len(config.instances), "instance"),
        (len(config.raft_groups), "Raft group"),
        (len(config.virtual_servers), "virtual server"),
    )
    told = [f"{count} {thing}{'s' if count != 1 else ''}" for count, thing in counts if count]
    return ", ".join(told) or "nothing"
