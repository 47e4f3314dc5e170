"""The JSON Schema (draft 2020-12) of the native document, made of the keyword tables: editors complete and check by it.

What a value looks like is told by the shape of its converter; which words of `A|B` are meant literally, by asking the
converter. The schema knows keys, kinds of values, bounds and choices; what several keys say together is for
`alived check`, which also takes some spellings that the schema does not know (INFO for info).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from alived.base import Location
from alived.config.documents.naming import (
    ENTRIES,
    PAIR,
    Kind,
    entry_choices,
    entry_heads,
    entry_needs,
    heads,
    is_boolean,
    is_duration,
    key_of,
    kind,
    takes_nothing,
    takes_several_words,
)
from alived.config.documents.statements import COMMAND_KEYS, HEAD_KEYS
from alived.config.documents.walk import SCHEMA_KEY
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter
from alived.config.keywords.durations import PATTERN
from alived.config.keywords.table import Keyword, Status, Table
from alived.config.keywords.top import TOP
from alived.config.text.blocks import Block, Word

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_RANGE = re.compile(r"\[?(?:(?:MILLI)?SECONDS )?(-?[0-9.]+)\.\.(-?[0-9.]+)\]?\Z")
_WORD: Schema = {"$ref": "#/$defs/value.word"}
_WORDS: Schema = {"$ref": "#/$defs/value.words"}
_DURATION: Schema = {"$ref": "#/$defs/value.duration"}
_FLAG: Schema = {"$ref": "#/$defs/value.flag"}
_SWITCH: Schema = {"$ref": "#/$defs/value.switch"}
_COMMAND: Schema = {"$ref": "#/$defs/value.command"}
_ARGV: Schema = {"type": "array", "items": _WORD, "minItems": 1, "description": "Program and arguments."}
_LINE: Schema = {"type": "string", "description": "Program and arguments in a line; never a shell."}
_WHOLE_COMMAND: Schema = {
    "type": "object",
    "properties": {
        COMMAND_KEYS[0]: {"anyOf": [_LINE, _ARGV]},
        **{key: {"type": "string"} for key in COMMAND_KEYS[1:]},
    },
    "required": [COMMAND_KEYS[0]],
    "additionalProperties": False,
}
_VALUES: Schema = {
    # A boolean too: what YAML 1.1 takes for one may be the word that is meant.
    "value.word": {"type": ["string", "number", "boolean"]},
    "value.words": {"type": "array", "items": _WORD},
    "value.duration": {"type": "string", "pattern": f"^{PATTERN}$", "description": "With units, such as 500ms."},
    "value.flag": {"type": ["boolean", "null"]},
    "value.switch": {"enum": [True, False, None, "on", "off", "yes", "no", "true", "false"]},
    "value.command": {"anyOf": [_LINE, _ARGV, _WHOLE_COMMAND, _FLAG]},
}


def schema() -> Schema:
    """The whole schema as a value for JSON."""
    maker = _Maker()
    properties = {SCHEMA_KEY: {"type": "string", "description": "Where this schema is, for editors."}}
    properties |= maker.properties(TOP)
    return {
        "$schema": DRAFT,
        "title": "alived",
        "description": "The native configuration of alived, as YAML, TOML or JSON.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": _VALUES | dict(sorted(maker.definitions.items())),
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _any_of(schemas: Iterable[Schema]) -> Schema:
    """One of them; duplicates count once."""
    kept: list[Schema] = []
    for one in schemas:
        if one not in kept:
            kept.append(one)
    return kept[0] if len(kept) == 1 else {"anyOf": kept}


class _Maker:
    """Makes a definition of each table once, wherever it is used."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self.names = {id(row.children): row.name for row in reversed(TOP.values()) if row.children is not None}
        """Which table is defined under which name; one that is used at several levels has that of the highest."""

    def properties(self, rows: Table, path: str = "") -> Schema:
        return {key_of(row): self.row(row, f"{path}{row.name}") for row in rows.values()}

    def row(self, row: Keyword, path: str) -> Schema:
        described = {"description": describe(row), **self.value(row, path)}
        return {**described, "deprecated": True} if row.deprecated else described

    def value(self, row: Keyword, path: str) -> Schema:
        match kind(row):
            case Kind.NAMED:
                return self.named(row, path)
            case Kind.REPEATED:
                block = self.reference(row, path)
                return _any_of(({"type": "array", "items": block}, block, {"type": "null"}))
            case Kind.BLOCK:
                return _any_of((self.reference(row, path), {"type": "null"}))
            case Kind.LIST:
                return _entries(row.converter)
            case Kind.STATEMENTS:
                one = _statement(row.converter)
                return _any_of((one, {"type": "array", "items": _any_of((one, _WORDS))}))
            case Kind.STATEMENT:
                return _statement(row.converter)

    def named(self, row: Keyword, path: str) -> Schema:
        """A list of mappings with the keys of a head, or a mapping from names to the rest."""
        block = self.reference(row, path)
        choices = [{"required": [keys[0]]} for keys in heads(row)]
        items = {**block, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}
        by_name = block if row.children is not None else _entries(row.converter)
        either = ({"type": "array", "items": items}, {"type": "object", "additionalProperties": by_name})
        return _any_of((*either, {"type": "null"}))

    def reference(self, row: Keyword, path: str) -> Schema:
        """A reference to the definition of what stands in a block, with the keys of its head."""
        name = path.replace("/", ".")
        if row.children is not None:
            name = self.names.setdefault(id(row.children), name)
        if name not in self.definitions:
            self.definitions[name] = self.block(row, path)
        return {"$ref": f"#/$defs/{name}"}

    def block(self, row: Keyword, path: str) -> Schema:
        inside = (
            {ENTRIES: _entries(row.converter)} if row.children is None else self.properties(row.children, f"{path}/")
        )
        head = {key: _head_word(key) for keys in heads(row) for key in keys} if kind(row) is Kind.NAMED else {}
        return {"type": "object", "properties": {**head, **inside}, "additionalProperties": False}


