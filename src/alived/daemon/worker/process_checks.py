"""Tracked processes in the worker: the kernel tells what happens to processes, or /proc is looked at.

The kernel's messages can be lost (it says so) and may not come at all: in a container, in a network namespace, with a
kernel that is built without them. So /proc is looked at from time to time in any case: rarely as a safety net, often
where it is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from alived.adapters.loop import Timer, now_ns
from alived.adapters.proc_events import ProcEvents
from alived.adapters.processes import read_process, read_processes
from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.config.model import Config
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import tracked_processes
from alived.daemon.worker.tracker_voice import TrackerVoice, known_of
from alived.health import process_events as events
from alived.health.process_tracker import ProcessTracker
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackProcess
from alived.wire.proc_events import Executed, Exited, Forked, Listening, ProcEvent, Renamed

SAFETY_NS = 60 * NS_PER_S
"""Between two looks at all processes while the kernel tells what happens."""
POLL_NS = NS_PER_S
"""The same while it does not, if the machine has few processes: looking takes 1 % of the time at most."""
POLL_SHARE = 100
CALM_NS = 100 * NS_PER_MS
"""From lost messages to a look: most of them are lost in a storm, in which looking at once would be in vain."""
ANSWER_NS = NS_PER_S
"""The kernel answers at once if it ever does."""
NO_ANSWER = "the kernel does not answer"


class ProcessChecks:
    """All tracked processes, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._voice = TrackerVoice(context, TrackerKind.PROCESS)
        self._trackers: dict[str, ProcessTracker] = {}
        self._begun = False
        self._source: ProcEvents | None = None
        self._why_not = NO_ANSWER
        """Why the kernel does not tell; "": it does"""
        self._asked = False
        self._lost = 0
        self._look_took_ns = 0
        self._next_look: Timer | None = None
        self._next_deadline: Timer | None = None

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: verdicts of a former worker; they hold until processes say otherwise."""
        self._begun = True
        before = known_of(TrackerKind.PROCESS, known)
        self._take(tracked_processes(config), {name: verdict.up for name, verdict in before.items()})

    def configure(self, config: Config) -> None:
        if self._begun:
            self._take(tracked_processes(config), {})

    def close(self) -> None:
        self._take({}, {})
        self._begun = False

    def snapshots(self) -> Iterable[TrackerSnapshot]:
        how = self._why_not and f"looked at every {self._interval_ns / NS_PER_S:.1f} s: {self._why_not}"
        told = how or "the kernel tells what changes"
        lost = (f"{self._lost} times the kernel had to drop messages",) if self._lost else ()
        for tracker in self._trackers.values():
            shown = tracker.snapshot()
            next_ns = shown.next_run_ns or (self._next_look.deadline_ns if how and self._next_look else None)
            yield msgspec.structs.replace(shown, details=(*shown.details, told, *lost), next_run_ns=next_ns)

    # -- what is tracked --

    def _take(self, wanted: Mapping[str, TrackProcess], known: Mapping[str, bool]) -> None:
        for name in self._trackers.keys() - wanted.keys():
            del self._trackers[name]
        for name, config in wanted.items():
            if (tracker := self._trackers.get(name)) is None:
                self._trackers[name] = ProcessTracker(config, known.get(name))
            elif tracker.config != config:
                tracker.step(events.ProcessReconfigured(config), now_ns())
        if self._trackers:
            self._ask()
            self._look()
        else:
            self._rest()

    def _feed(self, event: events.ProcessEvent) -> None:
        now = now_ns()
        for name, tracker in self._trackers.items():
            for effect in tracker.step(event, now):
                self._voice.say(name, effect)
        self._arm()

    def _arm(self) -> None:
        deadlines = [tracker.deadline_ns for tracker in self._trackers.values() if tracker.deadline_ns is not None]
        due_ns = min(deadlines, default=None)
        if self._next_deadline and self._next_deadline.deadline_ns != due_ns:
            self._next_deadline.cancel()
            self._next_deadline = None
        if due_ns is not None and self._next_deadline is None:
            self._next_deadline = self._context.loop.call_at(due_ns, self._deadline)

    def _deadline(self) -> None:
        self._next_deadline = None
        self._feed(DeadlineReached())

    # -- how they are watched --

    def _ask(self) -> None:
        """The kernel to tell, and whoever reads the log to know if it does not."""
        if self._asked:
            return
        self._asked = True
        self._context.loop.call_later(ANSWER_NS, self._answer_due)
        try:
            self._source = ProcEvents()
        except OSError as error:
            self._why_not = f"the kernel does not tell here: {error.strerror}"
        else:
            self._why_not = NO_ANSWER
            self._context.loop.add_reader(self._source.fileno(), self._read)

    def _answer_due(self) -> None:
        if self._why_not and self._trackers:
            every, took = self._interval_ns / NS_PER_S, self._look_took_ns / NS_PER_MS
            message = (
                f"processes are looked at every {every:.1f} s, which takes {took:.1f} ms each time: {self._why_not}"
            )
            self._context.log("warning", "process-polling", message)

    def _read(self) -> None:
        assert self._source
        found = self._source.read()
        if found is None:
            self._lost += 1
            self._look_in(max(CALM_NS, 10 * self._look_took_ns))
            return
        for event in found:
            self._happened(event)

    def _happened(self, event: ProcEvent) -> None:
        match event:
            case Forked(parent, pid):
                self._feed(events.ProcessForked(parent, pid))
            case Exited(pid):
                self._feed(events.ProcessExited(pid))
            case Executed(pid):
                if process := read_process(pid, with_cmdline=self._with_cmdline):
                    self._feed(events.ProcessExecuted(pid, process))
            case Renamed(pid):
                if process := read_process(
                    pid, with_cmdline=False
                ):  # it may have yet another name, which has been seen
                    self._feed(events.ProcessRenamed(pid, process.comm))
            case Listening(error):
                self._why_not = f"the kernel refuses: error {error}" if error else ""
                self._look()

    @property
    def _with_cmdline(self) -> bool:
        """Reading it may bring the memory of that process back from a swap device."""
        return any(tracker.config.full_command for tracker in self._trackers.values())

    @property
    def _interval_ns(self) -> int:
        return max(POLL_NS, POLL_SHARE * self._look_took_ns) if self._why_not else SAFETY_NS

    def _look(self) -> None:
        """At all processes, and again after a while."""
        began = now_ns()
        processes = read_processes(with_cmdline=self._with_cmdline)
        self._look_took_ns = now_ns() - began
        self._feed(events.ProcessesSeen(processes))
        self._look_in(self._interval_ns)

    def _look_in(self, delay_ns: int) -> None:
        if self._next_look:
            self._next_look.cancel()
        self._next_look = self._context.loop.call_later(delay_ns, self._look)

    def _rest(self) -> None:
        """Nothing is tracked: the kernel need not tell."""
        if self._source:
            self._context.loop.remove_reader(self._source.fileno())
            self._source.close()
        self._source, self._asked = None, False
        for timer in (self._next_look, self._next_deadline):
            if timer:
                timer.cancel()
        self._next_look = self._next_deadline = None
