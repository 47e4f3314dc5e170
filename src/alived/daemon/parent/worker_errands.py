"""What the parent keeps for the worker, which may die: scripts that it owes, and what is known of trackers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from alived.adapters.loop import Loop, Timer, now_ns
from alived.config.model import Config
from alived.daemon.parent.owed import MAX_DELIVERIES, Change, Owed
from alived.daemon.parent.settled import Settled
from alived.daemon.parent.verdicts import Verdicts
from alived.daemon.shared.configured_pools import of_servers
from alived.daemon.shared.messages import BusMessage, ScriptsRan, TrackerVerdict, TrackerVerdicts
from alived.health.damping import DampingSnapshot

Tell = Callable[[BusMessage], None]


class WorkerErrands:
    """Changes go to the worker until their scripts have run, verdicts to the engine when they change."""

    def __init__(
        self, loop: Loop, config: Config, to_engine: Tell, to_worker: Tell, note: Callable[[str, str, str], None]
    ) -> None:
        self._loop = loop
        self._owed = Owed(config)
        self._verdicts = Verdicts(config)
        self._settled = Settled(config)
        self._of_servers = of_servers(config)
        self._to_engine = to_engine
        self._to_worker = to_worker
        self._note = note
        self._timer: Timer | None = None

    def configure(self, config: Config) -> None:
        self._owed.configure(config)
        self._verdicts.configure(config)
        self._of_servers = of_servers(config)
        self._tell(self._settled.configure(config, now_ns()))

    def changed(self, change: Change) -> None:
        """If it has scripts, the worker runs them."""
        if self._owed.add(change):
            self._to_worker(change)

    def ran(self, message: ScriptsRan) -> None:
        self._owed.paid(message)

    def judged(self, verdicts: tuple[TrackerVerdict, ...]) -> None:
        """The worker says."""
        self._tell(self._settled.heard(self._verdicts.heard(verdicts), now_ns()))

    def quorum_judged(self, verdict: TrackerVerdict) -> None:
        """The pools say: it is known here, so no worker has to confirm it."""
        self._tell(self._settled.heard((verdict,), now_ns()))

    @property
    def known(self) -> tuple[TrackerVerdict, ...]:
        """What counts: damped, and combined."""
        return self._settled.known

    @property
    def damping(self) -> dict[str, DampingSnapshot]:
        return self._settled.damping(now_ns())

    def reset(self, key: str) -> None:
        """Forgets the falls of a tracker. KeyError: it has no flap damping."""
        self._tell(self._settled.reset(key, now_ns()))

    def engine_began(self) -> None:
        self._tell_engine(self._settled.known)

    def worker_began(self) -> None:
        self._verdicts.worker_began()
        self._to_worker(TrackerVerdicts(self._verdicts.known))
        again, given_up = self._owed.deliver_again()
        for change in again:
            self._to_worker(change)
        for change in given_up:
            what = f"{change.kind} {change.name} {change.new}"
            message = f"the scripts of {what} outlived {MAX_DELIVERIES} workers: given up"
            self._note("error", "scripts-given-up", message)

    def worker_died(self) -> None:
        self._verdicts.worker_died(now_ns())
        self._arm()

    def _tell(self, changed: tuple[TrackerVerdict, ...]) -> None:
        notes, self._settled.notes = self._settled.notes, []
        for note in notes:
            self._note(note.level, note.code, note.message)
        self._tell_engine(changed)
        self._arm()

    def _tell_engine(self, verdicts: Iterable[TrackerVerdict]) -> None:
        """Owners do not depend on real servers: why wake them."""
        if told := tuple(verdict for verdict in verdicts if verdict.key not in self._of_servers):
            self._to_engine(TrackerVerdicts(told))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_ns = min(filter(None, (self._verdicts.deadline_ns, self._settled.deadline_ns)), default=None)
        self._timer = self._loop.call_at(due_ns, self._deadline) if due_ns is not None else None

    def _deadline(self) -> None:
        """Nobody has looked at some trackers for too long, or others have stayed up for long enough."""
        expired = self._verdicts.expire(now_ns())
        for verdict in expired:
            self._note("error", f"{verdict.kind}-down", verdict.reason)
        released = self._settled.pass_time(now_ns())
        self._tell((*released, *self._settled.heard(expired, now_ns())))
