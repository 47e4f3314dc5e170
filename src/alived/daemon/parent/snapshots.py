"""Asks a child what it knows, with a limit: who asks gets an answer even if the child does not give one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

from alived.adapters.loop import Loop, Timer
from alived.base import NS_PER_MS
from alived.daemon.shared.messages import (
    BusMessage,
    EngineSnapshot,
    NotifierSnapshot,
    RaftSnapshot,
    SnapshotRequest,
    WorkerSnapshot,
)

LIMIT_NS = 300 * NS_PER_MS
S = TypeVar("S", EngineSnapshot, WorkerSnapshot, RaftSnapshot, NotifierSnapshot)


class Snapshots(Generic[S]):
    """Askers that come while a question is on its way share its answer."""

    def __init__(self, loop: Loop, send: Callable[[BusMessage], None]) -> None:
        self._loop = loop
        self._send = send
        self._ids = itertools.count(1)
        self._asked = 0
        self._askers: list[Callable[[S | None], None]] = []
        self._timer: Timer | None = None
        self.last: S | None = None
        """The newest that ever came, to be shown as old if there is no newer."""

    def ask(self, asker: Callable[[S | None], None]) -> None:
        """Calls asker with a fresh snapshot, or with None after LIMIT_NS."""
        self._askers.append(asker)
        if self._timer is None:
            self._asked = next(self._ids)
            self._timer = self._loop.call_later(LIMIT_NS, lambda: self._answer(None))
            self._send(SnapshotRequest(request_id=self._asked))

    def received(self, snapshot: S) -> None:
        self.last = snapshot
        if snapshot.request_id == self._asked:
            self._answer(snapshot)

    def _answer(self, snapshot: S | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        askers, self._askers = self._askers, []
        for asker in askers:
            asker(snapshot)
