r"""`$NAME=value`: text that takes the place of `$NAME` and `${NAME}` (keepalived.conf(5), parameter substitution).

    $ADDRESS=192.0.2.${LAST}        the value is looked at when it is used: LAST may come later, or change
    $INSTANCE= \                    lines that end with a backslash are one value of several lines;
    vrrp_instance VI_${NUM} { \     it is used at the end of a line only, and may hold definitions itself
        interface eth0.${NUM} \
    }
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from alived.base import Location
from alived.config.text.lines import Line

_DEFINITION = re.compile(r"\$(?P<name>[A-Za-z_]\w*)=[ \t]*", re.ASCII)


class Definition(msgspec.Struct, frozen=True, eq=False):
    """lines: the text with the place of each line; at least one. Two definitions of a name are two different things.

    at_end: whether it is used at the end of a line only: it was written as a value of several lines.
    is_final: whether names in the text stay as they are, because it did not come from the configuration.
    """

    name: str
    lines: tuple[tuple[str, Location | None], ...]
    at_end: bool = False
    is_final: bool = False


def is_definition(text: str) -> bool:
    return _DEFINITION.match(text) is not None


def read_definition(line: Line, next_line: Callable[[], tuple[Line, bool] | None]) -> Definition:
    r"""The definition that a line begins. next_line gives the physical lines after it, each with whether a backslash
    continues it; None where the value ends: at an empty line or the end of the file."""
    match = _DEFINITION.match(line.text)
    assert match is not None
    name = match["name"]
    value = line.from_(match.end())
    if not is_continued(line):
        return Definition(name, ((value.text, value.place(0)),))
    lines = [(without_backslash(value.text), value.place(0))]
    at_end = bool(lines[0][0])
    continued = True
    while continued and (found := next_line()) is not None:
        following, continued = found
        text = without_backslash(following.text) if continued else following.text
        at_end = at_end or (continued and bool(text))
        lines.append((text, following.place(0)))
    said = tuple((text, place) for text, place in lines if text)
    return Definition(name, said or (("", value.place(0)),), at_end)


def is_continued(line: Line) -> bool:
    r"""Whether a backslash at its very end, behind a comment even, continues a line of a definition. In a comment, a
    backslash behind a backslash does not."""
    backslashes = len(line.remark) - len(line.remark.rstrip("\\"))
    return line.text.endswith("\\") or backslashes % 2 == 1


def without_backslash(text: str) -> str:
    return text.removesuffix("\\").rstrip(" \t")
