"""Every code that the reader of configurations can say is explained on a page, and the page explains no others."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "guides" / "findings.md"
SOURCES = sorted((REPOSITORY / "src" / "alived" / "config").rglob("*.py"))

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_REPORTERS = ("error", "warning", "warn", "fail", "report", "Diagnostic", "DocumentError", "Agreement")
"""Functions that take a code among their first three arguments."""
_MADE = {
    *(f"{kind}-not-here" for kind in ("interface", "script", "user", "group", "file")),
    "unknown-track-file",
    "unknown-bfd-instance",
}
"""Codes that are put together when they are needed."""
_OTHER_WORDS = {
    "200-299",
    "content-length",
    "flag-1",
    "flag-2",
    "flag-3",
    "mh-fallback",
    "mh-port",
    "read-only",
    "sh-fallback",
    "sh-port",
    "transfer-encoding",
    "ttl-propagate",
    "tunnel-id",
}
"""Words with a dash in the sources that are values of keywords."""


def explained() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(), re.MULTILINE)


def words(tree: ast.AST) -> Iterator[str]:
    """What may be a code: constants with a dash wherever they stand, and the codes of reporting calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _REPORTERS:
                yield from _first_code(node)
        elif isinstance(node, ast.Constant) and _is_code(node.value) and "-" in str(node.value):
            yield str(node.value)


def _first_code(call: ast.Call) -> Iterator[str]:
    for argument in call.args[:3]:
        if isinstance(argument, ast.Constant) and _is_code(argument.value):
            yield str(argument.value)
            return


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.match(value) is not None


def test_the_page_explains_all_codes_and_no_others() -> None:
    used = {word for path in SOURCES for word in words(ast.parse(path.read_text()))}
    codes = (used | _MADE) - _OTHER_WORDS
    assert codes - set(explained()) == set(), f"explain them in {PAGE.name}"
    assert set(explained()) - codes == set(), "nothing in the sources says them"


def test_no_word_is_set_aside_without_need() -> None:
    used = {word for path in SOURCES for word in words(ast.parse(path.read_text()))}
    assert used >= _OTHER_WORDS


def test_each_code_is_explained_once() -> None:
    assert len(explained()) == len(set(explained()))
