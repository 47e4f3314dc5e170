"""A tree of blocks -> a document: the reverse of what `alived.config.documents` reads, by the same `naming`.

Statements of which one overrules the others become that one, lines of a list that is opened twice become one list.
Whatever does not reach the document is reported with its place: nothing gets lost in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from alived.config.documents.naming import ENTRIES, PAIR, SPOKEN, Kind, entry_heads, heads, key_of, kind
from alived.config.findings import Findings
from alived.config.keywords.counting import counting
from alived.config.keywords.table import Keyword, Table
from alived.config.keywords.top import TOP
from alived.config.text.blocks import Block, Tree
from alived.config.write.keepalived import write_statement
from alived.config.write.nodes import Array, Item, Object, Pair, Value, at_the_end, without_sign
from alived.config.write.values import from_statement, leaf


def document(tree: Tree, findings: Findings) -> Object:
    """The whole document. What cannot stand in one is an error, what is left out a warning."""
    return _Writer(findings).mapping(tree.blocks, TOP, "", tree.last_comments)


def statement(block: Block, row: Keyword) -> Pair:
    """One statement by itself."""
    return _Writer(Findings()).pair([block], row)


class _Writer:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def mapping(self, blocks: Iterable[Block], rows: Table, inside: str, below: Iterable[str]) -> Object:
        """The keys of a mapping, in the order in which the text speaks of them first."""
        known = self.known(blocks, rows, inside)
        of_row: dict[str, list[Block]] = {}
        for one in counting(known.blocks, rows):
            for other in one.overruled:
                self.left_out(other, f"{other.keyword!r} is overruled by line {one.block.location.line}")
            overruled = tuple(comment for other in one.overruled for comment in _as_comment(other))
            of_row.setdefault(one.row.name, []).append(_below(overruled, one.block))
        pairs = tuple(self.pair(statements, rows[keyword]) for keyword, statements in of_row.items())
        return Object(pairs, at_the_end((*known.last_comments, *below)))

    def known(self, blocks: Iterable[Block], rows: Table, inside: str) -> Tree:
        """The statements that the table has; the others are comments above them and at the end."""
        known: list[Block] = []
        above: tuple[str, ...] = ()
        for block in blocks:
            if block.keyword in rows:
                known.append(_below(above, block))
                above = ()
            else:
                where = f" of {inside!r}" if inside else ""
                self.left_out(block, f"{block.keyword!r}{where} is no keyword")
                above = (*above, *_as_comment(block))
        return Tree(tuple(known), above)

    def left_out(self, block: Block, why: str) -> None:
        self.findings.warning(block.location, "left-out", f"{why}: kept as a comment")

    def pair(self, blocks: Sequence[Block], row: Keyword) -> Pair:
        """All statements of a keyword under its key."""
        key = key_of(row)
        match kind(row):
            case Kind.REPEATED if len(blocks) == 1 and key == row.name:
                return self.single(key, blocks[0], row)
            case Kind.NAMED | Kind.REPEATED:
                return _list(key, tuple(self.item(block, row) for block in blocks))
            case Kind.STATEMENTS:
                return _list(key, tuple(_noted(block, from_statement(block, row.converter)) for block in blocks))
            case Kind.STATEMENT:
                return _pair(key, blocks[0], from_statement(blocks[0], row.converter))
            case Kind.BLOCK | Kind.LIST:
                block = _as_one(blocks)
                if block.arguments:
                    self.left_out(block, f"{block.arguments[0].text!r} after {block.keyword!r} means nothing")
                return _pair(key, block, self.body(block, row))

    def single(self, key: str, block: Block, row: Keyword) -> Pair:
        """A block of which there may be several, but is one: a mapping, if need be an empty one."""
        body = self.body(block, row)
        pair = _pair(key, block, body)
        if isinstance(body, Array) or body.pairs:
            return pair
        return msgspec.structs.replace(pair, value=Object(()), comments=(*pair.comments, *body.last_comments))

    def body(self, block: Block, row: Keyword) -> Array | Object:
        """What stands between the braces."""
        inside = block.children or ()
        if row.children is None and _are_pairs(inside, row):
            named = (_pair(line.keyword, line, leaf(line.arguments[0].text)) for line in inside)
            return Object(tuple(named), at_the_end(block.last_comments))
        if row.children is None:
            return Array(tuple(self.entry(child, row) for child in inside), at_the_end(block.last_comments))
        return self.mapping(inside, row.children, row.name, block.last_comments)

    def item(self, block: Block, row: Keyword) -> Item:
        """A block of which there may be several: its head and what stands between its braces are one mapping."""
        body = self.body(block, row)
        if isinstance(body, Array):
            body = Object((Pair(ENTRIES, body),) if body.items or body.last_comments else ())
        head = tuple(self.head(block, row))
        item = _noted(block, msgspec.structs.replace(body, pairs=(*head, *body.pairs)))
        return item if head else _with_first_comments(item, body)

    def head(self, block: Block, row: Keyword) -> Iterator[Pair]:
        """The words before the brace, each under its key."""
        words = [word.text for word in block.arguments]
        if not words or kind(row) is Kind.REPEATED:
            return
        keys = next((keys for keys in heads(row) if keys[0] in SPOKEN and keys[0] == words[0]), heads(row)[0])
        said = words[1:] if keys[0] in SPOKEN else words
        if len(said) > len(keys):
            self.left_out(block, f"{said[len(keys)]!r} before the brace of {row.name!r} means nothing")
        for key, word in zip(keys, said):
            yield Pair(key, leaf(word, is_number=key in ("port", "fwmark", "id")))

    def entry(self, line: Block, row: Keyword) -> Item:
        """A line of a list; as name and value if it is that and has blanks in it."""
        words = [word.text for word in line.words]
        text = " ".join(words)
        if line.children is None and text.split() == words:
            return _noted(line, leaf(text))
        if line.children is None and row.converter and entry_heads(row.converter)[: len(words)] == PAIR:
            return _noted(line, Object((Pair("name", leaf(words[0])), Pair("value", leaf(words[1])))))
        message = f"{text!r} in {row.name!r} cannot be a line of a document"
        self.findings.error(line.location, "not-expressible", message, "use words without blanks")
        return _noted(line, leaf(text))


def _are_pairs(lines: Sequence[Block], row: Keyword) -> bool:
    """Whether lines of names and values can be one mapping: no name twice, and none that has another meaning there."""
    names = [line.keyword for line in lines]
    return (
        row.converter is not None
        and entry_heads(row.converter) == PAIR
        and all(line.children is None and len(line.arguments) == 1 for line in lines)
        and len(set(names)) == len(names)
        and PAIR[0] not in names
    )


def _as_one(blocks: Sequence[Block]) -> Block:
    """Blocks that add up."""
    if len(blocks) == 1:
        return blocks[0]
    children = tuple(child for block in blocks for child in block.children or ())
    above = tuple(comment for block in blocks for comment in block.comments)
    below = tuple(comment for block in blocks for comment in block.last_comments)
    return msgspec.structs.replace(blocks[0], children=children, comments=above, last_comments=below)


def _pair(key: str, block: Block, value: Value) -> Pair:
    return Pair(key, value, without_sign(block.comments), block.remark[1:])


def _list(key: str, items: tuple[Item, ...]) -> Pair:
    """A key that no statement stands for: what is said above the first entry is said above the key."""
    first = msgspec.structs.replace(items[0], comments=())
    return Pair(key, Array((first, *items[1:])), items[0].comments)


def _with_first_comments(item: Item, body: Object) -> Item:
    """An entry of a list that begins with what has comments: above the dash is where people write them."""
    if not body.pairs:
        return item
    first = body.pairs[0]
    value = msgspec.structs.replace(body, pairs=(msgspec.structs.replace(first, comments=()), *body.pairs[1:]))
    above = (*item.comments, *first.comments)
    if item.remark and first.remark:
        return Item(value, (*above, item.remark))
    return Item(value, above, item.remark)


def _below(above: tuple[str, ...], block: Block) -> Block:
    """A block with more comments above it."""
    return msgspec.structs.replace(block, comments=(*above, *block.comments)) if above else block


def _as_comment(block: Block) -> tuple[str, ...]:
    """A statement that is left out, as what it has become: a comment."""
    bare = msgspec.structs.replace(block, comments=())
    return (*block.comments, *(f"# {line}" for line in write_statement(bare).splitlines()))


def _noted(block: Block, value: Value) -> Item:
    return Item(value, without_sign(block.comments), block.remark[1:])
