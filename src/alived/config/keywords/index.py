"""All keyword tables by their path, as the inventory of keepalived's keywords names them."""

from __future__ import annotations

from collections.abc import Iterator

from alived.config.keywords.table import Table
from alived.config.keywords.top import TOP

TOP_PATH = "/"


def tables() -> dict[str, Table]:
    """Path -> table: "/", "global_defs", "virtual_server/real_server/HTTP_GET/url" and all the others."""
    return {TOP_PATH: TOP, **dict(_below(TOP, ""))}


def _below(rows: Table, prefix: str) -> Iterator[tuple[str, Table]]:
    for row in rows.values():
        if row.children is not None:
            path = prefix + row.name
            yield path, row.children
            yield from _below(row.children, path + "/")
