"""A document -> TOML: what is short as a value, what is long as a table of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alived.config.write.nodes import Array, Comments, Leaf, Object, Pair, Value, as_text, is_plain, quoted

WIDTH = 80
"""A list or a mapping that is longer does not stand in one line."""
INDENT = "  "
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def write_toml(root: Object) -> str:
    """The text, with its final newline."""
    return as_text(_top(root))


def _top(root: Object) -> Iterator[str]:
    yield from _body(root, ())
    yield ""
    yield from _comments(root.last_comments)


def _body(value: Object, path: tuple[str, ...]) -> Iterator[str]:
    """The values of a table, then the tables in it: TOML wants them in this order."""
    values = [pair for pair in value.pairs if not _is_table(pair.value, path)]
    for pair in values:
        yield from _comments(pair.comments)
        yield from _value(pair)
    for pair in value.pairs:
        if _is_table(pair.value, path):
            yield from _tables(pair, (*path, _key(pair.key)))


def _is_table(value: Value, path: tuple[str, ...]) -> bool:
    """What has more to say than fits in a line; at the top level every mapping."""
    match value:
        case Leaf():
            return False
        case Object():
            return not path or not is_plain(value) or len(_inline(value)) > WIDTH or _has_tables(value)
        case Array():
            return any(isinstance(item.value, Object) for item in value.items) and (
                not path or any(_is_table(item.value, path) for item in value.items)
            )


def _has_tables(value: Object) -> bool:
    return any(isinstance(pair.value, Object) for pair in value.pairs)


def _tables(pair: Pair, path: tuple[str, ...]) -> Iterator[str]:
    """`[path]`, or `[[path]]` for each entry of a list."""
    if isinstance(pair.value, Array):
        for number, item in enumerate(pair.value.items):
            above = item.comments if number else (*pair.comments, *item.comments)
            entry = item.value if isinstance(item.value, Object) else Object(())
            yield from _table(f"[[{'.'.join(path)}]]", entry, path, above, item.remark)
    elif isinstance(pair.value, Object):
        if _needs_no_header(pair, pair.value, path):
            yield from _body(pair.value, path)
        else:
            yield from _table(f"[{'.'.join(path)}]", pair.value, path, pair.comments, pair.remark)


def _needs_no_header(pair: Pair, value: Object, path: tuple[str, ...]) -> bool:
    """Whether the tables in a table say that it is there, and it says nothing else."""
    only_tables = bool(value.pairs) and all(_is_table(inner.value, path) for inner in value.pairs)
    return only_tables and not (pair.comments or pair.remark or value.last_comments)


def _table(header: str, value: Object, path: tuple[str, ...], above: Comments, remark: str) -> Iterator[str]:
    yield ""
    yield from _comments(above)
    yield header + _remark(remark)
    yield from _body(value, path)
    yield from _comments(value.last_comments)


def _value(pair: Pair) -> Iterator[str]:
    """`key = value`; a list that is long, or has comments in it, has a line for each entry."""
    head = f"{_key(pair.key)} = "
    if not isinstance(pair.value, Array) or (is_plain(pair.value) and _is_short(pair.value)):
        yield head + _inline(pair.value) + _remark(pair.remark)
        return
    yield f"{head}[{_remark(pair.remark)}"
    for item in pair.value.items:
        yield from _comments(item.comments, INDENT)
        yield f"{INDENT}{_inline(item.value)},{_remark(item.remark)}"
    yield from _comments(pair.value.last_comments, INDENT)
    yield "]"


def _is_short(value: Array) -> bool:
    numbers = all(isinstance(item.value, Leaf) and item.value.bare for item in value.items)
    return (numbers or len(value.items) == 1) and len(_inline(value)) <= WIDTH


def _inline(value: Value) -> str:
    """A value in one line."""
    match value:
        case Leaf():
            return (value.text or "[]") if value.bare else quoted(value.text)
        case Array():
            return f"[{', '.join(_inline(item.value) for item in value.items)}]"
        case Object():
            inner = ", ".join(f"{_key(pair.key)} = {_inline(pair.value)}" for pair in value.pairs)
            return f"{{ {inner} }}" if inner else "{}"


def _key(key: str) -> str:
    return key if _BARE_KEY.match(key) else quoted(key)


def _remark(remark: str) -> str:
    return f"  #{remark}" if remark else ""


def _comments(comments: Comments, indent: str = "") -> Iterator[str]:
    for comment in comments:
        yield f"{indent}#{comment}".rstrip() if comment else ""
