"""Statements -> values: one small reader for each kind of value, bounds and shape in one place.

A reader gets the whole statement and returns the value, or None after it has reported what is wrong. Times become
nanoseconds here and nowhere else.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Any

import msgspec

from alived.base import NS_PER_MS, NS_PER_S, Family
from alived.config.findings import Findings
from alived.config.keywords.durations import bare_number
from alived.config.text.blocks import Block, Word
from alived.config.text.commands import UnclosedQuote, read_command, split
from alived.hooks.config import Script

IFNAMSIZ = 15
"""Longest name of an interface (the kernel's IFNAMSIZ has room for the final NUL)."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{0,9}))?\Z|\.([0-9]{1,9})\Z")
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}\Z")
_INTERFACE_NAME = re.compile(r"[^\s/:]{1,15}\Z")
TRUE_WORDS = ("on", "true", "yes")
FALSE_WORDS = ("off", "false", "no")


class FileUse(enum.Enum):
    """Of a file that a keyword names: who reads it, and what it may let others do."""

    KEY = "a secret that is refused if others can read or exchange it"
    KEY_OF_WORKER = "the same, but read by a process that may read everything"
    PRIVATE = "a secret of the worker, which is used whoever else can read it"
    PUBLIC = "no secret, but nobody else should change it"
    PUBLIC_OF_WORKER = "no secret either, and read by a process that may read everything"

    @property
    def is_read_by_all(self) -> bool:
        """The worker reads whatever there is; the other processes have no capability, so that modes count for root."""
        return self in (FileUse.KEY_OF_WORKER, FileUse.PRIVATE, FileUse.PUBLIC_OF_WORKER)


class Converter(msgspec.Struct, frozen=True):
    """shape: the arguments as a reader of the documentation sees them; example: arguments that are right.

    merge: what a second statement of the same keyword does ("last" or "first" one counts, or "append").
    file_use: what is said are names of files.
    is_command, is_escaped: what is said is read from the raw text, by `text.commands`: a command line, or one text.
    """

    shape: str
    example: str
    read: Callable[[Block, Findings], Any]
    block: bool = False
    merge: str = "last"
    is_command: bool = False
    is_escaped: bool = False
    file_use: FileUse | None = None


def only_argument(block: Block, findings: Findings, shape: str) -> Word | None:
    """The argument of a statement that takes exactly one."""
    if not block.arguments:
        message = f"{block.keyword!r} needs a value"
        findings.error(block.location, "missing-argument", message, f"{block.keyword} {shape}")
        return None
    check_no_more(block, 1, findings)
    return block.arguments[0]


def check_no_more(block: Block, count: int, findings: Findings) -> None:
    """Arguments that nobody reads: keepalived says nothing about them, and people believe that they work."""
    if len(block.arguments) > count:
        extra = block.arguments[count]
        message = f"{extra.text!r} after {block.keyword!r} is skipped"
        findings.warning(extra.location, "extra-arguments", message, "put each keyword on a line of its own")


def invalid(word: Word, keyword: str, expected: str, findings: Findings) -> None:
    message = f"{word.text!r} is no value for {keyword!r}"
    findings.error(word.location, "invalid-value", message, f"expected: {expected}")


def parse_integer(word: Word, low: int, high: int, keyword: str, findings: Findings) -> int | None:
    if not _INTEGER.match(word.text):
        invalid(word, keyword, f"a whole number from {low} to {high}", findings)
        return None
    value = int(word.text)
    if low <= value <= high:
        return value
    message = f"{keyword} {value} is out of range"
    findings.error(word.location, "out-of-range", message, f"expected: {low} to {high}")
    return None


def integer(low: int, high: int, example: int | None = None) -> Converter:
    shape = f"{low}..{high}"

    def read(block: Block, findings: Findings) -> int | None:
        word = only_argument(block, findings, shape)
        return parse_integer(word, low, high, block.keyword, findings) if word else None

    return Converter(shape, str(low if example is None else example), read)


def whole_seconds(low: int, high: int, example: int = 5) -> Converter:
    """Seconds without a fraction -> nanoseconds."""
    count = integer(low, high, example)

    def read(block: Block, findings: Findings) -> int | None:
        value = count.read(block, findings)
        return None if value is None else value * NS_PER_S

    return Converter(f"SECONDS {low}..{high}", count.example, read)


