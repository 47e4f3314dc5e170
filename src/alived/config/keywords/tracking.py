"""Entries of `track_interface`, `track_script`, `track_file`, `track_process` and `track_bfd`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, check_interface, entries, parse_integer
from alived.config.keywords.lists import is_plain
from alived.config.keywords.table import did_you_mean
from alived.config.text.blocks import Block, Word
from alived.health.trackers_config import MAX_WEIGHT
from alived.vrrp.config import TrackedInterface


class TrackEntry(msgspec.Struct, frozen=True):
    tracked: TrackedInterface
    location: Location


class TrackerEntry(msgspec.Struct, frozen=True):
    """weight, reverse None: as the tracker itself says."""

    name: str
    weight: int | None
    reverse: bool | None
    location: Location


Options = tuple[int | None, bool | None]
"""weight and reverse, None if not said."""


def _read_options(block: Block, limit: int, findings: Findings) -> Options | None:
    """`[weight NUMBER [reverse|noreverse]]`; None after an error."""
    weight: int | None = None
    reverse: bool | None = None
    words = iter(block.arguments)
    for word in words:
        if word.text == "weight":
            value = next(words, None)
            if value is None:
                message = f"weight of {block.keyword} needs a value"
                findings.error(word.location, "missing-argument", message, f"weight -{limit}..{limit}")
                return None
            weight = parse_integer(value, -limit, limit, "weight", findings)
            if weight is None:
                return None
        elif word.text in ("reverse", "noreverse"):
            reverse = word.text == "reverse"
        else:
            message = f"unknown option {word.text!r} of tracked {block.keyword}"
            options = f"options: weight -{limit}..{limit}, reverse"
            hint = did_you_mean(word.text, ("weight", "reverse", "noreverse")) or options
            findings.warning(word.location, "unknown-option", message, hint)
    return weight, reverse


def _read_interface(block: Block, findings: Findings) -> TrackEntry | None:
    """`NAME [weight -253..253 [reverse]]`."""
    name = check_interface(Word(block.keyword, block.location), findings) if is_plain(block, findings) else None
    options = _read_options(block, MAX_WEIGHT, findings) if name else None
    if name is None or options is None:
        return None
    weight, reverse = options
    return TrackEntry(TrackedInterface(name, weight or 0, bool(reverse)), block.location)


def _read_tracker(limit: int) -> Callable[[Block, Findings], TrackerEntry | None]:
    """`NAME [weight NUMBER [reverse|noreverse]]`."""

    def read(block: Block, findings: Findings) -> TrackerEntry | None:
        options = _read_options(block, limit, findings) if is_plain(block, findings) else None
        return TrackerEntry(block.keyword, *options, block.location) if options else None

    return read


def trackers(limit: int, example: str) -> Converter:
    """A list of names of trackers, each with a weight from -limit to limit."""
    return entries(f"NAME [weight -{limit}..{limit}] [reverse|noreverse]", example, _read_tracker(limit))


tracks = entries("NAME [weight -253..253] [reverse]", "eth1 weight -20", _read_interface)
