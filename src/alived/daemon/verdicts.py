"""What is known of tracked scripts, and for how long it holds when nobody runs them any more.

The worker runs the scripts; it may die. A new one goes on where it was, so its death alone changes nothing. But what
nobody checks must not stay green: a script that is up has PATIENCE_NS beyond its own interval and timeout to be
confirmed by the next worker, counted from the first death since the last confirmation; then it counts as failed.
(docs/adr/0011-tracked-scripts.md)
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.messages import ScriptVerdict
from alived.daemon.tracked import tracked_scripts

PATIENCE_NS = 5 * NS_PER_S


class Verdicts:
    """Pure: the supervisor passes on what it says."""

    def __init__(self, config: Config) -> None:
        self._scripts = tracked_scripts(config)
        self._known: dict[str, ScriptVerdict] = {}
        self._lost_ns: dict[str, int] = {}
        """Since when a script that is up has not been confirmed."""
        self._died_ns: int | None = None
        """When the last worker died, while there is no other."""

    def configure(self, config: Config) -> None:
        self._scripts = tracked_scripts(config)
        self._known = {name: verdict for name, verdict in self._known.items() if name in self._scripts}
        self._lost_ns = {name: since for name, since in self._lost_ns.items() if name in self._scripts}

    @property
    def known(self) -> tuple[ScriptVerdict, ...]:
        return tuple(self._known.values())

    @property
    def deadline_ns(self) -> int | None:
        """When the first of them counts as failed if nothing is heard of it."""
        return min(map(self._deadline, self._lost_ns), default=None)

    def heard(self, verdicts: Iterable[ScriptVerdict]) -> tuple[ScriptVerdict, ...]:
        """The worker says; what changes by it. What a reload has taken away meanwhile changes nothing."""
        changed = []
        for verdict in verdicts:
            known = self._known.get(verdict.name)
            if verdict.name not in self._scripts:
                continue
            if self._died_ns is None or not verdict.up:
                self._lost_ns.pop(verdict.name, None)
            else:  # the last words of a dead worker: nobody checks this script now
                self._lost_ns.setdefault(verdict.name, self._died_ns)
            if known is None or known.up is not verdict.up:
                self._known[verdict.name] = verdict
                changed.append(verdict)
        return tuple(changed)

    def worker_began(self) -> None:
        self._died_ns = None

    def worker_died(self, now_ns: int) -> None:
        self._died_ns = now_ns
        for verdict in self._known.values():
            if verdict.up:
                self._lost_ns.setdefault(verdict.name, now_ns)

    def expire(self, now_ns: int) -> tuple[ScriptVerdict, ...]:
        """What counts as failed from now on."""
        due = [name for name in self._lost_ns if self._deadline(name) <= now_ns]
        for name in due:
            age_s = (now_ns - self._lost_ns.pop(name)) / NS_PER_S
            reason = f"script {name} was not checked for {age_s:.1f} s: the process that runs it died"
            self._known[name] = ScriptVerdict(name, False, reason, now_ns)
        return tuple(self._known[name] for name in due)

    def _deadline(self, name: str) -> int:
        script = self._scripts[name]
        return self._lost_ns[name] + script.interval_ns + script.timeout_ns + PATIENCE_NS
