"""What a row of a keyword table says, and how a block is read through a table.

A table is the one place where a keyword is described: reader, checker, documentation and tests use the same row.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypedDict, Unpack

import msgspec

from alived.base import Location, Severity
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter
from alived.config.text.blocks import Block


class Status(enum.StrEnum):
    WORKS = "works"
    NOT_YET = "not yet"
    """Accepted, warned about: a later version does it."""
    NO_EFFECT = "no effect"
    """Accepted, warned about: it configures a part of keepalived that alived does not have."""
    REFUSED = "refused"
    """An error: running without it would do something else than the operator wants."""


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """meaning: one line; consequence: what happens because it does not work (statuses other than WORKS).

    A row with a converter is read and checked whatever its status is: a later version will do what it says.
    """

    name: str
    meaning: str
    status: Status = Status.WORKS
    field: str = ""
    converter: Converter | None = None
    default: str = ""
    consequence: str = ""
    example: str = ""
    children: Table | None = None
    """What stands inside its braces; None: it has no braces, or they hold a list of entries."""
    repeats: bool = False
    """Whether each statement is a thing of its own, such as a vrrp_instance or a real_server."""
    since: str = ""
    """The version of keepalived that knows it first, if that is newer than 2.2.7."""
    deprecated: str = ""
    """What to write instead, if keepalived calls it deprecated."""

    @property
    def sample(self) -> str:
        """A statement that is right."""
        arguments = self.example or (self.converter.example if self.converter else "")
        return f"{self.name} {arguments}".rstrip()


Table: TypeAlias = Mapping[str, Keyword]

MAX_HOMES = 3
_homes: dict[str, list[str]] = {}
"""Word -> the blocks that know it, for words that stand in the wrong one; filled by `table` while modules load."""


class Details(TypedDict, total=False):
    """Fields of a Keyword that most rows do not need; the field of the value is called as the keyword."""

    field: str
    default: str
    children: Table
    repeats: bool
    since: str
    deprecated: str


class Reading(Details, total=False):
    """A keyword that does not work may be read all the same."""

    converter: Converter


def works(name: str, converter: Converter, meaning: str, **details: Unpack[Details]) -> Keyword:
    return _row(name, meaning, Status.WORKS, "", "", {"converter": converter, **details})


def default_of(name: str, converter: Converter, field: str, default: str, since: str = "") -> Keyword:
    """A keyword of `global_defs` that is the default of an instance's keyword."""
    return works(name, converter, f"Default of `{field}`.", field=field, default=default, since=since)


def not_yet(name: str, meaning: str, consequence: str, example: str = "", **details: Unpack[Reading]) -> Keyword:
    return _row(name, meaning, Status.NOT_YET, consequence, example, details)


def no_effect(name: str, meaning: str, consequence: str, example: str = "", **details: Unpack[Reading]) -> Keyword:
    return _row(name, meaning, Status.NO_EFFECT, consequence, example, details)


def refused(name: str, meaning: str, consequence: str, example: str = "", **details: Unpack[Reading]) -> Keyword:
    return _row(name, meaning, Status.REFUSED, consequence, example, details)


def _row(name: str, meaning: str, status: Status, consequence: str, example: str, details: Reading) -> Keyword:
    if "converter" in details:
        details.setdefault("field", name)
    return Keyword(name=name, meaning=meaning, status=status, consequence=consequence, example=example, **details)


def table(home: str, *parts: Keyword | Iterable[Keyword]) -> dict[str, Keyword]:
    """Rows and groups of rows -> the table of a block; a name twice is a mistake of ours."""
    rows: dict[str, Keyword] = {}
    for part in parts:
        for row in (part,) if isinstance(part, Keyword) else part:
            assert row.name not in rows, row.name
            rows[row.name] = row
            _homes.setdefault(row.name, []).append(home)
    return rows


class Setting(msgspec.Struct, frozen=True):
    """A value and where it was said."""

    value: Any
    location: Location
    keyword: str


