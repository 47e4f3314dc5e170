"""Who starts programs: this process those of its own account, a process for each other account (`starter`) the rest.

Orders to a starter wait for nothing, and neither do we: a starter that somebody stops or kills costs the runs that it
had, which say so, and nobody else's time.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import functools
import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol, assert_never

import msgspec

from alived.adapters.forked import fork_into
from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.processes import parent_of
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.script_process import Account, Program, ScriptError, in_the_root_directory, spawn
from alived.adapters.starter import MAX_ORDER, Begun, Reap, Reaped, Refused, Report, Start, run_starter
from alived.base import NS_PER_S
from alived.health.misc import described

LOOK_NS = 5 * NS_PER_S
"""Between two looks at a starter. One that owes answers and gave none from one to the next is killed."""
IDLE_LOOKS = 12
"""After so many without a program it is let go: it holds 1 MB, and the configuration may not need it any more."""
_MAX_REPORT = 4096
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Report).decode


class Failure(msgspec.Struct, frozen=True):
    """Why nothing is known of a run. ours: it says nothing about the program."""

    why: str
    ours: bool = False


class Child(Protocol):
    """Who wants a program to run. After `begun` comes `ended`, else `failed` is all; `failed` may come between too."""

    def begun(self, pid: int, since_ns: int) -> None: ...

    def ended(self, status: int) -> None: ...

    def failed(self, failure: Failure) -> None: ...


class Starter(Protocol):
    def start(self, program: Program, output: int, opened: int | None, child: Child) -> None:
        """`spawn` for a child, which may hear that it has begun at once, and anything else later. The descriptors stay
        the caller's."""

    def reap(self, pid: int) -> None:
        """This program has ended: its child shall hear how, at once or later."""

    def signal_group(self, pid: int, signum: signal.Signals) -> None:
        """To the process group of a program that was not reaped."""


class Starters:
    """All of this process, by account."""

    def __init__(self, loop: Loop, running: RunningScripts) -> None:
        """running: what other accounts must not have in their memory."""
        self._loop = loop
        self._running = running
        self._ourselves = OwnStarter(loop)
        self._others: dict[tuple[int, int], AnotherStarter] = {}

    def of(self, account: Account) -> Starter:
        """Raises OSError if there is none and none can be forked."""
        if account.is_ours:
            return self._ourselves
        key = account.uid, account.gid
        if key not in self._others:
            with self._running.kept_from_children():
                self._others[key] = AnotherStarter(self._loop, account, functools.partial(self._others.pop, key))
        return self._others[key]

    def close(self) -> None:
        """They end, after they have killed what they run."""
        for other in list(self._others.values()):
            other.leave()


