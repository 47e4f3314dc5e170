"""Nodes of a cluster as the demo, the lab tests and the benchmark run them: what their configurations say."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

PORT = 7946


class MemberText(msgspec.Struct, frozen=True, kw_only=True):
    """A node in `cluster: nodes`."""

    id: str
    address: str
    priority: int = 100
    role: str = "voter"


class GroupText(msgspec.Struct, frozen=True, kw_only=True):
    """What a `raft_instance` says."""

    name: str = "demo"
    interface: str = "eth0"
    addresses: Sequence[str]
    more: Mapping[str, Any] = {}
    """Further keywords and their values."""


def cluster_document(
    node: str,
    members: Sequence[MemberText],
    groups: Sequence[GroupText],
    *,
    directory: pathlib.Path,
    key_file: pathlib.Path,
    cluster: Mapping[str, Any] = {},
    top: Mapping[str, Any] = {},
) -> str:
    """The configuration of a node, as JSON, which is YAML. directory: its data go there, made if they are not there;
    cluster, top: further keywords in `cluster` and at the top level. No group: what vip-switch has."""
    address = next(member.address for member in members if member.id == node)
    document: dict[str, Any] = {
        "node": {"id": node, "raft_addr": f"{address}:{PORT}", "data_dir": str(directory / "data")},
        "cluster": {
            "key_file": str(key_file),
            "nodes": [
                {"id": one.id, "addr": f"{one.address}:{PORT}", "priority": one.priority, "role": one.role}
                for one in members
            ],
            **cluster,
        },
        **top,
    }
    if groups:
        document["raft_instances"] = [
            {"name": one.name, "interface": one.interface, "virtual_ipaddress": list(one.addresses), **one.more}
            for one in groups
        ]
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def write_key(path: pathlib.Path) -> None:
    """A shared key that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text("5d7f" * 16 + "\n")
