"""How long the hooks of an event may take at most: for whoever waits for their end and might never hear of it."""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_S
from alived.hooks.config import Hook, HookEvent, OnFailure
from alived.hooks.line import pause_ns
from alived.hooks.runs import KILL_GRACE_NS

MARGIN_NS = 5 * NS_PER_S
"""The worker is not in a hurry, and has messages to send."""


def limits_of(hooks: Iterable[Hook]) -> dict[HookEvent, int]:
    """Nanoseconds by event: all its hooks take as long as they may, repetitions included."""
    limits: dict[HookEvent, int] = {}
    for hook in hooks:
        limits[hook.event] = limits.get(hook.event, MARGIN_NS) + _longest_ns(hook)
    return limits


def _longest_ns(hook: Hook) -> int:
    once_ns = hook.script.timeout_ns + 2 * KILL_GRACE_NS
    if hook.on_failure is not OnFailure.RETRY:
        return once_ns
    return once_ns + sum(once_ns + pause_ns(hook, attempt) for attempt in range(1, hook.retries + 1))
