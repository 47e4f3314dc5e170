"""A tree of blocks -> the text of a keepalived.conf that is read as the same tree.

Statements are written anew, with an indent for each block and quotes where a word needs them. Commands, and texts with
escapes, are written as they were, for they have quotes of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.checkers import COUNTED
from alived.config.keywords.http import OF_TLS, OF_URL
from alived.config.keywords.table import Keyword, Table
from alived.config.keywords.top import OWN_BLOCKS, TOP
from alived.config.keywords.vrrp import policy_rows
from alived.config.text.blocks import Block, Tree
from alived.config.text.commands import quote
from alived.config.text.tokens import scan, unescape_comment_signs
from alived.config.write.nodes import as_text
from alived.config.write.values import escaped_text

INDENT = "    "
_PLAIN = re.compile(r"[\w./:@%+,=*?^&|<>()\[\];'-]+\Z", re.ASCII)
"""Words that need no quotes whatever the language makes of other characters."""
_DOLLAR = r"\044"
"""The sign where it has no meaning, in a text with escapes."""
_PREDEFINED = re.compile(r"\$\{?_[A-Z]")
"""A name that would be filled in; nothing keeps it from that."""
_REFERS = re.compile(r"[@~]|\$\w+=|include")
"""The beginning of a statement that is no statement, unless it is in quotes."""
_OWN_KEYWORDS = frozenset(
    ("track_check", "flap_damping", "all_unhealthy", *(row.name for row in (*policy_rows(), *OF_URL, *OF_TLS)))
)
_CONTINUATION = re.compile(r"[ \t]*\\[ \t\r]*\n[ \t]*")


def write_keepalived(tree: Tree, findings: Findings) -> str:
    """The text, with its final newline. A word that this language cannot hold is an error with its place."""
    return as_text(_Writer(findings).file(tree))


def write_statement(block: Block, row: Keyword | None = None) -> str:
    """One statement or block by itself; row: that of its keyword in the table of the block where it stands."""
    rows = {block.keyword: row} if row is not None else TOP
    return "\n".join(_Writer(Findings()).block(block, rows, ""))


class _Writer:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def file(self, tree: Tree) -> Iterator[str]:
        """All blocks, each that has braces apart from its neighbours."""
        before: Block | None = None
        for block in tree.blocks:
            if block.keyword in OWN_BLOCKS:
                self.refuse(block)
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
        if block.keyword in _OWN_KEYWORDS or row in COUNTED:  # words that it knows elsewhere
            message = f"keepalived does not know {block.keyword!r}: in this file only alived understands it"
            self.findings.warning(block.location, "own-keyword", message)
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

    def refuse(self, block: Block) -> None:
        name = " ".join(word.text for word in block.words)
        message = f"{name!r} cannot stand in a keepalived.conf: keepalived has nothing like it"
        self.findings.error(block.location, "not-expressible", message, "stay with YAML or TOML")

    def statement(self, block: Block, row: Keyword | None) -> str:
        """What has been read as one command line or as one text with escapes is written as it was: the quotes in it are
        not those of words."""
        converter = row.converter if row is not None else None
        if converter is None or not (converter.is_command or converter.is_escaped) or not block.raw:
            return self.words(block)
        if converter.is_escaped and _PREDEFINED.search(block.raw) and (text := escaped_text(block)) is not None:
            return f"{block.keyword} {quote(text)}".replace("$", _DOLLAR)
        return _CONTINUATION.sub(" ", block.raw)

    def words(self, block: Block) -> str:
        first = self.word(block.keyword, block.location, is_first=True)
        return " ".join((first, *(self.word(word.text, word.location) for word in block.arguments)))

    def word(self, text: str, place: Location, is_first: bool = False) -> str:
        written = write_word(text, is_first)
        if written is None:
            message = f"{text!r} cannot stand in a keepalived.conf: no quotes hold these characters together"
            self.findings.error(place, "not-expressible", message, "choose another value, or stay with YAML or TOML")
        return written or ""


def _comments(comments: Iterable[str], indent: str) -> Iterator[str]:
    """Lines of comments, the empty ones without blanks."""
    for comment in comments:
        yield f"{indent}{comment}" if comment else ""


def write_word(text: str, is_first: bool = False) -> str | None:
    """The word as the tokens of the language give it back; None if there is no way. is_first: of its statement."""
    if _PLAIN.match(text) and not (is_first and _REFERS.match(text)):
        return text
    if _PREDEFINED.search(text):
        return None
    candidates = [f'"{text}"']
    if not (is_first and _REFERS.match(text)):
        candidates.append(re.sub("[#!]", r"\\\g<0>", text))
    return next((candidate for candidate in candidates if _reads_as(candidate, text)), None)


def _reads_as(candidate: str, text: str) -> bool:
    tokens = list(scan(candidate))
    if len(tokens) != 1 or tokens[0].kind not in ("word", "quoted"):
        return False
    read = tokens[0].text
    return text == (unescape_comment_signs(read) if tokens[0].kind == "word" else read)
