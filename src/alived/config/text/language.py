"""Statements of keepalived.conf that change the text itself: this version knows them, but does not follow them.

They are errors, because going on would run something else than the text says: without the other node's lines, or
with a name where its value should be.
"""

from __future__ import annotations

import re

_STATEMENTS = (
    (re.compile(r"include[rmwba]?\Z"), "include", "what the other file says is missing; put it into this one"),
    (re.compile(r"@"), "a condition (@ID)", "this version does not choose between lines; keep those of this node"),
    (
        re.compile(r"\$\w+="),
        "a definition ($NAME=)",
        "this version does not expand names; write the value in its place",
    ),
    (re.compile(r"~(?:SEQx?|LST)\("), "a sequence (~SEQ, ~LST)", "this version does not expand it; write each line"),
)
FIRST_LETTERS = "i@$~"
"""A word that begins with none of these needs no closer look."""


def not_followed(word: str) -> tuple[str, str] | None:
    """(what it is, what to do) if a statement that begins with this word changes the text."""
    found = ((what, hint) for pattern, what, hint in _STATEMENTS if pattern.match(word))
    return next(found, None)
