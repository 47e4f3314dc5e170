"""The parent's side of a role: forks it, hears it, watches its pulse, kills it when it hangs, starts it again.

`ForkedRole` is a child process; `InlineRole` is the same role in this process and on this loop (`--single`).
"""

from __future__ import annotations

import functools
import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol

from alived.adapters.forked import EXIT_FAILED, fork_into
from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.running_scripts import RunningScripts
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config
from alived.daemon.shared import bus
from alived.daemon.shared.child import ChildContext, ForkedChild, RoleFactory, run_child
from alived.daemon.shared.heartbeat import Backoff, Pulse, Watch, hang_limit_ns
from alived.daemon.shared.lease_line import LineEnd
from alived.daemon.shared.messages import BusMessage, Configure, Configured, LogLine
from alived.daemon.status.role_status import RoleStatus


class Owner(Protocol):
    """Who has roles: the supervisor."""

    def current_config(self) -> Config: ...

    def born(self, role: str) -> None:
        """A child was forked: what it must know is sent to it from now on."""

    def heard(self, role: str, message: BusMessage) -> None: ...

    def died(self, role: str, reason: str, delay_ns: int) -> None:
        """A child ended without having been asked; it is started again after delay_ns."""

    def note(self, level: str, code: str, message: str) -> None: ...


class RoleHost(Protocol):
    """A role, wherever it runs."""

    role: str
    pid: int
    """Of the process, or of the last one while there is none"""
    unconfirmed: int
    """Configurations that it got and did not report as taken."""

    def start(self) -> None: ...

    def send(self, message: BusMessage) -> None: ...

    def ask_to_stop(self) -> None:
        """The first word of `stop`, from a signal handler."""

    def stop(self, limit_ns: int, ended: Callable[[bool], None]) -> None:
        """Asks it to end; ended(True) when it did so by itself, ended(False) when it had to be killed or was dead."""

    def status(self, now_ns: int) -> RoleStatus: ...


