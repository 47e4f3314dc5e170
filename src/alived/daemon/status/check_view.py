"""What `alived status` says of checks, as plain values. Pure.

Two things are told: the verdict that counts (the parent's, on which instances act), and how the probes go (the
worker's, if it answers).
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.configured_checks import ConfiguredCheck, configured_checks, keyword_of, target_of
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.shared.tracked import trackers_of
from alived.daemon.status.tracker_view import tracked_by, verdict_of
from alived.daemon.status.view import Clock, Json
from alived.health.check_events import CheckResult, CheckSnapshot
from alived.health.trackers_config import TrackerKind

SECONDS_A_DAY = 86_400


def checks(
    config: Config, known: Iterable[TrackerVerdict], snapshot: WorkerSnapshot | None, clock: Clock
) -> list[Json]:
    """snapshot: the answer to this question; None: the worker gave none."""
    verdicts = {verdict.name: verdict for verdict in known if verdict.kind is TrackerKind.CHECK}
    probes = snapshot.checks if snapshot else {}
    trackers = trackers_of(config)
    return [
        _what(configured)
        | verdict_of(verdicts.get(name), clock)
        | {"tracked_by": [tracked_by(*owner) for owner in trackers.get(TrackerKind.CHECK.key(name), ())]}
        | {"probes": _probes(configured, probes[name], clock) if name in probes else None}
        for name, configured in configured_checks(config).items()
    ]


def _what(configured: ConfiguredCheck) -> Json:
    check = configured.check
    return {
        "name": configured.name,
        "kind": keyword_of(check),
        "target": target_of(check),
        "interval_s": check.delay_loop_ns / NS_PER_S,
        "timeout_s": check.patience_ns / NS_PER_S,
        "rise": check.rise,
        "fall": check.fall,
        "retry": check.retry,
    }


def _probes(configured: ConfiguredCheck, check: CheckSnapshot, clock: Clock) -> Json:
    until_s = check.sight.certificate_until_s
    history = [_result(configured, result, clock) for result in check.history]
    return {
        "last": history[-1] if history else None,
        "exit_status": check.sight.exit_status,
        "output": list(check.sight.output),
        "certificate_until": until_s,
        "certificate_days": None if until_s is None else round((until_s - clock.wall_time) / SECONDS_A_DAY, 1),
        "weight": check.weight,
        "streak": check.streak,
        "failed_tries": check.failed_tries,
        "count": check.runs,
        "undecided": check.undecided or None,
        "suspended": check.suspended,
        "running_s": None if check.running_since_ns is None else clock.age_s(check.running_since_ns),
        "next_run_s": None if check.next_run_ns is None else -clock.age_s(check.next_run_ns),
        "history": history,
    }


def _result(configured: ConfiguredCheck, result: CheckResult, clock: Clock) -> Json:
    stages = configured.check.stages
    return {
        "ok": result.ok,
        "reason": result.reason,
        "url": configured.check.stage_name(result.stage) if result.stage < stages else "",
        "time": clock.wall(result.at_ns),
        "age_s": clock.age_s(result.at_ns),
        "took_ms": round(result.took_ns / NS_PER_MS, 2),
    }
