"""Comments of a document, put beside the blocks that it became. Only who writes a tree down again wants them.

The parsers skip comments, so they are looked for in what lies between the tokens, and find their blocks by places: a
comment in a line of its own belongs to what comes next, or to the end of the block that it is indented into; one at
the end of a line to what stands in that line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from alived.config.text.blocks import Block, Tree

_TOML_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\[^\n])*"|\'[^\'\n]*\'|(?P<comment>#[^\n]*)', re.DOTALL
)
_COMMENT = re.compile(r"#[^\n]*")


class Comment(msgspec.Struct, frozen=True):
    """text: with its sign; alone: nothing stands before it in its line."""

    text: str
    line: int
    column: int
    alone: bool


def with_comments(blocks: tuple[Block, ...], text: str, language: str) -> Tree:
    """The tree of a document with the comments of its text."""
    text = text.replace("\r\n", "\n")
    found = _in_toml(text) if language == "TOML" else _in_yaml(text)
    return _Placer(_placed(text, found)).tree(blocks)


def _in_toml(text: str) -> Iterator[int]:
    return (match.start() for match in _TOML_TEXT.finditer(text) if match["comment"])


def _in_yaml(text: str) -> Iterator[int]:
    """Offsets of comments: between tokens, a number sign can be nothing else."""
    import yaml

    end = 0
    for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        yield from (match.start() for match in _COMMENT.finditer(text, end, token.start_mark.index))
        end = max(end, token.end_mark.index)
    yield from (match.start() for match in _COMMENT.finditer(text, end))


def _placed(text: str, offsets: Iterable[int]) -> Iterator[Comment]:
    line, line_start, before = 1, 0, 0
    for offset in offsets:
        line += text.count("\n", before, offset)
        before, line_start = offset, text.rfind("\n", 0, offset) + 1
        match = _COMMENT.match(text, offset)
        assert match is not None
        yield Comment(match[0].rstrip(), line, offset - line_start + 1, not text[line_start:offset].strip())


class _Placer:
    """Goes through the blocks in the order of the text and hands out the comments on the way."""

    def __init__(self, comments: Iterable[Comment]) -> None:
        self.comments = list(comments)
        self.next = 0

    def tree(self, blocks: tuple[Block, ...]) -> Tree:
        placed = self.placed(blocks, 0)
        return Tree(placed, _lines(self.comments[self.next :], 0))

    def placed(self, blocks: tuple[Block, ...], end: int) -> tuple[Block, ...]:
        """The blocks with their comments. end: the line in which something else begins; 0 at the end of the text."""
        lines = [*(block.location.line for block in blocks[1:]), end]
        return tuple(self.block(block, line) for block, line in zip(blocks, lines))

    def block(self, block: Block, end: int) -> Block:
        line = block.location.line
        above = self.take(line, 0)
        remark = self.remark(line)
        children, below = block.children, block.last_comments
        if children is not None:
            children = self.placed(children, end)
            # The children of an entry of a list stand in its own column, those of a key further to the right.
            column = block.location.column
            inner = column if children and children[0].location.column == column else column + 1
            below = _lines(self.take(end, inner), 0)
        return msgspec.structs.replace(
            block, comments=_lines(above, line), remark=remark, children=children, last_comments=below
        )

    def take(self, line: int, column: int) -> list[Comment]:
        """The next comments, as far as they stand before a line (0: the end) and in this column or further right."""
        first = self.next
        while self.next < len(self.comments):
            comment = self.comments[self.next]
            if (line and comment.line >= line) or comment.column < column:
                break
            self.next += 1
        return self.comments[first : self.next]

    def remark(self, line: int) -> str:
        """The comment at the end of a line."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            if comment.line == line and not comment.alone:
                self.next += 1
                return comment.text
        return ""


def _lines(comments: list[Comment], end: int) -> tuple[str, ...]:
    """Their texts, with an empty one for blank lines among them and before the line `end`, if it is told."""
    lines: list[str] = []
    before = 0
    for comment in comments:
        if before and comment.line > before + 1:
            lines.append("")
        lines.append(comment.text)
        before = comment.line
    if before and end > before + 1:
        lines.append("")
    return tuple(lines)