class ForkedRole:
    """A role in a child process."""

    def __init__(
        self,
        role: str,
        make: RoleFactory,
        loop: Loop,
        owner: Owner,
        keep_fds: frozenset[int],
        lease_line: LineEnd | None = None,
        lease_key: bytes = b"",
        running_scripts: RunningScripts | None = None,
    ) -> None:
        self.role = role
        self.pid = 0
        self.unconfirmed = 0
        self._make = make
        self._loop = loop
        self._owner = owner
        self._keep_fds = keep_fds
        self._lease_line = lease_line
        self._lease_key = lease_key
        self._running_scripts = running_scripts
        self._backoff = Backoff()
        self._state = "ended"
        self._since_ns = now_ns()
        self._restarts = -1
        self._last_death = ""
        self._last_error = ""
        """What the present process said of itself; its last word, if it gives up."""
        self._kill_reason = ""
        self._pidfd = -1
        self._stop_line = -1
        self._asked_to_stop = False
        self._left = False
        """Whether it ended because it was asked to."""
        self._endpoint: bus.Endpoint | None = None
        self._pulse = Pulse(0)
        self._watch = Watch(0, 0)
        self._stop_timer: Timer | None = None
        self._look_timer: Timer | None = None
        self._restart_timer: Timer | None = None
        self._ended: Callable[[bool], None] | None = None

    def start(self) -> None:
        """Forks. A fork that the kernel refuses counts as a death."""
        now = now_ns()
        self._restarts += 1
        self._kill_reason = self._last_error = ""
        self.unconfirmed = 1
        self._set_state("starting", now)
        self._pulse.close()
        self._pulse = Pulse(now)
        config = self._owner.current_config()
        self._watch = Watch(hang_limit_ns(self.role, config), now)
        if self._look_timer is not None:
            self._look_timer.cancel()
            self._look_timer = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._stop_line = os.eventfd(0)
        try:
            self.pid = self._fork(theirs, config)
        except OSError as error:
            ours.close()
            self._close_stop_line()
            self.pid = 0
            self._died(f"cannot be forked: {error.strerror}")
            return
        finally:
            theirs.close()
        self._endpoint = bus.Endpoint(self._loop, ours)
        self._endpoint.listen(self._heard, self._lost)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._exited)
        self._arm_look()
        self._owner.born(self.role)

    def send(self, message: BusMessage) -> None:
        """To the child, if there is one: the next one starts with the current configuration anyway."""
        if self._endpoint is not None:
            # Looked at before: the child may wake and turn within `send`, and would owe that turn for ever.
            turned_ns, sent_ns = self._pulse.turned_ns, now_ns()
            self._endpoint.send(message)
            self.unconfirmed += isinstance(message, Configure)
            self._watch.sent(turned_ns, sent_ns)
            self._arm_look()

    def _arm_look(self) -> None:
        if self._look_timer is None and self._watch.due_ns is not None:
            self._look_timer = self._loop.call_at(self._watch.due_ns, self._look)

    def _look(self) -> None:
        self._look_timer = None
        if self._pidfd < 0 or self._kill_reason or self._state == "stopping":
            return  # the stop has a limit of its own
        now, pulse = now_ns(), self._pulse
        if self._watch.is_hung(pulse.turned_ns, pulse.sleeps_until_ns, now, busy=self.unconfirmed > 0):
            self.kill(f"gave no sign of life for {(now - pulse.turned_ns) // NS_PER_MS} ms")
        self._arm_look()

    def kill(self, reason: str) -> None:
        """SIGKILL: it ends now, even if it is stopped."""
        if self._pidfd >= 0 and not self._kill_reason:
            self._kill_reason = reason
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def ask_to_stop(self) -> None:
        if self._stop_line >= 0 and not self._asked_to_stop:
            self._asked_to_stop = True
            os.eventfd_write(self._stop_line, 1)

    def stop(self, limit_ns: int, ended: Callable[[bool], None]) -> None:
        self._ended = ended
        if self._restart_timer is not None:
            self._restart_timer.cancel()
        if self._pidfd < 0:
            self._finish(graceful=self._left)
            return
        self.ask_to_stop()
        self._set_state("stopping", now_ns())
        self._stop_timer = self._loop.call_later(limit_ns, lambda: self.kill("did not end in time"))

    def status(self, now_ns: int) -> RoleStatus:
        return RoleStatus(
            role=self.role,
            pid=self.pid if self._pidfd >= 0 else 0,
            state=self._state,
            since_ns=self._since_ns,
            restarts=max(self._restarts, 0),
            silent_ns=now_ns - self._pulse.turned_ns if self._pidfd >= 0 else None,
            last_death=self._last_death,
        )

    def _fork(self, sock: socket.socket, config: Config) -> int:
        child = ForkedChild(
            role=self.role,
            make=self._make,
            config=config,
            sock=sock,
            pulse=self._pulse,
            stop_line=self._stop_line,
            parent_pid=os.getpid(),
            keep_fds=self._keep_fds,
            lease_line=self._lease_line,
            lease_key=self._lease_key,
            running_scripts=self._running_scripts,
        )
        return fork_into(functools.partial(run_child, child))

    def _heard(self, message: BusMessage) -> None:
        if isinstance(message, Configured):
            self.unconfirmed -= 1
            self._watch.limit_ns = hang_limit_ns(self.role, self._owner.current_config())
            if self._state == "starting":
                self._set_state("running", now_ns())
        elif isinstance(message, LogLine) and message.level == "error":
            self._last_error = message.message
        self._owner.heard(self.role, message)

    def _lost(self, reason: str) -> None:
        # The bus is gone, so the child is useless; if that is because it ended, this changes nothing.
        self.kill(f"its bus broke: {reason}" if reason != bus.PEER_GONE else "")

    def _exited(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._close_stop_line()
        endpoint, self._endpoint = self._endpoint, None
        if self._asked_to_stop and status == 0:
            self._left = True
            self._hear_last_words(endpoint)
            self._finish(graceful=True)
            return
        self._died(self._kill_reason or _describe(status))
        self._hear_last_words(endpoint)
        if os.waitstatus_to_exitcode(status) == EXIT_FAILED and self._last_error:
            self._last_death = f"gave up: {self._last_error}"

    def _close_stop_line(self) -> None:
        line, self._stop_line = self._stop_line, -1  # in this order: a signal handler may look between
        os.close(line)

    def _hear_last_words(self, endpoint: bus.Endpoint | None) -> None:
        if endpoint is not None:
            endpoint.drain()
            endpoint.close()

    def _died(self, reason: str) -> None:
        now = now_ns()
        self._last_death = reason
        delay = self._backoff.delay_ns(now - self._since_ns)
        if self._ended is None:
            self._set_state("waiting", now)
            self._restart_timer = self._loop.call_at(now + delay, self.start)
            self._owner.died(self.role, reason, delay)
        else:
            self._owner.died(self.role, reason, 0)
            self._finish(graceful=False)

    def _finish(self, *, graceful: bool) -> None:
        self._set_state("ended", now_ns())
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        if self._ended is not None:
            self._loop.call_soon(functools.partial(self._ended, graceful))

    def _set_state(self, state: str, now: int) -> None:
        self._state = state
        self._since_ns = now


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"was killed by signal {number} ({signal.strsignal(number)})"
    return f"ended with status {os.waitstatus_to_exitcode(status)}"


class InlineRole:
    """A role in the parent's process and loop; its end is the daemon's end."""

    def __init__(
        self,
        role: str,
        make: RoleFactory,
        loop: Loop,
        owner: Owner,
        lease_line: LineEnd | None = None,
        lease_key: bytes = b"",
        running_scripts: RunningScripts | None = None,
    ) -> None:
        self.role = role
        self.pid = os.getpid()
        self.unconfirmed = 1
        self._loop = loop
        self._owner = owner
        self._since_ns = now_ns()
        self._state = "starting"
        context = ChildContext(
            role, loop, owner.current_config(), self._to_owner, lease_line, lease_key, running_scripts
        )
        self._role = make(context)

    def start(self) -> None:
        self._role.start()
        self._state = "running"
        self._owner.born(self.role)
        self._to_owner(Configured(changes=()))

    def send(self, message: BusMessage) -> None:
        if self._state == "running":
            self.unconfirmed += isinstance(message, Configure)
            self._loop.call_soon(lambda: self._role.handle(message))

    def ask_to_stop(self) -> None:
        """Nothing is faster than `stop` in the same process."""

    def stop(self, limit_ns: int, ended: Callable[[bool], None]) -> None:
        """Calls back exactly once, after the role's end or the limit."""
        self._state = "stopping"
        timer = self._loop.call_later(limit_ns, lambda: finish(False))

        def finish(graceful: bool) -> None:
            timer.cancel()
            if self._state != "ended":
                self._state = "ended"
                self._loop.call_soon(lambda: ended(graceful))

        # What was sent before is handled before.
        self._loop.call_soon(lambda: self._role.stop(lambda: finish(True)))

    def status(self, now_ns: int) -> RoleStatus:
        return RoleStatus(
            role=self.role,
            pid=self.pid,
            state=self._state,
            since_ns=self._since_ns,
        )

    def _to_owner(self, message: BusMessage) -> None:
        self._loop.call_soon(lambda: self._heard(message))

    def _heard(self, message: BusMessage) -> None:
        self.unconfirmed -= isinstance(message, Configured)
        self._owner.heard(self.role, message)


STOP_LIMIT_NS = {"engine": 8 * NS_PER_S // 10, "worker": 5 * NS_PER_S}
"""How long a child may take to end: the engine has addresses to take away and priority 0 to send and the daemon shall
be gone within 1 s; the worker may have `notify_stop` scripts to wait for."""
