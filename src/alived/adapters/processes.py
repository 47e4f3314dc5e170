"""Processes as /proc shows them: their names and command lines."""

from __future__ import annotations

import os

from alived.health.process_events import Process

CMDLINE_BYTES = 1 << 15
"""Of a command line: nothing longer is compared"""
_STAT_BYTES = 512


def read_process(pid: int, *, with_cmdline: bool) -> Process | None:
    """None: it is gone, a zombie, or hidden from us."""
    stat = _read(f"/proc/{pid}/stat", _STAT_BYTES)
    begin, end = stat.find(b"("), stat.rfind(b")")
    if not 0 < begin < end or stat[end + 2 : end + 3] in b"ZX":
        return None
    comm = stat[begin + 1 : end].decode(errors="surrogateescape")
    return Process(comm, _read(f"/proc/{pid}/cmdline", CMDLINE_BYTES) if with_cmdline else b"")


def parent_of(pid: int) -> int | None:
    """None: it is gone."""
    fields = _read(f"/proc/{pid}/stat", _STAT_BYTES).rpartition(b")")[2].split()
    return int(fields[1]) if fields else None


def read_processes(*, with_cmdline: bool) -> dict[int, Process]:
    """All of them: 20 us each, twice that with the command line."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := read_process(int(name), with_cmdline=with_cmdline)):
            found[int(name)] = process
    return found


def _read(path: str, limit: int) -> bytes:
    """b"" if it cannot be read: processes come and go."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, limit)
    except OSError:  # it ended meanwhile
        return b""
    finally:
        os.close(file)
