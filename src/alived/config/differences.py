"""What differs between two values of the model, field by field, in words for the operator. Pure and general: it knows
no type by name, so a new field or a new kind of block is compared from the day it is in the model.

Things in a list are the same thing if they have the same identity (their name, or what they begin with): then their
fields are compared; the others come and go.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

SECRET_MARKS = ("pass", "secret")
"""A field with this in its name is never shown."""
LONGEST_TEXT = 200
WORDS = {
    "addresses": "virtual_ipaddress",
    "advert_interval": "advert_int",
    "family": "native_ipv6",
    "initial_state": "state",
    "multicast_group": "mcast_dst_ip",
    "track_interfaces": "track_interface",
    "unicast_peers": "unicast_peer",
    "vmac": "use_vmac",
}
"""keepalived's word where the model has another one."""
UNITS = {"_ns": (1_000_000_000, "s"), "_cs": (100, "s"), "_us": (1_000_000, "s"), "_s": (1, "s")}


class Difference(msgspec.Struct, frozen=True):
    """old, new: texts; None: there was or is no such thing."""

    field: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.field} + {self.new}"
        if self.new is None:
            return f"{self.field} - {self.old}"
        return f"{self.field} {self.old} -> {self.new}" if self.old != self.new else f"{self.field} changed"


def differences(old: msgspec.Struct, new: msgspec.Struct, path: str = "") -> Iterator[Difference]:
    """Each field that differs between two structs of the same type; path: what leads to them."""
    for name in old.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before is not after and before != after:
            yield from of_field(name, path + word(name), before, after)


def of_field(name: str, path: str, before: Any, after: Any) -> Iterator[Difference]:
    """What differs between two values of a field; path: what it is called."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        yield from _lists(name, path, before, after)
    elif isinstance(before, msgspec.Struct) and type(before) is type(after) and not _says_all(before, after):
        yield from differences(before, after, f"{path}.")
    elif _is_secret(name):
        yield Difference(path, "(hidden)", "(hidden)")
    elif isinstance(before, msgspec.Struct) and after is None:
        yield Difference(path, text(name, before), None)
    elif before is None and isinstance(after, msgspec.Struct):
        yield Difference(path, None, text(name, after))
    else:
        yield Difference(path, text(name, before), text(name, after))


def _lists(name: str, path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Difference]:
    """The order counts only if nothing else differs."""
    known, wanted = identified(before), identified(after)
    found = False
    for key, item in known.items():
        other = wanted.get(key)
        if other is None:
            found = True
            yield Difference(path, text(name, item), None)
        elif item != other:
            found = True
            yield from of_field(name, f"{path}[{key}]", item, other)
    for key, item in wanted.items():
        if key not in known:
            found = True
            yield Difference(path, None, text(name, item))
    if not found:
        yield Difference(f"order of {path}", "", "")


def identified(items: Sequence[Any]) -> dict[str, Any]:
    """The items by identity; what comes again is numbered."""
    found: dict[str, Any] = {}
    for item in items:
        first = key = identity(item)
        number = 1
        while key in found:
            number += 1
            key = f"{first} #{number}"
        found[key] = item
    return found


def identity(value: Any) -> str:
    """What makes it this thing and no other: its name, its own text, or what it begins with."""
    if isinstance(value, msgspec.Struct) and not _is_atom(value):
        named = getattr(value, "name", None)
        return str(named) if named else identity(getattr(value, value.__struct_fields__[0]))
    return text("", value)


def _is_atom(value: msgspec.Struct) -> bool:
    """A struct that says itself how it is written: shown as a whole."""
    return type(value).__str__ is not object.__str__


def _says_all(before: msgspec.Struct, after: msgspec.Struct) -> bool:
    return _is_atom(before) and str(before) != str(after)


def word(name: str) -> str:
    """A field in keepalived's word, without its unit."""
    for suffix in UNITS:
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return WORDS.get(name, name)


def text(name: str, value: Any) -> str:
    """A value for people; name: its field, whose end says the unit."""
    shown = _plain(name, value)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}..."


def _plain(name: str, value: Any) -> str:  # noqa: PLR0911
    match value:
        case None:
            return "automatic"
        case bool():
            return "on" if value else "off"
        case enum.Enum():
            return str(value.value) if isinstance(value.value, str) else value.name
        case int():
            return _number(name, value)
        case "" | ():
            return "none"
        case str():
            return value
        case bytes():
            return value.hex()
        case tuple():
            return " ".join(_plain(name, item) for item in value)
        case msgspec.Struct():
            return str(value) if _is_atom(value) else _struct(value)
        case _:
            return str(value)


def _number(name: str, value: int) -> str:
    for suffix, (per_unit, unit) in UNITS.items():
        if name.endswith(suffix):
            return f"{value / per_unit:g} {unit}"
    return str(value)


def _struct(value: msgspec.Struct) -> str:
    """What it begins with, then every other field that was said."""
    first, *others = msgspec.structs.fields(value)
    parts = [text(first.name, getattr(value, first.name))]
    for field in others:
        said = getattr(value, field.name)
        if said != field.default:
            shown = "(hidden)" if _is_secret(field.name) else text(field.name, said)
            parts.append(f"{word(field.name)} {shown}")
    return " ".join(parts)


def _is_secret(name: str) -> bool:
    return any(mark in name for mark in SECRET_MARKS)
