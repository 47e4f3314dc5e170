"""Scheduling and memory of the processes that must not be late, as `global_defs` wants them."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters import scheduling
from alived.config.model import Config, GlobalDefs

FIELDS = ("rt_priority", "no_swap", "cpu_affinity")


def real_time(wanted: GlobalDefs) -> str:
    """Real time with the priority that is wanted, the lowest if none is said. Says what it is now."""
    priority = 1 if wanted.rt_priority is None else wanted.rt_priority
    return scheduling.set_real_time(priority) if priority else scheduling.set_normal()


def for_good(wanted: GlobalDefs, log: Callable[[str, str, str], None]) -> str:
    """For a process that gives up the right to change it. Says how it is scheduled."""
    if wanted.no_swap and (why := scheduling.lock_memory_for_good()):
        log("warning", "no-swap", f"vrrp_no_swap: cannot lock memory: {why}")
    if wanted.cpu_affinity and (why := scheduling.set_affinity(wanted.cpu_affinity)):
        log("warning", "cpu-affinity", f"vrrp_cpu_affinity: {why}")
    return real_time(wanted)


def kept(began_with: GlobalDefs, now: Config) -> tuple[str, ...]:
    """What a reload says that such a process cannot follow."""
    if all(getattr(began_with, field) == getattr(now.global_defs, field) for field in FIELDS):
        return ()
    return ("raft: scheduling, memory and CPUs of the raft process change when it is started the next time",)
