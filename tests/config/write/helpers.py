"""Trees to write: shapes without places, and trees made of any words."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.blocks import Block, Tree, Word
from alived.config.text.read import read_text
from tests.config.text.host import HOST

NOWHERE = Location("made")


def read(text: str) -> Tree:
    """The tree of a keepalived.conf without errors."""
    findings = Findings()
    tree = read_text(text, "text", HOST, findings)
    assert not findings.has_errors, findings.sorted()
    return tree


def meaning(block: Block) -> Any:
    """What a block says, without its places and comments."""
    children = None if block.children is None else tuple(map(meaning, block.children))
    return tuple(word.text for word in block.words), children


def meanings(tree: Tree) -> list[Any]:
    return [meaning(block) for block in tree.blocks]


def notes(block: Block) -> Any:
    """The comments of a block and of what is in it, with their signs and without blank lines."""
    above = tuple(comment for comment in block.comments if comment)
    below = tuple(comment for comment in block.last_comments if comment)
    return above, block.remark, tuple(map(notes, block.children or ())), below


def made(words: list[str], children: tuple[Block, ...] | None = None) -> Block:
    first, *rest = (Word(text, NOWHERE) for text in words)
    return Block(first.text, NOWHERE, tuple(rest), children)


plain_words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_0123456789./:-", min_size=1, max_size=8)
any_words = st.text(alphabet="ab1.#! '\\{}$[]:,=-\t~@é中\"", max_size=6)


def trees(words: st.SearchStrategy[str]) -> st.SearchStrategy[Tree]:
    """Trees of blocks whose keywords are plain and whose arguments are any of these words."""
    heads = st.builds(lambda first, rest: [first, *rest], st.sampled_from(("zeta", "eta")), st.lists(words, max_size=3))
    statements = st.builds(made, heads)
    blocks = st.recursive(
        statements,
        lambda inner: st.builds(lambda head, inside: made(head, tuple(inside)), heads, st.lists(inner)),
        max_leaves=8,
    )
    return st.builds(lambda found: Tree(tuple(found)), st.lists(blocks, max_size=4))
