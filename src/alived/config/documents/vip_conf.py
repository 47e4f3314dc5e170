"""vip.conf: what vip-switch's scripts bind, as `NAME=value` for a shell, read without one.

    VIP_ADDRESS="192.168.1.100/32"
    INTERFACE="eth0"
    ARP_COUNT=3
    ARP_DELAY_MS=200

The scripts `source` this file as root, so everything in it that a shell would do, and not just keep, is an error:
expansions, commands, redirections. Words are quoted as in a shell. The file becomes one block, `vip_conf`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from alived.base import Location
from alived.config.documents.statements import checked
from alived.config.findings import Findings
from alived.config.text.blocks import Block, Word

_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
_PIECE = re.compile(
    r"""
    '(?P<single>[^']*)'
  | "(?P<double>(?:[^"\\`$]|\\[^\n])*)"
  | \\(?P<escaped>[^\n])
  | (?P<plain>[^\s'"\\`$;&|<>()#]+|(?<=[^\s=])\#)
    """,
    re.VERBOSE,
)
_ESCAPE_IN_QUOTES = re.compile(r"\\([\"\\`$])")
_BLANK = re.compile(r"[ \t]*")


def read_vip_conf(text: str, file: str, findings: Findings) -> tuple[Block, ...]:
    """The tree of the file. What a shell would do with it beyond keeping values is reported and left out."""
    return (Block("vip_conf", Location(file, 1, 1), (), tuple(_assignments(text, file, findings))),)


def _assignments(text: str, file: str, findings: Findings) -> Iterator[Block]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith("\r"):
            line = line.removesuffix("\r")
            message = "the line ends with a carriage return, which a shell takes for part of the value: skipped here"
            findings.warning(Location(file, number, len(line) + 1), "carriage-return", message, f"dos2unix {file}")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.match(line)
        if match is None:
            place = Location(file, number, len(line) - len(line.lstrip()) + 1)
            message = "this is a command, not NAME=value: a shell would run it as root"
            findings.error(place, "shell-command", message, 'NAME="value", one on a line')
            continue
        value = _value(line, match.end(), Location(file, number), findings)
        if value is not None:
            yield Block(match[1], Location(file, number, match.start(1) + 1), (value,))


def _value(line: str, start: int, place: Location, findings: Findings) -> Word | None:
    """The word behind the sign of equality; None after a report if it is more, or less, than a word."""
    pieces: list[str] = []
    offset = start
    while (match := _PIECE.match(line, offset)) is not None:
        kind = match.lastgroup
        text = match[kind] if kind else ""
        pieces.append(_ESCAPE_IN_QUOTES.sub(r"\1", text) if kind == "double" else text)
        offset = match.end()
    blank = _BLANK.match(line, offset)
    rest = blank.end() if blank else offset
    if rest < len(line) and not (line[rest] == "#" and (rest > offset or rest == start)):
        code, message, hint = _refusal(line, rest, is_second_word=rest > offset)
        findings.error(Location(place.file, place.line, rest + 1), code, message, hint)
        return None
    if line.startswith("~", start):
        message = "'~' at the beginning is expanded by a shell"
        findings.error(
            Location(place.file, place.line, start + 1), "shell-expansion", message, "write the value itself"
        )
        return None
    return checked(Word("".join(pieces), Location(place.file, place.line, start + 1)), findings)


def _refusal(line: str, offset: int, is_second_word: bool) -> tuple[str, str, str]:
    """(code, message, hint) for what stands where a word should have gone on or the line should have ended."""
    sign = line[offset]
    if sign in "\"'":
        inside = next((one for one in line[offset + 1 :] if sign == '"' and one in "$`"), "")
        if not inside:
            return (
                "unclosed-quote",
                f"the quote {sign} that opens here is not closed on this line",
                f"close it with {sign}",
            )
        sign = inside
    if sign in "$`":
        what = "runs a command" if sign == "`" or "$(" in line[offset:] else "is replaced by something else"
        return "shell-expansion", f"{sign!r} in a value: what stands there {what} in a shell", "write the value itself"
    if sign in ";&|<>()":
        return "shell-syntax", f"{sign!r} would let a shell do something else", "one NAME=value on a line, nothing else"
    if sign == "\\":
        return "shell-syntax", "the line is continued on the next one", "put the value on one line"
    if is_second_word:
        message = "a second word: a shell would run it as a command, with the variable set for it only"
        return "shell-command", message, "put double quotes around a value with blanks"
    return "invalid-value", f"{sign!r} cannot stand here", 'NAME="value"'
