"""Tracked units of systemd in the worker: `systemctl show` is asked, for all that are due at once.

A child process now and then, and not a client of D-Bus of our own: it works whatever the version, with and without a
message bus, and if it hangs it is killed (docs/adr/0019-what-is-watched.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alived.adapters.loop import Timer, now_ns
from alived.adapters.scripts import ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_S
from alived.config.model import Config, GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import tracked_units
from alived.daemon.worker.script_start import start_script
from alived.daemon.worker.tracker_voice import TrackerVoice, known_of
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackUnit
from alived.health.unit_tracker import (
    PROPERTIES,
    UnitEvent,
    UnitReconfigured,
    UnitShown,
    UnitTracker,
    UnitUnknown,
    parse_show,
)

SYSTEMCTL = "/usr/bin/systemctl"
LIMIT_NS = 5 * NS_PER_S
"""For an answer"""
MOST_AT_ONCE = 30
"""Units: their lines are fewer than those that are read of a script"""


class UnitChecks:
    """All tracked units, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._voice = TrackerVoice(context, TrackerKind.UNIT)
        self._trackers: dict[str, UnitTracker] = {}
        self._due_ns: dict[str, int] = {}
        self._begun = False
        self._runner = ScriptRunner(context.scripts, self._ended, self._failed, self._said)
        self._run = 0
        self._asked: Sequence[str] = ()
        """Names, while they are asked"""
        self._lines: list[str] = []
        self._timer: Timer | None = None
        self._limit: Timer | None = None

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: verdicts of a former worker; they hold until systemd says otherwise."""
        self._begun = True
        before = known_of(TrackerKind.UNIT, known)
        self._take(tracked_units(config), {name: verdict.up for name, verdict in before.items()})

    def configure(self, config: Config) -> None:
        if self._begun:
            self._take(tracked_units(config), {})

    def close(self) -> None:
        self._take({}, {})
        self._begun = False
        self._runner.close()

    def snapshots(self) -> Iterable[TrackerSnapshot]:
        for name, tracker in self._trackers.items():
            yield msgspec.structs.replace(tracker.snapshot(), next_run_ns=self._due_ns[name])

    def _take(self, wanted: Mapping[str, TrackUnit], known: Mapping[str, bool]) -> None:
        for name in self._trackers.keys() - wanted.keys():
            del self._trackers[name], self._due_ns[name]
        for name, config in wanted.items():
            if (tracker := self._trackers.get(name)) is None:
                self._trackers[name] = UnitTracker(config, known.get(name))
            elif tracker.config != config:
                tracker.step(UnitReconfigured(config), now_ns())
            else:
                continue
            self._due_ns[name] = now_ns()
        self._arm()

    def _feed(self, name: str, event: UnitEvent) -> None:
        if tracker := self._trackers.get(name):  # else a reload has taken it away meanwhile
            for effect in tracker.step(event, now_ns()):
                self._voice.say(name, effect)

    # -- asking --

    def _arm(self) -> None:
        """Nobody is asked while an answer is awaited."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._due_ns and not self._asked:
            self._timer = self._context.loop.call_at(min(self._due_ns.values()), self._ask)

    def _ask(self) -> None:
        now = now_ns()
        due = sorted((due_ns, name) for name, due_ns in self._due_ns.items() if due_ns <= now)
        self._asked = [name for _, name in due[:MOST_AT_ONCE]]
        for name in self._asked:
            self._due_ns[name] = now + self._trackers[name].config.interval_ns
        units = [self._trackers[name].config.unit for name in self._asked]
        argv = (SYSTEMCTL, "show", "--no-pager", f"--property={','.join(PROPERTIES)}", "--", *units)
        self._run += 1
        self._lines.clear()
        self._limit = self._context.loop.call_later(LIMIT_NS, self._hangs)
        start_script(self._runner, self._run, argv, ("root", ""), {}, GlobalDefs())

    def _hangs(self) -> None:
        self._limit = None
        self._runner.kill(self._run)
        self._answer(UnitUnknown(f"systemctl did not answer in {LIMIT_NS / NS_PER_S:g} s"))

    def _said(self, run: int, line: str) -> None:
        if run == self._run:
            self._lines.append(line)

    def _ended(self, run: int, _status: int) -> None:
        if run != self._run or not self._asked:
            return
        shown = parse_show(self._lines)
        if len(shown) != len(self._asked):
            said = self._lines[0] if self._lines else "nothing"
            self._answer(UnitUnknown(f"systemctl says {said!r}"))
            return
        for name, properties in zip(self._asked, shown):
            self._feed(name, UnitShown(properties))
        self._over()

    def _failed(self, run: int, failure: Failure) -> None:
        if run == self._run and self._asked:
            self._answer(UnitUnknown(f"{SYSTEMCTL} cannot be started: {failure.why}"))

    def _answer(self, event: UnitEvent) -> None:
        """The same for all that were asked."""
        for name in self._asked:
            self._feed(name, event)
        self._over()

    def _over(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None
        self._asked = ()
        self._arm()
