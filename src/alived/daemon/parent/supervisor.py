"""The parent: it starts the roles, hears them, replaces them, passes on what they say, and outlives their deaths.

It has no advert duty, so nothing that it waits for costs an advert; but it is the reaper, so it waits for nothing
longer than it must. Its order: leftovers of a former life are removed before the first fork, a dead engine's addresses
before anything is logged about its death, the engine ends before the worker that runs its stop scripts.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable, Sequence

from alived.adapters.control import ControlServer
from alived.adapters.loop import Loop, now_ns
from alived.adapters.runtime_dir import HISTORY_FILE, SOCKET_FILE, RuntimeDir
from alived.adapters.service_manager import ServiceManager
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent import notifier_place, raft_place
from alived.daemon.parent.children import STOP_LIMIT_NS, ForkedRole, InlineRole, RoleHost
from alived.daemon.parent.cluster_requests import ClusterRequests
from alived.daemon.parent.control import Commands
from alived.daemon.parent.dumps import Dumps
from alived.daemon.parent.footprint import Footprint
from alived.daemon.parent.front_desk import FrontDesk
from alived.daemon.parent.history import History, audit_entry, quorum_entry
from alived.daemon.parent.hook_desk import HookDesk
from alived.daemon.parent.hook_relay import HookRelay, close_limit_ns
from alived.daemon.parent.life_scripts import LifeScripts
from alived.daemon.parent.log_choice import DaemonLog
from alived.daemon.parent.logs import Source, report_findings
from alived.daemon.parent.news_desk import NewsDesk
from alived.daemon.parent.notifier_place import NotifierPlace
from alived.daemon.parent.parts import Parts, StartError
from alived.daemon.parent.pools import Pools
from alived.daemon.parent.raft_place import RaftPlace
from alived.daemon.parent.reading import Reader, Reading
from alived.daemon.parent.reload_request import ReloadRequests
from alived.daemon.parent.status_answers import StatusAnswers
from alived.daemon.parent.worker_errands import WorkerErrands
from alived.daemon.shared.child import ChildFailure, RoleFactory
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.lease_line import LineEnd, LinePair
from alived.daemon.shared.messages import (
    BusMessage,
    CheckReported,
    ClusterOutcome,
    Configure,
    Configured,
    EngineEnded,
    EngineSnapshot,
    Happened,
    HookDue,
    HookOutcome,
    HookRan,
    KernelSettings,
    LogLine,
    NewsTaken,
    NotifierSnapshot,
    NotifyTested,
    RaftSnapshot,
    ScriptsRan,
    ServerChanged,
    TrackerVerdicts,
    Transition,
    WorkerSnapshot,
)
from alived.daemon.status import view
from alived.daemon.status.role_status import RoleStatus
from alived.owner import HookEvent

_TICK_NS = 10 * NS_PER_S


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
        log: DaemonLog,
        single: bool = False,
    ) -> None:
        self._loop = loop
        self._config = config
        self._parts = parts
        self._directory = directory
        self._log = log
        self._service_manager = ServiceManager()
        self._history = History(directory.file(HISTORY_FILE))
        self._footprint = Footprint(loop, directory, config, parts.reap, self.note)
        self._unready = {"engine", "worker"} | ({raft_place.ROLE} if config.cluster else set())
        self._began_ns = now_ns()
        self._stopping = False
        self._line = LinePair()
        """Made once: whoever of the two is replaced finds the other at its end."""
        make_host = functools.partial(self._host, single)
        self._engine = make_host("engine", parts.make_engine, self._line.engine_end)
        self._worker = make_host("worker", parts.make_worker, None)
        self._raft = RaftPlace(
            lambda: make_host(raft_place.ROLE, parts.make_raft, self._line.raft_end), self._raft_placed
        )
        make_notifier = parts.make_notifier(directory.path)
        self._notifier = NotifierPlace(
            loop, lambda: make_host(notifier_place.ROLE, make_notifier, None), self._placed, self.note
        )
        self._roles = {host.role: host for host in (self._engine, self._worker)}
        self._errands = WorkerErrands(loop, config, self._engine.send, self._worker.send, self.note)
        self._answers = StatusAnswers(loop, self._engine.send, self._worker.send, self._raft.send)
        self._cluster = ClusterRequests(loop, self._raft.send, self._answers.raft, self._audit)
        prefix = f"{int(time.time()):x}"
        self._news = NewsDesk(prefix + os.urandom(2).hex(), config, self._worker.send, self._notifier.tell, self.note)
        self._pools = Pools(
            config, self._server_changed, self._news.check_turned, self._errands.quorum_judged, self.note
        )
        self._life = LifeScripts(
            loop, self._footprint.left_scripts.running, self.current_config, self.note, self._service_manager.extend
        )
        self._hook_relay = HookRelay(
            prefix, self.current_config, self._engine.send, self._worker.send, self.note, self._stop
        )
        self._desk = FrontDesk(
            self,
            answers=self._answers,
            cluster=self._cluster,
            history=self._history,
            hooks=HookDesk(self._hook_relay, self.current_config),
            kernel_leases=self._footprint.kernel_leases,
            notifier=self._notifier,
            pools=self._pools,
            trackers=self._errands,
        )
        self._dumps = Dumps(directory, self.note)
        self._reloads = ReloadRequests(loop, config_path, reader, self)
        watchdog_ns = self._service_manager.watchdog_ns
        self._tick_ns = min(watchdog_ns // 3, _TICK_NS) if watchdog_ns else _TICK_NS

    def _host(self, single: bool, role: str, make: RoleFactory, lease_line: LineEnd | None) -> RoleHost:
        key, scripts = self._footprint.kernel_leases.key, self._footprint.left_scripts.running
        if single:
            return InlineRole(role, make, self._loop, self, lease_line, key, scripts)
        lock = frozenset({self._directory.lock_fd})
        return ForkedRole(role, make, self._loop, self, lock, lease_line, key, scripts)

    def _placed(self, role: str, host: RoleHost | None) -> None:
        if host is not None:
            self._roles[role] = host
        else:
            del self._roles[role]

    def _raft_placed(self, host: RoleHost | None) -> None:
        self._placed(raft_place.ROLE, host)
        if host is None:
            self._cluster.process_ended()

    # -- life --

    def run(self) -> None:
        """From the first fork to the last exit. Raises StartError before the first fork."""
        if why := self._parts.why_not_start(self._config):
            raise StartError(why)
        try:
            self._directory.write_pid()
            control = ControlServer(self._loop, self._directory.path, SOCKET_FILE, Commands(self._desk).handle)
        except OSError as error:
            raise StartError(f"cannot write to the runtime directory {self._directory.path}: {error}") from error
        try:
            self._footprint.clear()
            self._footprint.enforce(self._config)
            self._watch_signals()
            self._tick()
            self._life.before(self._begin)
            self._loop.run()
        except ChildFailure:  # of a role in this process: there is nobody left to take its addresses away
            self._footprint.reap()
            raise
        finally:
            control.close()
            self._footprint.lift()

    def _begin(self) -> None:
        self._engine.start()
        self._worker.start()
        self._raft.start(self._config)
        self._notifier.start(self._config)
        self._pools.begin()

    def _watch_signals(self) -> None:
        self._loop.on_signal(signal.SIGTERM, lambda: self._stop("SIGTERM"), self._begin_to_stop)
        self._loop.on_signal(signal.SIGINT, lambda: self._stop("SIGINT"), self._begin_to_stop)
        self._loop.on_signal(signal.SIGHUP, lambda: self.reload(lambda _answer: None))
        self._loop.on_signal(signal.SIGUSR1, self._dump_data)
        self._loop.on_signal(signal.SIGUSR2, lambda: self._desk.status(self._dumps.stats))

    def _dump_data(self) -> None:
        self._desk.status(lambda status: self._dumps.data(self._config, status))

    def _tick(self) -> None:
        """What must be done now and then: feed our own watchdog, write lines that the log still owes."""
        if self._service_manager.watchdog_ns:
            self._service_manager.tell("WATCHDOG=1")
        self._log.report_suppressed()
        self._log.flush()
        self._loop.call_later(self._tick_ns, self._tick)

    def _begin_to_stop(self) -> None:
        """In the signal handler: each moment before the engine's priority 0 advert is one longer without a MASTER. With
        a cluster, what is owned is handed over first."""
        if not self._raft.ask_to_stop():
            self._engine.ask_to_stop()

    def _stop(self, why: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._life.give_up()
        self._raft.stop(lambda: self._engine.stop(STOP_LIMIT_NS["engine"], self._engine_ended))
        self.note("info", "stopping", f"{why}: the engine gives its addresses up, then everything ends")
        self._service_manager.tell("STOPPING=1")
        self._reloads.close("the daemon is about to end")

    def _engine_ended(self, graceful: bool) -> None:
        if not graceful:
            self._footprint.reap()
        self._pools.stop()
        self._hook_relay.daemon_event(HookEvent.TO_DESTROY, self._config, "the daemon ends")
        limit_ns = close_limit_ns(self._config, STOP_LIMIT_NS["worker"])
        last = functools.partial(self._life.after, self._loop.stop)
        self._worker.stop(limit_ns, lambda _graceful: self._notifier.stop(last))

    # -- Owner: what the roles tell us --

    def current_config(self) -> Config:
        return self._config

    def heard(self, role: str, message: BusMessage) -> None:
        match message:
            case LogLine(level=level, code=code, message=text, fields=fields):
                self._log.say(self._source(role), level, code, text, fields)
            case Transition():
                self._errands.changed(message)
                self._news.changed(message)
                self._log.transition(self._source(role), message)
                self._history.add(message)
            case NewsTaken() | NotifierSnapshot() | NotifyTested() if role == notifier_place.ROLE:
                self._notifier.heard(message)
            case Happened() | NewsTaken():
                self._news.heard(message)
            case ScriptsRan():
                self._errands.ran(message)
            case HookDue() | HookOutcome() | HookRan():
                self._hook_relay.heard(message)
            case TrackerVerdicts(verdicts):
                self._errands.judged(verdicts)
                self._pools.judged(verdicts)
            case EngineSnapshot() | WorkerSnapshot() | RaftSnapshot() | CheckReported():
                self._answers.received(message)
            case KernelSettings():
                self._footprint.borrowed(message)
            case ClusterOutcome():
                self._cluster.told(message)
            case Configured():
                self._configured(role, message)
            case _:
                self.note("error", "bus-nonsense", f"the {role} sent a {type(message).__name__}, which only we send")

    def _server_changed(self, change: ServerChanged) -> None:
        self._errands.changed(change)
        self._news.server_changed(change)
        if not change.server:  # a quorum
            self._history.add(quorum_entry(change))

    def died(self, role: str, reason: str, delay_ns: int) -> None:
        if role == "engine":
            self._hook_relay.engine_died()
        if role == "engine" and not self._stopping and self._footprint.reap():  # when stopping, _engine_ended does
            self._raft.send(EngineEnded())
        if role == "worker":
            self._footprint.left_scripts.kill()
            self._hook_relay.worker_died()
            self._answers.checks.worker_died()
            if not self._stopping:
                self._errands.worker_died()
        if role == raft_place.ROLE:
            self._cluster.process_ended()
        if role == notifier_place.ROLE:
            self._notifier.died()
        self._reloads.died(role)
        again = f"started again in {delay_ns // NS_PER_S} s" if delay_ns else "started again at once"
        self.note("error", "child-died", f"the {role} {reason}" + ("" if self._stopping else f"; it is {again}"))

    def _source(self, role: str) -> Source:
        return Source(role, self._roles[role].pid if role in self._roles else 0)

    def note(self, level: str, code: str, message: str) -> None:
        self._log.say(Source("alived", os.getpid()), level, code, message)

    def _audit(self, sentence: str) -> None:
        """What operators do to the cluster: in the log, and in the history beside what came of it."""
        self._log.always(Source("alived", os.getpid()), "warning", "cluster-command", f"cluster: {sentence}")
        self._history.add(audit_entry(sentence, now_ns(), time.time()))

    def _configured(self, role: str, message: Configured) -> None:
        if role in self._roles and self._roles[role].unconfirmed:
            return  # it took a configuration, and a newer one is on its way
        self._reloads.configured(role, message)
        if role == "engine":
            self._footprint.adopted(self._config)
        self._ready(role)

    def _ready(self, role: str) -> None:
        """One more of those that a start waits for; the last one is told to the service manager. ToReady does not wait
        for the raft process: instances of VRRP, which wait for ToReady, do not depend on it."""
        if role not in self._unready:
            return
        self._unready.discard(role)
        if role != raft_place.ROLE and not self._unready - {raft_place.ROLE}:
            self._hook_relay.daemon_event(HookEvent.TO_READY, self._config, "the daemon is ready")
        if not self._unready:
            runs = view.what_runs(self._config)
            self.note("info", "ready", f"ready: {runs}")
            self._service_manager.tell("READY=1", f"STATUS={runs}")

    def born(self, role: str) -> None:
        match role:
            case "engine":
                self._errands.engine_began()
                self._hook_relay.engine_began()
            case "worker":
                self._errands.worker_began()
                self._news.worker_began()
                self._hook_relay.worker_began()
            case notifier_place.ROLE:
                self._notifier.born()

    # -- Daemon: what clients ask of it --

    def processes(self, now_ns: int) -> list[RoleStatus]:
        return [self._own_status(), *(host.status(now_ns) for host in self._roles.values())]

    def _own_status(self) -> RoleStatus:
        state = "stopping" if self._stopping else "running"
        return RoleStatus(role="parent", pid=os.getpid(), state=state, since_ns=self._began_ns)

    def reload(self, done: Callable[[Answer], None]) -> None:
        self._service_manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._reloads.ask(done)

    # -- Reloadable --

    def adopt(self, config: Config) -> Sequence[str]:
        self._errands.configure(config)
        self._news.configure(config)
        self._footprint.adopting(config)
        self._config = config
        self._log.follow(config.logging)
        self._footprint.enforce(config)
        for host in (self._engine, self._worker):
            host.send(Configure(config=config))
        self._notifier.configure(config)
        self._pools.configure(config)
        confirming = {raft_place.ROLE} if self._raft.configure(config) else set()
        if not confirming:
            self._ready(raft_place.ROLE)  # a start waits for it no longer
        return [role for role in ("engine", "worker", *confirming) if role not in self._unready]

    def reload_ended(self, reading: Reading, answer: Answer) -> None:
        report_findings(self._log, reading.diagnostics)
        if answer.ok:
            changes = "; ".join(answer.result["changes"]) or "nothing changed"
            self.note("info", "reloaded", f"reloaded: {changes}")
            self._answers.engine.ask(lambda snapshot: self._news.reloaded(snapshot, time.time()))
        else:
            self.note("error", "reload-refused", f"reload: {answer.error}")
        self._service_manager.tell("READY=1", f"STATUS={view.what_runs(self._config)}")
