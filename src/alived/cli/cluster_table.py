"""A cluster as lines for people: a sentence on how well it is, a table of its members, what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from alived.cli.asking import Json
from alived.cli.words import age, bold, loud

HEADINGS = ("NODE", "ROLE", "ADDRESS", "PRIORITY", "HEARD", "LAG", "OWNS", "PREFERRED FOR")


def cluster_lines(cluster: Json) -> Iterator[str]:
    """Of `daemon.cluster_view.cluster`."""
    yield from summary_lines(cluster)
    if "members" in cluster:
        yield from _table([HEADINGS, *map(_row, cluster["members"])])
        yield from _troubles(cluster)
        if cluster["leader"] not in ("", "unknown", cluster["node"]):
            yield f"Followers hear little of each other: {cluster['leader']}, which leads, knows how the others are."


def summary_lines(cluster: Json) -> Iterator[str]:
    """What `alived status` shows of it, too."""
    name = f"cluster {cluster['cluster_id']}" if cluster.get("cluster_id") else "cluster"
    if not cluster["fresh"]:
        yield f"{bold(name)}: this node is {bold(cluster['node'])}, {loud('state unknown')}: {cluster['reason']}"
        return
    leader = cluster["leader"]
    led = "it leads" if leader == cluster["node"] else f"leader {leader}" if leader else loud("no leader")
    yield (
        f"{bold(name)}: this node is {bold(cluster['node'])}, {cluster['phase']}, {led}, term {cluster['term']}; "
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
    return f"{of}, " + loud("no majority")


def _row(member: Json) -> tuple[str, ...]:
    lag = member["lag"]
    host = f"[{member['address']}]" if ":" in member["address"] else member["address"]
    return (
        member["id"] + ("*" if member["this_node"] else ""),
        _role(member),
        f"{host}:{member['port']}",
        str(member["priority"]),
        _heard(member),
        "" if lag is None else str(lag),
        ", ".join(member["owner_of"]) or "-",
        ", ".join(member["preferred_for"]) or "-",
    )


def _role(member: Json) -> str:
    """A new one that shall vote does not before it has the log (a daemon of an older version does not say so)."""
    role: str = member["role"]
    if member["leads"]:
        return f"{role} (leads)"
    return f"{role} (not yet)" if role != "learner" and not member.get("votes", True) else role


def _heard(member: Json) -> str:
    if member["this_node"]:
        return "this node"
    return "never" if member["heard_ms"] is None else f"{age(member['heard_ms'])} ago"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _troubles(cluster: Json) -> Iterator[str]:
    for owner in cluster["owners"]:
        if owner["owner"] in ("", "unknown"):
            known = f" (last known: {owner['last_known_owner']})" if owner["last_known_owner"] else ""
            who = "nobody owns it" if not owner["owner"] else f"owner unknown{known}"
            yield loud(f"{owner['group']}: {who}") + (f": {owner['reason']}" if owner["reason"] else "")
    for member in cluster["members"]:
        for group in member["groups"]:
            if not group["able"]:
                yield f"{member['id']} cannot own {group['name']}: {group['reason']}"
    refused = {reason: count for reason, count in cluster["refused"].items() if count}
    if unsent := refused.pop("not-sent", 0):
        yield f"packets to peers that did not leave, as nobody was there: {unsent}"
    if refused:
        counted = ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items()))
        yield f"packets of peers not accepted: {counted}"


def _warn(text: str) -> str:
    return click.style(text, fg="yellow", bold=True)
