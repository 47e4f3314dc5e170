"""A process of the daemon as `alived status` shows it."""

from __future__ import annotations

import msgspec


class RoleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A process as `alived status` shows it."""

    role: str
    pid: int
    state: str
    """starting, running, stopping, waiting (to be started again), ended"""
    since_ns: int
    restarts: int = 0
    silent_ns: int | None = None
    """Since the child's last turn (an idle one has none to do); None: not a child, or dead"""
    last_death: str = ""
