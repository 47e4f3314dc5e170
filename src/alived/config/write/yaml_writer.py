"""A document -> YAML, block style, with an indent of two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alived.config.write.nodes import Array, Comments, Item, Leaf, Object, Pair, as_text, quoted

INDENT = "  "
_PLAIN = re.compile(r"[\w./$+(~^<-](?:[^\x00-\x1f\x7f-\xa0:#\u2028\u2029\ufeff]|:(?=\S)|(?<=\S)#)*\Z")
"""A text that may stand without quotes, as far as its characters go."""
_MEANS_MORE = re.compile(
    r"""(?: [-+]?[0-9][0-9_,]*(?::[0-9_]+)*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?    # numbers, also to the base of 60
          | [-+]?\.[0-9_]+(?:e[-+]?[0-9]+)? | [-+]?\.(?:inf|nan) | [-+]?0[xob][0-9a-f_]+
          | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*
          | true | false | yes | no | on | off | y | n | null | ~
          | <<? | = | -{1,3}(?:\s.*)? | \.{3}
        )\Z""",
    re.VERBOSE | re.IGNORECASE,
)
"""What readers of YAML take for something else than a string."""


def write_yaml(root: Object) -> str:
    """The text, with its final newline."""
    return as_text(_top(root))


def _top(root: Object) -> Iterator[str]:
    """The keys of the document, what is long apart from its neighbours."""
    before: Pair | None = None
    for pair in root.pairs:
        if before is not None and (_is_long(pair) or _is_long(before)):
            yield ""
        yield from _pair(pair, "", apart=True)
        before = pair
    yield ""
    yield from _comments(root.last_comments, "")


def _is_long(pair: Pair) -> bool:
    return not isinstance(pair.value, Leaf)


def _pair(pair: Pair, indent: str, apart: bool = False) -> Iterator[str]:
    """apart: blank lines between the entries of a list of mappings."""
    yield from _comments(pair.comments, indent)
    remark = f"  #{pair.remark}" if pair.remark else ""
    key = f"{indent}{scalar(pair.key)}:"
    match pair.value:
        case Leaf() as value:
            yield f"{key} {_leaf(value)}".rstrip() + remark
        case Object() as value:
            empty = " {}" if not value.pairs and not value.last_comments else ""
            yield key + empty + remark
            yield from _pairs(value, indent + INDENT)
        case Array() as value:
            if _fits_in_line(value):
                yield f"{key} [{', '.join(_leaf(item.value) for item in value.items)}]{remark}"  # type: ignore[arg-type]
                return
            yield key + remark
            yield from _items(value, indent + INDENT, apart)


def _fits_in_line(value: Array) -> bool:
    """Lists of numbers, and empty ones."""
    return not value.last_comments and all(
        isinstance(item.value, Leaf) and item.value.bare and not item.comments and not item.remark
        for item in value.items
    )


def _pairs(value: Object, indent: str) -> Iterator[str]:
    for pair in value.pairs:
        yield from _pair(pair, indent)
    yield from _comments(value.last_comments, indent)


def _items(value: Array, indent: str, apart: bool) -> Iterator[str]:
    for number, item in enumerate(value.items):
        if apart and number and isinstance(item.value, Object):
            yield ""
        yield from _comments(item.comments, indent)
        yield from _item(item, indent)
    yield from _comments(value.last_comments, indent)


def _item(item: Item, indent: str) -> Iterator[str]:
    """An entry: its first line begins with a dash, the others stand below what follows the dash."""
    remark = f"  #{item.remark}" if item.remark else ""
    if isinstance(item.value, Leaf):
        yield f"{indent}- {_leaf(item.value)}{remark}"
        return
    inner = _pairs(item.value, "") if isinstance(item.value, Object) else _items(item.value, "", False)
    lines = list(inner) or ["{}"]
    yield f"{indent}- {lines[0]}{remark}"
    yield from (f"{indent}{INDENT}{line}" if line else "" for line in lines[1:])


def _comments(comments: Comments, indent: str) -> Iterator[str]:
    for comment in comments:
        yield f"{indent}#{comment}".rstrip() if comment else ""


def _leaf(leaf: Leaf) -> str:
    return leaf.text if leaf.bare else scalar(leaf.text)


def scalar(text: str) -> str:
    """A string, in quotes only if a reader of YAML could take it for something else."""
    if _PLAIN.match(text) and not text.endswith((" ", ":")) and not _MEANS_MORE.match(text):
        return text
    return quoted(text)
