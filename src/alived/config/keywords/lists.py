"""Entries of the blocks that are lists: addresses, peers, members of a group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from alived.base import Family, Location
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Address,
    check_interface,
    entries,
    invalid,
    parse_address,
    parse_integer,
    read_address,
)
from alived.config.text.blocks import Block, Word
from alived.vip.config import INFINITE_LIFETIME, VirtualAddress
from alived.vrrp.config import UnicastPeer

SCOPES = ("global", "site", "link", "host", "nowhere")
MAX_LENGTH_WITH_BROADCAST = 30
_FLAGS = {
    "home": {"home": True},
    "-nodad": {"nodad": False},
    "mngtmpaddr": {"mngtmpaddr": True},
    "noprefixroute": {"noprefixroute": True},
    "autojoin": {"autojoin": True},
    "no_track": {"no_track": True},
}


Options = dict[str, Any]
"""Fields of VirtualAddress that options have set."""


class VipEntry(msgspec.Struct, frozen=True):
    """An entry of `virtual_ipaddress`: `vip.interface` is "" until the instance is known."""

    vip: VirtualAddress
    address: Address
    location: Location


class PeerEntry(msgspec.Struct, frozen=True):
    peer: UnicastPeer
    family: Family
    has_ttl: bool
    location: Location


def read_vip(block: Block, findings: Findings) -> VipEntry | None:
    """`ADDRESS[/LENGTH] [brd A] [dev NAME] [scope S] [label L] [peer A[/LENGTH]] [flags]`."""
    if not is_plain(block, findings):
        return None
    network = _read_network(Word(block.keyword, block.location), findings)
    if network is None:
        return None
    found, length = network
    options = _read_vip_options(block, found, findings)
    if options is None:
        return None
    if "broadcast" in options:
        _check_broadcast(block, length, options, findings)
    fields = {"prefix_length": length, "interface": "", **options}
    vip = VirtualAddress(address=found.text, family=found.family, **fields)
    return VipEntry(vip, found, block.location)


def is_plain(block: Block, findings: Findings) -> bool:
    """An entry of a list is no block; reports it if it is one."""
    if block.children is None:
        return True
    message = f"{block.keyword!r} opens a block where an entry of a list is expected"
    findings.error(block.location, "unexpected-block", message, "is a '}' missing before it?")
    return False


def _read_network(word: Word, findings: Findings) -> tuple[Address, int] | None:
    text, slash, length_text = word.text.partition("/")
    found = parse_address(text)
    if found is None:
        message = f"{word.text!r} is not an IP address"
        findings.error(word.location, "invalid-address", message, "ADDRESS or ADDRESS/LENGTH, such as 192.0.2.10/24")
        return None
    bits = found.family.bits
    if not slash:
        return found, bits
    length = parse_integer(Word(length_text, word.location), 0, bits, f"prefix length of {text}", findings)
    return (found, length) if length is not None else None


def _read_vip_options(block: Block, vip: Address, findings: Findings) -> dict[str, Any] | None:
    options: dict[str, Any] = {}
    words = iter(block.arguments)
    right = known = True
    for word in words:
        before_known, known = known, True
        if word.text in _FLAGS:
            options.update(_FLAGS[word.text])
        elif word.text in _VALUED:
            value = next(words, None)
            if value is None:
                message = f"{word.text!r} of {block.keyword} needs a value"
                findings.error(word.location, "missing-argument", message)
                return None
            right &= _VALUED[word.text](value, vip, options, findings)
        elif word.text == "use_vmac":
            message = f"use_vmac of {block.keyword} has no effect in this version: the address is bound without it"
            findings.warning(word.location, "not-supported-yet", message)
            options["use_vmac"] = True
        else:
            known = False
            if before_known:  # else it may well be the value of the unknown option before
                message = f"unknown option {word.text!r} of address {block.keyword}: skipped"
                findings.warning(word.location, "unknown-option", message, _option_hint(word.text))
    return options if right else None


def _check_broadcast(block: Block, length: int, options: Options, findings: Findings) -> None:
    """Drops a broadcast address that cannot be, as keepalived does."""
    if "peer" in options:
        reason = "a point-to-point address has none"
    elif options["broadcast"] in ("+", "-") and length > MAX_LENGTH_WITH_BROADCAST:
        reason = f"a subnet of length {length} has none"
    else:
        return
    del options["broadcast"]
    message = f"broadcast address of {block.keyword} is skipped: {reason}"
    findings.warning(block.location, "broadcast-skipped", message, "remove brd, or write ADDRESS/LENGTH of the subnet")


def _option_hint(text: str) -> str:
    if parse_address(text.partition("/")[0]):
        return "put each address on a line of its own"
    return f"options: {', '.join([*_VALUED, *_FLAGS])}"


def _dev(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    name = check_interface(value, findings)
    options["interface"] = name or ""
    return name is not None


def _scope(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    if vip.family is Family.IPV6:
        message = f"scope of {vip.text} is skipped: the kernel derives the scope of an IPv6 address"
        findings.warning(value.location, "not-for-ipv6", message)
    elif value.text in SCOPES or (value.text.isdigit() and int(value.text) <= 255):
        options["scope"] = value.text
    else:
        invalid(value, "scope", f"{', '.join(SCOPES)} or 0 to 255", findings)
        return False
    return True


def _label(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    if vip.family is Family.IPV6:
        findings.warning(value.location, "not-for-ipv6", f"label of {vip.text} is skipped: IPv6 addresses have none")
        return True
    if len(value.text.encode()) > 15:
        message = f"label {value.text!r} has more than 15 characters"
        findings.error(value.location, "invalid-value", message, "such as eth0:1")
        return False
    options["label"] = value.text
    return True


def _broadcast(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    found = parse_address(value.text)
    if vip.family is Family.IPV6:
        message = f"{vip.text} cannot have a broadcast address: it is IPv6"
        findings.error(value.location, "not-for-ipv6", message)
        return False
    if value.text not in ("+", "-") and (found is None or found.family is Family.IPV6):
        invalid(value, "brd", "an IPv4 address, + or -", findings)
        return False
    options["broadcast"] = found.text if found else value.text
    return True


def _peer(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    network = _read_network(value, findings)
    if network is None:
        return False
    peer, length = network
    if peer.family is not vip.family:
        findings.error(value.location, "family-mismatch", f"peer {peer.text} is not of the family of {vip.text}")
        return False
    options["peer"] = f"{peer.text}/{length}" if "/" in value.text else peer.text
    return True


def _preferred_lft(value: Word, vip: Address, options: Options, findings: Findings) -> bool:
    if value.text == "forever":
        options["preferred_lft"] = INFINITE_LIFETIME
        return True
    lifetime = parse_integer(value, 0, INFINITE_LIFETIME, "preferred_lft", findings)
    options["preferred_lft"] = lifetime
    return lifetime is not None


_VALUED: dict[str, Callable[[Word, Address, Options, Findings], bool]] = {
    "dev": _dev,
    "scope": _scope,
    "label": _label,
    "brd": _broadcast,
    "broadcast": _broadcast,
    "peer": _peer,
    "preferred_lft": _preferred_lft,
}


def read_peer(block: Block, findings: Findings) -> PeerEntry | None:
    """`ADDRESS [min_ttl 0..255] [max_ttl 0..255]`."""
    if not is_plain(block, findings):
        return None
    found = read_address(Word(block.keyword, block.location), findings)
    if found is None:
        return None
    ttl = {"min_ttl": 0, "max_ttl": 255}
    for option, value in _pairs(block, findings):
        if option.text not in ttl:
            message = f"unknown option {option.text!r} of peer {found.text}"
            findings.warning(option.location, "unknown-option", message, "options: min_ttl, max_ttl")
            continue
        number = parse_integer(value, 0, 255, option.text, findings)
        if number is None:
            return None
        ttl[option.text] = number
    if ttl["min_ttl"] > ttl["max_ttl"]:
        message = f"min_ttl {ttl['min_ttl']} > max_ttl {ttl['max_ttl']}: every advert of {found.text} would be refused"
        findings.error(block.location, "out-of-range", message)
        return None
    return PeerEntry(UnicastPeer(found.text, **ttl), found.family, bool(block.arguments), block.location)


def _pairs(block: Block, findings: Findings) -> Iterator[tuple[Word, Word]]:
    words = iter(block.arguments)
    for option in words:
        value = next(words, None)
        if value is None:
            message = f"{option.text!r} of {block.keyword} needs a value"
            findings.error(option.location, "missing-argument", message)
            return
        yield option, value


def read_member(block: Block, findings: Findings) -> tuple[Word, ...] | None:
    """Names of instances; several on a line are several members."""
    return block.words if is_plain(block, findings) else None


vips = entries("ADDRESS[/LENGTH] [dev NAME] [OPTION]...", "192.0.2.10/24 dev eth0", read_vip)
peers = entries("ADDRESS [min_ttl 0..255] [max_ttl 0..255]", "192.0.2.2", read_peer)
members = msgspec.structs.replace(entries("INSTANCE", "VI_1\nVI_2", read_member), merge="first")
