"""What `alived status` says of tracked links, as plain values: as those that track them see them. Pure."""

from __future__ import annotations

import collections
import itertools

from alived.config.model import Config
from alived.daemon.shared.messages import EngineSnapshot
from alived.daemon.status.tracker_view import tracked_by, verdict_of
from alived.daemon.status.view import Clock, Json
from alived.health.tracker_events import LinkSnapshot
from alived.health.trackers_config import Weight

INTERFACE = "interface"
"""Their kind, beside those of trackers."""


def links(config: Config, engine: EngineSnapshot | None, clock: Clock) -> list[Json]:
    """Of `track_interface`. engine: the answer to this question; None: it gave none."""
    known = {link.name: link for link in engine.links} if engine else {}
    return [_link(name, owners, known.get(name), clock) for name, owners in _tracked(config).items()]


def _tracked(config: Config) -> dict[str, list[Json]]:
    """Name of a link -> who tracks it."""
    found: dict[str, list[Json]] = collections.defaultdict(list)
    instances = ((one.vrrp.name, one.vrrp.track_interfaces) for one in config.instances)
    groups = ((one.vrrp.name, one.vrrp.track_interfaces) for one in config.sync_groups)
    elected = ((one.raft.name, one.track_interfaces) for one in config.raft_groups)
    for owner, interfaces in itertools.chain(instances, groups, elected):
        for link in interfaces:
            found[link.name].append(tracked_by(owner, Weight(link.weight, link.reverse)))
    return found


def _link(name: str, owners: list[Json], link: LinkSnapshot | None, clock: Clock) -> Json:
    about = {"kind": INTERFACE, "name": name, "tracked_by": owners}
    if link is None:
        return about | verdict_of(None, clock) | {"seen": None}
    state = "not there" if link.usable is None else "up" if link.usable else "down"
    other = "down" if link.usable else "up"
    changes_s = None if link.changes_ns is None else -clock.age_s(link.changes_ns)
    waits = f"{other}, which counts if it lasts (interface_up_down_delays)"
    return about | {
        "result": "up" if link.usable else "down",
        "reason": f"{INTERFACE} {name} is {state}",
        "value": None,
        "since": clock.wall(link.since_ns),
        "since_s": clock.age_s(link.since_ns),
        "seen": {
            "result": "" if changes_s is None else waits,
            "details": [],
            "results": 0,
            "streak": 0,
            "age_s": None,
            "next_run_s": changes_s,
        },
    }
