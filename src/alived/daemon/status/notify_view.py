"""Pipes, mail and webhooks in `alived status`: what waits, what went well last, what went wrong last. Pure."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S
from alived.daemon.shared.messages import NotifierSnapshot, WorkerSnapshot
from alived.daemon.status.view import Json
from alived.notify.outbox_events import OutboxSnapshot


def receivers(fresh: NotifierSnapshot | None, last: NotifierSnapshot | None, lost: int) -> list[Json]:
    """fresh: None if the notifier does not answer now; last: what it said last. lost: never even told to it."""
    known = fresh or last
    if known is None:
        return []
    return [_receiver(target, known.now_ns, fresh is not None, lost) for target in known.targets]


def _receiver(target: OutboxSnapshot, now_ns: int, fresh: bool, lost: int) -> Json:
    return {
        "name": target.name,
        "state": _state(target) if fresh else "unknown",
        "waiting": target.waiting,
        "attempt": target.attempt,
        "next_in_s": _until_s(target.next_ns, now_ns),
        "delivered": target.delivered,
        "refused": target.refused,
        "dropped": target.dropped + lost,
        "last_success_s": _age_s(target.last_success_ns, now_ns),
        "last_error": target.last_error,
        "last_error_s": _age_s(target.last_error_ns, now_ns),
        "disk": target.disk,
        "at_risk": target.at_risk,
        "late": [
            {
                "recipient": late.recipient,
                "waiting": late.waiting,
                "attempt": late.attempt,
                "next_in_s": _until_s(late.next_ns, now_ns),
                "last_error": late.last_error,
            }
            for late in target.late
        ],
    }


def pipes(known: WorkerSnapshot | None, fresh: bool) -> list[Json]:
    """known: what the worker said last. fresh: it was now."""
    shown = known.pipes if known else ()
    return [msgspec.structs.asdict(pipe) | {"fresh": fresh} for pipe in shown]


def _state(target: OutboxSnapshot) -> str:
    """idle, sending or failing."""
    if not target.waiting:
        return "idle"
    return "failing" if target.attempt > 1 or target.next_ns is not None or target.late else "sending"


def _until_s(moment_ns: int | None, now_ns: int) -> float | None:
    """None: it is being tried."""
    return None if moment_ns is None else max(0.0, round((moment_ns - now_ns) / NS_PER_S, 1))


def _age_s(then_ns: int | None, now_ns: int) -> float | None:
    """None: never."""
    return None if then_ns is None else round((now_ns - then_ns) / NS_PER_S, 1)
