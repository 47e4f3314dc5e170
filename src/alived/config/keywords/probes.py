"""What checks send and expect: hexadecimal data, status codes, digests, names, regular expressions."""

from __future__ import annotations

import re

from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_no_more,
    invalid,
    only_argument,
    parse_integer,
)
from alived.config.keywords.table import did_you_mean
from alived.config.text.blocks import Block
from alived.health.config import DnsType, HttpProtocol
from alived.wire.dns import encode_name

MIN_STATUS, MAX_STATUS = 100, 599
MAX_STACK = 1 << 30
_HEX_PAIR = re.compile(r"[ \t]*([0-9a-fA-FxX])(?:([0-9a-fA-FxX])| |\Z)[ \t]*")
_DIGEST = re.compile(r"[0-9a-fA-F]{32}\Z")
_STATUS = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?\Z")
_REGEX_OPTIONS = (
    "allow_empty_class",
    "alt_bsux",
    "alt_circumflex",
    "alt_verbnames",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_backslash_c",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
)


def parse_hex(text: str) -> tuple[bytes, bytes] | None:
    """Octets and the mask of their bits that count; x stands for any half of an octet, one digit alone for an octet."""
    octets, mask = bytearray(), bytearray()
    position = 0
    while position < len(text):
        match = _HEX_PAIR.match(text, position)
        if not match:
            return None
        digits = (match[1] + (match[2] or "")).lower()
        octets.append(int(digits.replace("x", "0"), 16))
        mask.append(int("".join("0" if digit == "x" else "f" for digit in digits.rjust(2, "0")), 16))
        position = match.end()
    return (bytes(octets), bytes(mask)) if octets else None


def payload() -> Converter:
    """Octets that are sent: no wildcards."""

    def read(block: Block, findings: Findings) -> bytes | None:
        if not block.arguments:
            findings.error(block.location, "missing-argument", f"{block.keyword!r} needs a value", "payload 01 02 0a")
            return None
        text = " ".join(word.text for word in block.arguments)
        found = None if "x" in text.lower() else parse_hex(text)
        if found is None:
            invalid(block.arguments[0], block.keyword, "hexadecimal digits, such as 01 02 0a", findings)
        return found[0] if found else None

    return Converter("HEX...", "01 02 0a", read)


def reply() -> Converter:
    """`[HEX...]` -> (octets, mask), both empty if any answer will do."""

    def read(block: Block, findings: Findings) -> tuple[bytes, bytes] | None:
        if not block.arguments:
            return b"", b""
        found = parse_hex(" ".join(word.text for word in block.arguments))
        if found is None:
            expected = "hexadecimal digits, x for those that do not matter, such as 01 xx 0a"
            invalid(block.arguments[0], block.keyword, expected, findings)
        return found

    return Converter("[HEX...]", "01 xx 0a", read)


def digest() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "MD5")
        if argument is None or _DIGEST.match(argument.text):
            return argument.text.lower() if argument else None
        expected = "an MD5 digest, 32 hexadecimal digits: curl -s URL | md5sum"
        invalid(argument, block.keyword, expected, findings)
        return None

    return Converter("MD5", "9b3a0c85a887a256d6939da88aabd8cd", read)


def status_codes() -> Converter:
    """`CODE[-CODE]...` -> ranges; several statements add up."""

    def read(block: Block, findings: Findings) -> tuple[tuple[int, int], ...]:
        found = []
        if not block.arguments:
            findings.error(block.location, "missing-argument", "'status_code' needs a value", "status_code 200-299")
        for word in block.arguments:
            match = _STATUS.match(word.text)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if MIN_STATUS <= first <= last <= MAX_STATUS:
                found.append((first, last))
            else:
                expected = f"codes from {MIN_STATUS} to {MAX_STATUS} and ranges of them, such as 200 300-399"
                invalid(word, block.keyword, expected, findings)
        return tuple(found)

    return Converter("CODE[-CODE]...", "200 300-399", read, merge="append")


def http_protocol() -> Converter:
    def read(block: Block, findings: Findings) -> HttpProtocol | None:
        argument = only_argument(block, findings, "1.0|1.0C|1.1")
        if argument is None:
            return None
        if argument.text.upper() in list(HttpProtocol):
            return HttpProtocol(argument.text.upper())
        invalid(argument, block.keyword, "1.0, 1.0C or 1.1", findings)
        return None

    return Converter("1.0|1.0C|1.1", "1.1", read)


def regex_options() -> Converter:
    """Names of options; several statements add up."""

    def read(block: Block, findings: Findings) -> tuple[str, ...]:
        for word in block.arguments:
            if word.text not in _REGEX_OPTIONS:
                message = f"unknown option {word.text!r} of regex_options: skipped"
                hint = did_you_mean(word.text, _REGEX_OPTIONS) or f"options: {', '.join(_REGEX_OPTIONS)}"
                findings.warning(word.location, "unknown-option", message, hint)
        return tuple(word.text for word in block.arguments if word.text in _REGEX_OPTIONS)

    return Converter("OPTION...", "caseless dotall", read, merge="append")


def regex_stack() -> Converter:
    """`START MAX` octets."""

    def read(block: Block, findings: Findings) -> tuple[int, int] | None:
        if len(block.arguments) < 2:
            message = "'regex_stack' needs two numbers: octets at first and at most"
            findings.error(block.location, "missing-argument", message, "regex_stack 8192 65536")
            return None
        check_no_more(block, 2, findings)
        start, most = (parse_integer(word, 1, MAX_STACK, block.keyword, findings) for word in block.arguments[:2])
        if start is None or most is None:
            return None
        if start > most:
            message = f"regex_stack begins with {start} octets, but has {most} at most"
            findings.error(block.arguments[0].location, "out-of-range", message)
            return None
        return start, most

    return Converter("START MAX", "8192 65536", read)


def dns_type() -> Converter:
    def read(block: Block, findings: Findings) -> DnsType | None:
        argument = only_argument(block, findings, "|".join(DnsType))
        if argument is None:
            return None
        if argument.text.upper() in list(DnsType):
            return DnsType(argument.text.upper())
        invalid(argument, block.keyword, ", ".join(DnsType), findings)
        return None

    return Converter("|".join(DnsType), "A", read)


def dns_name() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "NAME")
        if argument is None:
            return None
        try:
            encode_name(argument.text)
        except ValueError as error:
            invalid(argument, block.keyword, f"a name of the DNS; {error}", findings)
            return None
        return argument.text

    return Converter("NAME", "www.example.com", read)
