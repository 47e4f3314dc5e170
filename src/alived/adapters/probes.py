"""Runs inquiries: many at a time, but not more than there are file descriptors for; the others wait for their turn."""

from __future__ import annotations

import resource
from collections import deque
from collections.abc import Callable

from alived.adapters.beat import Beat
from alived.adapters.loop import Loop
from alived.adapters.names import Names
from alived.adapters.probe import Probe, ProbeEnd, Undecided
from alived.adapters.probe_datagram import DatagramProbe, EchoProbe
from alived.adapters.probe_stream import StreamProbe
from alived.health.dialogue import Inquiry, Transport

__all__ = ["Prober", "Run", "ProbeEnd", "Undecided"]

MOST_AT_ONCE = 4096
SPARE_FILES = 128
"""For all else that this process opens"""
Done = Callable[[ProbeEnd], None]
_KINDS: dict[Transport, type[Probe]] = {
    Transport.STREAM: StreamProbe,
    Transport.DATAGRAM: DatagramProbe,
    Transport.ECHO: EchoProbe,
}


class Run:
    """An inquiry that runs or waits for its turn."""

    __slots__ = ("_done", "_prober", "probe")

    def __init__(self, prober: Prober, inquiry: Inquiry, done: Done) -> None:
        self._prober = prober
        self._done: Done | None = done
        self.probe = _KINDS[inquiry.transport](prober.loop, prober.patience, prober.names, inquiry, self._ended)

    def cancel(self) -> None:
        """`done` is not called any more."""
        if self._done is not None:
            self._done = None
            self.probe.cancel()
            self._prober.over(self)

    def _ended(self, end: ProbeEnd) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._prober.over(self)
            done(end)


class Prober:
    """`start` never calls back before it returns."""

    def __init__(self, loop: Loop, most_at_once: int | None = None, names: Names | None = None) -> None:
        """most_at_once: as many as there are file descriptors for if None."""
        self.loop = loop
        self.names = names or Names(loop)
        self.patience = Beat(loop)
        self.most_at_once = most_at_once or max(1, min(MOST_AT_ONCE, _files() - SPARE_FILES))
        self._running: set[Run] = set()
        self._waiting: deque[Run] = deque()
        self.queued = 0
        """How many inquiries had to wait since the beginning"""

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def start(self, inquiry: Inquiry, done: Done) -> Run:
        """done(end) is called once, in the loop, unless the run is cancelled."""
        run = Run(self, inquiry, done)
        if len(self._running) < self.most_at_once:
            self._begin(run)
        else:
            self.queued += 1
            self._waiting.append(run)
        return run

    def close(self) -> None:
        """Ends all without a report."""
        self._waiting.clear()
        for run in list(self._running):
            run.cancel()
        self.names.close()

    def over(self, run: Run) -> None:
        """Of a run: it ended or was cancelled."""
        if run in self._running:
            self._running.discard(run)
            if self._waiting:
                self._begin(self._waiting.popleft())
        else:
            self._waiting.remove(run)

    def _begin(self, run: Run) -> None:
        self._running.add(run)
        run.probe.begin()


def _files() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit
