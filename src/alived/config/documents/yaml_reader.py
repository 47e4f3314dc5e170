"""YAML -> the same tree of blocks that keepalived.conf becomes, with the places of every key and value.

The words are keepalived's. A mapping is a block, a list under a keyword is its entries, a boolean says whether a
keyword stands there, and `vrrp_instances` / `vrrp_sync_groups` hold the blocks that have names:

    vrrp_instances:
      - name: VI_1
        interface: eth0
        nopreempt: true
        virtual_ipaddress:
          - 192.0.2.10/24 dev eth0
          - {address: 192.0.2.11/24, label: "eth0:1"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.shapes import AUTHENTICATION
from alived.config.keywords.table import Table
from alived.config.keywords.vrrp import INSTANCE, SYNC_GROUP
from alived.config.text.blocks import MAX_DEPTH, Block, Word
from alived.config.text.commands import quote

NAMED = {"vrrp_instances": ("vrrp_instance", INSTANCE), "vrrp_sync_groups": ("vrrp_sync_group", SYNC_GROUP)}
"""Key of the document -> keyword of each of its blocks and the table of their keywords."""

MAX_NODES = 200_000
"""Values in a document; aliases count each time, so that a "billion laughs" ends here."""

_TRUE = ("true", "True", "TRUE", "yes", "on")
_FALSE = ("false", "False", "FALSE", "no", "off")


def read_document(text: str, file: str, findings: Findings) -> tuple[Block, ...]:
    """The tree of a YAML document. All that YAML itself finds wrong is one error with its place."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        deep = _first_too_deep(text, file, loader)
        if deep is not None:
            findings.error(deep, "too-deep", f"values are nested more than {MAX_DEPTH} deep")
            return ()
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        findings.error(_location(file, mark), "yaml", f"not YAML: {error.problem or error.context}")
        return ()
    except (yaml.YAMLError, RecursionError) as error:
        findings.error(Location(file), "yaml", f"not YAML: {' '.join(str(error).split())}")
        return ()
    return tuple(_Document(file, findings).blocks(root))


