"""What the engine tells the parent: changes of state, notices, kernel settings that it borrowed."""

from __future__ import annotations

import time

from alived.adapters.loop import now_ns
from alived.adapters.sysctl import Settings
from alived.base import NS_PER_S
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import Happened, HookDue, KernelSettings, Transition
from alived.hooks.events import Kind, Word
from alived.owner import State
from alived.vip.ownership_events import OwnershipChanged
from alived.vrrp.events import LowerPriorityHeard, PriorityTaken, StateChanged
from alived.vrrp.group_events import GroupChanged

NOTICE_INTERVAL_NS = 10 * NS_PER_S
"""The same notice about the same thing is said at most this often."""
NOTICES_MAX = 4096


class Reports:
    """Messages to the parent; none of these calls blocks."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._noticed: dict[tuple[str, str], int] = {}

    def instance_changed(self, change: StateChanged, *, deleted: bool) -> None:
        self._changed("INSTANCE", change.instance, change, change.evidence, deleted=deleted)

    def group_changed(self, change: GroupChanged) -> None:
        self._changed("GROUP", change.group, change, (), deleted=False)

    def ownership_changed(self, change: OwnershipChanged, *, deleted: bool) -> None:
        self._changed("RAFT", change.group, change, change.evidence, deleted=deleted, term=change.term)

    def _changed(
        self,
        kind: str,
        name: str,
        change: StateChanged | GroupChanged | OwnershipChanged,
        evidence: tuple[str, ...],
        *,
        deleted: bool,
        term: int = 0,
    ) -> None:
        self._context.send(
            Transition(
                kind=kind,
                name=name,
                old=change.old,
                new=change.new,
                priority=change.priority,
                reason=change.reason,
                evidence=evidence,
                time_ns=now_ns(),
                wall_time=time.time(),
                stopping=change.new is State.INIT,
                deleted=deleted,
                term=term,
            )
        )

    def priority_changed(self, name: str, reason: str) -> None:
        self._context.log("info", "priority-changed", reason, instance=name)

    def lower_priority_heard(self, heard: LowerPriorityHeard) -> None:
        self._happened(Word.MASTER_RX_LOWER_PRI, heard.instance, heard.priority, heard.reason)

    def priority_taken(self, taken: PriorityTaken) -> None:
        self.priority_changed(taken.instance, taken.reason)
        word = Word.MASTER_PRIORITY if taken.state is State.MASTER else Word.BACKUP_PRIORITY
        self._happened(word, taken.instance, taken.priority, taken.reason)

    def _happened(self, word: Word, instance: str, priority: int, reason: str) -> None:
        wall_time = time.time()
        self._context.send(
            Happened(
                kind=Kind.INSTANCE, name=instance, word=word, priority=priority, reason=reason, wall_time=wall_time
            )
        )

    def notice(self, name: str, code: str, message: str) -> None:
        """A warning for the log about an instance or an interface."""
        now = now_ns()
        last = self._noticed.get((name, code))
        if last is not None and now - last < NOTICE_INTERVAL_NS:
            return
        if len(self._noticed) >= NOTICES_MAX:
            self._noticed.clear()
        self._noticed[name, code] = now
        self._context.log("warning", code, message, instance=name)

    def hooks_due(self, due: HookDue) -> None:
        self._context.send(due)

    def settings_changed(self, settings: Settings) -> None:
        self._context.send(KernelSettings(settings=settings))
