"""Commands of operators to the cluster, on their way to the raft process and back.

Whoever asks gets one answer: the outcome, or that there is none yet. A command that is on its way is not taken back
when its asker is told that it takes long.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import msgspec

from alived.adapters.loop import Loop, Timer, now_ns
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.snapshots import Snapshots
from alived.daemon.shared.control_messages import Answer
from alived.daemon.shared.messages import BusMessage, ClusterOutcome, ClusterRequest, RaftSnapshot
from alived.daemon.status.cluster_view import cluster
from alived.daemon.status.view import Clock
from alived.raft.commands import described
from alived.raft.member_events import AddMember, Command

LIMIT_NS = 20 * NS_PER_S
NO_CLUSTER = "this daemon is no member of a cluster: its configuration has none"
Finish = Callable[[Answer], None]


class _Asked(msgspec.Struct, frozen=True):
    what: str
    finish: Finish
    timer: Timer


class ClusterRequests:
    """The commands that wait for their outcome."""

    def __init__(
        self,
        loop: Loop,
        to_raft: Callable[[BusMessage], None],
        snapshots: Snapshots[RaftSnapshot],
        audit: Callable[[str], None],
    ) -> None:
        """audit: takes a sentence for each command and for what came of it."""
        self._loop = loop
        self._to_raft = to_raft
        self._snapshots = snapshots
        self._audit = audit
        self._ids = itertools.count(1)
        self._asked: dict[int, _Asked] = {}

    def members(self, config: Config, finish: Finish) -> None:
        """As `alived status` shows the cluster."""
        if config.cluster is None:
            finish(Answer(ok=False, error=NO_CLUSTER))
            return

        def show(snapshot: RaftSnapshot | None) -> None:
            clock = Clock(now_ns(), time.time())
            known = snapshot or self._snapshots.last
            finish(Answer(ok=True, result=cluster(config, known, snapshot is not None, clock)))

        self._snapshots.ask(show)

    def command(self, config: Config, command: Command, finish: Finish) -> None:
        """Calls back exactly once."""
        if config.cluster is None:
            finish(Answer(ok=False, error=NO_CLUSTER))
            return
        if isinstance(command, AddMember) and (flaw := command.member.flaw):
            finish(Answer(ok=False, error=flaw))
            return
        number = next(self._ids)
        timer = self._loop.call_later(LIMIT_NS, lambda: self._late(number))
        what = described(command)
        self._audit(f"{what}: asked for at this node")
        self._asked[number] = _Asked(what, finish, timer)
        self._to_raft(ClusterRequest(number, command))

    def told(self, outcome: ClusterOutcome) -> None:
        asked = self._asked.get(outcome.request_id)
        what = f"{asked.what}: " if asked else ""  # its asker was told that it takes long
        self._audit(f"{what}{'done' if outcome.ok else 'refused or failed'}: {outcome.text}")
        if outcome.ok:
            self._end(outcome.request_id, Answer(ok=True, result=outcome.text))
        else:
            self._end(outcome.request_id, Answer(ok=False, error=outcome.text))

    def process_ended(self) -> None:
        """There is nobody who could still answer."""
        error = "the raft process ended meanwhile: look with `alived cluster members` whether it was done"
        for number in list(self._asked):
            self._end(number, Answer(ok=False, error=error))

    def _late(self, number: int) -> None:
        error = f"no outcome within {LIMIT_NS // NS_PER_S} s; it may still come: `alived cluster members` shows it"
        self._end(number, Answer(ok=False, error=error))

    def _end(self, number: int, answer: Answer) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:  # else the asker was told that it takes long
            asked.timer.cancel()
            asked.finish(answer)
