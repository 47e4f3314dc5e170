"""What `alived status` says of tracked scripts, as plain values. Pure.

Two things are told: the verdict that counts (the parent's, on which the instances act), and how the runs go (the
worker's, if it answers).
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, GlobalDefs
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.shared.tracked import tracked_scripts, trackers_of
from alived.daemon.status.tracker_view import tracked_by, verdict_of
from alived.daemon.status.view import Clock, Json
from alived.health.script_events import ScriptSnapshot
from alived.health.trackers_config import TrackerKind, VrrpScript

NO_ANSWER = "the process that runs it does not answer"


def scripts(
    config: Config, known: Iterable[TrackerVerdict], snapshot: WorkerSnapshot | None, clock: Clock
) -> list[Json]:
    """snapshot: the answer to this question; None: the worker gave none."""
    verdicts = {verdict.name: verdict for verdict in known if verdict.kind is TrackerKind.SCRIPT}
    runs = {script.name: script for script in snapshot.scripts} if snapshot else {}
    trackers = trackers_of(config)
    return [
        _verdict(script, config.global_defs, verdicts.get(name), clock)
        | {"tracked_by": [tracked_by(owner, weight) for owner, weight in trackers[TrackerKind.SCRIPT.key(name)]]}
        | {"runs": _runs(runs[name], clock) if name in runs else None}
        for name, script in tracked_scripts(config).items()
    ]


def _verdict(script: VrrpScript, defaults: GlobalDefs, verdict: TrackerVerdict | None, clock: Clock) -> Json:
    return {
        "name": script.name,
        **verdict_of(verdict, clock),
        "command": list(script.argv),
        "user": script.user or defaults.script_user,
        "interval_s": script.interval_ns / NS_PER_S,
        "timeout_s": script.timeout_ns / NS_PER_S,
        "rise": script.rise,
        "fall": script.fall,
    }


def _runs(script: ScriptSnapshot, clock: Clock) -> Json:
    running = script.running_since_ns
    return {
        "last_success": script.last_success,
        "last_result": script.last_result,
        "last_age_s": None if script.last_ns is None else clock.age_s(script.last_ns),
        "exit_status": script.exit_status,
        "output": list(script.output),
        "took_ms": script.took_ns // NS_PER_MS,
        "streak": script.streak,
        "count": script.runs,
        "overlaps": script.overlaps,
        "running_s": None if running is None else clock.age_s(running),
        "next_run_s": -clock.age_s(script.next_run_ns),
    }
