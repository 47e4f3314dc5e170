"""The parent: it starts the roles, hears them, replaces them, passes on what they say, and outlives their deaths.

It has no advert duty, so nothing that it waits for costs an advert; but it is the reaper, so it waits for nothing
longer than it must. Its order: leftovers of a former life are removed before the first fork, a dead engine's addresses
before anything is logged about its death, the engine ends before the worker that runs its stop scripts.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

import msgspec

from alived.adapters.control import ControlServer
from alived.adapters.firewall import FirewallError
from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.runtime_dir import HISTORY_FILE, SOCKET_FILE, RuntimeDir
from alived.adapters.service_manager import ServiceManager
from alived.base import NS_PER_S, AlivedError
from alived.config.model import Config
from alived.daemon import script_view, view
from alived.daemon.accept_mode import AcceptMode
from alived.daemon.borrowed import Borrowed
from alived.daemon.child import RoleFactory
from alived.daemon.children import STOP_LIMIT_NS, ForkedRole, InlineRole, RoleHost, RoleStatus
from alived.daemon.control import Commands
from alived.daemon.history import History
from alived.daemon.logs import Log, Source, report_findings
from alived.daemon.messages import (
    Answer,
    BusMessage,
    Configure,
    Configured,
    EngineSnapshot,
    KernelSettings,
    LogLine,
    ScriptsRan,
    ScriptsSnapshot,
    ScriptVerdict,
    ScriptVerdicts,
    Transition,
)
from alived.daemon.owed import MAX_DELIVERIES, Owed
from alived.daemon.plan import make_plan
from alived.daemon.reading import Reader, Reading
from alived.daemon.reload_request import ReloadRequests
from alived.daemon.snapshots import Snapshots
from alived.daemon.tracked import tracked_scripts
from alived.daemon.verdicts import Verdicts

DATA_FILE = "alived.data"
STATS_FILE = "alived.stats"
_TICK_NS = 10 * NS_PER_S


class StartError(AlivedError):
    """The daemon cannot start; the text is for the operator."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor runs and does not know."""

    make_engine: RoleFactory
    make_worker: RoleFactory
    reap: Callable[[Config], list[str]]
    """Removes from the network whatever an engine with this configuration may have left; gives a sentence for each
    thing removed. May raise OSError."""


