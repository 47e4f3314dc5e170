"""What clients may ask of the daemon, over the control socket or by a signal: each question goes to who knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from alived.config.model import Config
from alived.daemon.parent.check_desk import CheckDesk
from alived.daemon.parent.cluster_requests import ClusterRequests
from alived.daemon.parent.history import History
from alived.daemon.parent.hook_desk import HookDesk
from alived.daemon.parent.kernel_lease import KernelLeases
from alived.daemon.parent.notifier_place import NotifierPlace
from alived.daemon.parent.plan import make_plan
from alived.daemon.parent.status_answers import PoolsShown, StatusAnswers
from alived.daemon.parent.track_desk import Trackers
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import Transition
from alived.daemon.status import fence_view, notify_view, view
from alived.daemon.status.role_status import RoleStatus
from alived.raft.member_events import Command

Finish = Callable[[Answer], None]


class Daemon(Protocol):
    """What only the supervisor knows."""

    def current_config(self) -> Config: ...

    def processes(self, now_ns: int) -> Sequence[RoleStatus]: ...

    def reload(self, done: Finish) -> None: ...


class FrontDesk:
    """Answers by calling back, once, when the answer is known."""

    def __init__(
        self,
        daemon: Daemon,
        *,
        answers: StatusAnswers,
        cluster: ClusterRequests,
        history: History,
        hooks: HookDesk,
        kernel_leases: KernelLeases,
        notifier: NotifierPlace,
        pools: PoolsShown,
        trackers: Trackers,
    ) -> None:
        self._daemon = daemon
        self._answers = answers
        self._cluster = cluster
        self._history = history
        self._kernel_leases = kernel_leases
        self._pools = pools
        self.hooks = hooks
        self.notifier = notifier
        self.trackers = trackers
        self.reload = daemon.reload

    @property
    def checks(self) -> CheckDesk:
        return self._answers.checks

    def status(self, done: Callable[[view.Json], None]) -> None:
        config = self._daemon.current_config()

        def with_own(status: view.Json) -> None:
            fences = fence_view.fences(config, self._kernel_leases.enforced, self._kernel_leases.missing)
            status |= {"hooks": self.hooks.totals(), "fences": fences}
            self.notifier.look(lambda *seen: done(status | {"notifications": notify_view.receivers(*seen)}))

        self._answers.status(config, self.trackers, self._pools, self._daemon.processes, with_own)

    def recent(self, count: int) -> list[Transition]:
        return self._history.last(count)

    def plan(self, config: Config, done: Callable[[view.Json], None]) -> None:
        """What a reload with this configuration would do."""
        current = self._daemon.current_config()
        self._answers.engine.ask(lambda snapshot: done(make_plan(current, config, snapshot)))

    def members(self, done: Finish) -> None:
        self._cluster.members(self._daemon.current_config(), done)

    def command_cluster(self, command: Command, done: Finish) -> None:
        self._cluster.command(self._daemon.current_config(), command, done)