def _first_too_deep(text: str, file: str, loader: Any) -> Location | None:
    """Where a document nests too deep, found without recursion: the C loader overflows its stack otherwise."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return _location(file, event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


class _Document:
    def __init__(self, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings
        self.nodes = 0

    def place(self, node: yaml.Node) -> Location:
        return _location(self.file, node.start_mark)

    def fail(self, node: yaml.Node, message: str, hint: str = "") -> None:
        self.findings.error(self.place(node), "wrong-type", message, hint)

    def blocks(self, root: yaml.Node | None) -> Iterator[Block]:
        """The blocks of the top level."""
        if root is None or _is_null(root):
            return
        if not isinstance(root, yaml.MappingNode):
            self.fail(root, "the document is not a mapping", "vrrp_instances: ...")
            return
        for key, value in self.items(root):
            if key.text in NAMED:
                yield from self.named(*NAMED[key.text], value)
            elif key.text == "global_defs":
                yield self.block(key, (), value, GLOBAL)
            else:
                yield Block(key.text, key.location, (), ())

    def items(self, node: yaml.Node) -> Iterator[tuple[Word, yaml.Node]]:
        """Pairs of a mapping; a key twice and keys that are no words are errors."""
        assert isinstance(node, yaml.MappingNode)
        seen: set[str] = set()
        for key, value in node.value:
            if not self.count(key):
                return
            if not isinstance(key, yaml.ScalarNode):
                self.fail(key, "a key must be a word")
                continue
            if key.value in seen:
                self.findings.error(self.place(key), "duplicate-keyword", f"{key.value!r} again", "remove one of them")
                continue
            seen.add(key.value)
            yield Word(key.value, self.place(key)), value

    def count(self, node: yaml.Node) -> bool:
        self.nodes += 1
        if self.nodes == MAX_NODES:
            self.findings.error(self.place(node), "too-many-values", f"more than {MAX_NODES} values")
        return self.nodes < MAX_NODES

    def named(self, keyword: str, rows: Table, node: yaml.Node) -> Iterator[Block]:
        """`- name: VI_1 ...` entries, or `VI_1: ...` pairs."""
        if isinstance(node, yaml.MappingNode):
            for name, value in self.items(node):
                yield self.block(Word(keyword, name.location), (name,), value, rows)
        elif isinstance(node, yaml.SequenceNode):
            for entry in node.value:
                if not self.count(entry):
                    return
                if not isinstance(entry, yaml.MappingNode):
                    self.fail(entry, f"an entry of {keyword} is not a mapping", "- name: NAME")
                    continue
                name_node = next((value for key, value in entry.value if key.value == "name"), None)
                names = (self.word(name_node),) if isinstance(name_node, yaml.ScalarNode) else ()
                yield self.block(Word(keyword, self.place(entry)), names, entry, rows, skip="name")
        elif not _is_null(node):
            self.fail(node, f"{keyword}s is neither a list nor a mapping", "- name: NAME")

    def block(self, keyword: Word, names: tuple[Word, ...], node: yaml.Node, rows: Table, skip: str = "") -> Block:
        children: list[Block] = []
        if isinstance(node, yaml.MappingNode):
            for key, value in self.items(node):
                if key.text != skip:
                    children.extend(self.statement(key, value, rows))
        elif not _is_null(node):
            self.fail(node, f"{keyword.text!r} is not a mapping")
        return Block(keyword.text, keyword.location, names, tuple(children))

    def statement(self, key: Word, node: yaml.Node, rows: Table) -> Iterator[Block]:
        """A keyword with its value: nothing for `false` where a keyword speaks by being there."""
        row = rows.get(key.text)
        converter = row.converter if row else None
        if key.text == "authentication":
            yield self.block(key, (), node, AUTHENTICATION)
        elif converter is not None and converter.block:
            yield Block(key.text, key.location, (), tuple(self.entries(key, node)))
        elif isinstance(node, yaml.ScalarNode):
            yield from self.scalar(key, node, takes_nothing=converter is not None and not converter.shape)
        elif converter is None:
            yield Block(key.text, key.location, (), ())
        elif isinstance(node, yaml.SequenceNode):
            words = tuple(self.word(entry) for entry in node.value if self.count(entry))
            yield self.with_words(key, words, whole=converter.is_command)
        else:
            yield from self.command(key, node)

    def scalar(self, key: Word, node: yaml.ScalarNode, takes_nothing: bool) -> Iterator[Block]:
        plain = not node.style
        if _is_null(node) or (plain and node.value in _TRUE):
            yield Block(key.text, key.location, (), None, key.text)
        elif plain and node.value in _FALSE:
            if not takes_nothing:
                yield Block(key.text, key.location, (Word("off", self.place(node)),), None, f"{key.text} off")
        else:
            yield self.with_words(key, (self.word(node),), whole=False)

    def with_words(self, key: Word, words: tuple[Word, ...], whole: bool) -> Block:
        """A statement; whole: the words are the argv of one command."""
        texts = [word.text for word in words]
        raw = quote(" ".join(map(quote, texts))) if whole else " ".join(map(quote, texts))
        return Block(key.text, key.location, words, None, f"{key.text} {raw}")

    def command(self, key: Word, node: yaml.Node) -> Iterator[Block]:
        """`{command: ..., user: ..., group: ...}`."""
        given = {word.text: (word, value) for word, value in self.items(node)}
        for name, (word, _) in given.items():
            if name not in ("command", "user", "group"):
                message = f"unknown key {name!r} of {key.text!r}"
                self.findings.warning(word.location, "unknown-keyword", message, "command, user, group")
        if "command" not in given:
            yield Block(key.text, key.location, (), None, key.text)
            return
        raw = [self.command_text(given["command"][1])]
        raw.extend(quote(self.word(given[name][1]).text) for name in ("user", "group") if name in given)
        arguments = tuple(Word(text, key.location) for text in raw)
        yield Block(key.text, key.location, arguments, None, " ".join([key.text, *raw]))

    def command_text(self, node: yaml.Node) -> str:
        if isinstance(node, yaml.SequenceNode):
            return quote(" ".join(quote(self.word(entry).text) for entry in node.value if self.count(entry)))
        return quote(self.word(node).text)

    def entries(self, key: Word, node: yaml.Node) -> Iterator[Block]:
        """Entries of a list: `ADDRESS dev eth0` as in keepalived.conf, or a mapping with `address` or `name`."""
        if _is_null(node):
            return
        values = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for entry in values:
            if not self.count(entry):
                return
            words = tuple(self.entry_words(entry))
            if words:
                yield Block(words[0].text, words[0].location, words[1:])

    def entry_words(self, node: yaml.Node) -> Iterator[Word]:
        if isinstance(node, yaml.ScalarNode):
            place = self.place(node)
            if not node.value.strip():
                self.fail(node, "an entry that says nothing")
            yield from (Word(text, place) for text in node.value.split())
        elif isinstance(node, yaml.MappingNode):
            pairs = list(self.items(node))
            heads = [value for key, value in pairs if key.text in ("address", "name")]
            if not heads:
                self.fail(node, "an entry needs an address or a name")
                return
            yield from (self.word(head) for head in heads)
            for key, value in pairs:
                if key.text not in ("address", "name"):
                    yield from self.option(key, value)
        else:
            self.fail(node, "a list inside a list")

    def option(self, key: Word, node: yaml.Node) -> Iterator[Word]:
        """`dev: eth0` is two words, `home: true` is one, `home: false` none; `nodad: false` is keepalived's -nodad."""
        value = self.word(node)
        if key.text == "nodad":
            if value.text in _FALSE:
                yield Word("-nodad", key.location)
        elif value.text in _TRUE:
            yield key
        elif value.text not in _FALSE:
            yield from (key, value)

    def word(self, node: yaml.Node) -> Word:
        if isinstance(node, yaml.ScalarNode):
            return Word(node.value, self.place(node))
        self.fail(node, "a single value is expected here")
        return Word("", self.place(node))


def _location(file: str, mark: Any) -> Location:
    """PyYAML has a class of marks for each of its two parsers; both count from 0."""
    return Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")
