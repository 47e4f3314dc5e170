"""A transcript file: which runner it needs, and where our output differs."""

from __future__ import annotations

import difflib
import enum
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from tests.raft.etcd_replay.arithmetic import Changes, Majorities
from tests.raft.etcd_replay.cluster import Cluster
from tests.raft.etcd_replay.datadriven import Stanza, parse

_NOTE = re.compile(r"^\s*(DEBUG|INFO|WARN|ERROR|FATAL) ")


class Level(enum.StrEnum):
    A = "A"
    """Lines of the library's log are left out"""
    B = "B"
    """Everything"""


class Difference(NamedTuple):
    """A stanza whose output is not the expected one."""

    stanza: Stanza
    printed: str

    def __str__(self) -> str:
        lines = difflib.unified_diff(
            self.stanza.expected.splitlines(), self.printed.splitlines(), "expected", "printed", lineterm=""
        )
        return f"line {self.stanza.line}: {self.stanza.command}\n" + "\n".join(lines)


class Runner(Protocol):
    def run(self, stanza: Stanza) -> str: ...


_RUNNERS: dict[str, type[Runner]] = {
    **dict.fromkeys(("committed", "vote"), Majorities),
    **dict.fromkeys(("simple", "enter-joint", "leave-joint"), Changes),
}
"""Who runs a file, by its first command; a cluster, if it is none of these"""


def differences(path: pathlib.Path, level: Level = Level.B) -> Iterator[Difference]:
    """Where our core does not print what the file says. One runner lives through a whole file."""
    stanzas = [*parse(path.read_text())]
    runner = _RUNNERS.get(stanzas[0].command, Cluster)() if stanzas else Cluster()
    for stanza in stanzas:
        try:
            printed = runner.run(stanza)
        except Exception as error:  # noqa: BLE001 - whatever breaks is a difference, and the next file is to be read
            yield Difference(stanza, f"{type(error).__name__}: {error}\n")
            return
        if _graded(printed, level) != _graded(stanza.expected, level):
            yield Difference(stanza, printed)


def _graded(text: str, level: Level) -> list[str]:
    lines = text.splitlines()
    if level is Level.A:
        lines = [line for line in lines if not _NOTE.match(line)]
        # A command that printed nothing but log lines says "ok" without them.
        return lines or ["ok"]
    return lines


def transcripts(places: Iterable[pathlib.Path]) -> list[pathlib.Path]:
    """The files, and those below the directories."""
    found: list[pathlib.Path] = []
    for place in places:
        found += sorted(place.rglob("*.txt")) if place.is_dir() else [place]
    return found
