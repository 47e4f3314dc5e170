"""Tokens -> a tree of blocks. A statement is a block without children; what the words mean is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.blocks import MAX_DEPTH, Block, Tree, Word
from alived.config.text.characters import check_characters
from alived.config.text.lines import Mark, place_of
from alived.config.text.sources import Piece
from alived.config.text.tokens import Token, scan, unescape_comment_signs

MAX_WORDS = 1_000_000
"""Of all files together."""

_WORD_GOES_ON = re.compile(r"[#!]\w\S*[\s}]*\Z")


class _Enough(Exception):
    """There is no sense in going on; the arguments are code, message and hint of an error."""

    def __init__(self, place: Location, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.place = place


class _Frame:
    """A block that is being read: its statement (None for the whole file) and its children so far."""

    __slots__ = ("children", "opened", "remark", "statement")

    def __init__(self, statement: Block | None, opened: Location) -> None:
        self.statement = statement
        self.opened = opened
        self.remark = statement.remark if statement else ""
        self.children: list[Block] = []

    def close(self, last_comments: tuple[str, ...]) -> Block | None:
        if self.statement is None:
            return None
        children = tuple(self.children)
        replace = msgspec.structs.replace
        return replace(self.statement, children=children, remark=self.remark, last_comments=last_comments)


def parse(pieces: Iterable[Piece], file: str, findings: Findings) -> Tree:
    """The tree of a text. Structure that is wrong is reported; what can be understood is returned all the same."""
    return _Parser(file, findings).parse(pieces)


class _Parser:
    """What is read comes in pieces; a statement may go on in the next one behind a backslash."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.findings = findings
        self.stack = [_Frame(None, Location(file))]
        self.words: list[Word] = []
        self.words_left = MAX_WORDS
        self.raw = ""
        """The statement as written in lines that a backslash continued."""
        self.start = self.end = -1
        """Where the statement stands in its last line; -1 before its first word."""
        self.remark = ""
        self.above: list[str] = []
        """Comments of lines that have nothing else: they belong to what comes next."""
        self.beside: _Frame | Block | None = None
        """What was opened or closed in the noted line: a comment in the rest of it belongs there."""

    def parse(self, pieces: Iterable[Piece]) -> Tree:
        try:
            for piece in pieces:
                self._begin(piece)
                self._tokens(piece)
        except _Enough as enough:
            code, message, hint = enough.args
            self.findings.error(enough.place, code, f"{message}: the rest is not read", hint)
        self._end_statement()
        return self._end_of_file()

    def _begin(self, piece: Piece) -> None:
        self.text = piece.text
        self.file = piece.file
        self.marks: tuple[Mark, ...] = piece.marks
        self.plain = piece.text.isascii()
        self.noted_line = 0
        """The last line that has a brace or a comment."""

    def _tokens(self, piece: Piece) -> None:
        kind = ""
        for token in scan(piece.text, piece.start, piece.end, piece.line):
            kind = token.kind
            if kind == "word" or kind == "quoted":
                self._word(token)
            elif kind == "newline":
                self._newline(token)
            elif kind == "open":
                self._open(token)
            elif kind == "close":
                self._close(token)
            elif kind == "comment":
                self._comment(token)
            elif kind == "continuation":
                self._continuation(token)
            else:
                self._unclosed_quote(token)
        if kind != "continuation":
            self._end_statement()

    def _place(self, token: Token) -> Location:
        if self.marks:
            return place_of(self.marks, token.start)
        return Location(self.file, token.line, token.column)

    def _word(self, token: Token) -> None:
        if self.start < 0:
            self.start = token.start
        self.end = token.end
        place = place_of(self.marks, token.start) if self.marks else Location(self.file, token.line, token.column)
        text = token.text
        if token.kind == "word" and "\\" in text:
            text = unescape_comment_signs(text)
        if token.kind == "word" and "${" in text:
            message = f"{text!r} has a name that is not defined here"
            hint = "$NAME=value in a line before; keepalived would take the braces for those of a block"
            self.findings.error(place, "undefined-name", message, hint)
        if not self.plain and not text.isascii():
            check_characters(text, place, self.findings)
        self.words.append(Word(text, place))
        self.words_left -= 1
        if self.words_left < 0:
            raise _Enough(place, "too-many-words", f"more than {MAX_WORDS} words", "is this the right file?")

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
        raw = self.raw + self.text[self.start : self.end] if self.start >= 0 else self.raw
        above = self._take_above() if self.above else ()
        self.stack[-1].children.append(Block(first.text, first.location, tuple(rest), None, raw, above, self.remark))
        self.raw = self.remark = ""
        self.start = -1

    def _continuation(self, token: Token) -> None:
        if self.start >= 0:
            self.raw += self.text[self.start : self.end] + " "
            self.start = -1
        message = "the statement goes on in the next line; keepalived 2.2.7 would end it here, with a word '\\'"
        self.findings.warning(self._place(token), "continued-line", message, "write it in one line")

    def _open(self, token: Token) -> None:
        self._end_statement()
        place = self._place(token)
        if len(self.stack) > MAX_DEPTH:
            raise _Enough(place, "too-deep", f"blocks are nested more than {MAX_DEPTH} deep", "is a '}' missing?")
        siblings = self.stack[-1].children
        if siblings and siblings[-1].children is None:
            self.stack.append(_Frame(siblings.pop(), place))
        else:
            message = "'{' without a keyword before it: this block is skipped"
            self.findings.error(place, "unexpected-brace", message)
            self.stack.append(_Frame(None, place))
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
        if comment.endswith("\\"):
            message = (
                "a comment ends with its line; keepalived 2.2.7 takes the '\\' at its end for a word of the statement"
            )
            self.findings.warning(self._place(token), "backslash-in-comment", message, "remove the backslash")
        if self.words:
            self._check_end_of_word(token)
            self.remark = comment
        elif token.line != self.noted_line:
            self.above.append(comment)
        elif isinstance(self.beside, _Frame):
            self.beside.remark = self.beside.remark or comment
        elif self.beside is not None:
            self.stack[-1].children[-1] = _with_comment(self.beside, comment, self._place(token).line)
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
        self._word(msgspec.structs.replace(token, text=token.text[1:].rstrip(), kind="quoted"))
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
