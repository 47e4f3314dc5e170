"""What is logged, how and where: by the command line, else by `logging` in the configuration, else as usual."""

from __future__ import annotations

import os
from collections.abc import Callable

from alived.config.product import Logging, LogLevel
from alived.daemon.options import Options
from alived.daemon.parent.log_file import LogFile
from alived.daemon.parent.logs import Line, Log, Output, Source, Stderr, json_line, pick_format, text_line

_LEVELS = {LogLevel.DEBUG: "debug", LogLevel.INFO: "info", LogLevel.WARN: "warning", LogLevel.ERROR: "error"}
_NOTHING_SAID = Logging()


class DaemonLog(Log):
    """The log of the daemon. Level and form follow a reload; its file stays the one that it began with."""

    def __init__(self, options: Options, said: Logging | None) -> None:
        """A file that cannot be written to is an error in the log, which then goes to standard error."""
        said = said or _NOTHING_SAID
        self._options = options
        self._file = ""
        output: Output = Stderr()
        trouble = ""
        if said.output:
            try:
                output = LogFile(said.output)
                self._file = said.output
            except OSError as error:
                trouble = f"the log cannot go to {said.output}: {error.strerror}; it goes to standard error"
        super().__init__(output, self._form_of(said), level=self._level_of(said))
        if trouble:
            self._ours("error", "no-log-file", trouble)

    def follow(self, said: Logging | None) -> None:
        """What a reload says."""
        said = said or _NOTHING_SAID
        self.change(self._form_of(said), self._level_of(said))
        if said.output != self._file:
            self._ours("warning", "log-stays", f"log to {said.output or 'standard error'}: from the next start on")

    def _ours(self, level: str, code: str, message: str) -> None:
        self.always(Source("alived", os.getpid()), level, code, message)

    def _form_of(self, said: Logging) -> Callable[[Line], str]:
        wanted = self._options.log_format or said.format
        if wanted == "json":
            return json_line
        return text_line if self._file else pick_format(wanted)

    def _level_of(self, said: Logging) -> str:
        return "debug" if self._options.debug else _LEVELS[said.level]
