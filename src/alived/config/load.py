"""One door for every configuration: `load` tells the language, reads it and returns all findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from alived.base import Diagnostic, Location
from alived.config.findings import Findings
from alived.config.instances.plan import Plan
from alived.config.interpret import read_tree
from alived.config.model import Config
from alived.config.overrides import Override, apply
from alived.config.text.blocks import Tree
from alived.config.text.parser import parse
from alived.config.text.tokens import decode

_FIRST_LINE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*([^\n]*)")
_YAML_LINE = re.compile(r"---|%YAML|\{\s*\"|\w+[ \t]*:(?:\s|\Z)")
_SHELL_LINE = re.compile(r"(?:export[ \t]+)?[A-Z][A-Z0-9_]*=")
_TOML_LINE = re.compile(r"\[\[?[\w.\"]+\]\]?|\w+[ \t]*=")

Reader = Callable[[str], bytes]
"""Gives the bytes of a file or raises OSError."""


class Loaded(msgspec.Struct, frozen=True):
    """config is None if a diagnostic is an error: such a configuration cannot run.

    plan: what was understood, with places, for rules that look at more than this file; None if it could not be read.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    plan: Plan | None = None


def read_file(path: str) -> bytes:
    """The bytes of a file. Raises OSError."""
    with open(path, "rb") as file:
        return file.read()


def load(path: str, reader: Reader = read_file, overrides: Sequence[Override] = ()) -> Loaded:
    """Reads and checks a configuration file in whichever language. Never raises for what is in the file or that it
    is missing: everything is a diagnostic. overrides: what the command line and the environment say instead."""
    findings = Findings()
    return _finish(load_tree(path, findings, reader, overrides), path, findings)


def load_text(text: str | bytes, file: str = "<text>", overrides: Sequence[Override] = ()) -> Loaded:
    """The same for a text that is already there."""
    findings = Findings()
    data = text.encode() if isinstance(text, str) else text
    return _finish(_tree(data, file, findings, overrides), file, findings)


def load_tree(
    path: str,
    findings: Findings,
    reader: Reader = read_file,
    overrides: Sequence[Override] = (),
    comments: bool = False,
) -> Tree:
    """Only the tree of a file: its statements as they stand after includes, definitions and overrides.

    comments: those of a document too, which take a second look at its text.
    """
    try:
        data = reader(path)
    except OSError as error:
        findings.error(Location(path), "unreadable-file", f"cannot be read: {error.strerror or error}")
        return Tree()
    return _tree(data, path, findings, overrides, comments)


def _tree(data: bytes, file: str, findings: Findings, overrides: Sequence[Override], comments: bool = False) -> Tree:
    tree = _parse(decode(data, file, findings), file, findings, comments)
    return Tree(apply(tree.blocks, overrides, findings), tree.last_comments) if overrides else tree


def _finish(tree: Tree, file: str, findings: Findings) -> Loaded:
    config, plan = read_tree(tree.blocks, file, findings)
    return Loaded(None if findings.has_errors else config, findings.sorted(), plan)


def language(text: str, file: str) -> str:
    """ "keepalived", "YAML", "TOML" or "vip.conf", told by the first line that says something; the suffix decides for
    no text."""
    match = _FIRST_LINE.match(text)
    first = match[1].strip() if match else ""
    if _SHELL_LINE.match(first):
        return "vip.conf"
    if _YAML_LINE.match(first) or (not first and file.endswith((".yaml", ".yml"))):
        return "YAML"
    if _TOML_LINE.match(first) or (not first and file.endswith(".toml")):
        return "TOML"
    return "keepalived"


def _parse(text: str, file: str, findings: Findings, comments: bool) -> Tree:
    """The tree, whichever language. The parser of a document is imported only for one that needs it."""
    spoken = language(text, file)
    if spoken == "keepalived":
        return parse(text, file, findings)
    from alived.config.documents.read import read_document

    blocks = read_document(text, file, spoken, findings)
    if not comments or findings.has_errors:
        return Tree(blocks)
    from alived.config.documents.comments import with_comments

    return with_comments(blocks, text, spoken)
