"""Files that the daemon writes when it is asked to by SIGUSR1 and SIGUSR2, as keepalived does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from alived.adapters.runtime_dir import RuntimeDir
from alived.config.model import Config

DATA_FILE = "alived.data"
STATS_FILE = "alived.stats"
Json = dict[str, Any]


class Dumps:
    """Writes them into the runtime directory, for the owner only."""

    def __init__(self, directory: RuntimeDir, note: Callable[[str, str, str], None]) -> None:
        self._directory = directory
        self._note = note

    def data(self, config: Config, status: Json) -> None:
        self._write(DATA_FILE, {"config": msgspec.to_builtins(config), "status": status})

    def stats(self, status: Json) -> None:
        counters = {i["name"]: i.get("counters", {}) for i in status["instances"]}
        errors = status["receive_errors"]
        self._write(STATS_FILE, {"time": status["time"], "instances": counters, "receive_errors": errors})

    def _write(self, name: str, content: Json) -> None:
        text = msgspec.json.format(msgspec.json.encode(content)).decode()
        path = self._directory.file(name)
        try:
            self._directory.replace(name, text + "\n")
        except OSError as error:
            self._note("error", "not-written", f"cannot write {path}: {error.strerror}")
        else:
            self._note("info", "written", f"wrote {path}")
