"""Lines that are read word by word, such as routes: `ADDRESS option value option value ...`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from alived.base import Family, Location
from alived.config.findings import Findings
from alived.config.keywords.converters import check_interface, invalid, parse_address
from alived.config.keywords.table import did_you_mean
from alived.config.text.blocks import Block, Word

MAX_U8, MAX_U16, MAX_U32, MAX_U64 = (2**bits - 1 for bits in (8, 16, 32, 64))
EVERYWHERE = ("default", "any", "all")
"""Words for the network that holds all addresses."""
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}\Z|[0-9]{1,20}\Z")


class Entry(msgspec.Struct, frozen=True):
    """What a line says, and where."""

    value: Any
    location: Location


class Line:
    """The words of an entry of a list, taken one after the other; what they say is gathered in `values`.

    Each reader takes the words that it needs, reports what is wrong and returns None then; `right` is False from
    there on. All addresses of a line are of one family.
    """

    def __init__(self, block: Block, what: str, findings: Findings) -> None:
        self.location = block.location
        known_by = block.words[: 1 if any(map(str.isdigit, block.keyword)) else 2]
        self.what = " ".join([*([what] if what else []), *(word.text for word in known_by)])
        self.findings = findings
        self.words = block.words
        self.position = 0
        self.values: dict[str, Any] = {}
        self.family: Family | None = None
        self.right = True

    def next(self) -> Word | None:
        """The next word, None at the end."""
        if self.position == len(self.words):
            return None
        self.position += 1
        return self.words[self.position - 1]

    def skip(self, text: str) -> bool:
        """Takes the next word if it is this one."""
        if self.position < len(self.words) and self.words[self.position].text == text:
            self.position += 1
            return True
        return False

    def fail(self, place: Word | None, code: str, message: str, hint: str = "") -> None:
        self.right = False
        self.findings.error(place.location if place else self.location, code, f"{self.what}: {message}", hint)

    def warn(self, place: Word, code: str, message: str, hint: str = "") -> None:
        self.findings.warning(place.location, code, f"{self.what}: {message}", hint)

    def value(self, option: Word) -> Word | None:
        """The word that belongs to an option."""
        word = self.next()
        if word is None:
            self.fail(option, "missing-argument", f"{option.text!r} needs a value")
        return word

    def number(self, option: Word, low: int, high: int) -> int | None:
        """A decimal or hexadecimal number."""
        word = self.value(option)
        return self.parse_number(word.text, word, option.text, low, high) if word else None

    def parse_number(self, text: str, word: Word, what: str, low: int, high: int) -> int | None:
        if not _NUMBER.match(text):
            self.right = False
            invalid(word, what, f"a whole number from {low} to {high}", self.findings)
            return None
        number = int(text, 16 if text[:2] in ("0x", "0X") else 10)
        if low <= number <= high:
            return number
        self.fail(word, "out-of-range", f"{what} {text} is out of range", f"expected: {low} to {high}")
        return None

    def range(self, option: Word, high: int) -> tuple[int, int] | None:
        """`FIRST[-LAST]`."""
        word = self.value(option)
        if word is None:
            return None
        first, dash, last = word.text.partition("-")
        low = self.parse_number(first, word, option.text, 0, high)
        end = self.parse_number(last, word, option.text, 0, high) if dash else low
        if low is None or end is None:
            return None
        if low > end:
            self.fail(word, "out-of-range", f"{option.text} {word.text} ends before it begins")
            return None
        return low, end

    def interface(self, option: Word) -> str | None:
        word = self.value(option)
        name = check_interface(word, self.findings) if word else None
        self.right &= name is not None
        return name

    def choice(self, option: Word, *choices: str) -> str | None:
        word = self.value(option)
        if word is None or word.text in choices:
            return word.text if word else None
        self.right = False
        invalid(word, option.text, " or ".join(choices), self.findings)
        return None

    def name_or_number(self, option: Word, high: int) -> str | None:
        """A name that the machine knows, or its number."""
        word = self.value(option)
        if word is None or not word.text[:1].isdigit():
            return word.text if word else None
        return None if self.parse_number(word.text, word, option.text, 0, high) is None else word.text

    def address(self, option: Word) -> str | None:
        """An address without a length; it fixes the family."""
        word = self.value(option)
        return self.parse_address(word, with_length=False) if word else None

    def network(self, option: Word) -> str | None:
        """ADDRESS[/LENGTH], or "default"."""
        word = self.value(option)
        return self.parse_network(word) if word else None

    def parse_network(self, word: Word) -> str | None:
        return "default" if word.text in EVERYWHERE else self.parse_address(word, with_length=True)

    def parse_address(self, word: Word, with_length: bool) -> str | None:
        text, slash, length = word.text.partition("/")
        found = parse_address(text)
        if found is None or (slash and not with_length):
            self.fail(word, "invalid-address", f"{word.text!r} is not an IP address")
            return None
        bits = found.family.bits
        if slash and self.parse_number(length, word, f"prefix length of {text}", 0, bits) is None:
            return None
        self.of_family(found.family, word)
        return f"{found.text}/{length or bits}" if with_length else found.text

    def of_family(self, family: Family, word: Word) -> None:
        """All that has a family must have the same."""
        if self.family not in (None, family):
            self.fail(word, "family-mismatch", f"{word.text!r} does not fit: IPv4 and IPv6 cannot be mixed")
        self.family = family

    def unknown(self, word: Word, options: Iterable[str]) -> None:
        self.fail(word, "unknown-option", f"unknown option {word.text!r}", did_you_mean(word.text, options))

    def set(self, field: str, value: Any) -> None:
        """Keeps a value that was read."""
        if value is not None:
            self.values[field] = value


Option: TypeAlias = "Callable[[Line, Word], None]"
"""Takes what belongs to the option from the line."""


def field(name: str, read: Callable[[Line, Word], Any]) -> Option:
    """An option that fills a field of the value."""
    return lambda line, option: line.set(name, read(line, option))


def constant(name: str, value: Any) -> Option:
    """An option that says all by being there."""
    return lambda line, option: line.set(name, value)


def number(name: str, high: int, low: int = 0) -> Option:
    return field(name, lambda line, option: line.number(option, low, high))


def of_family(family: Family, option: Option) -> Option:
    """An option that only one family has."""

    def read(line: Line, word: Word) -> None:
        line.of_family(family, word)
        option(line, word)

    return read


FAMILIES: Mapping[str, Option] = {
    "inet": lambda line, word: line.of_family(Family.IPV4, word),
    "inet6": lambda line, word: line.of_family(Family.IPV6, word),
}
