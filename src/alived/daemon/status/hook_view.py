"""Hooks and their runs as plain values. Pure."""

from __future__ import annotations

from alived.base import NS_PER_MS, NS_PER_S
from alived.daemon.shared.messages import HookRan
from alived.daemon.status.hook_runs import HookCounters, HookRuns, Key
from alived.daemon.status.view import Json
from alived.hooks.config import Hook, OnFailure


def hook(key: Key, hook: Hook, is_due: bool, runs: HookRuns) -> Json:
    """is_due: it runs now, or waits for its turn."""
    kind, name, label = key
    script = hook.script
    return {
        "kind": kind,
        "name": name,
        "label": label,
        "command": list(script.argv),
        "user": script.user,
        "timeout_s": script.timeout_ns / NS_PER_S,
        "on_failure": str(hook.on_failure),
        "retries": hook.retries if hook.on_failure is OnFailure.RETRY else 0,
        "pinned": hook.pinned,
        "due": is_due,
        **_runs(key, runs),
    }


def other(key: Key, runs: HookRuns) -> Json:
    """A notify script, or a hook that the configuration no longer has."""
    kind, name, label = key
    return {"kind": kind, "name": name, "label": label, "command": [runs.of(key)[-1].program], **_runs(key, runs)}


def counters(counters: HookCounters) -> Json:
    return {
        "runs": counters.runs,
        "failures": counters.failures,
        "duration_s": round(counters.duration_ns / NS_PER_S, 3),
    }


def _runs(key: Key, runs: HookRuns) -> Json:
    last = runs.of(key)[-1:]
    return counters(runs.counters().get(key, HookCounters())) | {"last": run(last[0]) if last else None}


def run(ran: HookRan) -> Json:
    return {
        "time": round(ran.wall_time, 3),
        "run": ran.run,
        "kind": ran.kind,
        "name": ran.name,
        "label": ran.label,
        "program": ran.program,
        "event_id": ran.event_id,
        "trigger": ran.trigger,
        "by_hand": ran.by_hand,
        "attempt": ran.attempt,
        "duration_ms": ran.duration_ns // NS_PER_MS,
        "ok": not ran.failure,
        "failure": ran.failure,
        "exit_status": ran.status,
        "output": list(ran.output),
    }
