"""The tree of a document -> the tree of blocks that keepalived.conf becomes, guided by the keyword tables.

What a key may hold is told by its row (`naming.kind`), so every keyword that a table has can be written here without
a line of code for it. Whether a value is right is not judged: the tables do that, alike for every language.
"""

from __future__ import annotations

from collections.abc import Iterator

from alived.config.documents import statements
from alived.config.documents.naming import ENTRIES, SPOKEN, Kind, heads, key_of, kind, rows_by_key
from alived.config.documents.statements import fail
from alived.config.documents.tree import Mapping, Node, Scalar, Sequence
from alived.config.findings import Findings
from alived.config.keywords.table import Keyword, Table, report_unknown
from alived.config.text.blocks import Block, Word

SCHEMA_KEY = "$schema"
"""What an editor is told about a JSON document; no keyword."""


def blocks(root: Mapping, rows: Table, findings: Findings) -> Iterator[Block]:
    """The blocks of a whole document."""
    return _Walker(findings).statements(root, rows, "", (SCHEMA_KEY,))


class _Walker:
    """Turns nodes into blocks; what cannot be a block is reported and left out."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def statements(self, mapping: Mapping, rows: Table, where: str, skip: tuple[str, ...] = ()) -> Iterator[Block]:
        """The statements of a mapping whose keys are those of a table. skip: keys that belong to the block's head."""
        known = rows_by_key(rows)
        for key, node in mapping.pairs:
            if key.text in skip:
                continue
            row = known.get(key.text)
            if row is None:
                self.unknown(key, where, rows)
            else:
                yield from self.row(Word(row.name, key.location), node, row)

    def unknown(self, key: Word, where: str, rows: Table) -> None:
        """A key that nothing is known by; a keyword that is a key in the plural is said so."""
        if key.text in rows:
            message = f"{key.text!r} is written as {key_of(rows[key.text])!r} in a document: skipped"
            hint = f"{key_of(rows[key.text])}: ..."
            self.findings.warning(key.location, "unknown-keyword", message, hint)
        else:
            report_unknown(Block(key.text, key.location), where, rows_by_key(rows), self.findings)

    def row(self, keyword: Word, node: Node, row: Keyword) -> Iterator[Block]:
        match kind(row):
            case Kind.NAMED:
                yield from self.named(node, row)
            case Kind.REPEATED:
                yield from self.repeated(keyword, node, row)
            case Kind.BLOCK | Kind.LIST:
                yield self.block(keyword, (), node, row)
            case Kind.STATEMENTS:
                for one in _several(node):
                    yield from self.statement(_at(one, row), one, row)
            case Kind.STATEMENT:
                yield from self.statement(keyword, node, row)

    def repeated(self, keyword: Word, node: Node, row: Keyword) -> Iterator[Block]:
        """A list of blocks, or one; `TCP_CHECK:` with nothing behind it is one, too, but `urls:` is none."""
        if isinstance(node, Sequence):
            yield from (self.block(_at(one, row), (), one, row) for one in node.items)
        elif not _is_null(node) or key_of(row) == row.name:
            yield self.block(keyword, (), node, row)

    def statement(self, keyword: Word, node: Node, row: Keyword) -> Iterator[Block]:
        found = statements.statement(keyword, node, row.converter, self.findings)
        if found is not None:
            yield found

    def named(self, node: Node, row: Keyword) -> Iterator[Block]:
        """`- name: VI_1 ...` entries, or `VI_1: ...` pairs."""
        example = f"- {heads(row)[0][0]}: ..."
        if isinstance(node, Mapping):
            for name, value in node.pairs:
                said = statements.checked(name, self.findings)
                words = statements.words_of(said) if len(heads(row)[0]) > 1 else (said,)
                yield self.block(Word(row.name, name.location), words, value, row)
        elif isinstance(node, Sequence):
            for entry in node.items:
                if isinstance(entry, Mapping):
                    yield self.entry(entry, row)
                else:
                    fail(entry, f"an entry of {row.name} is not a mapping", example, self.findings)
        elif not node.is_null:
            fail(node, f"{row.name} blocks are neither a list nor a mapping", example, self.findings)

    def entry(self, entry: Mapping, row: Keyword) -> Block:
        """A mapping with the words before the brace among its keys."""
        choices = heads(row)
        head = next((keys for keys in choices if entry.get(keys[0]) is not None), choices[0])
        words: list[Word] = []
        for key in head:
            value = entry.get(key)
            if value is not None:
                said = statements.word(value, self.findings)
                words.extend((Word(key, said.location), said) if key in SPOKEN else (said,))
        return self.block(_at(entry, row), tuple(words), entry, row, head)

    def block(
        self, keyword: Word, words: tuple[Word, ...], node: Node, row: Keyword, head: tuple[str, ...] = ()
    ) -> Block:
        """A block with what stands between its braces. head: keys of the mapping that have become its words."""
        children: tuple[Block, ...] = ()
        if row.children is None:
            lines = node.get(ENTRIES) if head and isinstance(node, Mapping) else node
            children = tuple(statements.entries(lines, row.converter, self.findings)) if lines is not None else ()
        elif isinstance(node, Mapping):
            children = tuple(self.statements(node, row.children, row.name, head))
        elif not _is_null(node):
            fail(node, f"{row.name!r} is not a mapping", f"{row.name}: {{KEYWORD: VALUE}}", self.findings)
        return Block(keyword.text, keyword.location, words, children)


def _at(node: Node, row: Keyword) -> Word:
    return Word(row.name, node.location)


def _several(node: Node) -> tuple[Node, ...]:
    """A list, or one thing that stands for a list of one."""
    if isinstance(node, Sequence):
        return node.items
    return () if _is_null(node) else (node,)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null
