"""Messages of the process events connector: which processes fork, execute a program, change their name and end.

struct nlmsghdr, struct cn_msg (linux/connector.h), struct proc_event (linux/cn_proc.h), all in the machine's byte
order. Threads come and go by the same messages; they are left out here.
"""

from __future__ import annotations

import struct

import msgspec

from alived.base import DecodeError

CN_IDX_PROC, CN_VAL_PROC = 1, 1
PROC_CN_MCAST_LISTEN, PROC_CN_MCAST_IGNORE = 1, 2
NLMSG_DONE = 3
_NONE, _FORK = 0, 0x1
"""PROC_EVENT_NONE, PROC_EVENT_FORK"""
_HEADERS = struct.Struct("=IHHII IIIIHH")
"""nlmsghdr: length, type, flags, sequence, pid; cn_msg: index, value, sequence, ack, length, flags"""
_EVENT = struct.Struct("=IIQ")
"""what, CPU, time"""
_FORKED = struct.Struct("=IIII")
"""pid and tgid of the parent, of the child"""
_IDS = struct.Struct("=II")
_DATA = _HEADERS.size + _EVENT.size


class Listening(msgspec.Struct, frozen=True):
    """The kernel answers somebody who asked to be told; all hear it. error: errno, 0 if it will; port: of who asked."""

    error: int
    port: int


class Forked(msgspec.Struct, frozen=True):
    parent: int
    pid: int


class Executed(msgspec.Struct, frozen=True):
    pid: int


class Renamed(msgspec.Struct, frozen=True):
    pid: int


class Exited(msgspec.Struct, frozen=True):
    """All its threads are gone; it may still be a zombie."""

    pid: int


ProcEvent = Listening | Forked | Executed | Renamed | Exited


def request(operation: int, port: int) -> bytes:
    """Asks to be told from now on, or no more. port: of our netlink socket, to know the answer by."""
    length = _HEADERS.size + 4
    headers = _HEADERS.pack(length, NLMSG_DONE, 0, 0, port, CN_IDX_PROC, CN_VAL_PROC, 0, port, 4, 0)
    return headers + struct.pack("=I", operation)


def parse(data: bytes) -> ProcEvent | None:
    """One message (the kernel puts each into a datagram of its own); None: of no interest. Raises DecodeError."""
    try:
        _, _, _, _, _, index, value, _, ack, _, _ = _HEADERS.unpack_from(data)
        if (index, value) != (CN_IDX_PROC, CN_VAL_PROC):
            return None
        return _parse(data, _EVENT.unpack_from(data, _HEADERS.size)[0], ack)
    except struct.error as error:
        raise DecodeError("too-short", f"a process event of {len(data)} octets") from error


def _parse(data: bytes, what: int, ack: int) -> ProcEvent | None:
    if what == _NONE:
        return Listening(struct.unpack_from("=I", data, _DATA)[0], (ack - 1) & 0xFFFFFFFF)
    if what == _FORK:
        _, parent, thread, pid = _FORKED.unpack_from(data, _DATA)
        return Forked(parent, pid) if thread == pid else None
    thread, pid = _IDS.unpack_from(data, _DATA)
    return _of_process(what, pid) if thread == pid else None


def _of_process(what: int, pid: int) -> ProcEvent | None:
    match what:
        case 0x2:  # PROC_EVENT_EXEC
            return Executed(pid)
        case 0x200:  # PROC_EVENT_COMM
            return Renamed(pid)
        case 0x80000000:  # PROC_EVENT_EXIT
            return Exited(pid)
        case _:
            return None
