"""What counts: the verdicts on trackers after flap damping, and what combinations make of them. Pure.

Verdicts come from the worker; instances and groups act on what is said here. (docs/adr/0018-tracking-policy.md)
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.config.model import Config
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import dampings, times_to_confirm, trackers_of
from alived.health.combination import Finding, in_order, judge
from alived.health.damping import Damper, DampingSnapshot, level_of
from alived.health.trackers_config import FlapDamping, TrackerKind


class Note(msgspec.Struct, frozen=True):
    """Worth a line in the log."""

    level: str
    code: str
    message: str


class Settled:
    """Each method that may change what counts returns what is new; `notes` says what an operator may wonder about."""

    def __init__(self, config: Config) -> None:
        self.notes: list[Note] = []
        """Whoever calls takes them away."""
        self._heard: dict[str, TrackerVerdict] = {}
        """Before damping."""
        self._known: dict[str, TrackerVerdict] = {}
        """What counts."""
        self._dampers: dict[str, Damper] = {}
        self._take(config, 0)

    @property
    def known(self) -> tuple[TrackerVerdict, ...]:
        return tuple(self._known.values())

    @property
    def deadline_ns(self) -> int | None:
        """When the first tracker that is held down counts as up."""
        return min((due for damper in self._dampers.values() if (due := damper.deadline_ns) is not None), default=None)

    def damping(self, now_ns: int) -> dict[str, DampingSnapshot]:
        """By key of the tracker."""
        return {key: damper.snapshot(now_ns) for key, damper in self._dampers.items()}

    def heard(self, verdicts: Iterable[TrackerVerdict], now_ns: int) -> tuple[TrackerVerdict, ...]:
        """What the worker says of trackers."""
        return self._combine([new for verdict in verdicts if (new := self._settle(verdict, now_ns))], now_ns)

    def configure(self, config: Config, now_ns: int) -> tuple[TrackerVerdict, ...]:
        """A reload. Trackers that stay go on; one that is held down by a damping that is gone counts as up."""
        self._take(config, now_ns)
        combined = {TrackerKind.CHECK.key(check.name) for check in self._combined}
        again = [verdict for key, verdict in self._heard.items() if key not in combined]
        return self._combine([new for verdict in again if (new := self._settle(verdict, now_ns))], now_ns)

    def pass_time(self, now_ns: int) -> tuple[TrackerVerdict, ...]:
        """What was held down and has stayed up for long enough."""
        due = [key for key, damper in self._dampers.items() if damper.pass_time(now_ns)]
        return self._combine([self._released(key, "stayed up for long enough", now_ns) for key in due], now_ns)

    def reset(self, key: str, now_ns: int) -> tuple[TrackerVerdict, ...]:
        """An operator has the falls of a tracker forgotten. KeyError: it has no flap damping."""
        if not self._dampers[key].reset(now_ns):
            return ()
        return self._combine([self._released(key, "is no longer held down: its falls were reset", now_ns)], now_ns)

    def _take(self, config: Config, now_ns: int) -> None:
        used = trackers_of(config)
        files = TrackerKind.FILE.key("")
        self._senses = {key: owners[0][1].sense for key, owners in used.items() if key.startswith(files)}
        self._combined = in_order(one for one in config.combined_checks if TrackerKind.CHECK.key(one.name) in used)
        judged = times_to_confirm(config).keys() | {TrackerKind.CHECK.key(one.name) for one in self._combined}
        self._heard = {key: verdict for key, verdict in self._heard.items() if key in judged}
        self._known = {key: verdict for key, verdict in self._known.items() if key in judged}
        wanted = {key: damping for key, damping in dampings(config).items() if key in judged}
        self._dampers = {key: self._damper(key, damping, now_ns) for key, damping in wanted.items()}

    def _damper(self, key: str, config: FlapDamping, now_ns: int) -> Damper:
        """The one that is there goes on, with what the configuration says now."""
        damper = self._dampers.get(key)
        if damper is None:
            damper = Damper(config)
            if known := self._known.get(key):
                damper.hear(self._level(known), now_ns)
        damper.config = config
        return damper

    def _level(self, verdict: TrackerVerdict) -> int:
        return level_of(verdict.up, verdict.value, self._senses.get(verdict.key))

    def _settle(self, verdict: TrackerVerdict, now_ns: int) -> TrackerVerdict | None:
        """What counts after this verdict, if that is another thing than before."""
        key, counts = verdict.key, verdict
        before, self._heard[key] = self._known.get(key), verdict
        if damper := self._dampers.get(key):
            was_held = damper.deadline_ns is not None
            damper.hear(self._level(verdict), now_ns)
            if damper.held:
                assert before is not None, "what is held was worse before"
                why = damper.sentence("up" if verdict.value is None else "better")
                counts = msgspec.structs.replace(verdict, up=before.up, value=before.value, reason=f"{key} {why}")
                if not was_held:
                    self.notes.append(Note("info", "flap-damping", counts.reason))
        if before is not None and (before.up, before.value) == (counts.up, counts.value):
            self._known[key] = msgspec.structs.replace(before, reason=counts.reason)
            return None
        self._known[key] = counts
        return counts

    def _released(self, key: str, why: str, now_ns: int) -> TrackerVerdict:
        counts = msgspec.structs.replace(self._heard[key], reason=f"{key} {why}", at_ns=now_ns)
        self._known[key] = counts
        self.notes.append(Note("info", "flap-damping", counts.reason))
        return counts

    def _combine(self, changed: list[TrackerVerdict], now_ns: int) -> tuple[TrackerVerdict, ...]:
        """What changed, and what changes with it. All combinations are judged anew: verdicts are rare, and the reason
        of one that stays as it is may be another one now."""
        for check in self._combined:
            members = {member.key for member in check.members}
            # A number in a file counts here as with weight 0: any but 0 is a failure.
            known = {
                key: Finding(verdict.up and not verdict.value, verdict.reason)
                for key, verdict in self._known.items()
                if key in members
            }
            found = judge(check, known)
            if found.up is None:  # what was said before holds for the moment until all members have a result
                continue
            verdict = TrackerVerdict(TrackerKind.CHECK, check.name, found.up, found.reason, now_ns)
            if new := self._settle(verdict, now_ns):
                level, code = ("info", "check-up") if new.up else ("warning", "check-down")
                self.notes.append(Note(level, code, new.reason))
                changed.append(new)
        return tuple(changed)