def describe(row: Keyword) -> str:
    """The meaning with the default and, for a keyword that does not work, what happens instead."""
    parts = [row.meaning]
    if row.default:
        parts.append(f"Default: {row.default}.")
    if row.status is not Status.WORKS:
        parts.append(f"({row.status.value.capitalize()}: {row.consequence}.)")
    return " ".join(parts)


def _head_word(key: str) -> Schema:
    if key in ("port", "fwmark"):
        return {"type": ["integer", "string"], "description": "Number."}
    return {"type": ["string", "number"], "description": "Name of the block." if key in ("name", "id") else "Which."}


def _statement(converter: Converter | None) -> Schema:
    if converter is None:
        return {}
    if converter.is_command:
        return _COMMAND
    if is_boolean(converter):
        return _SWITCH
    if not converter.shape:
        return _FLAG
    return _any_of((_FLAG, _words(converter))) if takes_nothing(converter) else _words(converter)


def _words(converter: Converter) -> Schema:
    """What the words of a statement may be."""
    return _any_of((_WORD, _WORDS)) if takes_several_words(converter) else _one_word(converter)


def _one_word(converter: Converter) -> Schema:
    found = _number(converter)
    if found is not None:
        return found
    choices = converter.shape.strip("[]").split("|")
    literal = [choice for choice in choices if _accepts(converter, choice)]
    if literal and len(literal) == len(choices) and len(choices) > 1:
        return {"enum": literal}
    if is_duration(converter):
        number: Schema = {"type": "number"}
        return _any_of((number, _DURATION, {"enum": literal})) if literal else _any_of((number, _DURATION))
    return _WORD


def _number(converter: Converter) -> Schema | None:
    """A number between bounds, if that is what the shape says."""
    bounds = _RANGE.match(converter.shape)
    if bounds is None:
        return None
    low, high = (float(bound) if "." in bound else int(bound) for bound in bounds.groups())
    if not is_duration(converter):
        return {"type": "integer", "minimum": low, "maximum": high}
    return _any_of(({"type": "number", "minimum": low, "maximum": high}, _DURATION))


def _accepts(converter: Converter, word: str) -> bool:
    """Whether a word of the shape is meant literally."""
    if not re.fullmatch("[A-Za-z0-9_.-]+", word):
        return False
    findings = Findings()
    place = Location("")
    block = Block("keyword", place, (Word(word, place),), None, f"keyword {word}")
    return converter.read(block, findings) is not None and not findings.sorted()


def _entries(converter: Converter | None) -> Schema:
    """A list of lines or mappings, one of them, or names with values."""
    if converter is None:
        return {}
    names = entry_heads(converter)
    needs = entry_needs(converter)
    first = [needs, *HEAD_KEYS] if needs else []
    option = _any_of((_WORD, _WORDS))
    mapping: Schema = {"type": "object", "additionalProperties": option}
    if first:
        choices = dict.fromkeys((*first, *entry_choices(converter)))
        mapping["anyOf"] = [{"required": [key]} for key in choices]
    entry = _any_of(({"type": ["string", "number"]}, mapping))
    if names == PAIR:
        pairs: Schema = {"type": "object", "additionalProperties": _WORD}
        return _any_of((pairs, {"type": "array", "items": _any_of((entry, _WORDS))}, {"type": "null"}))
    return _any_of(({"type": "array", "items": entry}, entry, {"type": "null"}))