class OwnStarter:
    """Programs of our own account are our own children."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._children: dict[int, Child] = {}

    def start(self, program: Program, output: int, opened: int | None, child: Child) -> None:
        since_ns = now_ns()
        try:
            with in_the_root_directory():
                pid = spawn(program, output, opened)
        except ScriptError as error:
            self._loop.call_soon(functools.partial(child.failed, Failure(str(error))))
            return
        self._children[pid] = child
        child.begun(pid, since_ns)

    def reap(self, pid: int) -> None:
        _, status = os.waitpid(pid, 0)
        self._children.pop(pid).ended(os.waitstatus_to_exitcode(status))

    def signal_group(self, pid: int, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # ended, and so did all that it started
            os.killpg(pid, signum)


class AnotherStarter:
    """Our end of a starter."""

    def __init__(self, loop: Loop, account: Account, gone: Callable[[], object]) -> None:
        """gone: called when it takes no orders any more. Raises OSError if it cannot be forked."""
        self._loop = loop
        self._account = account
        self._gone = gone
        self._waiting: collections.deque[tuple[bytes, list[int]]] = collections.deque()
        """Orders that it had no room for, with descriptors of ours"""
        self._asked: dict[int, Child] = {}
        """By the number of the order"""
        self._children: dict[int, Child] = {}
        """By process number"""
        self._number = self._owed = self._owed_before = self._idle_looks = 0
        self._heard = False
        self._why_killed = ""
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.setblocking(False)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_ORDER)
        with theirs:
            self._pid = fork_into(functools.partial(run_starter, account, theirs))
        self._pidfd = os.pidfd_open(self._pid)
        loop.add_reader(self._pidfd, self._exited)
        loop.add_reader(self._line.fileno(), self._listen)
        self._timer: Timer = loop.call_later(LOOK_NS, self.look)

    def start(self, program: Program, output: int, opened: int | None, child: Child) -> None:
        self._number += 1
        order = _encode(Start(self._number, program))
        if len(order) > MAX_ORDER:
            why = f"{os.fsdecode(program.argv[0])}: {os.strerror(errno.E2BIG)}"
            self._loop.call_soon(functools.partial(child.failed, Failure(why)))
            return
        self._asked[self._number] = child
        self._order(order, [output] if opened is None else [output, opened])

    def reap(self, pid: int) -> None:
        self._order(_encode(Reap(pid)), [])

    def signal_group(self, pid: int, signum: signal.Signals) -> None:
        # We are root perhaps, and the number comes from another account: it must be that of a child of the starter.
        if parent_of(pid) == self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signum)

    # Orders and reports

    def _order(self, order: bytes, descriptors: list[int]) -> None:
        self._owed += 1
        if self._waiting or not self._sent(order, descriptors):
            if not self._waiting:
                self._loop.add_writer(self._line.fileno(), self._send_waiting)
            self._waiting.append((order, [os.dup(descriptor) for descriptor in descriptors]))

    def _sent(self, order: bytes, descriptors: list[int]) -> bool:
        """False if it has to wait."""
        try:
            socket.send_fds(self._line, [order], descriptors)
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True  # its end is seen by the pidfd
        except OSError as error:
            self._kill(f"could not be told what to do: {error.strerror}")
        return True

    def _send_waiting(self) -> None:
        while self._waiting and self._sent(*self._waiting[0]):
            _close(self._waiting.popleft()[1])
        if not self._waiting:
            self._loop.remove_writer(self._line.fileno())

    def _listen(self) -> None:
        self._hear()

    def _hear(self) -> bool:
        """One report; False if there is none."""
        try:
            report = self._line.recv(_MAX_REPORT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            report = b""
        if not report:
            self._loop.remove_reader(self._line.fileno())  # its end is seen by the pidfd
            return False
        try:
            tell = self._what_to_tell(_decode(report))
        except (msgspec.MsgspecError, KeyError):
            self._kill("talked nonsense")
            return False
        self._owed -= 1
        self._heard = True
        tell()
        return True

    def _what_to_tell(self, report: Report) -> Callable[[], None]:
        """To the child that it is about. Raises KeyError for an answer to what was not asked."""
        match report:
            case Begun(number, pid, since_ns):
                child = self._children[pid] = self._asked.pop(number)
                return functools.partial(child.begun, pid, since_ns)
            case Refused(number, why):
                return functools.partial(self._asked.pop(number).failed, Failure(why))
            case Reaped(pid, status):
                return functools.partial(self._children.pop(pid).ended, status)
            case _:
                assert_never(report)

    # Its life

    def leave(self) -> None:
        """It ends when nobody is left to give it orders."""
        self._forget_it()
        self._loop.remove_reader(self._line.fileno())
        self._line.close()

    def look(self) -> None:
        """Every LOOK_NS: whether it does what it should, and whether it is of any use."""
        self._timer.cancel()
        if self._owed and self._owed_before and not self._heard:
            self._kill(f"gave no answer for {LOOK_NS // NS_PER_S} s")
        self._owed_before, self._heard = self._owed, False
        self._idle_looks = 0 if self._asked or self._children else self._idle_looks + 1
        if self._idle_looks > IDLE_LOOKS:
            self.leave()
        else:
            self._timer = self._loop.call_later(LOOK_NS, self.look)

    def _kill(self, why: str) -> None:
        self._why_killed = self._why_killed or why
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _exited(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._line.fileno() < 0:
            return  # it was let go
        while self._hear():
            pass  # what it said last counts
        if self._waiting:
            self._loop.remove_writer(self._line.fileno())
        self.leave()
        how = self._why_killed or f"ended unexpectedly: {described(os.waitstatus_to_exitcode(status))}"
        failure = Failure(f"the process that starts programs of {self._account.name} {how}", ours=True)
        for child in (*self._asked.values(), *self._children.values()):
            child.failed(failure)

    def _forget_it(self) -> None:
        self._gone()
        self._timer.cancel()
        for _, descriptors in self._waiting:
            _close(descriptors)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
