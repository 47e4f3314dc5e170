"""A tree of blocks -> the text of a keepalived.conf that is read as the same tree.

Statements are written anew, with an indent for each block and quotes where a word needs them. Commands keep the text
that they had, for they have quotes of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.table import Keyword, Table
from alived.config.keywords.top import TOP
from alived.config.text.blocks import Block, Tree
from alived.config.text.tokens import scan, unescape_comment_signs
from alived.config.write.nodes import as_text

INDENT = "    "
_PLAIN = re.compile(r"[\w./:@%+,=*?^&|<>()\[\];'-]+\Z", re.ASCII)
"""Words that need no quotes whatever the language makes of other characters."""
_CONTINUATION = re.compile(r"[ \t]*\\[ \t\r]*\n[ \t]*")


def write_keepalived(tree: Tree, findings: Findings) -> str:
    """The text, with its final newline. A word that this language cannot hold is an error with its place."""
    return as_text(_Writer(findings).file(tree))


def write_statement(block: Block) -> str:
    """One statement or block by itself."""
    return write_keepalived(Tree((block,)), Findings()).rstrip("\n")


class _Writer:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def file(self, tree: Tree) -> Iterator[str]:
        """All blocks, each that has braces apart from its neighbours."""
        before: Block | None = None
        for block in tree.blocks:
            has_braces = before is not None and (block.children is not None or before.children is not None)
            if has_braces:
                yield ""
            yield from self.block(block, TOP, "")
            before = block
        yield ""
        yield from _comments(tree.last_comments, "")

    def block(self, block: Block, rows: Table, indent: str) -> Iterator[str]:
        """A statement or a block with its comments; rows: the table of the block in which it stands."""
        row = rows.get(block.keyword)
        yield from _comments(block.comments, indent)
        remark = f"  {block.remark}" if block.remark else ""
        if block.children is None:
            yield f"{indent}{self.statement(block, row)}{remark}"
            return
        yield f"{indent}{self.words(block)} {{{remark}"
        for child in block.children:
            yield from self.block(child, (row and row.children) or {}, indent + INDENT)
        yield from _comments(block.last_comments, indent + INDENT)
        yield indent + "}"

    def statement(self, block: Block, row: Keyword | None) -> str:
        """What has been read as one command line is written as it was: the quotes in it are not those of words."""
        is_command = row is not None and row.converter is not None and row.converter.is_command
        return _CONTINUATION.sub(" ", block.raw) if is_command and block.raw else self.words(block)

    def words(self, block: Block) -> str:
        return " ".join(self.word(word.text, word.location) for word in block.words)

    def word(self, text: str, place: Location) -> str:
        written = write_word(text)
        if written is None:
            message = f"{text!r} cannot stand in a keepalived.conf: no quotes hold these characters together"
            self.findings.error(place, "not-expressible", message, "choose another value, or stay with YAML or TOML")
        return written or ""


def _comments(comments: Iterable[str], indent: str) -> Iterator[str]:
    """Lines of comments, the empty ones without blanks."""
    for comment in comments:
        yield f"{indent}{comment}" if comment else ""


def write_word(text: str) -> str | None:
    """The word as the tokens of the language give it back; None if there is no way."""
    if _PLAIN.match(text):
        return text
    candidates = (f'"{text}"', re.sub("[#!]", r"\\\g<0>", text))
    return next((candidate for candidate in candidates if _reads_as(candidate, text)), None)


def _reads_as(candidate: str, text: str) -> bool:
    tokens = list(scan(candidate))
    if len(tokens) != 1 or tokens[0].kind not in ("word", "quoted"):
        return False
    read = tokens[0].text
    return text == (unescape_comment_signs(read) if tokens[0].kind == "word" else read)
