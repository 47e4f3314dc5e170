"""Names to addresses without a wait: a helper process asks, we go on.

A process and not threads of ours: the worker starts scripts by fork(2), which is safe with one thread only; and a
helper that hangs can be killed. It is started with the first name, so who uses addresses never has it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from alived.adapters.loop import Loop, now_ns
from alived.adapters.name_helper import MAX_PACKET
from alived.base import NS_PER_S

KEPT_NS = 5 * NS_PER_S
"""How long an answer is good for the next who asks; getaddrinfo(3) does not say how long the DNS meant it to be"""
KEPT_FAILURE_NS = NS_PER_S
MOST_NAMES = 4096
MOST_READS = 64
COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("name_helper.py")))


class Resolved(msgspec.Struct, frozen=True):
    """addresses: in the order of the system's preference; none: `error` says why. ours: it is the fault of this
    process, which says nothing about the name."""

    addresses: tuple[str, ...] = ()
    error: str = ""
    ours: bool = False


Done = Callable[[Resolved], None]


class Names:
    def __init__(self, loop: Loop, command: Sequence[str] = COMMAND) -> None:
        self._loop = loop
        self._command = command
        self._socket: socket.socket | None = None
        self._pid = 0
        self._waiting: dict[str, list[Done]] = {}
        """Those who wait for a name that was asked for"""
        self._numbers: dict[int, str] = {}
        self._count = 0
        self._known: dict[str, tuple[int, Resolved]] = {}
        """Until when, and what"""

    def look_up(self, name: str, done: Done) -> None:
        """done: called in the loop, never before this returns; never if the helper never answers."""
        until_ns, known = self._known.get(name, (0, Resolved()))
        if now_ns() < until_ns:
            self._loop.call_soon(lambda: done(known))
        elif name in self._waiting:
            self._waiting[name].append(done)
        elif (error := self._ask(name)) is None:
            self._waiting[name] = [done]
        else:
            failed = Resolved(error=error, ours=True)
            self._loop.call_soon(lambda: done(failed))

    def forget(self, name: str, done: Done) -> None:
        """Who asked does not want to know any more."""
        with contextlib.suppress(KeyError, ValueError):
            self._waiting[name].remove(done)

    def close(self) -> None:
        self._waiting.clear()
        self._end_helper()

    # -- the helper --

    def _ask(self, name: str) -> str | None:
        """A sentence if that is not possible."""
        if len(self._waiting) >= MOST_NAMES:
            return f"{MOST_NAMES} names wait for an answer already"
        try:
            if self._socket is None:
                self._start_helper()
            assert self._socket is not None
            self._count += 1
            self._socket.send(f"{self._count} {name}".encode())
        except OSError as error:
            return f"names cannot be looked up: {error.strerror}"
        self._numbers[self._count] = name
        return None

    def _start_helper(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._pid = os.posix_spawn(
                    self._command[0],
                    list(self._command),
                    os.environ,
                    file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                    setsigmask=(),
                    setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
                )
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        self._loop.add_reader(ours.fileno(), self._heard)

    def _end_helper(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._numbers.clear()

    def _heard(self) -> None:
        for _ in range(MOST_READS):
            if self._socket is None:
                return
            try:
                packet = self._socket.recv(MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._helper_died()
                return
            self._take(packet.decode("utf-8", "replace"))

    def _take(self, answer: str) -> None:
        number, _, rest = answer.partition(" ")
        name = self._numbers.pop(int(number))
        kind, _, text = rest.partition(" ")
        found = Resolved(addresses=tuple(text.split())) if kind == "+" else Resolved(error=text)
        self._remember(name, found)
        for done in self._waiting.pop(name, ()):
            done(found)

    def _remember(self, name: str, found: Resolved) -> None:
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[name] = now_ns() + (KEPT_NS if found.addresses else KEPT_FAILURE_NS), found

    def _helper_died(self) -> None:
        """The next name starts another one."""
        self._end_helper()
        waiting, self._waiting = self._waiting, {}
        for dones in waiting.values():
            for done in dones:
                done(Resolved(error="the process that looks up names has ended", ours=True))
