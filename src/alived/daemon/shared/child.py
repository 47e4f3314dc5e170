"""What a forked child does: forget the parent's things, drop privileges, run its role on a loop of its own, end well.

A role is the only thing that differs between children. It ends for one of two reasons: the parent asks it to, or the
parent is gone (end of the bus; as the last resort the kernel's signal at the parent's death). In both cases
`Role.stop` makes it release what it holds. Signals of a terminal or a service manager do not end a child: they go to
the parent, who knows the order.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

import msgspec

from alived.adapters.forked import EXIT_CRASHED, EXIT_FAILED, forget_parent
from alived.adapters.loop import Loop
from alived.adapters.privileges import Capability, keep_capabilities, set_process_name, signal_at_parent_death
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.runtime_dir import CHILD_NAME_PREFIX
from alived.adapters.scripts import ScriptHost
from alived.base import NS_PER_MS, AlivedError
from alived.config.model import Config
from alived.daemon.shared import bus
from alived.daemon.shared.heartbeat import Pulse
from alived.daemon.shared.lease_line import LineEnd
from alived.daemon.shared.messages import BusMessage, Configured, LogLine

PROMPT = frozenset({"engine", "raft"})
"""Roles that no collection of garbage may hold up: the cores make no cycles, and a collection in the middle of 1000
instances takes milliseconds."""
RARELY = 20_000, 50, 1000
"""When other roles collect garbage: after this many new objects that nobody has let go of (gc.set_threshold). Checks
and scripts leave no cycles; those of rarer things are found a few thousand at a time. By Python's own thresholds all
that 1000 checks hold is looked at every few seconds, and then for 0.2 s nobody is asked."""
ORPHAN_LIMIT_S = 3
"""A child whose parent died and that has not ended by itself after this time is killed by its own alarm."""
_FLUSH_LIMIT_NS = 200 * NS_PER_MS

CAPABILITIES: Mapping[str, tuple[Capability, ...]] = {
    "engine": (Capability.NET_ADMIN, Capability.NET_RAW, Capability.SYS_NICE, Capability.IPC_LOCK),
    "worker": (
        Capability.NET_ADMIN,
        Capability.NET_RAW,
        Capability.SETUID,
        Capability.SETGID,
        Capability.KILL,
        Capability.DAC_READ_SEARCH,
        Capability.DAC_OVERRIDE,
        Capability.CHOWN,
    ),
}


class ChildFailure(AlivedError):
    """The world failed, and this process cannot go on; the parent starts another. The text is for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ChildContext:
    """What a role gets from the process that it runs in."""

    def __init__(
        self,
        role: str,
        loop: Loop,
        config: Config,
        send: Callable[[BusMessage], None],
        lease_line: LineEnd | None = None,
        lease_key: bytes = b"",
        running_scripts: RunningScripts | None = None,
    ) -> None:
        self.role = role
        self.loop = loop
        self.config = config
        """The configuration at the start; later ones come as `Configure`."""
        self.send = send
        """To the parent; never blocks, bounded: a parent that does not read costs us messages, not time."""
        self.lease_line = lease_line
        """This role's end of the line between raft process and engine (`LeaseLine`); None: it has none."""
        self.lease_key = lease_key
        """Opens leases of the kernel (`KernelLease`)."""
        self.scripts = ScriptHost(loop, running_scripts or RunningScripts())
        """Starts scripts, and notes them for the parent, which ends them should this process die."""

    def log(self, level: str, code: str, message: str, **fields: str) -> None:
        """A line for the log. level: debug, info, warning, error; `instance=` names the source in the text."""
        self.send(LogLine(level=level, code=code, message=message, fields=fields))


class Role(Protocol):
    """A child's work. All calls come from the loop; an exception ends the process and the parent starts another."""

    def start(self) -> None:
        """Begins. The child reports itself configured when this returns."""

    def handle(self, message: BusMessage) -> None:
        """A message of the parent. A role answers `Configure` with `Configured`."""

    def stop(self, done: Callable[[], None]) -> None:
        """Ends gracefully and calls done(), at once or later. Called at most once."""


RoleFactory = Callable[[ChildContext], Role]


class ForkedChild(msgspec.Struct):
    """What the parent hands over to a child through the fork."""

    role: str
    make: RoleFactory
    config: Config
    sock: socket.socket
    pulse: Pulse
    stop_line: int
    """An eventfd: readable when the child shall end. Not a message, because it must not wait behind others and a
    signal handler of the parent writes it."""
    parent_pid: int
    keep_fds: frozenset[int]
    """Open files that the child keeps besides its bus, its lease line and 0-2."""
    lease_line: LineEnd | None = None
    lease_key: bytes = b""
    running_scripts: RunningScripts | None = None


