"""Writes guides/keywords.md and the pages in guides/keywords/ from the keyword tables:
`python docs/generate_keywords.py`. A test compares the two."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from alived.config.keywords.index import TOP_PATH, tables
from alived.config.keywords.table import Keyword, Status, Table

GUIDES = pathlib.Path(__file__).parent / "guides"
INDEX = "keywords.md"
PAGES = {
    "top": ("The top level", (TOP_PATH,)),
    "global_defs": ("global_defs", ("global_defs",)),
    "vrrp": ("Instances and groups", ("vrrp_instance", "vrrp_sync_group", "garp_group", "track_group")),
    "trackers": (
        "What instances track",
        (
            "vrrp_script",
            "check",
            "vrrp_track_process",
            "track_file",
            "vrrp_track_file",
            "gateway",
            "unit",
            "bfd_instance",
        ),
    ),
    "virtual_server": ("Load balancing", ("virtual_server", "virtual_server_group", "SSL")),
}
"""Page -> its title and the blocks on it, each with all that stands in it."""
OWN = ("alived", "alived's own blocks")
"""Page and title of the blocks that keepalived does not have."""

STATUSES = """- **works**: with keepalived's meaning and bounds;
- **not yet**: read and checked, accepted with a warning, a later version does it;
- **no effect**: read and checked, accepted with a warning, it sets up a part of keepalived that alived does not have;
- **refused**: an error, because running without it would do something else than the text says.
"""
INTRODUCTION = f"""# Keywords

Written by `docs/generate_keywords.py` from the tables that the reader uses; do not edit. `alived explain-keyword WORD`
says the same.

Each word that keepalived knows is here, in the block where it stands, with what alived does about it:

{STATUSES}
"""


def pages() -> dict[str, str]:
    """Path below guides/ -> text of every page."""
    found = {f"keywords/{page}.md": _page(title, blocks) for page, (title, blocks) in _all_pages().items()}
    return {INDEX: _index(found), **found}


def _all_pages() -> dict[str, tuple[str, tuple[str, ...]]]:
    placed = {block for _, blocks in PAGES.values() for block in blocks}
    others = tuple(dict.fromkeys(_first(path) for path in tables() if _first(path) not in placed))
    page, title = OWN
    return {**PAGES, page: (title, others)} if others else PAGES


def _first(path: str) -> str:
    return path if path == TOP_PATH else path.split("/")[0]


def _index(found: dict[str, str]) -> str:
    lines = [INTRODUCTION]
    for page, (title, blocks) in _all_pages().items():
        counts = [len(rows) for path, rows in tables().items() if _first(path) in blocks]
        names = "" if blocks == (TOP_PATH,) else ": " + ", ".join(f"`{block}`" for block in blocks)
        lines.append(f"- [{title}](keywords/{page}.md){names}; {sum(counts)} keywords")
    return "\n".join(lines) + "\n"


def _page(title: str, blocks: tuple[str, ...]) -> str:
    """A section for each table; blocks with the same table share one."""
    sections: list[tuple[list[str], Table]] = []
    for path, rows in tables().items():
        if _first(path) in blocks:
            same = next((paths for paths, other in sections if other == rows), None)
            if same is None:
                sections.append(([path], rows))
            else:
                same.append(path)
    lines = [line for paths, rows in sections for line in _section(paths, rows)]
    return "\n".join([f"# {title}\n", f"Written by `docs/generate_keywords.py`; see [keywords](../{INDEX}).\n", *lines])


def _section(paths: list[str], rows: Table) -> Iterator[str]:
    works = [row for row in rows.values() if row.status is Status.WORKS]
    others = [row for row in rows.values() if row.status is not Status.WORKS]
    if paths != [TOP_PATH]:
        yield f"## {', '.join(path.replace('/', ' / ') for path in paths)}\n"
    if works:
        yield "| keyword | value | default | meaning |"
        yield "| --- | --- | --- | --- |"
        yield from (f"| `{row.name}` | {_value(row)} | {row.default} | {_meaning(row)} |" for row in works)
        yield ""
    if others:
        yield "| keyword | value | status | meaning | what happens |"
        yield "| --- | --- | --- | --- | --- |"
        for row in others:
            yield f"| `{row.name}` | {_value(row)} | {row.status} | {_meaning(row)} | {row.consequence} |"
        yield ""


def _value(row: Keyword) -> str:
    shape = row.converter.shape.replace("|", "\\|") if row.converter else ""
    return f"`{shape}`" if shape else ""


def _meaning(row: Keyword) -> str:
    since = [f"keepalived {row.since}"] if row.since else []
    instead = [f"deprecated: `{row.deprecated}`"] if row.deprecated else []
    notes = "; ".join(since + instead)
    return f"{row.meaning} ({notes})" if notes else row.meaning


def write() -> None:
    """Writes what `pages` has, and removes pages that it has no more."""
    wanted = pages()
    (GUIDES / "keywords").mkdir(exist_ok=True)
    for old in (GUIDES / "keywords").glob("*.md"):
        if f"keywords/{old.name}" not in wanted:
            old.unlink()
    for path, text in wanted.items():
        (GUIDES / path).write_text(text)


if __name__ == "__main__":
    write()
