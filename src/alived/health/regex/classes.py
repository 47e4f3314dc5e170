"""Character classes: what stands between [ and ]."""

from __future__ import annotations

import re

from alived.health.regex.escapes import LITERAL_ESCAPES, SETS, named_set, number_escape, refuse_letter
from alived.health.regex.options import Flags, Options
from alived.health.regex.sets import POSIX, Ranges, complement, fold, union, within
from alived.health.regex.syntax import RegexError

BACKSPACE = 0x08
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_COLLATING = re.compile(r"\[([.=]).*?\1\]", re.DOTALL)


class ClassReader:
    """at: behind the [ first, behind the ] after `read`."""

    def __init__(self, text: str, at: int, options: Options, flags: Flags) -> None:
        self.at = at
        self._text = text
        self._options = options
        self._flags = flags
        self._found: list[tuple[int, int]] = []
        self._quoted = False

    def read(self) -> Ranges:
        """Raises RegexError."""
        negated = self._take("^")
        first = not self._options.allow_empty_class
        while first or self._quoted or not self._take("]"):
            if self.at >= len(self._text):
                raise RegexError("a class [ has no ]")
            if not self._quotation():
                self._item(first)
                first = False
        ranges = union(self._found)
        if self._flags.caseless:
            ranges = fold(ranges, self._options.most)
        return complement(ranges, self._options.most) if negated else within(ranges, self._options.most)

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self.at)
        if found:
            self.at += len(text)
        return found

    def _quotation(self) -> bool:
        """Whether a mark of \\Q...\\E was read."""
        if self._take("\\E"):
            self._quoted = False
            return True
        if not self._quoted and self._take("\\Q"):
            self._quoted = True
            return True
        return False

    def _item(self, first: bool) -> None:
        begin = self._symbol()
        if begin is None or self._quoted or not self._is_range():
            if begin is not None:
                self._found.append((begin, begin))
            elif self._is_range() and not self._quoted:
                raise RegexError("a range in a class begins with a set")
            return
        self.at += 1
        end = self._symbol()
        if end is None:
            raise RegexError("a range in a class ends with a set")
        if end < begin:
            raise RegexError(f"the range {chr(begin)!r}-{chr(end)!r} in a class is out of order")
        self._found.append((begin, end))

    def _is_range(self) -> bool:
        """A hyphen that is not the last symbol."""
        text, at = self._text, self.at
        return text.startswith("-", at) and not text.startswith("]", at + 1) and at + 1 < len(text)

    def _symbol(self) -> int | None:
        """None: a set, which has been added."""
        if not self._quoted:
            if _COLLATING.match(self._text, self.at):
                raise RegexError("[. .] and [= =] in a class are not known to PCRE2")
            if found := _POSIX.match(self._text, self.at):
                self._posix(found)
                return None
            if self._take("\\"):
                return self._escape()
        char = self._text[self.at]
        self.at += 1
        return ord(char)

    def _posix(self, found: re.Match[str]) -> None:
        ranges = POSIX.get(found[2])
        if ranges is None:
            raise RegexError(f"there is no class {found[0]}")
        if self._flags.caseless and found[2] in ("upper", "lower"):
            ranges = POSIX["alpha"]
        self._found += complement(ranges, self._options.most) if found[1] else ranges
        self.at = found.end()

    def _escape(self) -> int | None:
        if self.at >= len(self._text):
            raise RegexError("the pattern ends with a backslash")
        letter = self._text[self.at]
        if letter in SETS:
            self._found += named_set(letter, self._options.most)
            self.at += 1
            return None
        if letter == "b":
            self.at += 1
            return BACKSPACE
        symbol, self.at = number_escape(self._text, self.at, self._options.most)
        if symbol is not None:
            return symbol
        if letter in "ABZzNRX":
            raise RegexError(f"\\{letter} means nothing in a class")
        refuse_letter(letter)
        self.at += 1
        return LITERAL_ESCAPES.get(letter, ord(letter))