def run_child(child: ForkedChild) -> NoReturn:
    """Runs in the new process, with all signals blocked, and never returns into the parent's frames."""
    status = EXIT_CRASHED
    endpoint: bus.Endpoint | None = None
    try:
        line = {child.lease_line.socket.fileno()} if child.lease_line else set()
        forget_parent({child.sock.fileno(), child.stop_line, *line, *child.keep_fds})
        set_process_name(CHILD_NAME_PREFIX + child.role)
        loop = Loop()
        loop.vitals = child.pulse.cells
        endpoint = bus.Endpoint(loop, child.sock)
        _ChildProcess(loop, endpoint, child).begin()
        loop.run()
        status = 0
    except ChildFailure as failure:
        status = EXIT_FAILED
        _last_words(endpoint, failure.code, str(failure))
    except Exception:  # noqa: BLE001 - the last frame: whatever we did wrong, the parent must hear it
        _last_words(endpoint, "crashed", f"this is a defect, please report it:\n{traceback.format_exc()}")
    finally:
        os._exit(status)


def _last_words(endpoint: bus.Endpoint | None, code: str, message: str) -> None:
    if endpoint is None or not endpoint.send(LogLine(level="error", code=code, message=message)):
        print(message, file=sys.stderr, flush=True)


class _ChildProcess:
    """A role in a process of its own: bus, privileges, end."""

    def __init__(self, loop: Loop, endpoint: bus.Endpoint, child: ForkedChild) -> None:
        self._loop = loop
        self._child = child
        self._stopping = False
        self._endpoint = endpoint
        endpoint.listen(self._received, self._parent_lost)
        loop.add_reader(child.stop_line, self._asked_to_stop)
        self._context = ChildContext(
            child.role, loop, child.config, self._send, child.lease_line, child.lease_key, child.running_scripts
        )
        self._dropped = 0
        self._role = child.make(self._context)

    def begin(self) -> None:
        self._drop_privileges()
        signal.signal(signal.SIGTERM, self._signalled)
        signal_at_parent_death(signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() != self._child.parent_pid:
            self._parent_lost("it died before we began")
            return
        if self._child.role in PROMPT:
            gc.disable()
        else:
            gc.set_threshold(*RARELY)
        self._role.start()
        self._send(Configured(changes=()))

    def _drop_privileges(self) -> None:
        wanted = CAPABILITIES.get(self._child.role, ())
        try:
            keep_capabilities(wanted, keep_for_programs=self._child.role == "worker")
        except OSError as error:
            self._context.log("warning", "capabilities-kept", f"cannot give up capabilities: {error}")

    def _send(self, message: BusMessage) -> None:
        if self._endpoint.send(message) and self._endpoint.dropped > self._dropped:
            lost, self._dropped = self._endpoint.dropped - self._dropped, self._endpoint.dropped
            self._context.log("warning", "messages-dropped", f"{lost} messages lost: the parent did not read them")

    def _asked_to_stop(self) -> None:
        self._loop.remove_reader(self._child.stop_line)
        if self._child.role != "engine":
            self._endpoint.drain()  # what was said before counts: the scripts of the last changes are to run
        self._stop()

    def _received(self, message: BusMessage) -> None:
        if not self._stopping:
            self._role.handle(message)

    def _signalled(self, _signum: int, _frame: types.FrameType | None) -> None:
        # A service manager sends it too; only the kernel sends it after our parent is gone. A plain handler and not
        # one of the loop, because it must work where the loop hangs.
        if os.getppid() != self._child.parent_pid:
            signal.alarm(ORPHAN_LIMIT_S)

    def _parent_lost(self, _reason: str) -> None:
        signal.alarm(ORPHAN_LIMIT_S)  # nobody is left to kill us if our own end hangs
        self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._role.stop(self._flush_and_end)

    def _flush_and_end(self) -> None:
        self._loop.call_later(_FLUSH_LIMIT_NS, self._loop.stop)
        self._end_when_flushed()

    def _end_when_flushed(self) -> None:
        if self._endpoint.closed or not self._endpoint.waiting:
            self._loop.stop()
        else:
            self._loop.call_later(NS_PER_MS, self._end_when_flushed)