class Settings:
    """What a block says, by field, in the order of the text."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.values: dict[str, Any] = {}
        self._settings: dict[str, Setting] = {}
        self._growing: dict[str, list[Any]] = {}
        self.tried: set[str] = set()
        """Fields that were said, also those whose value was wrong: they are not reported as missing."""

    def get(self, field: str, default: Any = None) -> Any:
        return self.values.get(field, default)

    def place(self, *fields: str) -> Location:
        """Where the first of these fields that is set was set; else where the block begins."""
        for field in fields:
            if field in self._settings:
                return self._settings[field].location
        return self.location

    def __contains__(self, field: str) -> bool:
        return field in self._settings

    def __iter__(self) -> Iterator[tuple[str, Setting]]:
        return iter(self._settings.items())

    def add(self, row: Keyword, value: Any, block: Block, findings: Findings) -> None:
        assert row.converter is not None
        if row.converter.merge == "append":
            self._growing.setdefault(row.field, []).extend(value)
            self._settings.setdefault(row.field, Setting((), block.location, block.keyword))
            return
        known = self._settings.get(row.field)
        if known is not None:
            first = row.converter.merge == "first"
            message = f"{block.keyword!r} again (before: {known.location.seen_from(block.location)}): "
            message += "the first one counts, this one is skipped" if first else "this one counts"
            findings.warning(block.location, "duplicate-keyword", message, "remove one of them")
            if first:
                return
        self._settings[row.field] = Setting(value, block.location, block.keyword)
        self.values[row.field] = value

    def finish(self) -> None:
        """What adds up becomes a tuple when all is read, once: thousands of entries cost no more than one each."""
        for field, grown in self._growing.items():
            value = tuple(grown)
            self._settings[field] = msgspec.structs.replace(self._settings[field], value=value)
            self.values[field] = value


def read_settings(block: Block, rows: Table, findings: Findings) -> Settings:
    """All statements of a block through its table. A wrong value of a keyword without effect stops nothing."""
    settings = Settings(block.location)
    reported: set[str] = set()
    for child in block.children or ():
        row = rows.get(child.keyword)
        if row is None:
            report_unknown(child, block.keyword, rows, findings)
            continue
        if row.status is not Status.WORKS and not (row.repeats and row.name in reported):
            reported.add(row.name)
            report_status(child, row, findings)
        if row.deprecated and row.status in (Status.WORKS, Status.NOT_YET):
            message = f"{row.name!r} is deprecated: it is understood, but keepalived may drop it"
            findings.warning(child.location, "deprecated", message, f"write: {row.deprecated}")
        if row.status is Status.NO_EFFECT:
            aside = Findings()
            _read_value(child, row, settings, aside)
            findings.extend(msgspec.structs.replace(one, severity=Severity.WARNING) for one in aside.sorted())
        else:
            _read_value(child, row, settings, findings)
    settings.finish()
    return settings


def _read_value(block: Block, row: Keyword, settings: Settings, findings: Findings) -> None:
    if row.converter is None:
        return
    settings.tried.add(row.field)
    value = row.converter.read(block, findings) if _has_right_shape(block, row.converter, findings) else None
    if value is not None:
        settings.add(row, value, block, findings)


def _has_right_shape(block: Block, converter: Converter, findings: Findings) -> bool:
    if converter.block == (block.children is not None):
        return True
    if converter.block:
        message = f"{block.keyword!r} needs a block: '{{' is missing"
        findings.error(block.location, "missing-brace", message, f"{block.keyword} {converter.shape}")
    else:
        message = f"{block.keyword!r} takes no block"
        findings.error(block.location, "unexpected-block", message, "remove the braces, or is a '}' missing before?")
    return False


def report_status(block: Block, row: Keyword, findings: Findings) -> None:
    """A known keyword that does not work here."""
    match row.status:
        case Status.REFUSED:
            message = f"{row.name!r} is not supported: {row.consequence}"
            findings.error(block.location, "not-supported", message, "remove it, if you can do without")
        case Status.NOT_YET:
            message = f"{row.name!r} has no effect in this version: {row.consequence}"
            findings.warning(block.location, "not-supported-yet", message)
        case _:
            message = f"{row.name!r} has no effect: {row.consequence}"
            findings.warning(block.location, "no-effect", message)


def report_unknown(block: Block, where: str, rows: Table, findings: Findings) -> None:
    """A word that the table does not have: said with its place and the nearest word, never skipped in silence."""
    homes = _places(block.keyword)
    if homes and where and block.children is not None:
        message = f"{block.keyword!r} cannot stand inside {where!r}: everything in it is lost"
        findings.error(block.location, "misplaced-block", message, f"it belongs {homes}; is a '}}' missing before it?")
        return
    inside = f" in {where!r}" if where else ""
    message = f"unknown keyword {block.keyword!r}{inside}: skipped"
    near = did_you_mean(block.keyword, rows)
    hint = "; ".join(filter(None, (f"it belongs {homes}" if homes else "", near)))
    findings.warning(block.location, "unknown-keyword", message, hint)


def _places(word: str) -> str:
    """Where a word belongs; the first few, if there are many."""
    homes = _homes.get(word, [])
    others = f" (all {len(homes)} places: alived explain-keyword {word})" if len(homes) > MAX_HOMES else ""
    return " or ".join(homes[:MAX_HOMES]) + others


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint, "" if nothing is near. difflib is imported for a mistake only: a start without one is faster."""
    import difflib

    near = difflib.get_close_matches(word[:64], known, n=1, cutoff=0.7 if len(word) > 4 else 0.6)
    return f"did you mean {near[0]!r}?" if near else ""
