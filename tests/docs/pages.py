"""README and the guides as a reader sees them: fenced blocks, and commands."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import msgspec

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


class Block(msgspec.Struct, frozen=True):
    """language: what stands behind the fence; "": commands, or what they print."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: pathlib.Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(*languages: str) -> list[Block]:
    """Those in one of these languages, of all pages."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in _FENCED.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(name_of(page), line, match[2], match[3]))
    return [block for block in found if block.language in languages]


def inline(page: pathlib.Path) -> Iterator[str]:
    """What stands between single backquotes."""
    for match in _INLINE.finditer(_FENCED.sub("", page.read_text())):
        yield match[1].replace("\\|", "|")
