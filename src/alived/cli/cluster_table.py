"""A cluster as lines for people: a sentence on how well it is, a table of its members, what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

Json = dict[str, Any]
HEADINGS = ("NODE", "ROLE", "ADDRESS", "PRIORITY", "HEARD", "LAG", "OWNS", "PREFERRED FOR")


def cluster_lines(cluster: Json) -> Iterator[str]:
    """Of `daemon.cluster_view.cluster`."""
    yield from summary_lines(cluster)
    if "members" in cluster:
        yield from _table([HEADINGS, *map(_row, cluster["members"])])
        yield from _troubles(cluster)


def summary_lines(cluster: Json) -> Iterator[str]:
    """What `alived status` shows of it, too."""
    name = f"cluster {cluster['cluster_id']}" if cluster.get("cluster_id") else "cluster"
    if not cluster["fresh"]:
        yield f"{_bold(name)}: this node is {_bold(cluster['node'])}, {_loud('state unknown')}: {cluster['reason']}"
        return
    leader = cluster["leader"]
    led = "it leads" if leader == cluster["node"] else f"leader {leader}" if leader else _loud("no leader")
    yield (
        f"{_bold(name)}: this node is {_bold(cluster['node'])}, {cluster['phase']}, {led}, term {cluster['term']}; "
        f"{_tolerance(cluster)}"
    )


def _tolerance(cluster: Json) -> str:
    voters, quorum, more = cluster["voters"], cluster["quorum"], cluster["tolerated_failures"]
    of = f"{voters} voter{'s' if voters != 1 else ''}, majority {quorum}"
    if more is None or not voters:
        return of
    if more > 0:
        return f"{of}, {more} more may fail"
    if more == 0:
        return f"{of}, " + _warn("no more may fail")
    return f"{of}, " + _loud("no majority")


def _row(member: Json) -> tuple[str, ...]:
    lag = member["lag"]
    host = f"[{member['address']}]" if ":" in member["address"] else member["address"]
    return (
        member["id"] + ("*" if member["this_node"] else ""),
        member["role"] + (" (leads)" if member["leads"] else ""),
        f"{host}:{member['port']}",
        str(member["priority"]),
        "this node" if member["this_node"] else "never" if member["heard_ms"] is None else _age(member["heard_ms"]),
        "" if lag is None else str(lag),
        ", ".join(member["owner_of"]) or "-",
        ", ".join(member["preferred_for"]) or "-",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _troubles(cluster: Json) -> Iterator[str]:
    for owner in cluster["owners"]:
        if owner["owner"] in ("", "unknown"):
            known = f" (last known: {owner['last_known_owner']})" if owner["last_known_owner"] else ""
            who = "nobody owns it" if not owner["owner"] else f"owner unknown{known}"
            yield _loud(f"{owner['group']}: {who}") + (f": {owner['reason']}" if owner["reason"] else "")
    for member in cluster["members"]:
        for group in member["groups"]:
            if not group["able"]:
                yield f"{member['id']} cannot own {group['name']}: {group['reason']}"
    if refused := {reason: count for reason, count in cluster["refused"].items() if count}:
        counted = ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items()))
        yield f"packets of peers not accepted: {counted}"


def _age(age_ms: int) -> str:
    return f"{age_ms} ms ago" if age_ms < 10_000 else f"{age_ms // 1000} s ago"


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _warn(text: str) -> str:
    return click.style(text, fg="yellow", bold=True)


def _loud(text: str) -> str:
    return click.style(text, fg="red", bold=True)
