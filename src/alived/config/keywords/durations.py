"""Durations with a unit, as people write them in YAML: `500ms`, `1m30s` (Go's notation, which vip-switch uses)."""

from __future__ import annotations

import re

from alived.base import NS_PER_MS, NS_PER_S, NS_PER_US

_UNITS: dict[str, int] = {"ns": 1, "us": NS_PER_US, "µs": NS_PER_US, "ms": NS_PER_MS, "s": NS_PER_S}
_UNITS |= {"m": 60 * NS_PER_S, "h": 3600 * NS_PER_S}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)"
_WHOLE = re.compile(rf"(?:{_PART})+\Z")
PATTERN = "([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+"
"""For a JSON Schema."""


def bare_number(text: str, unit_ns: int) -> str:
    """A duration with units as the decimal number of a unit: "0.5" of "500ms" in seconds.

    A text that is none comes back as it is.
    """
    if not _WHOLE.match(text):
        return text
    total_ns = sum(_ns(number, unit) for number, unit in re.findall(_PART, text))
    whole, rest = divmod(total_ns, unit_ns)
    fraction = f"{rest:0{len(str(unit_ns)) - 1}}".rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def _ns(number: str, unit: str) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole) * _UNITS[unit] + int(f"0{fraction}") * _UNITS[unit] // int(f"1{'0' * len(fraction)}")
