"""Which trackers a configuration uses, and who uses them. What nobody tracks is not looked at."""

from __future__ import annotations

import collections
import itertools

from alived.config.model import Config
from alived.daemon.configured_checks import configured_checks, time_to_confirm_ns
from alived.health.trackers_config import TrackerKind, VrrpScript, Weight


def tracked_scripts(config: Config) -> dict[str, VrrpScript]:
    """By name, in the order of the configuration."""
    if not config.vrrp_scripts:
        return {}
    used = trackers_of(config)
    return {script.name: script for script in config.vrrp_scripts if TrackerKind.SCRIPT.key(script.name) in used}


def trackers_of(config: Config) -> dict[str, list[tuple[str, Weight]]]:
    """Key of a tracker -> instances and groups that track it, each with the weight that counts there."""
    found: dict[str, list[tuple[str, Weight]]] = collections.defaultdict(list)
    instances = ((instance.vrrp.name, instance.tracking) for instance in config.instances)
    groups = ((group.vrrp.name, group.tracking) for group in config.sync_groups)
    elected = ((group.raft.name, group.tracking) for group in config.raft_groups)
    for name, tracking in itertools.chain(instances, groups, elected):
        for kind, tracked in tracking.judged():
            found[kind.key(tracked.name)].append((name, tracked.weight))
    return found


def times_to_confirm(config: Config) -> dict[str, int]:
    """Key of a tracker -> nanoseconds in which a new worker comes to a verdict on it."""
    scripts = {
        TrackerKind.SCRIPT.key(name): script.interval_ns + script.timeout_ns
        for name, script in tracked_scripts(config).items()
    }
    checks = {
        TrackerKind.CHECK.key(name): time_to_confirm_ns(configured.check)
        for name, configured in configured_checks(config).items()
    }
    return scripts | checks
