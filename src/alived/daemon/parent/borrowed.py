"""Kernel settings that the engine has borrowed: kept by the parent, and in a file, until somebody gives them back."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable

import msgspec

from alived.adapters import sysctl
from alived.adapters.runtime_dir import RuntimeDir

SETTINGS_FILE = "kernel-settings.json"


class Borrowed:
    """What the living engine has changed, or what a dead one left changed."""

    def __init__(self, directory: RuntimeDir) -> None:
        self._directory = directory
        self._settings: sysctl.Settings = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError):  # none, or cut off by a crash: nothing to give back
            text = pathlib.Path(directory.file(SETTINGS_FILE)).read_bytes()
            self._settings = msgspec.json.decode(text, type=sysctl.Settings)

    def changed(self, settings: sysctl.Settings) -> None:
        """The engine is about to change these too; {}: it has put all back. Raises OSError if the file cannot be
        written."""
        self._settings = self._settings | settings if settings else {}
        if settings:
            self._directory.replace(SETTINGS_FILE, msgspec.json.encode(self._settings).decode())
        else:
            self._directory.remove(SETTINGS_FILE)

    def heard(self, settings: sysctl.Settings, note: Callable[[str, str, str], None]) -> None:
        """The engine says so; a file that cannot be written is said in the log."""
        try:
            self.changed(settings)
        except OSError as error:
            note("warning", "not-written", f"cannot note which kernel settings to put back: {error.strerror}")

    def give_back(self) -> list[str]:
        """Puts back what a dead engine left changed; a sentence for each setting. Raises OSError."""
        settings = self._settings
        sysctl.restore(settings)
        if settings:
            self.changed({})
        return [f"put net.{key.replace('/', '.')} back to {before}" for key, (before, _) in settings.items()]
