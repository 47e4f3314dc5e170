"""One door for every configuration: `load` tells the language, reads it and returns all findings."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from alived.base import Diagnostic, Location
from alived.config.findings import Findings
from alived.config.interpret import read_tree
from alived.config.model import Config
from alived.config.text.blocks import Block, parse
from alived.config.text.tokens import decode

_FIRST_LINE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*([^\n]*)")
_YAML_LINE = re.compile(r"---|%YAML|\{\s*\"|\w+[ \t]*:(?:\s|\Z)")
_TOML_LINE = re.compile(r"\[\[?[\w.\"]+\]\]?|\w+[ \t]*=")

Reader = Callable[[str], bytes]
"""Gives the bytes of a file or raises OSError."""


class Loaded(msgspec.Struct, frozen=True):
    """config is None if a diagnostic is an error: such a configuration cannot run."""

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]


def read_file(path: str) -> bytes:
    """The bytes of a file. Raises OSError."""
    with open(path, "rb") as file:
        return file.read()


def load(path: str, reader: Reader = read_file) -> Loaded:
    """Reads and checks a configuration file in whichever language. Never raises for what is in the file or that it
    is missing: everything is a diagnostic."""
    findings = Findings()
    try:
        data = reader(path)
    except OSError as error:
        findings.error(Location(path), "unreadable-file", f"cannot be read: {error.strerror or error}")
        return Loaded(None, findings.sorted())
    return _finish(data, path, findings)


def load_text(text: str | bytes, file: str = "<text>") -> Loaded:
    """The same for a text that is already there."""
    return _finish(text.encode() if isinstance(text, str) else text, file, Findings())


def _finish(data: bytes, file: str, findings: Findings) -> Loaded:
    text = decode(data, file, findings)
    config = read_tree(_blocks(text, file, findings), file, findings)
    return Loaded(None if findings.has_errors else config, findings.sorted())


def language(text: str, file: str) -> str:
    """ "keepalived", "YAML" or "TOML", told by the first line that says something; the suffix decides for no text."""
    match = _FIRST_LINE.match(text)
    first = match[1].strip() if match else ""
    if _YAML_LINE.match(first) or (not first and file.endswith((".yaml", ".yml"))):
        return "YAML"
    return "TOML" if _TOML_LINE.match(first) else "keepalived"


def _blocks(text: str, file: str, findings: Findings) -> tuple[Block, ...]:
    """The tree, whichever language. PyYAML is imported only for a document that needs it."""
    match language(text, file):
        case "TOML":
            message = "this looks like TOML, which this version does not read"
            findings.error(Location(file), "not-supported", message, "write it as YAML or keepalived.conf")
            return ()
        case "keepalived":
            return parse(text, file, findings)
    from alived.config.documents.yaml_reader import read_document

    return read_document(text, file, findings)
