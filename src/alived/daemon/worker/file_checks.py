"""Tracked files in the worker: read at the start, whenever inotify says something, and now and then in any case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from alived.adapters.file_watch import FileWatch, read_beginning, write_new
from alived.adapters.loop import Timer, now_ns
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import tracked_files
from alived.daemon.worker.tracker_voice import TrackerVoice, known_of
from alived.health.file_tracker import READ_OCTETS, FileRead, FileReconfigured, FileTracker, FileUnreadable
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import TrackerKind, TrackFile

SAFETY_NS = 10 * NS_PER_S
"""Between two looks at all files, for what inotify does not tell."""


class FileChecks:
    """All tracked files, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._voice = TrackerVoice(context, TrackerKind.FILE)
        self._trackers: dict[str, FileTracker] = {}
        self._begun = False
        self._watch: FileWatch | None = None
        self._unwatched: dict[str, str] = {}
        """Why the way to a path cannot be watched."""
        self._next_look: Timer | None = None

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: what a former worker has read."""
        self._begun = True
        values = {name: verdict.value for name, verdict in known_of(TrackerKind.FILE, known).items()}
        wanted = tracked_files(config)
        for name, file in wanted.items():
            self._initialise(file, overwrite=file.overwrite and name not in values)
        self._take(wanted, values)

    def configure(self, config: Config) -> None:
        """A reload makes files that are missing, and overwrites none."""
        if self._begun:
            wanted = tracked_files(config)
            for name, file in wanted.items():
                if name not in self._trackers or self._trackers[name].config != file:
                    self._initialise(file, overwrite=False)
            self._take(wanted, {})

    def close(self) -> None:
        self._take({}, {})
        self._begun = False

    def snapshots(self) -> Iterable[TrackerSnapshot]:
        for tracker in self._trackers.values():
            shown = tracker.snapshot()
            why = self._unwatched.get(tracker.config.path)
            detail = f"read every {SAFETY_NS / NS_PER_S:g} s only, it cannot be watched: {why}" if why else ""
            next_ns = self._next_look.deadline_ns if self._next_look else None
            yield msgspec.structs.replace(shown, details=(detail,) if detail else (), next_run_ns=next_ns)

    def _initialise(self, file: TrackFile, *, overwrite: bool) -> None:
        """`init_file`."""
        if file.init_value is None:
            return
        try:
            write_new(file.path, f"{file.init_value}\n", overwrite=overwrite)
        except FileExistsError:
            pass
        except OSError as error:
            message = f"file {file.name}: init_file cannot be written to {file.path}: {error.strerror}"
            self._context.log("warning", "file-not-written", message)

    def _take(self, wanted: Mapping[str, TrackFile], values: Mapping[str, int | None]) -> None:
        for name in self._trackers.keys() - wanted.keys():
            del self._trackers[name]
        for name, config in wanted.items():
            if (tracker := self._trackers.get(name)) is None:
                self._trackers[name] = FileTracker(config, values.get(name))
            elif tracker.config != config:
                tracker.step(FileReconfigured(config), now_ns())
        if self._trackers:
            self._open()
            self._look()
        else:
            self._rest()

    # -- what they say --

    def _look(self) -> None:
        """At all files, and again after a while."""
        if self._next_look:
            self._next_look.cancel()
        self._next_look = self._context.loop.call_later(SAFETY_NS, self._look)
        self._follow()
        for tracker in self._trackers.values():
            self._read(tracker)

    def _follow(self) -> None:
        paths = {tracker.config.path for tracker in self._trackers.values()}
        if self._watch:
            self._unwatched = self._watch.want(paths)

    def _changed(self) -> None:
        assert self._watch
        if changed := self._watch.changed():
            self._follow()  # before they are read: else what is written in between is not heard of
            for tracker in self._trackers.values():
                if tracker.config.path in changed:
                    self._read(tracker)

    def _read(self, tracker: FileTracker) -> None:
        event: FileRead | FileUnreadable
        try:
            event = FileRead(read_beginning(tracker.config.path, READ_OCTETS))
        except FileNotFoundError:
            event = FileUnreadable("is missing", expected=True)
        except OSError as error:
            text = error.strerror or "cannot be read"
            event = FileUnreadable(text if text.startswith("is ") else f"cannot be read: {text}")
        for effect in tracker.step(event, now_ns()):
            self._voice.say(tracker.config.name, effect)

    # -- inotify --

    def _open(self) -> None:
        if self._watch is not None:
            return
        try:
            self._watch = FileWatch()
        except OSError as error:
            paths = [tracker.config.path for tracker in self._trackers.values()]
            self._unwatched = dict.fromkeys(paths, error.strerror or "")
        else:
            self._context.loop.add_reader(self._watch.fileno(), self._changed)

    def _rest(self) -> None:
        if self._next_look:
            self._next_look.cancel()
            self._next_look = None
        if self._watch:
            self._context.loop.remove_reader(self._watch.fileno())
            self._watch.close()
            self._watch = None
