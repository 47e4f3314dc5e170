"""Writes guides/keywords.md from the keyword tables: `python docs/generate_keywords.py`. A test compares the two."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.shapes import AUTHENTICATION
from alived.config.keywords.table import Keyword, Status, Table
from alived.config.keywords.top import TOP
from alived.config.keywords.vrrp import INSTANCE, SYNC_GROUP

PAGE = pathlib.Path(__file__).parent / "guides" / "keywords.md"
SECTIONS: tuple[tuple[str, Table], ...] = (
    ("Top level", TOP),
    ("global_defs", GLOBAL),
    ("vrrp_instance", INSTANCE),
    ("authentication (in vrrp_instance)", AUTHENTICATION),
    ("vrrp_sync_group", SYNC_GROUP),
)
INTRODUCTION = """# Keywords

Written by `docs/generate_keywords.py` from the tables that the reader uses; do not edit.

Each word that keepalived knows in these blocks is here with what alived does about it:

- **works**: with keepalived's meaning and bounds;
- **not yet**: accepted with a warning, a later version does it;
- **no effect**: accepted with a warning, it configures a part of keepalived that alived does not have;
- **refused**: an error, because running without it would do something else than the text says.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(line for title, rows in SECTIONS for line in section(title, rows))])


def section(title: str, rows: Table) -> Iterator[str]:
    works = [row for row in rows.values() if row.status is Status.WORKS]
    others = [row for row in rows.values() if row.status is not Status.WORKS]
    yield f"## {title}\n"
    yield "| keyword | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from (_working(row) for row in works)
    yield ""
    if others:
        yield "| keyword | status | meaning | what happens |"
        yield "| --- | --- | --- | --- |"
        yield from (f"| `{row.name}` | {row.status} | {row.meaning} | {row.consequence} |" for row in others)
        yield ""


def _working(row: Keyword) -> str:
    shape = row.converter.shape.replace("|", "\\|") if row.converter else ""
    return f"| `{row.name}` | {f'`{shape}`' if shape else ''} | {row.default} | {row.meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page())
