r"""Command lines of scripts: quotes of both kinds and C escapes, read twice as keepalived does.

`notify_master "/usr/local/bin/to-master.sh 'two words'" user group`: first the statement is split into its
words, then the first argument is split again into argv. Never a shell.
"""

from __future__ import annotations

import re

from alived.config.findings import Findings
from alived.config.text.blocks import Block

_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PIECE = re.compile(
    r"""
    (?P<blank> [ \t\r\f\v\n]+ )
  | \\ (?: x(?P<hex>[0-9a-fA-F]+) | c(?P<control>.) | (?P<octal>[0-7]{1,3}) | (?P<character>.) )
  | "(?P<double> (?:[^"\\]|\\.)* )"
  | '(?P<single> (?:[^'\\]|\\.)* )'
  | (?P<open> ["'] | \\\Z )
  | (?P<plain> [^ \t\r\f\v\n\\"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\ (?: x(?P<hex>[0-9a-fA-F]+) | c(?P<control>.) | (?P<octal>[0-7]{1,3}) | (?P<character>.) )",
    re.VERBOSE | re.DOTALL,
)


class UnclosedQuote(ValueError):
    """A quote that is not closed, or a backslash at the end."""


def split(text: str) -> list[str]:
    """The words of a command line. Raises UnclosedQuote."""
    words: list[str] = []
    word: list[str] | None = None
    for match in _PIECE.finditer(text):
        kind = match.lastgroup
        if kind == "blank":
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        if kind == "open":
            raise UnclosedQuote(match[0])
        word = word if word is not None else []
        if kind == "plain":
            word.append(match[0])
        elif kind in ("double", "single"):
            word.append(_ESCAPE.sub(_unescape, match[kind]))
        else:
            word.append(_unescape(match))
    if word is not None:
        words.append("".join(word))
    return words


def _unescape(match: re.Match[str]) -> str:
    if match["hex"]:
        return chr(int(match["hex"][-2:], 16))
    if match["control"]:
        return chr(ord(match["control"]) & 0x1F)
    if match["octal"]:
        return chr(int(match["octal"], 8) & 0xFF)
    return _SIMPLE_ESCAPES.get(match["character"], match["character"])


def quote(word: str) -> str:
    """The word in one line so that `split` gives it back, for documents that need no quotes of ours."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


def read_command(block: Block, findings: Findings) -> tuple[tuple[str, ...], str, str] | None:
    """(argv, user, group) of a statement such as `notify "/bin/x y" user group`."""
    try:
        _, *words = split(block.raw)
        argv = split(words[0]) if words else []
    except UnclosedQuote:
        message = f"a quote or a backslash in the command of {block.keyword!r} is not closed"
        findings.error(block.location, "unclosed-quote", message)
        return None
    if not argv or not argv[0]:
        message = f"{block.keyword!r} needs a command"
        findings.error(block.location, "missing-argument", message, f'{block.keyword} "/path/of/script argument"')
        return None
    if any("\0" in word for word in argv):
        findings.error(block.location, "nul-byte", f"the command of {block.keyword!r} has a NUL character")
        return None
    user, group = (*words[1:3], "", "")[:2]
    if len(words) > 3:
        message = f"{block.keyword!r} takes a command, a user and a group: {words[3]!r} is skipped"
        findings.warning(block.location, "extra-arguments", message, "put the whole command line in double quotes")
    return tuple(argv), user, group
