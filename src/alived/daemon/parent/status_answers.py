"""`alived status` in the parent: asks the children what they know, with a limit for each, and puts it together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from alived.adapters.loop import Loop, now_ns
from alived.config.model import Config
from alived.daemon.parent import track_desk
from alived.daemon.parent.check_desk import CheckDesk
from alived.daemon.parent.snapshots import Snapshots
from alived.daemon.parent.track_desk import Trackers
from alived.daemon.shared.messages import (
    BusMessage,
    CheckReported,
    EngineSnapshot,
    RaftSnapshot,
    WorkerSnapshot,
)
from alived.daemon.shared.tracked import times_to_confirm
from alived.daemon.status import (
    check_view,
    cluster_view,
    link_view,
    notify_view,
    pool_view,
    raft_view,
    script_view,
    tracker_view,
    view,
)
from alived.daemon.status.role_status import RoleStatus
from alived.lvs.pool_events import PoolSnapshot
from alived.notify.pipe_lines import fifos_of

Tell = Callable[[BusMessage], None]


class PoolsShown(Protocol):
    def snapshots(self) -> dict[str, PoolSnapshot]: ...


class StatusAnswers:
    """What the children last said of themselves."""

    def __init__(self, loop: Loop, to_engine: Tell, to_worker: Tell, to_raft: Tell) -> None:
        self.engine: Snapshots[EngineSnapshot] = Snapshots(loop, to_engine)
        self.worker: Snapshots[WorkerSnapshot] = Snapshots(loop, to_worker)
        self.raft: Snapshots[RaftSnapshot] = Snapshots(loop, to_raft)
        self.checks = CheckDesk(loop, to_worker)

    def received(self, snapshot: EngineSnapshot | WorkerSnapshot | RaftSnapshot | CheckReported) -> None:
        match snapshot:
            case EngineSnapshot():
                self.engine.received(snapshot)
            case WorkerSnapshot():
                self.worker.received(snapshot)
            case RaftSnapshot():
                self.raft.received(snapshot)
            case CheckReported():
                self.checks.reported(snapshot)

    def status(
        self,
        config: Config,
        trackers: Trackers,
        pools: PoolsShown,
        processes: Callable[[int], Sequence[RoleStatus]],
        done: Callable[[view.Json], None],
    ) -> None:
        """trackers, pools and processes (at a moment): as they are when the children have answered."""

        def show(engine: EngineSnapshot | None, worker: WorkerSnapshot | None, raft: RaftSnapshot | None) -> None:
            clock = view.Clock(now_ns(), time.time())
            known, fresh = engine or self.engine.last, engine is not None
            done(
                view.status(config, known, fresh, processes(clock.now_ns), clock)
                | {
                    "raft_groups": raft_view.raft_groups(config, known, fresh, raft, clock),
                    "cluster": cluster_view.cluster(config, raft or self.raft.last, raft is not None, clock),
                    "scripts": script_view.scripts(config, trackers.known, worker, clock),
                    "trackers": [
                        *link_view.links(config, engine, clock),
                        *tracker_view.trackers(config, trackers.known, worker, clock),
                    ],
                    "combinations": track_desk.combinations(config, trackers.known, clock),
                    "damping": track_desk.damping(trackers.damping, clock.now_ns),
                    "virtual_servers": pool_view.virtual_servers(
                        config, pools.snapshots(), worker.checks if worker else {}, clock
                    ),
                    "checks": check_view.checks(config, trackers.known, worker, clock),
                    "pipes": notify_view.pipes(worker or self.worker.last, worker is not None),
                }
            )

        def ask_raft(engine: EngineSnapshot | None, worker: WorkerSnapshot | None) -> None:
            if config.cluster is not None:
                self.raft.ask(lambda raft: show(engine, worker, raft))
            else:
                show(engine, worker, None)

        def ask_worker(engine: EngineSnapshot | None) -> None:
            if times_to_confirm(config) or any(fifos_of(config.global_defs.fifos)):
                self.worker.ask(lambda worker: ask_raft(engine, worker))
            else:
                ask_raft(engine, None)

        self.engine.ask(ask_worker)
