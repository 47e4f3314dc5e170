"""Tables and entries of what stands beside the instances: static addresses, track groups, paces, delays of links."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_interface,
    check_no_more,
    choice,
    entries,
    interface,
    invalid,
    parse_seconds,
    seconds,
)
from alived.config.keywords.definitions import Definition
from alived.config.keywords.lines import Entry
from alived.config.keywords.lists import is_plain, members, read_vip
from alived.config.keywords.table import Settings, read_settings, table, works
from alived.config.text.blocks import Block, Word
from alived.health.trackers_config import LinkDelay
from alived.vip.static_config import StaticAddress, TrackGroup

MAX_DELAY_S = 255
MAX_PACE_S = 60


def _read_address(block: Block, findings: Findings) -> Entry | None:
    """An entry of `virtual_ipaddress` with `track_group NAME`."""
    words = [argument.text for argument in block.arguments]
    group = ""
    if "track_group" in words:
        at = words.index("track_group")
        if at + 1 == len(words):
            message = f"'track_group' of {block.keyword} needs a value"
            findings.error(block.arguments[at].location, "missing-argument", message, "track_group NAME")
            return None
        group = words[at + 1]
        block = msgspec.structs.replace(block, arguments=block.arguments[:at] + block.arguments[at + 2 :])
    found = read_vip(block, findings)
    return Entry(StaticAddress(found.vip, group), found.location) if found else None


def static_addresses() -> Converter:
    return entries("ADDRESS[/LENGTH] [dev NAME] [track_group NAME] [OPTION]...", "192.0.2.9/24 dev eth0", _read_address)


TRACK_GROUP = table(
    "in track_group",
    works("group", members, "Instances that are in FAULT if a static address, route or rule of the group is lost."),
)


def build_track_group(name: str, said: Settings, findings: Findings) -> TrackGroup:
    words = [word.text for line in said.get("group", ()) for word in line]
    if not words and "group" not in said.tried:
        findings.warning(said.location, "empty-group", f"{name}: the group has no instance", "group { INSTANCE ... }")
    return TrackGroup(name, tuple(dict.fromkeys(words)))


def _read_name(block: Block, findings: Findings) -> Entry | None:
    """Names of interfaces; several on a line are several entries."""
    name = check_interface(Word(block.keyword, block.location), findings) if is_plain(block, findings) else None
    return Entry(name, block.location) if name else None


def _one_name() -> Converter:
    """`interface NAME`, several of them."""
    single = interface()

    def read(block: Block, findings: Findings) -> tuple[Entry, ...] | None:
        name = single.read(block, findings)
        return (Entry(name, block.arguments[0].location),) if name else None

    return msgspec.structs.replace(single, read=read, merge="append")


GARP_GROUP = table(
    "in garp_group",
    works("garp_interval", seconds(0, MAX_PACE_S, "0.001"), "Least time between two gratuitous ARPs.", default="0"),
    works("gna_interval", seconds(0, MAX_PACE_S, "0.001"), "Least time between two unsolicited NAs.", default="0"),
    works("interface", _one_name(), "An interface of the group.", field="interfaces"),
    works("interfaces", entries("NAME", "eth0", _read_name), "Interfaces that share the pace."),
)


def garp_group() -> Converter:
    """A block without a name; each is a group of its own."""

    def read(block: Block, findings: Findings) -> tuple[Definition, ...]:
        check_no_more(block, 0, findings)
        said = read_settings(block, GARP_GROUP, findings)
        if "interfaces" not in said.tried:
            findings.warning(block.location, "empty-group", "garp_group without interfaces has no effect", "interfaces")
        if not said.tried & {"garp_interval", "gna_interval"}:
            message = "garp_group without garp_interval and gna_interval has no effect"
            findings.warning(block.location, "empty-group", message, "garp_interval SECONDS")
        return (Definition("", block.location, said),)

    example = "{\ngarp_interval 0.001\ninterface eth0\n}"
    return Converter("{ ... }", example, read, block=True, merge="append")


def _read_delay(block: Block, findings: Findings) -> Entry | None:
    """`NAME DOWN [UP]`."""
    name = check_interface(Word(block.keyword, block.location), findings) if is_plain(block, findings) else None
    if name is None:
        return None
    if not block.arguments:
        message = f"{name} needs a time"
        findings.error(block.location, "missing-argument", message, f"{name} DOWN_SECONDS [UP_SECONDS]")
        return None
    check_no_more(block, 2, findings)
    times = [_delay(word, name, findings) for word in block.arguments[:2]]
    down, up = (*times, 0)[:2]
    return (
        None if down is None or up is None else Entry(LinkDelay(interface=name, down_ns=down, up_ns=up), block.location)
    )


def _delay(word: Word, name: str, findings: Findings) -> int | None:
    value = parse_seconds(word.text)
    if value is not None and value <= MAX_DELAY_S * NS_PER_S:
        return value
    invalid(word, f"the delay of {name}", f"seconds from 0 to {MAX_DELAY_S}", findings)
    return None


def link_delays() -> Converter:
    return entries("NAME DOWN_SECONDS [UP_SECONDS]", "eth0 1 1.5", _read_delay)


_METHOD = choice("MII", "ETHTOOL", "IOCTL")


def _read_polled(block: Block, findings: Findings) -> Entry | None:
    """`NAME [MII|ETHTOOL|IOCTL]`."""
    name = _read_name(block, findings)
    if name is None or (block.arguments and _METHOD.read(block, findings) is None):
        return None
    return name


def polled_interfaces() -> Converter:
    return entries("NAME [MII|ETHTOOL|IOCTL]", "eth0 MII", _read_polled)
