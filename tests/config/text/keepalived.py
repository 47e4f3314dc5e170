"""What keepalived 2.2.7 itself makes of a text: its words after all replacements, told by its own complaints.

A file of nothing but unknown keywords makes `keepalived -t` name the first word of every statement, and every brace.
A statement in double quotes is one word, so it is named as a whole.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
from collections.abc import Iterable

from alived.config.findings import Findings
from alived.config.load import ReadOptions, load_tree
from alived.config.text.blocks import Block
from tests.config import live_keepalived

END = "probe_end"
"""The last statement: keepalived reads a file several times, and this ends the first."""
_NO_CONFIG = 6

_COMPLAINT = re.compile(
    r"\((?:.*: )?Line \d+\) (?:Unknown keyword '(?P<word>.*)'|Unexpected '(?P<brace>\{)' - ignoring)\Z"
)


def words_of_keepalived(path: pathlib.Path, config_id: str = "here") -> list[str] | None:
    """The first word of each statement, and the braces; None if it did not come to the end."""
    done = _tested(path, config_id)
    words = []
    for line in done.stderr.splitlines() if done else ():
        match = _COMPLAINT.match(line)
        if match is None:
            continue
        words.append(match["word"] or match["brace"] or "")
        if words[-1] == END:
            return words
    return None


def refused_by_keepalived(path: pathlib.Path) -> bool:
    """Whether it ends because of an include."""
    done = _tested(path, "here")
    assert done is not None
    return done.returncode == _NO_CONFIG


def _tested(path: pathlib.Path, config_id: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return live_keepalived.check(path, "-i", config_id)
    except subprocess.TimeoutExpired:
        return None


OURS = {
    "undefined-name",  # ${NAME} stays one word: keepalived takes the braces for those of a block
    "continued-line",  # a backslash continues a statement
    "backslash-in-comment",  # a comment ends with its line
    "extra-brace",
    "unexpected-brace",
    "missing-brace",
    "definition-loop",  # keepalived never comes back
    "too-deep",
    "too-much-text",
    "sequence",
    "not-utf-8",
}
"""Findings that tell of something which keepalived takes another way."""


def words_of_alived(path: pathlib.Path, config_id: str = "here") -> list[str] | None:
    """The same from our tree; None if we take something another way, and say so."""
    findings = Findings()
    tree = load_tree(str(path), findings, ReadOptions(config_id=config_id))
    if OURS & {found.code for found in findings.sorted()}:
        return None
    return list(_flat(tree.blocks))


def _flat(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        yield block.keyword
        if block.children is not None:
            yield from ("{", *_flat(block.children), "}")
