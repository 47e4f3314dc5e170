"""One door for every configuration: `load` tells the language, reads it and returns all findings."""

from __future__ import annotations

import contextlib
import gc
import os
import re
from collections.abc import Iterator

import msgspec

from alived.base import Diagnostic, Location, Severity
from alived.config.findings import Findings
from alived.config.instances.plan import Plan
from alived.config.interpret import read_tree
from alived.config.model import Config
from alived.config.overrides import Override, apply
from alived.config.text.blocks import Block, Tree
from alived.config.text.host import Host, Kind
from alived.config.text.read import read_text
from alived.config.text.tokens import decode
from alived.config.this_host import ThisHost

_NOTHING_SAID = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*(?:#[^\n]*\Z)?")
_YAML_LINE = re.compile(r"---|%YAML|\{\s*[\"}]|(?:\$?\w+|\"[^\"\n]+\")[ \t]*:(?:\s|\Z)")
_SHELL_LINE = re.compile(r"(?:export[ \t]+)?[A-Z][A-Z0-9_]*=")
_TOML_LINE = re.compile(r"\[\[?[\w.\"]+\]\]?|\w+[ \t]*=")


class ReadOptions(msgspec.Struct, frozen=True):
    """How to read a file.

    config_id: of this node, for conditions such as `@ID` in keepalived.conf; None: its name up to the first dot.
    overrides: what the command line and the environment say instead. vip_conf: path of vip-switch's vip.conf; "": the
    one beside the file, if there is one.
    """

    config_id: str | None = None
    overrides: tuple[Override, ...] = ()
    vip_conf: str = ""


DEFAULTS = ReadOptions()
THIS_HOST = ThisHost()
VIP_CONF = "vip.conf"


class Loaded(msgspec.Struct, frozen=True):
    """config is None if a diagnostic is an error: such a configuration cannot run.

    plan: what was understood, with places, for rules that look at more than this file; None if it could not be read.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    plan: Plan | None = None


def load(path: str, options: ReadOptions = DEFAULTS, host: Host = THIS_HOST) -> Loaded:
    """Reads and checks a configuration file in whichever language. Never raises for what is in the file or that it
    is missing: everything is a diagnostic."""
    findings = Findings()
    with _without_garbage_collection():
        return _finish(load_tree(path, findings, options, host), path, findings)


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """What is read has no cycles; to look for some again and again, while it grows, takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_text(
    text: str | bytes, file: str = "<text>", options: ReadOptions = DEFAULTS, host: Host = THIS_HOST
) -> Loaded:
    """The same for a text that is already there."""
    findings = Findings()
    data = text.encode() if isinstance(text, str) else text
    return _finish(_tree(data, file, findings, options, host), file, findings)


def load_tree(
    path: str, findings: Findings, options: ReadOptions = DEFAULTS, host: Host = THIS_HOST, comments: bool = False
) -> Tree:
    """Only the tree of a file: its statements as they stand after includes, definitions and overrides.

    comments: those of a document too, which take a second look at its text.
    """
    data = _read(path, findings, host)
    if data is None:
        return Tree()
    tree = _tree(data, path, findings, options, host, comments)
    return Tree((*tree.blocks, *_vip_conf(tree.blocks, path, findings, options, host)), tree.last_comments)


def _read(path: str, findings: Findings, host: Host) -> bytes | None:
    try:
        return host.read(path)
    except OSError as error:
        findings.error(Location(path), "unreadable-file", f"cannot be read: {error.strerror or error}")
        return None


def _vip_conf(
    blocks: tuple[Block, ...], path: str, findings: Findings, options: ReadOptions, host: Host
) -> tuple[Block, ...]:
    """What vip.conf says, where it says which addresses the hooks bind: in vip-switch's configuration, which has a
    cluster and no group of its own."""
    said = {block.keyword for block in blocks}
    beside = os.path.join(os.path.dirname(path), VIP_CONF)
    if "cluster" not in said or said & {"raft_instance", "vip_conf"}:
        return ()
    if not options.vip_conf and host.kind(beside) is Kind.NOTHING:
        return ()
    from alived.config.documents.vip_conf import read_vip_conf

    file = options.vip_conf or beside
    data = _read(file, findings, host)
    return () if data is None else read_vip_conf(decode(data, file, findings), file, findings)


def _tree(data: bytes, file: str, findings: Findings, options: ReadOptions, host: Host, comments: bool = False) -> Tree:
    text = decode(data, file, findings)
    spoken = language(text, file)
    if spoken == "keepalived":
        tree = read_text(text, file, host, findings, options.config_id)
    else:
        findings.language = spoken
        tree = _document(text, file, spoken, findings, comments)
    if not options.overrides:
        return tree
    return Tree(apply(tree.blocks, options.overrides, findings), tree.last_comments)


def _document(text: str, file: str, spoken: str, findings: Findings, comments: bool) -> Tree:
    """The parser of a document is imported only for one that needs it."""
    from alived.config.documents.read import read_document

    blocks = read_document(text, file, spoken, findings)
    if not comments or findings.has_errors:
        return Tree(blocks)
    from alived.config.documents.comments import with_comments

    return with_comments(blocks, text, spoken)


def _finish(tree: Tree, file: str, findings: Findings) -> Loaded:
    config, plan = read_tree(tree.blocks, file, findings)
    found = _in_its_words(findings.sorted(), findings.language)
    has_errors = any(one.severity is Severity.ERROR for one in found)
    return Loaded(config=None if has_errors else config, diagnostics=found, plan=plan)


def _in_its_words(found: tuple[Diagnostic, ...], spoken: str) -> tuple[Diagnostic, ...]:
    """Hints are made in keepalived's words; that is looked at only for a file that needs some."""
    if spoken not in ("YAML", "TOML") or not any(one.hint for one in found):
        return found
    from alived.config.documents.hints import TOML, YAML, in_document

    return in_document(found, TOML if spoken == "TOML" else YAML)


def language(text: str, file: str) -> str:
    """ "keepalived", "YAML", "TOML" or "vip.conf", told by the first line that says something; the suffix decides for
    no text."""
    match = _NOTHING_SAID.match(text)
    start = match.end() if match else 0
    is_silent = start == len(text)
    if _SHELL_LINE.match(text, start):
        return "vip.conf"
    if _YAML_LINE.match(text, start) or (is_silent and file.endswith((".yaml", ".yml"))):
        return "YAML"
    if _TOML_LINE.match(text, start) or (is_silent and file.endswith(".toml")):
        return "TOML"
    return "keepalived"
