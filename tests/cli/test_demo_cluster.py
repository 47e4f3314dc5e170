"""The configurations that the demo, the lab and the benchmark write for nodes of a cluster."""

from __future__ import annotations

import stat
from pathlib import Path

from alived.adapters.key_files import read_keys
from alived.cli.demo_cluster import GroupText, MemberText, cluster_document, write_key
from alived.config.load import language, load_text
from tests.config.instances.test_raft import UNSERVED

MEMBERS = [MemberText(id=f"n{n}", address=f"192.0.2.{n}", role="witness" if n == 3 else "voter") for n in (1, 2, 3)]


def test_a_document_says_what_it_was_told(tmp_path: Path) -> None:
    groups = [GroupText(name="web", addresses=["192.0.2.9/24", "2001:db8::9/64"], more={"nopreempt": True})]
    text = cluster_document(
        "n2", MEMBERS, groups, directory=tmp_path, key_file=tmp_path / "key", cluster={"profile": "relaxed"}
    )
    assert language(text, "daemon.conf") == "YAML"
    loaded = load_text(text, "daemon.conf")
    config = loaded.config or loaded.meaning
    assert config is not None and config.cluster is not None, loaded.diagnostics
    assert {found.code for found in loaded.diagnostics} <= UNSERVED
    assert (config.cluster.node_id, config.cluster.listen_address) == ("n2", "192.0.2.2")
    assert [(one.id, one.address, str(one.role)) for one in config.cluster.members] == [
        ("n1", "192.0.2.1", "voter"),
        ("n2", "192.0.2.2", "voter"),
        ("n3", "192.0.2.3", "witness"),
    ]
    assert str(config.cluster.profile) == "relaxed"
    (group,) = config.raft_groups
    assert [vip.address for vip in group.vips.addresses] == ["192.0.2.9", "2001:db8::9"]
    assert (group.raft.name, group.raft.interface, group.raft.nopreempt) == ("web", "eth0", True)


def test_the_key_is_one_that_the_daemon_takes(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    write_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert len(read_keys([str(tmp_path / "key")])[0]) == 64
