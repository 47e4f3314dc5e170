"""Tokens -> a tree of blocks. A statement is a block without children; what the words mean is not known here."""

from __future__ import annotations

import re

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.blocks import MAX_DEPTH, Block, Tree, Word
from alived.config.text.characters import check_characters
from alived.config.text.language import FIRST_LETTERS, not_followed
from alived.config.text.tokens import Token, scan, unescape_comment_signs

_WORD_GOES_ON = re.compile(r"[#!]\w\S*[\s}]*\Z")


class _Frame:
    """A block that is being read: its statement (None for the whole file) and its children so far."""

    __slots__ = ("children", "dropped", "opened", "remark", "statement")

    def __init__(self, statement: Block | None, opened: Location) -> None:
        self.statement = statement
        self.opened = opened
        self.remark = statement.remark if statement else ""
        self.children: list[Block] = []
        self.dropped = False
        """Whether the last statement was dropped: a block that follows goes with it."""

    def close(self, last_comments: tuple[str, ...]) -> Block | None:
        if self.statement is None:
            return None
        children = tuple(self.children)
        replace = msgspec.structs.replace
        return replace(self.statement, children=children, remark=self.remark, last_comments=last_comments)


def parse(text: str, file: str, findings: Findings) -> Tree:
    """The tree of a text. Structure that is wrong is reported; what can be understood is returned all the same."""
    return _Parser(text, file, findings).parse()


class _Parser:
    def __init__(self, text: str, file: str, findings: Findings) -> None:
        self.text = text
        self.file = file
        self.findings = findings
        self.plain = text.isascii()
        self.words: list[Word] = []
        self.start = self.end = 0
        self.remark = ""
        self.above: list[str] = []
        """Comments of lines that have nothing else: they belong to what comes next."""
        self.noted_line = 0
        """The last line that has a brace or a comment."""
        self.beside: _Frame | Block | None = None
        """What was opened or closed in the noted line: a comment in the rest of it belongs there."""
        self.stack = [_Frame(None, Location(file))]

    def parse(self) -> Tree:
        for token in scan(self.text):
            kind = token.kind
            if kind == "word" or kind == "quoted":
                self._word(token)
            elif kind == "newline":
                self._newline(token)
            elif kind == "open":
                if len(self.stack) > MAX_DEPTH:
                    message = f"blocks are nested more than {MAX_DEPTH} deep: the rest is not read"
                    self.findings.error(self._place(token), "too-deep", message, "is a '}' missing?")
                    break
                self._open(token)
            elif kind == "close":
                self._close(token)
            elif kind == "comment":
                self._comment(token)
            else:
                self._unclosed_quote(token)
        self._end_statement()
        return self._end_of_file()

    def _place(self, token: Token) -> Location:
        return Location(self.file, token.line, token.column)

    def _word(self, token: Token) -> None:
        if not self.words:
            self.start = token.start
        self.end = token.end
        place = Location(self.file, token.line, token.column)
        text = token.text
        if token.kind == "word" and "\\" in text:
            text = unescape_comment_signs(text)
        if token.kind == "word" and "${" in text:
            message = f"{text!r} is a name for something that nobody has filled in"
            self.findings.error(place, "unfilled-name", message, "write the value; this version does not expand names")
        if not self.plain and not text.isascii():
            check_characters(text, place, self.findings)
        self.words.append(Word(text, place))

    def _newline(self, token: Token) -> None:
        if self.words:
            self._end_statement()
        elif self.above and self.above[-1] and token.line != self.noted_line:
            self.above.append("")

    def _end_statement(self) -> None:
        if not self.words:
            return
        first, *rest = self.words
        self.words = []
        frame = self.stack[-1]
        frame.dropped = first.text[:1] in FIRST_LETTERS and self._is_dropped(first)
        if frame.dropped:
            return
        raw = self.text[self.start : self.end]
        above = self._take_above() if self.above else ()
        frame.children.append(Block(first.text, first.location, tuple(rest), None, raw, above, self.remark))
        self.remark = ""

    def _is_dropped(self, first: Word) -> bool:
        found = not_followed(first.text)
        if found is not None:
            message = f"{found[0]} is not followed in this version: the statement is left out"
            self.findings.error(first.location, "not-followed", message, found[1])
        return found is not None

    def _open(self, token: Token) -> None:
        self._end_statement()
        place = self._place(token)
        frame = self.stack[-1]
        siblings = frame.children
        statement = None
        if frame.dropped:
            frame.dropped = False
        elif siblings and siblings[-1].children is None:
            statement = siblings.pop()
        else:
            message = "'{' without a keyword before it: this block is skipped"
            self.findings.error(place, "unexpected-brace", message)
        self.stack.append(_Frame(statement, place))
        self.noted_line, self.beside = token.line, self.stack[-1]

    def _close(self, token: Token) -> None:
        self._end_statement()
        if len(self.stack) == 1:
            message = "'}' that closes nothing: skipped"
            hint = "one '}' too many here or above; check that the lines before are in the block they belong to"
            self.findings.warning(self._place(token), "extra-brace", message, hint)
            return
        block = self.stack.pop().close(self._take_above())
        if block is not None:
            self.stack[-1].children.append(block)
        self.noted_line, self.beside = token.line, block

    def _comment(self, token: Token) -> None:
        comment = token.text.rstrip()
        if self.words:
            self._check_end_of_word(token)
            self.remark = comment
        elif token.line != self.noted_line:
            self.above.append(comment)
        elif isinstance(self.beside, _Frame):
            self.beside.remark = self.beside.remark or comment
        elif self.beside is not None:
            self.stack[-1].children[-1] = _with_comment(self.beside, comment, token.line)
        self.noted_line = token.line

    def _check_end_of_word(self, token: Token) -> None:
        """Whether a password such as `ab!cd` was meant."""
        if token.start != self.end or not _WORD_GOES_ON.match(token.text):
            return
        word = self.words[-1].text
        message = f"{token.text[0]!r} begins a comment: the word before it is {word!r} and ends here"
        hint = "put double quotes around the word, or a blank before the comment"
        self.findings.warning(self._place(token), "comment-inside-word", message, hint)

    def _take_above(self) -> tuple[str, ...]:
        above = tuple(self.above)
        self.above = []
        return above

    def _unclosed_quote(self, token: Token) -> None:
        self._word(token._replace(text=token.text[1:].rstrip(), kind="quoted"))
        message = "the double quote that opens here is not closed on this line"
        self.findings.error(self._place(token), "unclosed-quote", message, 'close it with "')

    def _end_of_file(self) -> Tree:
        while len(self.stack) > 1:
            frame = self.stack.pop()
            block = frame.close(self._take_above())
            name = block.keyword if block else "{"
            message = f"the '{{' of {name!r} that opens here is never closed"
            self.findings.error(frame.opened, "missing-brace", message, "a '}' is missing; or the file is cut short")
            if block is not None:
                self.stack[-1].children.append(block)
        return Tree(tuple(self.stack[0].children), self._take_above())


def _with_comment(block: Block, comment: str, line: int) -> Block:
    """The block with a comment behind its closing brace."""
    if block.location.line == line and not block.remark:
        return msgspec.structs.replace(block, remark=comment)
    return msgspec.structs.replace(block, last_comments=(*block.last_comments, comment))
