"""Where services and servers are: addresses with ports, ranges of them, marks of the firewall.

Ports are numbers, as in keepalived: it does not know names of services either.
"""

from __future__ import annotations

import re

import msgspec

from alived.base import Family, Location
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Address,
    Converter,
    check_no_more,
    invalid,
    parse_address,
    parse_integer,
    read_address,
)
from alived.config.keywords.definitions import Definition, name_of
from alived.config.keywords.lists import is_plain
from alived.config.keywords.table import Settings
from alived.config.text.blocks import Block, Word
from alived.lvs.config import (
    AddressRange,
    Endpoint,
    Fwmark,
    GroupName,
    Service,
    VirtualServerGroup,
)

MAX_PORT = 65535
MAX_MARK = 0xFFFFFFFF
MAX_RANGE = 65536
"""Addresses of a range: the kernel needs a service for each of them."""
FAMILIES = {"inet": Family.IPV4, "inet6": Family.IPV6}
_NO_PORT = re.compile(r"0+\Z")
_PORT = re.compile(r"\+?[0-9]{1,5}\Z")
_NUMBER = re.compile(r"[0-9]{1,3}\Z")
_GROUP = re.compile(r"[0-9a-fA-F]{1,4}\Z")


class EndpointEntry(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    family: Family
    location: Location


class ServiceEntry(msgspec.Struct, frozen=True):
    """What a virtual_server is for. family None: its statements or servers tell."""

    service: Service
    family: Family | None
    location: Location


def _read_port(word: Word, keyword: str, findings: Findings) -> int | None:
    """1..65535; 0 is no port (old files have it)."""
    if _NO_PORT.match(word.text):
        return 0
    if _PORT.match(word.text) and int(word.text) <= MAX_PORT:
        return int(word.text)
    message = f"{word.text!r} is no port for {keyword!r}"
    hint = f"a number from 1 to {MAX_PORT}, such as 80: names of services are not looked up"
    findings.error(word.location, "invalid-port", message, hint)
    return None


def read_endpoint(block: Block, findings: Findings) -> EndpointEntry | None:
    """`ADDRESS [PORT]` of a statement."""
    if not block.arguments:
        message = f"{block.keyword!r} needs an address"
        findings.error(block.location, "missing-argument", message, f"{block.keyword} 192.0.2.20 80")
        return None
    check_no_more(block, 2, findings)
    return _address_and_port(block.arguments[:2], block.keyword, findings)


def _address_and_port(words: tuple[Word, ...], keyword: str, findings: Findings) -> EndpointEntry | None:
    found = read_address(words[0], findings)
    port = _read_port(words[1], keyword, findings) if len(words) > 1 else 0
    if found is None or port is None:
        return None
    return EndpointEntry(Endpoint(found.text, port), found.family, words[0].location)


def endpoint() -> Converter:
    return Converter("ADDRESS [PORT]", "192.0.2.30 80", read_endpoint)


def read_service(block: Block, findings: Findings) -> ServiceEntry | None:
    """`ADDRESS [PORT]`, `fwmark NUMBER` or `group NAME` of a virtual_server."""
    kind = block.arguments[0].text if block.arguments else ""
    if kind not in ("fwmark", "group"):
        found = read_endpoint(block, findings)
        return ServiceEntry(found.endpoint, found.family, found.location) if found else None
    check_no_more(block, 2, findings)
    if len(block.arguments) < 2:
        message = f"{block.keyword!r} {kind} needs a {'number' if kind == 'fwmark' else 'name'}"
        findings.error(block.arguments[0].location, "missing-argument", message)
        return None
    word = block.arguments[1]
    if kind == "group":
        return ServiceEntry(GroupName(word.text), None, word.location)
    mark = parse_integer(word, 1, MAX_MARK, "fwmark", findings)
    return None if mark is None else ServiceEntry(Fwmark(mark), None, word.location)


def _split(text: str) -> tuple[str, str, str]:
    """(address, '-' or '/' or "", rest)"""
    for sign in "-/":
        first, found, rest = text.partition(sign)
        if found:
            return first, sign, rest
    return text, "", ""


def _last_of_range(first: Address, rest: str) -> Address | None:
    """`192.0.2.1-10`, `2001:db8::1-ff` (hexadecimal) or a whole address after the minus."""
    if ("." if first.family is Family.IPV4 else ":") in rest:
        return parse_address(rest)
    if first.family is Family.IPV4:
        return parse_address(f"{first.text.rpartition('.')[0]}.{int(rest)}") if _NUMBER.match(rest) else None
    from ipaddress import IPv6Address

    if not _GROUP.match(rest):
        return None
    return parse_address(str(IPv6Address(int(IPv6Address(first.text)) >> 16 << 16 | int(rest, 16))))


def _last_of_subnet(first: Address, rest: str) -> Address | None:
    """None if there are bits set behind the length, as in keepalived."""
    from ipaddress import ip_network

    if not _NUMBER.match(rest) or not int(rest):
        return None
    try:
        return parse_address(str(ip_network(f"{first.text}/{int(rest)}")[-1]))
    except ValueError:
        return None


def _range(word: Word, findings: Findings) -> tuple[Address, Address] | None:
    """The first and the last address that a word of a virtual_server_group says."""
    text, sign, rest = _split(word.text)
    first = parse_address(text)
    last = first
    if first is not None and sign == "-":
        last = _last_of_range(first, rest)
    elif first is not None and sign == "/":
        last = _last_of_subnet(first, rest)
    if first is None or last is None or first.family is not last.family:
        hint = "ADDRESS, ADDRESS-END such as 192.0.2.1-10, or the address of a subnet with its length: 192.0.2.0/28"
        findings.error(word.location, "invalid-address", f"{word.text!r} is no address or range", hint)
        return None
    return (first, last) if _is_right_size(word, first, last, findings) else None


def _is_right_size(word: Word, first: Address, last: Address, findings: Findings) -> bool:
    if first == last:
        return True
    from ipaddress import ip_address

    count = int(ip_address(last.text)) - int(ip_address(first.text)) + 1
    if 1 < count <= MAX_RANGE:
        return True
    what = "ends before it begins" if count < 1 else f"has {count} addresses"
    message = f"range {word.text!r} {what}"
    hint = f"ADDRESS-END with END above ADDRESS, at most {MAX_RANGE} addresses: the kernel needs a service for each"
    findings.error(word.location, "out-of-range", message, hint)
    return False


def _read_mark(block: Block, findings: Findings) -> Fwmark | None:
    """`fwmark NUMBER [inet|inet6]`."""
    if not block.arguments:
        findings.error(block.location, "missing-argument", "'fwmark' needs a number", "fwmark 1")
        return None
    check_no_more(block, 2, findings)
    mark = parse_integer(block.arguments[0], 1, MAX_MARK, "fwmark", findings)
    family = None
    if len(block.arguments) > 1:
        family = FAMILIES.get(block.arguments[1].text)
        if family is None:
            invalid(block.arguments[1], "fwmark", "inet or inet6", findings)
            return None
    return None if mark is None else Fwmark(mark, family)


def _read_member(block: Block, findings: Findings) -> AddressRange | Fwmark | None:
    if not is_plain(block, findings):
        return None
    if block.keyword == "fwmark":
        return _read_mark(block, findings)
    check_no_more(block, 1, findings)
    found = _range(Word(block.keyword, block.location), findings)
    port = _read_port(block.arguments[0], "virtual_server_group", findings) if block.arguments else 0
    return None if found is None or port is None else AddressRange(found[0].text, found[1].text, found[0].family, port)


def group() -> Converter:
    """`virtual_server_group` -> (Definition,) with its value."""

    def read(block: Block, findings: Findings) -> tuple[Definition, ...] | None:
        name = name_of(block, findings)
        if name is None:
            return None
        members = [_read_member(child, findings) for child in block.children or ()]
        addresses = tuple(one for one in members if isinstance(one, AddressRange))
        marks = tuple(one for one in members if isinstance(one, Fwmark))
        value = VirtualServerGroup(name=name.text, addresses=addresses, fwmarks=marks)
        if not members:
            message = f"virtual_server_group {name.text!r} has no entries: no packet belongs to it"
            findings.warning(name.location, "empty-group", message, "ADDRESS PORT, or fwmark NUMBER")
        return (Definition(name.text, name.location, Settings(block.location), value),)

    shape = "NAME { ADDRESS[-END|/LENGTH] [PORT] | fwmark NUMBER [inet|inet6] ... }"
    return Converter(shape, "g {\n192.0.2.1-10 80\n}", read, block=True, merge="append")
