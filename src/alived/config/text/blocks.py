"""Tokens -> a tree of blocks. A statement is a block without children; what the words mean is not known here."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.language import FIRST_LETTERS, not_followed
from alived.config.text.tokens import Token, scan, unescape_comment_signs

MAX_DEPTH = 32
"""keepalived's own language needs 5 (virtual_server / real_server / HTTP_GET / url)."""

_WORD_GOES_ON = re.compile(r"[#!]\w\S*[\s}]*\Z")


class Word(msgspec.Struct, frozen=True, gc=False):
    text: str
    location: Location


class Block(msgspec.Struct, frozen=True):
    """`keyword arguments... { children }`. children is None if there were no braces.

    raw: the text of the statement as written, from the keyword to the last word, for commands with quotes of
    their own. An entry of a list, such as an address, is a block whose keyword is its first word.
    """

    keyword: str
    location: Location
    arguments: tuple[Word, ...] = ()
    children: tuple[Block, ...] | None = None
    raw: str = ""

    @property
    def words(self) -> tuple[Word, ...]:
        """Keyword and arguments, for entries of lists."""
        return (Word(self.keyword, self.location), *self.arguments)


class _Frame:
    """A block that is being read: its statement (None for the whole file) and its children so far."""

    __slots__ = ("children", "dropped", "opened", "statement")

    def __init__(self, statement: Block | None, opened: Location) -> None:
        self.statement = statement
        self.opened = opened
        self.children: list[Block] = []
        self.dropped = False
        """Whether the last statement was dropped: a block that follows goes with it."""

    def close(self) -> Block | None:
        if self.statement is None:
            return None
        return msgspec.structs.replace(self.statement, children=tuple(self.children))


def parse(text: str, file: str, findings: Findings) -> tuple[Block, ...]:
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
        self.stack = [_Frame(None, Location(file))]

    def parse(self) -> tuple[Block, ...]:
        for token in scan(self.text):
            kind = token.kind
            if kind == "word" or kind == "quoted":
                self._word(token)
            elif kind == "newline":
                self._end_statement()
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
            _check_characters(text, place, self.findings)
        self.words.append(Word(text, place))

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
        frame.children.append(Block(first.text, first.location, tuple(rest), None, raw))

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
        if frame.dropped:
            frame.dropped = False
            self.stack.append(_Frame(None, place))
            return
        siblings = frame.children
        if siblings and siblings[-1].children is None:
            self.stack.append(_Frame(siblings.pop(), place))
            return
        message = "'{' without a keyword before it: this block is skipped"
        self.findings.error(place, "unexpected-brace", message)
        self.stack.append(_Frame(None, place))

    def _close(self, token: Token) -> None:
        self._end_statement()
        if len(self.stack) == 1:
            message = "'}' that closes nothing: skipped"
            hint = "one '}' too many here or above; check that the lines before are in the block they belong to"
            self.findings.warning(self._place(token), "extra-brace", message, hint)
            return
        block = self.stack.pop().close()
        if block is not None:
            self.stack[-1].children.append(block)

    def _comment(self, token: Token) -> None:
        if not self.words or token.start != self.end or not _WORD_GOES_ON.match(token.text):
            return
        word = self.words[-1].text
        message = f"{token.text[0]!r} begins a comment: the word before it is {word!r} and ends here"
        hint = "put double quotes around the word, or a blank before the comment"
        self.findings.warning(self._place(token), "comment-inside-word", message, hint)

    def _unclosed_quote(self, token: Token) -> None:
        self._word(token._replace(text=token.text[1:].rstrip(), kind="quoted"))
        message = "the double quote that opens here is not closed on this line"
        self.findings.error(self._place(token), "unclosed-quote", message, 'close it with "')

    def _end_of_file(self) -> tuple[Block, ...]:
        while len(self.stack) > 1:
            frame = self.stack.pop()
            block = frame.close()
            name = block.keyword if block else "{"
            message = f"the '{{' of {name!r} that opens here is never closed"
            self.findings.error(frame.opened, "missing-brace", message, "a '}' is missing; or the file is cut short")
            if block is not None:
                self.stack[-1].children.append(block)
        return tuple(self.stack[0].children)


def _check_characters(word: str, place: Location, findings: Findings) -> None:
    """Characters that look like others or like nothing: they came with a copy from a web page or a word processor."""
    for character in word:
        if character == "\N{REPLACEMENT CHARACTER}":
            message = f"{word!r} has bytes that are not UTF-8: its value is not known"
            findings.error(place, "not-utf-8", message, "save the file as UTF-8")
            return
        if character > "\x7f" and unicodedata.category(character) in ("Cf", "Zs", "Cc", "Pd"):
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            message = f"{word!r} holds the character {name}, which is easily overlooked"
            findings.warning(place, "invisible-character", message, "type this word again by hand")
            return
