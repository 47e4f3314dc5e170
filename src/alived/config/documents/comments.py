"""Comments of a document, put beside the blocks that it became. Only who writes a tree down again wants them.

The parsers skip comments, so they are looked for in what lies between the tokens, and find their blocks by places: a
comment in a line of its own belongs to what comes next, or to the end of the block that it is indented into; one at
the end of a line to what stands in that line.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from alived.base import Location
from alived.config.text.blocks import Block, Tree

_TOML_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\[^\n])*"|\'[^\'\n]*\'|(?P<comment>#[^\n]*)', re.DOTALL
)
_COMMENT = re.compile(r"#[^\n]*")


class Comment(msgspec.Struct, frozen=True):
    """text: with its sign; alone: nothing stands before it in its line. after: the last line before it that has more
    than a comment, and the column where that begins; after_blank and before_blank: the
    line before or behind it is empty."""

    text: str
    line: int
    column: int
    alone: bool
    after: tuple[int, int]
    after_blank: bool
    before_blank: bool


def with_comments(blocks: tuple[Block, ...], text: str, language: str) -> Tree:
    """The tree of a document with the comments of its text."""
    text = text.replace("\r\n", "\n")
    offsets = tuple(_in_toml(text) if language == "TOML" else _in_yaml(text))
    lines = text.split("\n")
    return _Placer(_placed(text, lines, offsets), lines, language == "TOML").tree(blocks)


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


def _placed(text: str, lines: list[str], offsets: Iterable[int]) -> Iterator[Comment]:
    """The comments that begin at these offsets."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    places = [(line := bisect.bisect(starts, offset), offset - starts[line - 1]) for offset in offsets]
    after = (0, 0)
    number = 0
    for line, column in places:
        while number < line - 1:
            number += 1
            code = lines[number - 1].lstrip()
            if code and not code.startswith("#"):
                after = (number, len(lines[number - 1]) - len(code) + 1)
        own = lines[line - 1]
        before, behind = (line > 1 and not lines[line - 2].strip(), line < len(lines) and not lines[line].strip())
        yield Comment(own[column:].rstrip(), line, column + 1, not own[:column].strip(), after, before, behind)


class _Placer:
    """Goes through the blocks in the order of the text and hands out the comments on the way."""

    def __init__(self, comments: Iterable[Comment], lines: list[str], has_headers: bool) -> None:
        self.comments = list(comments)
        self.lines = lines
        self.has_headers = has_headers
        self.next = 0

    def tree(self, blocks: tuple[Block, ...]) -> Tree:
        placed = self.placed(blocks, 0)
        return Tree(placed, _lines(self.comments[self.next :]))

    def placed(self, blocks: tuple[Block, ...], end: int) -> tuple[Block, ...]:
        """The blocks with their comments. end: the line in which something else begins; 0 at the end of the text."""
        lines = [*(block.location.line for block in blocks[1:]), end]
        return tuple(self.block(block, line) for block, line in zip(blocks, lines))

    def block(self, block: Block, end: int) -> Block:
        line = block.location.line
        above = self.take(lambda comment: comment.line < line)
        remark = self.remark(line)
        children, below = block.children, block.last_comments
        if children is not None:
            children = self.placed(children, end)
            inside = self.inside(block.location)
            below = _lines(self.take(lambda comment: not (end and comment.line >= end) and inside(comment)))
        return msgspec.structs.replace(
            block, comments=_above(above), remark=remark, children=children, last_comments=below
        )

    def inside(self, place: Location) -> Callable[[Comment], bool]:
        """Whether a comment after what stands in a block is still in it."""
        before = self.lines[place.line - 1][: place.column - 1].strip()
        if self.has_headers and self.lines[place.line - 1].lstrip().startswith("["):
            return lambda comment: not comment.after_blank
        # What is in an entry of a list stands in the column behind its dash, what is under a key further to the right.
        column = place.column + (not before.endswith("-"))

        def is_inside(comment: Comment) -> bool:
            line, begins = comment.after
            return comment.column >= column and (line <= place.line or begins >= column)

        return is_inside

    def take(self, fits: Callable[[Comment], bool]) -> list[Comment]:
        """The next comments, as long as they fit."""
        first = self.next
        while self.next < len(self.comments) and fits(self.comments[self.next]):
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


def _above(comments: list[Comment]) -> tuple[str, ...]:
    """Their texts, with an empty one for a blank line that sets them apart from what comes next."""
    return (*_lines(comments), "") if comments and comments[-1].before_blank else _lines(comments)


def _lines(comments: list[Comment]) -> tuple[str, ...]:
    """Their texts, with an empty one for blank lines among them."""
    lines: list[str] = []
    for comment in comments:
        if lines and comment.after_blank:
            lines.append("")
        lines.append(comment.text)
    return tuple(lines)
