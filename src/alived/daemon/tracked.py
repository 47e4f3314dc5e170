"""Which scripts a configuration tracks, and who tracks them. One that nobody tracks does not run."""

from __future__ import annotations

import collections
import itertools

from alived.config.model import Config
from alived.health.trackers_config import VrrpScript, Weight


def tracked_scripts(config: Config) -> dict[str, VrrpScript]:
    """By name, in the order of the configuration."""
    if not config.vrrp_scripts:
        return {}
    used = script_trackers(config)
    return {script.name: script for script in config.vrrp_scripts if script.name in used}


def script_trackers(config: Config) -> dict[str, list[tuple[str, Weight]]]:
    """Name of a script -> instances and groups that track it, each with the weight that counts there."""
    found: dict[str, list[tuple[str, Weight]]] = collections.defaultdict(list)
    instances = ((instance.vrrp.name, instance.tracking) for instance in config.instances)
    groups = ((group.vrrp.name, group.tracking) for group in config.sync_groups)
    elected = ((group.raft.name, group.tracking) for group in config.raft_groups)
    for name, tracking in itertools.chain(instances, groups, elected):
        for tracked in tracking.scripts:
            found[tracked.name].append((name, tracked.weight))
    return found
