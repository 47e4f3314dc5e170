"""Patterns of PCRE2 into trees.

Known is what a machine without memory can match: symbols, classes, groups, alternatives, repetitions, anchors, word
boundaries, options within the pattern. References to groups, lookaround, atomic groups, possessive repetition,
recursion, conditions, verbs, properties of Unicode, \\R, \\X, \\K, \\G and \\C are refused by name: each needs
backtracking, which takes a time that grows with a power of what is searched, or exponentially.
"""

from __future__ import annotations

import re

import msgspec

from alived.health.regex.classes import ClassReader
from alived.health.regex.escapes import LITERAL_ESCAPES, PLACES, SETS, named_set, number_escape, refuse_letter
from alived.health.regex.options import Flags, Options
from alived.health.regex.sets import NEWLINE, Ranges, complement, fold, union, within
from alived.health.regex.syntax import (
    Assertion,
    Choice,
    Node,
    Place,
    RegexError,
    RegexNotKnown,
    Repeat,
    Sequence,
    Symbol,
)

MAX_REPEAT = 65535
MAX_DEPTH = 50
"""Of groups in groups"""
_BRACES = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_GROUP_FLAGS = re.compile(r"\?(\^?)([imsxnUJ]*)(?:-([imsxnUJ]*))?([:)])")
_GROUP_NAME = re.compile(r"\?(?:P?<|')[A-Za-z_]\w{0,31}[>']", re.ASCII)
_REFUSED_GROUPS = (
    ("?=", "lookahead"),
    ("?!", "lookahead"),
    ("?<=", "lookbehind"),
    ("?<!", "lookbehind"),
    ("?>", "an atomic group"),
    ("?(", "a condition"),
    ("?P=", "a reference to a group"),
    ("?P>", "recursion"),
    ("?R", "recursion"),
    ("?&", "recursion"),
    ("?C", "a callout"),
    ("*", "a verb"),
)
_BLANKS = " \t\n\v\f\r"


def parse(pattern: str, options: Options) -> Node:
    """pattern: of octets (each a character below 256), or of characters with `utf`. Raises RegexError."""
    reader = _Reader(pattern, options)
    tree = reader.choice(options.flags, 0)
    if reader.more:
        raise RegexError("there is a ) without its (")
    return tree