class Supervisor:
    def __init__(
        self,
        loop: Loop,
        *,
        config: Config,
        config_path: str,
        parts: Parts,
        reader: Reader,
        directory: RuntimeDir,
        log: Log,
        single: bool = False,
    ) -> None:
        self._loop = loop
        self._config = config
        self._parts = parts
        self._directory = directory
        self._log = log
        self._service_manager = ServiceManager()
        self._history = History(directory.file(HISTORY_FILE))
        self._boundable = [config]
        """Configurations whose addresses the engine may have bound: more than one while reloads are on their way."""
        self._accept_mode = AcceptMode(directory.path)
        self._borrowed = Borrowed(directory)
        self._owed = Owed(config)
        self._unready = {"engine", "worker"}
        self._began_ns = now_ns()
        self._stopping = False
        self._engine = self._host("engine", parts.make_engine, single)
        self._worker = self._host("worker", parts.make_worker, single)
        self._roles = {host.role: host for host in (self._engine, self._worker)}
        self._verdicts = Verdicts(config)
        self._expiry: Timer | None = None
        self._snapshots: Snapshots[EngineSnapshot] = Snapshots(loop, self._engine.send)
        self._scripts: Snapshots[ScriptsSnapshot] = Snapshots(loop, self._worker.send)
        self._reloads = ReloadRequests(loop, config_path, reader, self)
        watchdog_ns = self._service_manager.watchdog_ns
        self._tick_ns = min(watchdog_ns // 3, _TICK_NS) if watchdog_ns else _TICK_NS

    def _host(self, role: str, make: RoleFactory, single: bool) -> RoleHost:
        if single:
            return InlineRole(role, make, self._loop, self)
        return ForkedRole(role, make, self._loop, self, frozenset({self._directory.lock_fd}))

    # -- life --

    def run(self) -> None:
        """From the first fork to the last exit. Raises StartError before the first fork."""
        try:
            self._directory.write_pid()
            control = ControlServer(self._loop, self._directory.path, SOCKET_FILE, Commands(self).handle)
        except OSError as error:
            raise StartError(f"cannot write to the runtime directory {self._directory.path}: {error}") from error
        try:
            self._reap()
            self._guard(lambda: self._accept_mode.enforce(self._config))
            self._watch_signals()
            self._engine.start()
            self._worker.start()
            self._tick()
            self._loop.run()
        finally:
            control.close()
            self._guard(self._accept_mode.lift)

    def _guard(self, change: Callable[[], None]) -> None:
        try:
            change()
        except FirewallError as error:
            self.note("error", "no-accept", f"no_accept is not enforced: {error}")

    def _watch_signals(self) -> None:
        # Each moment before the engine's priority 0 advert is a moment longer without a MASTER.
        self._loop.on_signal(signal.SIGTERM, lambda: self._stop("SIGTERM"), self._engine.ask_to_stop)
        self._loop.on_signal(signal.SIGINT, lambda: self._stop("SIGINT"), self._engine.ask_to_stop)
        self._loop.on_signal(signal.SIGHUP, lambda: self.reload(lambda _answer: None))
        self._loop.on_signal(signal.SIGUSR1, lambda: self.status(self._write_data))
        self._loop.on_signal(signal.SIGUSR2, lambda: self.status(self._write_stats))

    def _tick(self) -> None:
        """What must be done now and then: feed our own watchdog, write lines that the log still owes."""
        if self._service_manager.watchdog_ns:
            self._service_manager.tell("WATCHDOG=1")
        self._log.report_suppressed()
        self._log.flush()
        self._loop.call_later(self._tick_ns, self._tick)

    def _stop(self, why: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._engine.stop(STOP_LIMIT_NS["engine"], self._engine_ended)
        self.note("info", "stopping", f"{why}: the engine gives its addresses up, then everything ends")
        self._service_manager.tell("STOPPING=1")
        self._reloads.close("the daemon is about to end")

    def _engine_ended(self, graceful: bool) -> None:
        if not graceful:
            self._reap()
        self._worker.stop(STOP_LIMIT_NS["worker"], lambda _graceful: self._loop.stop())

    def _reap(self) -> None:
        for config in self._boundable:
            try:
                for sentence in [*self._parts.reap(config), *self._borrowed.give_back()]:
                    self.note("warning", "leftover", sentence)
            except OSError as error:
                self.note("error", "leftovers-kept", f"cannot remove what an engine left on the network: {error}")

    # -- Owner: what the roles tell us --

    def current_config(self) -> Config:
        return self._config

    def heard(self, role: str, message: BusMessage) -> None:
        match message:
            case LogLine(level=level, code=code, message=text, fields=fields):
                self._log.say(Source(role, self._roles[role].pid), level, code, text, fields)
            case Transition():
                if self._owed.add(message):
                    self._worker.send(message)
                self._log.transition(Source(role, self._roles[role].pid), message)
                self._history.add(message)
            case ScriptsRan():
                self._owed.paid(message)
            case ScriptVerdicts(verdicts):
                self._scripts_judged(self._verdicts.heard(verdicts))
            case EngineSnapshot():
                self._snapshots.received(message)
            case ScriptsSnapshot():
                self._scripts.received(message)
            case KernelSettings():
                self._borrow(message)
            case Configured():
                self._configured(role, message)
            case _:
                self.note("error", "bus-nonsense", f"the {role} sent a {type(message).__name__}, which only we send")

    def died(self, role: str, reason: str, delay_ns: int) -> None:
        if role == "engine" and not self._stopping:  # else _engine_ended does
            self._reap()
        if role == "worker" and not self._stopping:
            self._verdicts.worker_died(now_ns())
            self._arm_expiry()
        self._reloads.died(role)
        again = f"started again in {delay_ns // NS_PER_S} s" if delay_ns else "started again at once"
        self.note("error", "child-died", f"the {role} {reason}" + ("" if self._stopping else f"; it is {again}"))

    def _scripts_judged(self, changed: tuple[ScriptVerdict, ...]) -> None:
        if changed:
            self._engine.send(ScriptVerdicts(changed))
        self._arm_expiry()

    def _arm_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        due_ns = self._verdicts.deadline_ns
        self._expiry = self._loop.call_at(due_ns, self._expire) if due_ns is not None else None

    def _expire(self) -> None:
        """Nobody has checked these scripts for too long."""
        expired = self._verdicts.expire(now_ns())
        for verdict in expired:
            self.note("error", "script-down", verdict.reason)
        self._scripts_judged(expired)

    def _borrow(self, message: KernelSettings) -> None:
        try:
            self._borrowed.changed(message.settings)
        except OSError as error:
            self.note("warning", "not-written", f"cannot note which kernel settings to put back: {error.strerror}")

    def note(self, level: str, code: str, message: str) -> None:
        self._log.say(Source("alived", os.getpid()), level, code, message)

    def _configured(self, role: str, message: Configured) -> None:
        if self._roles[role].unconfirmed:
            return  # it took a configuration, and a newer one is on its way
        self._reloads.configured(role, message)
        if role == "engine":
            self._boundable = [self._config]
        if role in self._unready:
            self._unready.discard(role)
            if not self._unready:
                count = len(self._config.instances)
                self.note("info", "ready", f"ready: {count} instance{'s' if count != 1 else ''}")
                self._service_manager.tell("READY=1", f"STATUS={count} instances")

    def born(self, role: str) -> None:
        known = ScriptVerdicts(self._verdicts.known)
        if role != "worker":
            if known.verdicts:
                self._engine.send(known)
            return
        self._verdicts.worker_began()
        self._worker.send(known)
        again, given_up = self._owed.deliver_again()
        for transition in again:
            self._worker.send(transition)
        for transition in given_up:
            what = f"{transition.kind} {transition.name} {transition.new}"
            self.note("error", "scripts-given-up", f"the scripts of {what} outlived {MAX_DELIVERIES} workers: given up")

    # -- Daemon: what clients ask --

    def status(self, done: Callable[[view.Json], None]) -> None:
        def show(snapshot: EngineSnapshot | None, scripts: ScriptsSnapshot | None) -> None:
            now = now_ns()
            processes = [self._own_status(), *(host.status(now) for host in self._roles.values())]
            known, clock = snapshot or self._snapshots.last, view.Clock(now, time.time())
            status = view.status(self._config, known, snapshot is not None, processes, clock)
            done(status | {"scripts": script_view.scripts(self._config, self._verdicts.known, scripts, clock)})

        if tracked_scripts(self._config):
            self._snapshots.ask(lambda snapshot: self._scripts.ask(lambda scripts: show(snapshot, scripts)))
        else:
            self._snapshots.ask(lambda snapshot: show(snapshot, None))

    def _own_status(self) -> RoleStatus:
        state = "stopping" if self._stopping else "running"
        return RoleStatus(role="parent", pid=os.getpid(), state=state, since_ns=self._began_ns)

    def recent(self, count: int) -> list[Transition]:
        return self._history.last(count)

    def reload(self, done: Callable[[Answer], None]) -> None:
        self._service_manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._reloads.ask(done)

    def plan(self, config: Config, done: Callable[[view.Json], None]) -> None:
        self._snapshots.ask(lambda snapshot: done(make_plan(self._config, config, snapshot)))

    def _write_data(self, status: view.Json) -> None:
        self._write(DATA_FILE, {"config": msgspec.to_builtins(self._config), "status": status})

    def _write_stats(self, status: view.Json) -> None:
        counters = {i["name"]: i.get("counters", {}) for i in status["instances"]}
        errors = status["receive_errors"]
        self._write(STATS_FILE, {"time": status["time"], "instances": counters, "receive_errors": errors})

    def _write(self, name: str, content: view.Json) -> None:
        text = msgspec.json.format(msgspec.json.encode(content)).decode()
        try:
            self._directory.replace(name, text + "\n")
        except OSError as error:
            self.note("error", "not-written", f"cannot write {self._directory.file(name)}: {error.strerror}")
        else:
            self.note("info", "written", f"wrote {self._directory.file(name)}")

    # -- Reloadable --

    def adopt(self, config: Config) -> Sequence[str]:
        self._owed.configure(config)
        self._verdicts.configure(config)
        self._boundable.append(config)
        self._config = config
        self._guard(lambda: self._accept_mode.enforce(config))
        for host in self._roles.values():
            host.send(Configure(config=config))
        return [role for role in self._roles if role not in self._unready]

    def reload_ended(self, reading: Reading, answer: Answer) -> None:
        report_findings(self._log, reading.diagnostics)
        if answer.ok:
            changes = "; ".join(answer.result["changes"]) or "nothing changed"
            self.note("info", "reloaded", f"reloaded: {changes}")
        else:
            self.note("error", "reload-refused", f"reload: {answer.error}")
        self._service_manager.tell("READY=1")
