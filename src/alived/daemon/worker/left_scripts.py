"""Scripts that a worker left running when it died: they are killed before another one begins."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.running_scripts import RunningScripts
from alived.adapters.runtime_dir import RuntimeDir

FILE = "running-scripts"


class LeftScripts:
    """What the parent knows of them."""

    def __init__(self, directory: RuntimeDir, note: Callable[[str, str, str], None]) -> None:
        self._note = note
        try:
            self.running = RunningScripts(directory.file(FILE))
        except OSError as error:
            what = f"scripts would outlive a sudden death of this daemon: {directory.file(FILE)}: {error.strerror}"
            note("warning", "not-written", what)
            self.running = RunningScripts()

    def kill(self) -> None:
        for sentence in self.running.kill_left():
            self._note("warning", "leftover", sentence)
