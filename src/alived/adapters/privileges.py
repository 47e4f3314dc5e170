"""What a process may do and what it is called: capabilities, its name, the signal at its parent's death.

capset(2) and prctl(2) by ctypes, because the standard library has neither.
"""

from __future__ import annotations

import ctypes
import enum
import os
import signal
import struct
from collections.abc import Iterable

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522


class Capability(enum.IntEnum):
    """Of linux/capability.h, those that alived has a use for."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    SYS_NICE = 23


def set_process_name(name: str) -> None:
    """What ps and top call this process; the kernel keeps 15 bytes."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def signal_at_parent_death(signum: signal.Signals) -> None:
    """The kernel sends us signum when our parent dies; not if it had died before: look at getppid() afterwards."""
    _prctl(_PR_SET_PDEATHSIG, int(signum))


def hide_memory() -> None:
    """From all processes but root's, also those of our own user: no ptrace(2), no /proc/PID/mem, no core dump. Ends
    with execve(2)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def effective_capabilities() -> int:
    """Bit mask of what this process may do now."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    _checked(_libc.capget(header, data), "capget")
    low, _, _, high, _, _ = struct.unpack("=6I", data.raw)
    return int(low | high << 32)


def keep_capabilities(wanted: Iterable[Capability], *, keep_for_programs: bool = False) -> None:
    """Gives up all capabilities but these, of which those that we do not have stay missing.

    keep_for_programs: programs that we start as root get everything again, as a script that the operator wrote for
    root expects (capabilities(7): the bounding set is left alone). Without it nothing that we start gets any back:
    the bounding set shrinks if we may do that, and set-user-ID programs have no effect.
    Raises OSError if the kernel refuses.
    """
    have = effective_capabilities()
    keep = have & sum(1 << c for c in wanted)
    if not keep_for_programs:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if have >> Capability.SETPCAP & 1:
            for capability in _bounding_set():
                if not keep >> capability & 1:
                    _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    low, high = keep & 0xFFFFFFFF, keep >> 32
    _checked(_libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)), "capset")


def _bounding_set() -> list[int]:
    """The capabilities of the bounding set; prctl fails beyond the last one that the kernel knows."""
    found = []
    for capability in range(64):
        present = _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0)
        if present < 0:
            break
        if present:
            found.append(capability)
    return found


def _prctl(option: int, argument: int | bytes) -> None:
    value = argument if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, value, zero, zero, zero), f"prctl({option})")


def _checked(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
