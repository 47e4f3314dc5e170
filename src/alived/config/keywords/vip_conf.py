"""The table of `vip_conf`: the four values of vip-switch's vip.conf, under the names that its scripts know."""

from __future__ import annotations

from typing import Any

from alived.base import NS_PER_MS
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    integer,
    interface,
    invalid,
    only_argument,
    parse_address,
    parse_integer,
)
from alived.config.keywords.product import nested, required
from alived.config.keywords.table import Settings, table, works
from alived.config.text.blocks import Block, Word
from alived.vip.config import GarpPolicy, VipGroup, VirtualAddress

MAX_COUNT, MAX_DELAY_MS = 100, 60_000
"""What the scripts of examples/vip-switch take."""
ARP_COUNT = 3
ARP_DELAY_MS = 200
"""What vip-switch's example says; its scripts have no defaults of their own."""


def _address() -> Converter:
    """`ADDRESS/LENGTH` -> fields of VirtualAddress."""

    def read(block: Block, findings: Findings) -> dict[str, Any] | None:
        argument = only_argument(block, findings, "ADDRESS/LENGTH")
        return _parse(argument, findings) if argument else None

    return Converter("ADDRESS/LENGTH", "192.0.2.10/32", read)


def _parse(argument: Word, findings: Findings) -> dict[str, Any] | None:
    text, slash, length_text = argument.text.partition("/")
    found = parse_address(text)
    if found is None or found.is_multicast or found.is_unspecified or found.is_loopback:
        message = f"{argument.text!r} is no address for VIP_ADDRESS"
        findings.error(argument.location, "invalid-address", message, "one ADDRESS/LENGTH, such as 192.0.2.10/24")
        return None
    length: int | None = found.family.bits
    if slash:
        length = parse_integer(Word(length_text, argument.location), 0, found.family.bits, "prefix length", findings)
    else:
        message = f"{text} has no prefix length: /{length} is assumed, as ip(8) does"
        findings.warning(argument.location, "no-prefix-length", message, f'VIP_ADDRESS="{text}/{length}"')
    return None if length is None else {"address": found.text, "prefix_length": length, "family": found.family}


def _decimal(high: int, example: int) -> Converter:
    """As a shell reads numbers, to which 010 is 8: without zeros before it."""
    number = integer(0, high, example)

    def read(block: Block, findings: Findings) -> int | None:
        value: int | None = number.read(block, findings)
        if value is None or str(value) == block.arguments[0].text.lstrip("+"):
            return value
        invalid(
            block.arguments[0], block.keyword, f"{value}: the scripts refuse a number with zeros before it", findings
        )
        return None

    return Converter(number.shape, number.example, read)


VIP_CONF = table(
    "in vip_conf",
    works("VIP_ADDRESS", _address(), "The address that the scripts bind."),
    works("INTERFACE", interface(), "Where they bind it."),
    works("ARP_COUNT", _decimal(MAX_COUNT, ARP_COUNT), "Announcements after that.", default=str(ARP_COUNT)),
    works("ARP_DELAY_MS", _decimal(MAX_DELAY_MS, ARP_DELAY_MS), "Time between them.", default=str(ARP_DELAY_MS)),
)


def _build(settings: Settings, findings: Findings) -> VipGroup | None:
    address = required(settings, "VIP_ADDRESS", "vip_conf", findings, "192.0.2.10/24")
    device = required(settings, "INTERFACE", "vip_conf", findings, "eth0")
    if address is None or device is None:
        return None
    delay_ns = settings.get("ARP_DELAY_MS", ARP_DELAY_MS) * NS_PER_MS
    garp = GarpPolicy(
        master_repeat=settings.get("ARP_COUNT", ARP_COUNT),
        master_delay_ns=0,
        garp_interval_ns=delay_ns,
        gna_interval_ns=delay_ns,
    )
    return VipGroup(name="vip_conf", addresses=(VirtualAddress(interface=device, **address),), garp=garp)


def vip_conf() -> Converter:
    """`vip_conf { ... }` -> VipGroup."""
    return nested(VIP_CONF, "VIP_ADDRESS 192.0.2.10/32\nINTERFACE eth0", _build)
