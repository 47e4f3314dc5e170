"""Scheduling, memory, CPUs and file limits of the process that must not be late: each tried in a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from alived.adapters import scheduling


def in_another_process(lines: str) -> list[str]:
    """What these lines of Python print."""
    code = f"import os, resource\nfrom alived.adapters.scheduling import *\n{lines}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_real_time_or_the_reason_why_not() -> None:
    said, policy, priority, limit = in_another_process(
        "print(set_real_time(7)); print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)\n"
        "print(os.sched_getparam(0).sched_priority); print(resource.getrlimit(resource.RLIMIT_RTTIME)[1])"
    )
    if said.startswith("normal"):
        assert int(policy) == os.SCHED_OTHER
    else:
        assert (said, int(policy), priority) == ("SCHED_RR 7", os.SCHED_RR, "7")
    assert int(limit) == scheduling.RTTIME_LIMIT_US


@pytest.mark.parametrize("error", [PermissionError(1, "Operation not permitted"), ValueError("not allowed")])
def test_a_kernel_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert scheduling.set_real_time(1) == f"normal (no real time: {error})"


def test_memory_is_locked_or_the_reason_given_and_given_back() -> None:
    said, locked, _, freed = in_another_process(
        "def locked(): return next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmLck'))\n"
        "print(repr(lock_memory(True))); print(locked()); print(lock_memory(False)); print(locked())"
    )
    assert (said == "''") == (int(locked) > 0)
    assert int(freed) == 0


def test_real_time_ends() -> None:
    said, policy = in_another_process(
        "set_real_time(7); print(set_normal()); print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)"
    )
    assert (said, int(policy)) == ("normal (vrrp_rt_priority 0)", os.SCHED_OTHER)


def test_affinity_is_set_and_an_impossible_one_is_told() -> None:
    first = min(os.sched_getaffinity(0))
    said, cpus, refused = in_another_process(
        f"print(repr(set_affinity(({first},)))); print(os.sched_getaffinity(0)); print(set_affinity((4000,)))"
    )
    assert (said, cpus) == ("''", f"{{{first}}}")
    assert "Invalid argument" in refused
    assert scheduling.affinity() == tuple(os.sched_getaffinity(0))


def test_the_file_limit_is_what_root_allows() -> None:
    soft, hard = in_another_process(
        "_, most = resource.getrlimit(resource.RLIMIT_NOFILE); resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))\n"
        "raise_file_limit(); print(*resource.getrlimit(resource.RLIMIT_NOFILE), sep='\\n')"
    )
    assert soft == hard
    assert int(soft) != 64
