"""Blocks that have a name, such as `vrrp_script NAME { ... }`: read by their table, made into a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter
from alived.config.keywords.table import Settings, Table, read_settings
from alived.config.text.blocks import Block, Word


class Definition(msgspec.Struct, frozen=True):
    """location: of the name. value: what the settings make; None if it was wrong or is made at a later stage."""

    name: str
    location: Location
    settings: Settings
    value: Any = None


Build = Callable[[str, Settings, Findings], Any]
"""The value of a block from its name and its settings; None after it has reported what is wrong."""


def name_of(block: Block, findings: Findings) -> Word | None:
    """The one argument that a block with a name has; None after it has reported that it is missing."""
    if not block.arguments:
        message = f"{block.keyword!r} needs a name"
        findings.error(block.location, "missing-argument", message, f"{block.keyword} NAME {{ ... }}")
        return None
    if len(block.arguments) > 1:
        extra = block.arguments[1]
        message = f"the name of {block.keyword!r} is one word: {extra.text!r} is too much"
        findings.error(extra.location, "extra-arguments", message, "use '_' or double quotes")
    return block.arguments[0]


def definition(rows: Table, build: Build | None = None, example: str = "a {\n}") -> Converter:
    """A block with a name -> (Definition,); all blocks of a keyword add up."""

    def read(block: Block, findings: Findings) -> tuple[Definition, ...] | None:
        name = name_of(block, findings)
        if name is None:
            return None
        settings = read_settings(block, rows, findings)
        value = build(name.text, settings, findings) if build else None
        return (Definition(name.text, name.location, settings, value),)

    return Converter("NAME { ... }", example, read, block=True, merge="append")


def unique(what: str, definitions: Iterable[Definition], findings: Findings) -> dict[str, Definition]:
    """The definitions by name, the first one of each: a second one is an error."""
    seen: dict[str, Definition] = {}
    for one in definitions:
        first = seen.setdefault(one.name, one)
        if first is not one:
            message = f"{what} {one.name!r} is already defined in {first.location.seen_from(one.location)}"
            findings.error(one.location, "duplicate-name", message, "give each its own name")
    return seen


def statements(example: str) -> Converter:
    """A block whose statements add up with those of other blocks of the keyword before they are read."""

    def read(block: Block, findings: Findings) -> tuple[Block, ...]:
        for argument in block.arguments:
            message = f"{argument.text!r} after {block.keyword} is skipped"
            findings.warning(argument.location, "extra-arguments", message)
        return block.children or ()

    return Converter("{ ... }", example, read, block=True, merge="append")
