"""What is known of trackers, and for how long it holds when nobody looks at them any more.

The worker runs scripts and looks; it may die. A new one goes on where it was, so its death alone changes nothing. But
what nobody checks must not stay green: what is up has PATIENCE_NS beyond its own time (of a script: interval and
timeout) to be confirmed by the next worker, counted from the first death since the last confirmation; then it counts as
failed. (docs/adr/0011-tracked-scripts.md)
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import times_to_confirm

PATIENCE_NS = 5 * NS_PER_S


class Verdicts:
    """Pure: the supervisor passes on what it says."""

    def __init__(self, config: Config) -> None:
        self._times_ns = times_to_confirm(config)
        """None: it holds for as long as nobody says otherwise"""
        self._known: dict[str, TrackerVerdict] = {}
        self._lost_ns: dict[str, int] = {}
        """Since when what is up has not been confirmed."""
        self._died_ns: int | None = None
        """When the last worker died, while there is no other."""

    def configure(self, config: Config) -> None:
        self._times_ns = times_to_confirm(config)
        self._known = {key: verdict for key, verdict in self._known.items() if key in self._times_ns}
        self._lost_ns = {key: since for key, since in self._lost_ns.items() if self._times_ns.get(key) is not None}

    @property
    def known(self) -> tuple[TrackerVerdict, ...]:
        return tuple(self._known.values())

    @property
    def deadline_ns(self) -> int | None:
        """When the first of them counts as failed if nothing is heard of it."""
        return min(map(self._deadline, self._lost_ns), default=None)

    def heard(self, verdicts: Iterable[TrackerVerdict]) -> tuple[TrackerVerdict, ...]:
        """The worker says; what changes by it. What a reload has taken away meanwhile changes nothing."""
        changed = []
        for verdict in verdicts:
            known = self._known.get(verdict.key)
            if verdict.key not in self._times_ns:
                continue
            if self._died_ns is None or not self._expires(verdict):
                self._lost_ns.pop(verdict.key, None)
            else:  # the last words of a dead worker: nobody checks it now
                self._lost_ns.setdefault(verdict.key, self._died_ns)
            if known is None or (known.up, known.value) != (verdict.up, verdict.value):
                self._known[verdict.key] = verdict
                changed.append(verdict)
        return tuple(changed)

    def worker_began(self) -> None:
        self._died_ns = None

    def worker_died(self, now_ns: int) -> None:
        self._died_ns = now_ns
        for verdict in self._known.values():
            if self._expires(verdict):
                self._lost_ns.setdefault(verdict.key, now_ns)

    def expire(self, now_ns: int) -> tuple[TrackerVerdict, ...]:
        """What counts as failed from now on."""
        due = [key for key in self._lost_ns if self._deadline(key) <= now_ns]
        for key in due:
            age_s = (now_ns - self._lost_ns.pop(key)) / NS_PER_S
            known = self._known[key]
            reason = f"{key} was not checked for {age_s:.1f} s: the process that does it died"
            self._known[key] = TrackerVerdict(known.kind, known.name, False, reason, now_ns, known.value)
        return tuple(self._known[key] for key in due)

    def _expires(self, verdict: TrackerVerdict) -> bool:
        return verdict.up and self._times_ns[verdict.key] is not None

    def _deadline(self, key: str) -> int:
        time_ns = self._times_ns[key]
        assert time_ns is not None
        return self._lost_ns[key] + time_ns + PATIENCE_NS
