"""Real-time scheduling, locked memory and CPU affinity for the process that must not be late."""

from __future__ import annotations

import ctypes
import os
import resource

MCL_CURRENT, MCL_FUTURE = 1, 2
RTTIME_LIMIT_US = 10_000_000
"""CPU time without a wait after which the kernel kills a process that runs away with real time (RLIMIT_RTTIME)."""
_libc = ctypes.CDLL(None, use_errno=True)


def set_real_time(priority: int) -> str:
    """SCHED_RR with this priority (1..99). Returns "SCHED_RR n", or "normal (why)" if the kernel does not let us."""
    try:
        resource.setrlimit(resource.RLIMIT_RTTIME, (RTTIME_LIMIT_US, RTTIME_LIMIT_US))
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, ValueError) as error:
        return f"normal (no real time: {error})"
    return f"SCHED_RR {priority}"


def set_normal() -> str:
    """No real time. Returns "normal (why)", or what it is if the kernel does not let us."""
    try:
        if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    except OSError as error:
        return f"real time (not ended: {error})"
    return "normal (vrrp_rt_priority 0)"


def lock_memory(locked: bool) -> str:
    """mlockall: no page of ours waits for a disk; or munlockall. Returns "" or why it failed."""
    if _libc.mlockall(MCL_CURRENT | MCL_FUTURE) if locked else _libc.munlockall():
        return os.strerror(ctypes.get_errno())
    return ""


def lock_memory_for_good() -> str:
    """The same for a process that is about to give up CAP_IPC_LOCK: without it the kernel counts what is locked, and
    would refuse memory beyond a limit. Returns "" or why it failed; then nothing is locked."""
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError) as error:
        return f"the limit on locked memory stays: {error}"
    return lock_memory(True)


def affinity() -> tuple[int, ...]:
    """The CPUs on which this process may run."""
    return tuple(os.sched_getaffinity(0))


def raise_file_limit() -> None:
    """As many open files as root allows us: a thousand virtual MAC devices need four thousand sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def set_affinity(cpus: tuple[int, ...]) -> str:
    """Runs on these CPUs only. Returns "" or why it failed."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return str(error)
    return ""
