"""The tree of a configuration: statements and blocks, words with their places, and the comments beside them."""

from __future__ import annotations

import msgspec

from alived.base import Location

MAX_DEPTH = 32
"""keepalived's own language needs 5 (virtual_server / real_server / HTTP_GET / url)."""


class Word(msgspec.Struct, frozen=True, gc=False):
    text: str
    location: Location


class Block(msgspec.Struct, frozen=True):
    """`keyword arguments... { children }`. children is None if there were no braces.

    raw: the text of the statement as written, from the keyword to the last word, for commands with quotes of
    their own. An entry of a list, such as an address, is a block whose keyword is its first word.

    Comments are kept with their sign: `comments` are the lines above ("" for a blank line among or after them),
    `remark` stands at the end of the line, `last_comments` are what comes after the last child, before the brace or
    behind it.
    """

    keyword: str
    location: Location
    arguments: tuple[Word, ...] = ()
    children: tuple[Block, ...] | None = None
    raw: str = ""
    comments: tuple[str, ...] = ()
    remark: str = ""
    last_comments: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """Keyword and arguments, for entries of lists."""
        return (Word(self.keyword, self.location), *self.arguments)


class Tree(msgspec.Struct, frozen=True):
    """A whole configuration; last_comments are those after the last block."""

    blocks: tuple[Block, ...] = ()
    last_comments: tuple[str, ...] = ()