def optional(converter: Converter, value: Any) -> Converter:
    """The same, and this value if there is no argument."""

    def read(block: Block, findings: Findings) -> Any:
        return converter.read(block, findings) if block.arguments else value

    return msgspec.structs.replace(converter, shape=f"[{converter.shape}]", read=read)


def parse_seconds(text: str) -> int | None:
    """Nanoseconds of decimal seconds ("0.25"), exactly; None if the text is something else."""
    match = _SECONDS.match(text)
    if not match:
        return None
    whole, fraction, bare_fraction = match.groups()
    return int(whole or 0) * NS_PER_S + int((fraction or bare_fraction or "").ljust(9, "0"))


def _plain(number: float) -> str:
    """Without an exponent: 0.000001, not 1e-06."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def seconds(low: float, high: float, example: str = "5") -> Converter:
    """Seconds with a fraction -> nanoseconds."""
    return _duration("seconds", NS_PER_S, low, high, example)


def milliseconds(low: float, high: float, example: str) -> Converter:
    """Milliseconds with a fraction -> nanoseconds."""
    return _duration("milliseconds", NS_PER_MS, low, high, example)


def _duration(unit: str, unit_ns: int, low: float, high: float, example: str) -> Converter:
    shape = f"{unit.upper()} {_plain(low)}..{_plain(high)}"

    def read(block: Block, findings: Findings) -> int | None:
        word = only_argument(block, findings, shape)
        if word is None:
            return None
        parsed = parse_seconds(word.text)
        if parsed is None:
            bare = bare_number(word.text, unit_ns)
            said = f"without a unit: {bare}" if bare != word.text else f"such as {example}"
            invalid(word, block.keyword, f"{unit}, {said}", findings)
            return None
        value = parsed * unit_ns // NS_PER_S
        if not low * unit_ns <= value <= high * unit_ns:
            message = f"{block.keyword} {word.text} is out of range"
            findings.error(word.location, "out-of-range", message, f"expected: {_plain(low)} to {_plain(high)} {unit}")
            return None
        return value

    return Converter(shape, example, read)


def flag(value: bool = True) -> Converter:
    """A keyword that says all by being there."""

    def read(block: Block, findings: Findings) -> bool:
        check_no_more(block, 0, findings)
        return value

    return Converter("", "", read)


def parse_boolean(word: Word, keyword: str, findings: Findings) -> bool | None:
    if word.text in TRUE_WORDS:
        return True
    if word.text in FALSE_WORDS:
        return False
    invalid(word, keyword, "on, true, yes, off, false or no", findings)
    return None


def boolean() -> Converter:
    """`[BOOL]`: on without an argument."""

    def read(block: Block, findings: Findings) -> bool | None:
        if not block.arguments:
            return True
        check_no_more(block, 1, findings)
        return parse_boolean(block.arguments[0], block.keyword, findings)

    return Converter("[on|off]", "on", read)


def word(shape: str, example: str) -> Converter:
    """Any one word."""

    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, shape)
        return argument.text if argument else None

    return Converter(shape, example, read)


def choice(*choices: str, hint: str = "") -> Converter:
    shape = "|".join(choices)

    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, shape)
        if argument is None or argument.text in choices:
            return argument.text if argument else None
        message = f"{argument.text!r} is no value for {block.keyword!r}"
        findings.error(argument.location, "invalid-value", message, hint or f"expected: {' or '.join(choices)}")
        return None

    return Converter(shape, choices[0], read)


def check_interface(argument: Word, findings: Findings) -> str | None:
    if _INTERFACE_NAME.match(argument.text) and argument.text not in (".", ".."):
        return argument.text
    message = f"{argument.text!r} cannot be the name of an interface"
    hint = f"at most {IFNAMSIZ} characters, no blank, '/' or ':'"
    findings.error(argument.location, "invalid-interface", message, hint)
    return None


def interface() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "NAME")
        return check_interface(argument, findings) if argument else None

    return Converter("NAME", "eth0", read)


class Address(msgspec.Struct, frozen=True):
    """A parsed address: canonical text and family."""

    text: str
    family: Family
    is_link_local: bool = False
    is_multicast: bool = False
    is_loopback: bool = False

    @property
    def is_unspecified(self) -> bool:
        return self.text in ("0.0.0.0", "::")


def parse_address(text: str) -> Address | None:
    """An IPv4 or IPv6 address without prefix length; None if it is none (host names are not resolved).

    Four decimal numbers without leading zeros are canonical as they stand: most addresses need no more than that.
    """
    if _IPV4.match(text):
        first = int(text.partition(".")[0])
        link_local = text.startswith("169.254.")
        return Address(text, Family.IPV4, link_local, 224 <= first < 240, first == 127)
    return _parse_ipv6(text) if ":" in text else None


def _parse_ipv6(text: str) -> Address | None:
    from ipaddress import AddressValueError, IPv6Address

    try:
        found = IPv6Address(text)
    except AddressValueError:
        return None
    if found.scope_id is not None:
        return None
    return Address(str(found), Family.IPV6, found.is_link_local, found.is_multicast, found.is_loopback)


def read_address(argument: Word, findings: Findings) -> Address | None:
    """An address of a router. keepalived skips a prefix length here, so do we, but not in silence."""
    text, slash, length = argument.text.partition("/")
    found = parse_address(text)
    if found is not None and slash:
        message = f"'/{length}' is skipped: this is the address of one machine"
        findings.warning(argument.location, "extra-arguments", message, found.text)
    if found is None:
        message = f"{argument.text!r} is not an IP address"
        findings.error(argument.location, "invalid-address", message, "names are not resolved here: write the address")
    return found


def address() -> Converter:
    def read(block: Block, findings: Findings) -> Address | None:
        argument = only_argument(block, findings, "ADDRESS")
        return read_address(argument, findings) if argument else None

    return Converter("ADDRESS", "192.0.2.1", read)


def multicast(family: Family | None, example: str) -> Converter:
    """A multicast group; of IPv6 link-local scope, because adverts are never forwarded."""

    def read(block: Block, findings: Findings) -> Address | None:
        argument = only_argument(block, findings, "ADDRESS")
        found = read_address(argument, findings) if argument else None
        if argument is None or found is None:
            return None
        right_scope = found.family is Family.IPV4 or found.text.split(":", 1)[0].endswith("2")
        if found.is_multicast and right_scope and family in (None, found.family):
            return found
        expected = "224.0.0.0/4" if family is Family.IPV4 else "ffX2::/16" if family else "224.0.0.0/4 or ffX2::/16"
        invalid(argument, block.keyword, f"a multicast address in {expected}", findings)
        return None

    return Converter("ADDRESS", example, read)


def command() -> Converter:
    """`"COMMAND ARGUMENT..." [USER [GROUP]]` -> Script."""

    def read(block: Block, findings: Findings) -> Script | None:
        found = read_command(block, findings)
        return Script(argv=found[0], user=found[1], group=found[2]) if found else None

    return Converter(
        '"COMMAND [ARGUMENT]..." [USER [GROUP]]', '"/usr/local/bin/notify.sh one"', read, merge="first", is_command=True
    )


def escaped_text(what: str, example: str) -> Converter:
    """One text, in quotes if it has blanks, with C escapes. what: it is called so, e.g. "pattern"."""

    def read(block: Block, findings: Findings) -> str | None:
        try:
            words = split(block.raw)[1:]
        except UnclosedQuote:
            message = f"a quote or a backslash in {block.keyword!r} is not closed"
            findings.error(block.location, "unclosed-quote", message, f'"a {what}", with \\\\ for a backslash')
            return None
        if len(words) == 1 and words[0]:
            return words[0]
        message = f"{block.keyword!r} needs one {what}, here are {len(words)} words"
        hint = f'put double quotes around it: {block.keyword} "a {what}"'
        findings.error(block.location, "invalid-value", message, hint)
        return None

    return Converter(f'"{what.upper()}"', example, read, is_escaped=True)


def entries(shape: str, example: str, read_entry: Callable[[Block, Findings], Any]) -> Converter:
    """`{ ENTRY... }`, an entry a line; blocks of the same keyword add up."""

    def read(block: Block, findings: Findings) -> tuple[Any, ...]:
        check_no_more(block, 0, findings)
        found = (read_entry(child, findings) for child in block.children or ())
        return tuple(value for value in found if value is not None)

    return Converter(f"{{ {shape} }}", f"{{\n{example}\n}}", read, block=True, merge="append")
