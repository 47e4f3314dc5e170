"""Hooks as the parent sees them: from the engine to the worker and back, of the daemon itself, and by hand."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.hook_debts import HookDebts
from alived.daemon.parent.owed import MAX_DELIVERIES
from alived.daemon.shared.hook_facts import hooks_of, without_state
from alived.daemon.shared.messages import BusMessage, HookDue, HookOutcome, HookRan
from alived.daemon.status.hook_runs import HookRuns
from alived.hooks.config import HookEvent, OnFailure
from alived.hooks.events import Kind
from alived.hooks.limits import limits_of
from alived.hooks.tasks import takes

MAX_CLOSE_LIMIT_NS = 80 * NS_PER_S
"""What a worker may take for the last hooks at most; service managers kill after 90 s."""
DIED = "the process that runs hooks died"
DOWN = "the process that runs hooks is being started again"
Tell = Callable[[BusMessage], None]
Done = Callable[[HookOutcome, list[HookRan]], None]


class HookRelay:
    """Passes events and outcomes on, and answers for a worker that died."""

    def __init__(
        self,
        prefix: str,
        config: Callable[[], Config],
        to_engine: Tell,
        to_worker: Tell,
        note: Callable[[str, str, str], None],
        aborted: Callable[[str], None],
    ) -> None:
        """config: the one in force. aborted: a hook of the daemon itself failed, and that means the end."""
        self._config = config
        self._debts = HookDebts(prefix)
        self._to_engine, self._to_worker = to_engine, to_worker
        self._note, self._aborted = note, aborted
        self._by_hand: dict[str, Done] = {}
        self._latest: dict[tuple[str, str], HookDue] = {}
        """By object: the newest event of it that an engine or the daemon told"""
        self._ready: HookOutcome | None = None
        """Of ToReady, when it has ended well"""
        self.runs = HookRuns()

    @property
    def waiting(self) -> list[HookDue]:
        """Events whose hooks have not all ended."""
        return self._debts.waiting()

    def heard(self, message: HookDue | HookOutcome | HookRan) -> None:
        """The engine or the worker says."""
        match message:
            case HookDue():
                self.due(message)
            case HookOutcome():
                self.ended(message)
            case HookRan():
                self.runs.add(message)

    def due(self, due: HookDue) -> None:
        self._latest[due.kind, due.name] = due
        self._begin(due, None)

    def latest(self, kind: str, name: str, config: Config) -> HookDue:
        """The newest event of an object, or what the configuration says of it if there was none."""
        known = self._latest.get((kind, name))
        return known or without_state(config, HookDue(kind=kind, name=name, event=HookEvent.TO_SLAVE))

    def daemon_event(self, event: HookEvent, config: Config, reason: str) -> None:
        """ToReady, which all owners of the engine wait for, or ToDestroy."""
        number = int(event is HookEvent.TO_READY)
        self.due(without_state(config, HookDue(kind=Kind.DAEMON, name="", event=event, number=number, reason=reason)))

    def by_hand(self, due: HookDue, done: Done) -> None:
        """Calls done exactly once."""
        self._begin(due, done)

    def _begin(self, due: HookDue, done: Done | None) -> None:
        due, is_to_be_answered = self._debts.add(due)
        if done is not None:
            self._by_hand[due.event_id] = done
        if is_to_be_answered:
            self._answer(self._without_worker(due, DOWN))
        elif self._debts.worker_runs:
            self._to_worker(due)

    def ended(self, outcome: HookOutcome) -> None:
        """The worker says."""
        if outcome.event_id in self._by_hand:
            self._debts.paid(outcome)
            self._answer(outcome)
        elif answer := self._debts.paid(outcome):
            self._answer(answer)

    def _answer(self, outcome: HookOutcome) -> None:
        if done := self._by_hand.pop(outcome.event_id, None):
            done(outcome, self.runs.of_event(outcome.event_id))
        elif outcome.kind != Kind.DAEMON:
            self._to_engine(outcome)
        elif outcome.event is HookEvent.TO_READY and not outcome.superseded:
            self._ready_ended(outcome)

    def _ready_ended(self, outcome: HookOutcome) -> None:
        if outcome.ok:
            self._ready = outcome
            self._to_engine(outcome)
        else:
            self._aborted(f"the hook of the start failed, and its on_failure says abort: {outcome.reason}")

    def engine_began(self) -> None:
        """ToReady does not run again for it."""
        if self._ready:
            self._to_engine(self._ready)

    def engine_died(self) -> None:
        self._debts.engine_died()

    def worker_died(self) -> None:
        for due in self._debts.worker_died():
            self._answer(self._without_worker(due, DIED))

    def worker_began(self) -> None:
        delivery = self._debts.worker_began()
        for due in delivery.again:
            self._to_worker(due)
        for due in delivery.stale:
            if due.number:
                superseded = self._without_worker(due, "superseded by a newer event")
                self._answer(msgspec.structs.replace(superseded, ok=False, superseded=True))
        for due in delivery.given_up:
            what = f"{due.event} of {due.name}" if due.name else str(due.event)
            self._note("error", "hooks-given-up", f"{what} outlived {MAX_DELIVERIES} workers: given up")
            if due.number:
                self._answer(self._without_worker(due, f"outlived {MAX_DELIVERIES} of the processes that run hooks"))

    def _without_worker(self, due: HookDue, reason: str) -> HookOutcome:
        """The worker's answer in its place: a failure, if a failure matters."""
        hooks = [hook for hook in hooks_of(self._config(), due.kind, due.name) if hook.event is due.event]
        matters = due.by_hand or any(hook.on_failure is not OnFailure.CONTINUE for hook in hooks)
        return HookOutcome(
            kind=due.kind,
            name=due.name,
            event=due.event,
            number=due.number,
            ok=not matters,
            reason=reason,
            event_id=due.event_id,
        )


def close_limit_ns(config: Config, least_ns: int) -> int:
    """How long the worker may take to end: as long as the hooks on the way out may, one event after the other."""
    longest: dict[HookEvent, int] = {}
    for hooks in (config.hooks, *(group.hooks or () for group in config.raft_groups)):
        for event, limit_ns in limits_of(hooks).items():
            longest[event] = max(longest.get(event, 0), 0 if takes(event) else limit_ns)
    return min(max(least_ns, sum(longest.values())), MAX_CLOSE_LIMIT_NS)
