"""A process that starts programs as another account: forked from us, it becomes that account and waits for orders.

It only spawns and reaps. Whoever gives the orders sees by a pidfd that a program has ended, kills what is left of its
process group, and asks for its status: until then the number of the process cannot become another's. When the orders
end, with the death of whoever gave them, it kills what still runs and ends.

What it has of our memory is out of reach for the account that it became: a process that has changed its user is not
dumpable, so that only root may look into it (ptrace(2)).
"""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import sys
import traceback
from typing import NoReturn, assert_never

import msgspec

from alived.adapters.forked import EXIT_CRASHED, forget_parent
from alived.adapters.loop import now_ns
from alived.adapters.privileges import hide_memory, keep_capabilities, set_process_name, signal_at_parent_death
from alived.adapters.script_process import Account, Program, ScriptError, spawn

MAX_ORDER = 128 << 10
"""Bytes; the kernel takes that much as one message."""
_DESCRIPTORS = 2


class Start(msgspec.Struct, array_like=True, tag=1):
    """With the descriptor for output and, perhaps, that of the opened program. Answered by `Begun` or `Refused`."""

    number: int
    program: Program


class Reap(msgspec.Struct, array_like=True, tag=2):
    """This program has ended; answered by `Reaped`."""

    pid: int


Order = Start | Reap


class Begun(msgspec.Struct, array_like=True, tag=1):
    """since_ns: CLOCK_BOOTTIME, just before."""

    number: int
    pid: int
    since_ns: int


class Refused(msgspec.Struct, array_like=True, tag=2):
    """why: for the operator."""

    number: int
    why: str


class Reaped(msgspec.Struct, array_like=True, tag=3):
    """status: 0..255, or the negative number of a signal."""

    pid: int
    status: int


Report = Begun | Refused | Reaped
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Order).decode


def run_starter(account: Account, line: socket.socket) -> NoReturn:
    """In the forked process, with all signals blocked; never returns into the frames of whoever forked it.

    line: where orders come from and reports go to.
    """
    status = EXIT_CRASHED
    try:
        forget_parent({line.fileno()})
        os.setsid()
        set_process_name(f"alived-{account.name}")
        starter = _Starter(line, _become(account))
        signal_at_parent_death(signal.SIGCONT)  # one that somebody stopped goes on, and sees that the orders ended
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        starter.serve()
        status = 0
    except Exception:  # noqa: BLE001 - the last frame: whatever we did wrong must be said
        print(traceback.format_exc(), file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def _become(account: Account) -> str:
    """Why that is not possible, "" when it is done."""
    os.chdir("/")
    try:
        account.become()
        if account.uid:
            keep_capabilities((), keep_for_programs=True)  # what we may do without being root would stay
        hide_memory()
    except OSError as error:
        return f"cannot become the user {account.name}: {error.strerror}"
    return ""


class _Starter:
    """Orders in, reports out."""

    def __init__(self, line: socket.socket, trouble: str) -> None:
        """trouble: why nothing can be started."""
        self._line = line
        self._trouble = trouble
        self._running: set[int] = set()

    def serve(self) -> None:
        """Until there is nobody any more who gives orders."""
        buffer = bytearray(MAX_ORDER)
        room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
        try:
            while True:
                size, ancillary, flags, _ = self._line.recvmsg_into([buffer], room, socket.MSG_CMSG_CLOEXEC)
                if not size:
                    return
                descriptors = array.array("i")
                for _level, _type, data in ancillary:
                    descriptors.frombytes(data)
                try:
                    complete = not flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC)
                    self._line.send(_encode(self._obey(_decode(memoryview(buffer)[:size]), descriptors, complete)))
                finally:
                    for descriptor in descriptors:
                        os.close(descriptor)
        except (BrokenPipeError, ConnectionResetError):
            return  # it died while we worked for it
        finally:
            for pid in self._running:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)

    def _obey(self, order: Order, descriptors: array.array[int], complete: bool) -> Report:
        match order:
            case Start(number, program):
                if self._trouble or not complete:
                    return Refused(number, self._trouble or "the starter has no room for its files")
                since_ns = now_ns()
                try:
                    pid = spawn(program, *descriptors)
                except ScriptError as error:
                    return Refused(number, str(error))
                self._running.add(pid)
                return Begun(number, pid, since_ns)
            case Reap(pid):
                _, status = os.waitpid(pid, 0)
                self._running.remove(pid)
                return Reaped(pid, os.waitstatus_to_exitcode(status))
            case _:
                assert_never(order)