class _Reader:
    def __init__(self, pattern: str, options: Options) -> None:
        self._text = pattern
        self._at = 0
        self._options = options
        self._most = options.most
        self._quoted = False
        """Within \\Q...\\E"""

    @property
    def more(self) -> bool:
        return self._at < len(self._text)

    def _take(self, text: str) -> bool:
        """Whether this comes next; if so it is read."""
        found = self._text.startswith(text, self._at)
        if found:
            self._at += len(text)
        return found

    # -- structure --

    def choice(self, flags: Flags, depth: int) -> Node:
        """Up to the end or a closing parenthesis. Flags set within hold for what follows in this group."""
        if depth > MAX_DEPTH:
            raise RegexNotKnown(f"groups are nested more than {MAX_DEPTH} deep")
        options: list[Node] = []
        parts: list[Node] = []
        while self.more:
            if self._skip(flags):
                continue
            if not self._quoted and self._text[self._at] == ")":
                break
            if not self._quoted and self._take("|"):
                options.append(Sequence(tuple(parts)))
                parts = []
                continue
            flags = self._part(parts, flags, depth)
        options.append(Sequence(tuple(parts)))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _skip(self, flags: Flags) -> bool:
        """What says nothing: comments, blanks that do not count, and the marks of a quotation."""
        if self._quoted:
            self._quoted = not self._take("\\E")
            return not self._quoted
        if self._take("\\Q"):
            self._quoted = True
            return True
        return self._take("\\E") or self._comment() or (flags.extended and self._blank())

    def _comment(self) -> bool:
        if not self._take("(?#"):
            return False
        self._at = self._text.find(")", self._at) + 1
        if not self._at:
            raise RegexError("a comment (?# has no end")
        return True

    def _blank(self) -> bool:
        """With `extended` also a comment from # to the end of the line."""
        char = self._text[self._at]
        if char == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end + 1
            return True
        self._at += char in _BLANKS
        return char in _BLANKS

    def _part(self, parts: list[Node], flags: Flags, depth: int) -> Flags:
        """Reads one item with its repetition. Returns the flags that hold from here on."""
        if not self._quoted and self._take("("):
            group, flags = self._group(flags, depth)
            if group is not None:
                parts.append(self._repeated(group, flags))
            return flags
        atom = self._atom(flags)
        parts.append(atom if isinstance(atom, Assertion) else self._repeated(atom, flags))
        return flags

    def _group(self, flags: Flags, depth: int) -> tuple[Node | None, Flags]:
        """What is in the group, None of (?i) and the like; the flags that hold after it."""
        for mark, what in _REFUSED_GROUPS:
            if self._text.startswith(mark, self._at):
                raise RegexNotKnown(f"{what} ({mark}...) is not known here: it needs backtracking")
        if found := _GROUP_FLAGS.match(self._text, self._at):
            self._at = found.end()
            inner = _changed(flags, *found.groups()[:3])
            if found[4] == ")":
                return None, inner
            return self._closed(inner, depth), flags
        if found := _GROUP_NAME.match(self._text, self._at):
            self._at = found.end()
        elif not self._take("?|") and self._text.startswith("?", self._at):
            raise RegexNotKnown(f"({self._text[self._at : self._at + 3]}... is not known here")
        return self._closed(flags, depth), flags

    def _closed(self, flags: Flags, depth: int) -> Node:
        inner = self.choice(flags, depth + 1)
        if not self._take(")"):
            raise RegexError("there is a ( without its )")
        return inner

    def _repeated(self, part: Node, flags: Flags) -> Node:
        """With *, +, ?, {n,m} behind it, if there are."""
        while self.more and self._skip(flags):
            pass
        if self._quoted or not self.more:
            return part
        bounds = self._bounds()
        if bounds is None:
            return part
        if self._take("+"):
            raise RegexNotKnown("possessive repetition (++ and the like) is not known here: it is about backtracking")
        self._take("?")
        return Repeat(part, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for mark, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(mark):
                return bounds
        found = _BRACES.match(self._text, self._at)
        if not found:
            return None
        self._at = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if max(least, most or 0) > MAX_REPEAT:
            raise RegexError(f"{found[0]}: at most {MAX_REPEAT}")
        if most is not None and most < least:
            raise RegexError(f"{found[0]}: the numbers are out of order")
        return least, most

    # -- atoms --

    def _atom(self, flags: Flags) -> Node:
        char = self._text[self._at]
        if self._quoted:
            self._at += 1
            return self._symbol(((ord(char), ord(char)),), flags)
        if char in "*+?" or (char == "{" and _BRACES.match(self._text, self._at)):
            raise RegexError(f"{char!r} has nothing before it that could be repeated")
        self._at += 1
        if char == "[":
            return self._class(flags)
        return self._escape(flags) if char == "\\" else self._plain(char, flags)

    def _plain(self, char: str, flags: Flags) -> Node:
        match char:
            case "^":
                return Assertion(self._line_start(flags))
            case "$":
                return Assertion(self._line_end(flags))
            case ".":
                newline = () if flags.dotall else ((NEWLINE, NEWLINE),)
                return Symbol(complement(newline, self._most))
            case _:
                return self._symbol(((ord(char), ord(char)),), flags)

    def _line_start(self, flags: Flags) -> Place:
        if not flags.multiline:
            return Place.START
        return Place.ANY_LINE_START if self._options.alt_circumflex else Place.LINE_START

    def _line_end(self, flags: Flags) -> Place:
        if flags.multiline:
            return Place.LINE_END
        return Place.END if self._options.dollar_endonly else Place.END_OR_LAST_NEWLINE

    def _class(self, flags: Flags) -> Node:
        reader = ClassReader(self._text, self._at, self._options, flags)
        ranges = reader.read()
        self._at = reader.at
        return Symbol(ranges)

    def _escape(self, flags: Flags) -> Node:
        if not self.more:
            raise RegexError("the pattern ends with a backslash")
        letter = self._text[self._at]
        if place := PLACES.get(letter):
            self._at += 1
            return Assertion(place)
        if letter in SETS:
            self._at += 1
            return Symbol(named_set(letter, self._most))
        if letter == "N":
            self._at += 1
            if self._text.startswith("{", self._at):
                raise RegexNotKnown("\\N{...} is not known here: write \\x{...}")
            return Symbol(complement(((NEWLINE, NEWLINE),), self._most))
        symbol, self._at = number_escape(self._text, self._at, self._most)
        if symbol is None:
            refuse_letter(letter)
            symbol = LITERAL_ESCAPES.get(letter, ord(letter))
            self._at += 1
        return self._symbol(((symbol, symbol),), flags)

    def _symbol(self, ranges: Ranges, flags: Flags) -> Symbol:
        return Symbol(fold(ranges, self._most) if flags.caseless else within(union(ranges), self._most))


def _changed(flags: Flags, from_none: str, on: str, off: str | None) -> Flags:
    """n, U and J say nothing about what is found."""
    letters = {"i": "caseless", "m": "multiline", "s": "dotall", "x": "extended"}
    if "xx" in on:
        raise RegexNotKnown("(?xx) is not known here: (?x) leaves blanks in classes alone")
    base = Flags() if from_none else flags
    changes = {letters[letter]: True for letter in on if letter in letters}
    changes |= {letters[letter]: False for letter in off or "" if letter in letters}
    return msgspec.structs.replace(base, **changes)
