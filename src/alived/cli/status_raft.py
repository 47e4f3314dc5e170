"""Groups whose owner is elected by Raft, and their cluster, in `alived status`."""

from __future__ import annotations

from collections.abc import Iterator

from alived.cli.asking import Json
from alived.cli.cluster_table import summary_lines
from alived.cli.words import age, bold, loud, state, vip_lines


def raft_lines(status: Json) -> Iterator[str]:
    """Nothing without a cluster."""
    for group in status["raft_groups"]:
        yield from _group_lines(group)
    if status["cluster"] is not None:
        yield from summary_lines(status["cluster"])


def _group_lines(group: Json) -> Iterator[str]:
    yield f"{bold(group['name'])}  {state(group)}: {group['reason']}"
    if "lease_left_ms" not in group:
        if group.get("owner") is not None:
            yield f"    {_owner(group['owner'])}"
        return
    where = f" on {group['interface']}" if group["interface"] else ""
    base, effective = group["base_priority"], group["priority"]
    priority = f"{effective}" if base == effective else f"{effective} (base {base})"
    yield f"    elected by Raft{where}, priority {priority}, {_lease(group)}, {_owner(group['owner'])}"
    if not group["able"]:
        yield "    " + loud("this node cannot own it now")
    yield from vip_lines(group["vips"])
    for fault in group["faults"]:
        yield "    " + loud(f"FAULT: {fault['reason']}")


def _lease(group: Json) -> str:
    left_ms = group["lease_left_ms"]
    return "no lease here" if left_ms is None else f"lease of term {group['term']}, {left_ms} ms left"


def _owner(owner: Json | None) -> str:
    """How old the knowledge is is said with it."""
    if owner is None:
        return loud("owner unknown: the raft process does not answer")
    match owner["owner"]:
        case "unknown":
            known = f", last known {owner['last_known_owner']}" if owner["last_known_owner"] else ""
            return loud("owner unknown" + known)
        case "":
            return loud("nobody owns it") + (f": {owner['reason']}" if owner["reason"] else "")
        case owner_name:
            return f"owner {owner_name} (known {age(owner['age_ms'])} ago)"
