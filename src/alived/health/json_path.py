"""Paths into JSON: the part of RFC 9535 that leads to one place at most.

`$` the whole, `.name` or `['name']` a member, `[2]` an element, `[-1]` the last one. A name after a dot has letters,
digits, `_` and `-`; in quotes it may have anything, with `\\'` for the quote itself. Wildcards, slices, filters and
descendants (`..`) are not known: they lead to several places, and which of them must hold would be a guess.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec

from alived.base import AlivedError
from alived.health.config import Comparison, JsonAssertion
from alived.health.dialogues.conversation import printable

MAX_STEPS = 64
MAX_DOCUMENT = 1 << 20
"""Octets; a longer one is not read"""
_STEP = re.compile(r"""\.([A-Za-z_][\w-]*)|\[(-?\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NOWHERE = object()
_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: operator.eq,
    Comparison.UNEQUAL: operator.ne,
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
}
Step = str | int


class JsonPathError(AlivedError):
    """A path that is none; the text is a sentence."""


def parse(path: str) -> tuple[Step, ...]:
    """Names and indices. Raises JsonPathError."""
    if not path.startswith("$"):
        raise JsonPathError(f"{path!r} does not begin with $")
    steps: list[Step] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if not match:
            raise JsonPathError(f"{path[position:]!r} is no step of a path: .name, ['name'] or [0]")
        name, index, *quoted = match.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name or _ESCAPED.sub(r"\1", next(text for text in quoted if text is not None)))
        position = match.end()
    if len(steps) > MAX_STEPS:
        raise JsonPathError(f"{len(steps)} steps are more than {MAX_STEPS}")
    return tuple(steps)


def failure(document: bytes, assertions: tuple[JsonAssertion, ...]) -> str:
    """What does not hold, as a sentence; "": all does."""
    if len(document) > MAX_DOCUMENT:
        return f"the body is longer than {MAX_DOCUMENT} octets, too long for JSON"
    try:
        whole = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return f"the body is no JSON: {error}"
    for assertion in assertions:
        if said := _failure(whole, assertion):
            return said
    return ""


def _failure(whole: Any, assertion: JsonAssertion) -> str:
    found = _follow(whole, parse(assertion.path))
    if found is _NOWHERE:
        return f"there is no {assertion.path} in the JSON"
    if assertion.comparison is None or _holds(found, assertion.comparison, assertion.value):
        return ""
    return f"{assertion.path} is {_said(found)}, not {assertion.comparison} {_said(assertion.value)}"


def _follow(place: Any, steps: tuple[Step, ...]) -> Any:
    for step in steps:
        if isinstance(step, str):
            if not isinstance(place, dict) or step not in place:
                return _NOWHERE
        elif not isinstance(place, list) or not -len(place) <= step < len(place):
            return _NOWHERE
        place = place[step]
    return place


def _holds(found: Any, comparison: Comparison, value: Any) -> bool:
    """Of values of different kinds only != is true: 1 is not true, and "5" is not above 4."""
    if _kind(found) != _kind(value):
        return comparison is Comparison.UNEQUAL
    if comparison not in (Comparison.EQUAL, Comparison.UNEQUAL) and _kind(value) not in ("number", "string"):
        return False
    return _COMPARE[comparison](found, value)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case None:
            return "null"
        case _:
            return "container"


def _said(value: Any) -> str:
    """As JSON, its beginning."""
    text = printable(msgspec.json.encode(value).decode())
    return text if len(text) <= 60 else f"{text[:60]}..."
