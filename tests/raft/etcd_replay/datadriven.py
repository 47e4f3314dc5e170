"""The format of the transcripts: stanzas of a command, input, `----`, and the output that it must print.

    # a comment
    command argument key=value key=(value,value) \\
        key=value
    input
    ----
    output, up to an empty line; or between two lines `----` on either side if it has empty lines
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_SEPARATOR = "----"
_ARGUMENT = re.compile(r"(?P<key>[^\s=()]+)(=(\((?P<list>[^)]*)\)|(?P<value>\S*)))?")


class Stanza(NamedTuple):
    line: int
    """Number of the line with the command"""
    command: str
    words: tuple[str, ...]
    """Arguments without a value"""
    values: dict[str, tuple[str, ...]]
    """Arguments with values; one of an empty list has none"""
    input: str
    expected: str

    def value(self, key: str, default: str = "") -> str:
        """The last value of a key."""
        return self.values.get(key, (default,))[-1]

    @property
    def node(self) -> int:
        return int(self.words[0])

    @property
    def nodes(self) -> list[int]:
        return [int(word) for word in self.words]


def parse(text: str) -> Iterator[Stanza]:
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].startswith("#"):
            at += 1
            continue
        number = at + 1
        command = lines[at]
        while command.endswith("\\"):
            at += 1
            command = command[:-1] + " " + lines[at].strip()
        end = lines.index(_SEPARATOR, at + 1)
        given = "\n".join(lines[at + 1 : end])
        expected, at = _output(lines, end + 1)
        name, words, values = _command(command)
        yield Stanza(number, name, words, values, given, expected)


def _command(text: str) -> tuple[str, tuple[str, ...], dict[str, tuple[str, ...]]]:
    name, _, rest = text.strip().partition(" ")
    words: list[str] = []
    values: dict[str, tuple[str, ...]] = {}
    for match in _ARGUMENT.finditer(rest):
        key, listed, value = match["key"], match["list"], match["value"]
        if listed is not None:
            values[key] = tuple(item.strip() for item in listed.split(",") if item.strip())
        elif value is not None:
            values[key] = (value,)
        else:
            words.append(key)
    return name, tuple(words), values


def _output(lines: Sequence[str], at: int) -> tuple[str, int]:
    """The expected output from line `at` on, and the line after it."""
    if at < len(lines) and lines[at] == _SEPARATOR:
        end = at + 1
        while lines[end : end + 2] != [_SEPARATOR, _SEPARATOR]:
            end += 1
        return "".join(line + "\n" for line in lines[at + 1 : end]), end + 2
    end = at
    while end < len(lines) and lines[end].strip():
        end += 1
    return "".join(line + "\n" for line in lines[at:end]), end
