"""What processes and the machine have used: CPU time and memory."""

from __future__ import annotations

import os
import pathlib
import resource
from collections.abc import Iterable


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds, user and system, of all threads of these processes, by the scheduler's nanosecond count, and of
    their children that have ended (a reader, a script), by clock ticks."""
    total = 0
    for pid in pids:
        total += _of_ended_children_ns(pid)
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue  # it has ended
    return total / 1e9


def _of_ended_children_ns(pid: int) -> int:
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # it has ended
    return (int(fields[13]) + int(fields[14])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def stolen_ms() -> float:
    """Milliseconds of all CPUs together in which the hypervisor let others run although we wanted to (proc(5))."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) * 1000 / os.sysconf("SC_CLK_TCK")


def forks() -> int:
    """Processes and threads that were begun on this machine since it started."""
    lines = pathlib.Path("/proc/stat").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("processes")).split()[1])


def memory_mb(pids: Iterable[int]) -> dict[str, float]:
    """Rss and Pss in MB, summed over the processes."""
    total = {"Rss": 0.0, "Pss": 0.0}
    for pid in pids:
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has ended
        for line in lines:
            key, _, rest = line.partition(":")
            if key in total:
                total[key] += int(rest.split()[0]) / 1024
    return total


def host_cpu() -> tuple[float, float]:
    """CPU seconds of the whole machine since it started, and those of this program and its finished children."""
    fields = [int(value) for value in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    return (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK"), own
