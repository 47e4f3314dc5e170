"""Readers of the keywords of `global_defs` that are like no other."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_no_more,
    invalid,
    parse_address,
    parse_integer,
)
from alived.config.keywords.lines import MAX_U32, Line, Option, field, number
from alived.config.text.blocks import Block, Word
from alived.lvs.daemon_config import ConnectionTimeouts, FlushOnStop, SyncDaemon
from alived.notify.config import Fifo

MAX_TIMEOUT_S = 31 * 86400
MAX_SYNC_BYTES = 65507
MAX_UMASK = 0o777
_UMASK_BITS = {
    f"I{right}{who}": bits << shift
    for who, shift in (("USR", 6), ("GRP", 3), ("OTH", 0))
    for right, bits in (("R", 4), ("W", 2), ("X", 1))
} | {"IRWXU": 0o700, "IRWXG": 0o70, "IRWXO": 0o7}
INCLUDE_CHECKS = ("readable", "match", "wildcard_match", "brace_match")


def words(shape: str, example: str, most: int, least: int = 1) -> Converter:
    """From `least` to `most` words -> tuple."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        if len(block.arguments) < least:
            message = f"{block.keyword!r} needs a value"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} {shape}")
            return None
        check_no_more(block, most, findings)
        return tuple(argument.text for argument in block.arguments[:most])

    return Converter(shape, example, read)


def fifo() -> Converter:
    """`PATH [USER [GROUP]]`."""
    path = words("PATH [USER [GROUP]]", "/run/alived.fifo", 3)

    def read(block: Block, findings: Findings) -> Fifo | None:
        found = path.read(block, findings)
        return Fifo(**dict(zip(("path", "user", "group"), found))) if found else None

    return msgspec.structs.replace(path, read=read)


def _line(block: Block, options: Mapping[str, Option], findings: Findings) -> Line:
    """All options of a statement; whatever is none is an error."""
    line = Line(block, "", findings)
    line.next()
    while (word := line.next()) is not None and line.right:
        option = options.get(word.text)
        if option is None:
            line.unknown(word, options)
        else:
            option(line, word)
    return line


def _seconds(line: Line, option: Word) -> int | None:
    value = line.number(option, 0, MAX_TIMEOUT_S)
    return None if value is None else value * NS_PER_S


_TIMEOUTS: Mapping[str, Option] = {
    "tcp": field("tcp_ns", _seconds),
    "tcpfin": field("tcp_fin_ns", _seconds),
    "udp": field("udp_ns", _seconds),
}


def connection_timeouts() -> Converter:
    shape = "[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]"

    def read(block: Block, findings: Findings) -> ConnectionTimeouts | None:
        if not block.arguments:
            message = f"{block.keyword!r} needs a value"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} {shape}")
        line = _line(block, _TIMEOUTS, findings)
        return ConnectionTimeouts(**line.values) if line.right and line.values else None

    return Converter(shape, "tcp 900 tcpfin 120 udp 300", read)


def _group(line: Line, option: Word) -> str | None:
    word = line.value(option)
    found = parse_address(word.text) if word else None
    if word is None or (found is not None and found.is_multicast):
        return found.text if found else None
    line.fail(word, "invalid-value", f"{word.text!r} is no multicast address")
    return None


_SYNC_OPTIONS: Mapping[str, Option] = {
    "inst": field("instance", lambda line, option: (word := line.value(option)) and word.text),
    "id": number("sync_id", 255),
    "maxlen": number("max_length", MAX_SYNC_BYTES, 1),
    "port": number("port", 65535, 1),
    "ttl": number("ttl", 255, 1),
    "group": field("group", _group),
}


def sync_daemon() -> Converter:
    """`INTERFACE [[inst] INSTANCE] [id 0..255] ...`; a number behind the instance is the id, as it used to be."""
    shape = "INTERFACE [[inst] INSTANCE] [id 0..255] [maxlen BYTES] [port PORT] [ttl TTL] [group ADDRESS]"

    def read(block: Block, findings: Findings) -> SyncDaemon | None:
        line = Line(block, "", findings)
        keyword = line.next()
        name = line.interface(keyword) if keyword else None
        positional = iter(("instance", "sync_id"))
        while (word := line.next()) is not None and line.right:
            option = _SYNC_OPTIONS.get(word.text)
            if option is not None:
                positional = iter(())
                option(line, word)
                continue
            match next(positional, None):
                case "instance":
                    line.set("instance", word.text)
                case "sync_id":
                    line.set("sync_id", line.parse_number(word.text, word, "id", 0, 255))
                case _:
                    line.unknown(word, _SYNC_OPTIONS)
        return SyncDaemon(interface=name, **line.values) if name and line.right else None

    return Converter(shape, "eth0 inst VI_1 id 5", read)


def flush_on_stop() -> Converter:
    def read(block: Block, findings: Findings) -> FlushOnStop | None:
        if not block.arguments:
            return FlushOnStop.FULL
        check_no_more(block, 1, findings)
        if block.arguments[0].text == "VS":
            return FlushOnStop.VIRTUAL_SERVERS
        invalid(block.arguments[0], block.keyword, "VS, or nothing", findings)
        return None

    return Converter("[VS]", "VS", read)


def rx_policy() -> Converter:
    """`MTU|ADVERT|BYTES`."""
    one = words("MTU|ADVERT|BYTES", "MTU", 1)

    def read(block: Block, findings: Findings) -> str | None:
        found = one.read(block, findings)
        if found is None or found[0].upper() in ("MTU", "ADVERT"):
            return found[0].upper() if found else None
        return None if parse_integer(block.arguments[0], 0, MAX_U32, block.keyword, findings) is None else found[0]

    return msgspec.structs.replace(one, read=read)


def umask() -> Converter:
    """A number (022 is octal, 0x12 hexadecimal) or names of bits: `IWGRP | IWOTH`."""

    def read(block: Block, findings: Findings) -> int | None:
        first = block.arguments[0] if block.arguments else Word("", block.location)
        text = "".join(argument.text for argument in block.arguments)
        if text[:1].isdigit():
            value = _number(text)
        else:
            bits = [_UMASK_BITS.get(name) for name in text.split("|")]
            value = None if None in bits else sum({bit for bit in bits if bit is not None})
        if value is not None and value <= MAX_UMASK:
            return value
        invalid(Word(text, first.location), block.keyword, "an octal number such as 022, or IWGRP|IWOTH", findings)
        return None

    return Converter("NUMBER|BITS", "022", read)


def _number(text: str) -> int | None:
    base = 16 if text[:2].lower() == "0x" else 8 if text.startswith("0") else 10
    try:
        return int(text, base)
    except ValueError:
        return None


def include_checks() -> Converter:
    """`[+|-]option...`; nothing: all of them. They are followed while files are read."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        for argument in block.arguments:
            if argument.text.lstrip("+-") not in INCLUDE_CHECKS:
                invalid(argument, block.keyword, ", ".join(INCLUDE_CHECKS), findings)
                return None
        return tuple(argument.text for argument in block.arguments)

    return Converter("[[+|-]OPTION]...", "match", read)
